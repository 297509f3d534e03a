"""The headers by which ClickHouse says what a query did."""

import json

from infra.clickhouse.engine import Counts


def summary_header(counts: Counts) -> str:
    """The value of X-ClickHouse-Summary: JSON with numbers as strings, as a server writes it."""
    values = {
        "read_rows": counts.read_rows,
        "read_bytes": counts.read_bytes,
        "written_rows": counts.written_rows,
        "written_bytes": counts.written_bytes,
        "total_rows_to_read": counts.read_rows,
        "result_rows": counts.result_rows,
        "result_bytes": counts.result_bytes,
        "elapsed_ns": counts.elapsed_ns,
    }
    return json.dumps({name: str(value) for name, value in values.items()}, separators=(",", ":"))
