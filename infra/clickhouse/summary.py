"""The headers by which ClickHouse says what a query did and in which form it answers."""

import json

from infra.clickhouse.engine import Counts

_TSV = "text/tab-separated-values; charset=UTF-8"
_JSON = "application/json; charset=UTF-8"
_LINES = "application/x-ndjson; charset=UTF-8"
_CSV = "text/csv; charset=UTF-8; header="
_CONTENT_TYPES = {
    **dict.fromkeys(("TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw"), _TSV),
    **dict.fromkeys(("TabSeparatedWithNames", "TSVWithNames"), _TSV),
    **dict.fromkeys(("TabSeparatedWithNamesAndTypes", "TSVWithNamesAndTypes"), _TSV),
    **dict.fromkeys(
        ("JSON", "JSONCompact", "JSONColumns", "JSONStrings", "JSONObjectEachRow"), _JSON
    ),
    **dict.fromkeys(("JSONEachRow", "JSONLines", "NDJSON", "JSONStringsEachRow"), _LINES),
    **dict.fromkeys(("JSONCompactEachRow", "JSONCompactEachRowWithNamesAndTypes"), _LINES),
    "CSV": _CSV + "absent",
    "CSVWithNames": _CSV + "present",
    "CSVWithNamesAndTypes": _CSV + "present",
    "XML": "application/xml; charset=UTF-8",
    "Markdown": "text/markdown; charset=UTF-8",
    "Values": "text/plain; charset=UTF-8",
    "Vertical": "text/plain; charset=UTF-8",
    "Prometheus": "text/plain; version=0.0.4; charset=UTF-8",
}


def content_type(output_format: str) -> str:
    """The media type of an output format."""
    if output_format.startswith("Pretty"):
        return "text/plain; charset=UTF-8"
    return _CONTENT_TYPES.get(output_format, "application/octet-stream")


def summary_header(counts: Counts, elapsed_ns: int) -> str:
    """The value of X-ClickHouse-Summary: JSON with numbers as strings, as a server writes it."""
    values = {
        "read_rows": counts.read_rows,
        "read_bytes": counts.read_bytes,
        "written_rows": counts.written_rows,
        "written_bytes": counts.written_bytes,
        "total_rows_to_read": counts.read_rows,
        "result_rows": counts.result_rows,
        "result_bytes": counts.result_bytes,
        "elapsed_ns": elapsed_ns,
    }
    return json.dumps({name: str(value) for name, value in values.items()}, separators=(",", ":"))
