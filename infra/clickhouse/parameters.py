"""What the parameters of a request mean: query, database, settings, placeholders."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.clickhouse.errors import ClickHouseError

# What the HTTP interface itself takes; everything else in the URL is a setting of the query.
_TRANSPORT = frozenset(
    (
        "query",
        "database",
        "user",
        "password",
        "quota_key",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "default_format",
        "compress",
        "decompress",
        "stacktrace",
        "buffer_size",
        "wait_end_of_query",
        "role",
        "client_protocol_version",
        "close_session",
        "enable_http_compression",
        "http_zlib_compression_level",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "add_http_cors_header",
        "cancel_http_readonly_queries_on_client_close",
        "http_response_buffer_size",
        "http_write_exception_in_output_format",
        "quantize",
    )
)
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass
class Parameters:
    """The parameters of one request, sorted by what they are for."""

    query: str = ""
    database: str = ""
    default_format: str = "TabSeparated"
    query_id: str = ""
    wait_end_of_query: bool = False
    enable_http_compression: bool = True
    settings: dict[str, str] = field(default_factory=dict)
    placeholders: dict[str, str] = field(default_factory=dict)


def _flag(value: str) -> bool:
    return value.strip().lower() in ("1", "true", "yes", "on")


def read(url: Mapping[str, str], headers: Mapping[str, str]) -> Parameters:
    """Sort the URL's parameters. Raises code 115 for a name that no setting can have."""
    parameters = Parameters(
        query=url.get("query", ""),
        database=url.get("database", "") or headers.get("X-ClickHouse-Database", ""),
        default_format=url.get("default_format", "")
        or headers.get("X-ClickHouse-Format", "")
        or "TabSeparated",
        query_id=url.get("query_id", ""),
        wait_end_of_query=_flag(url.get("wait_end_of_query", "0")),
        enable_http_compression=_flag(url.get("enable_http_compression", "1")),
    )
    for name, value in url.items():
        if name.startswith("param_"):
            parameters.placeholders[name.removeprefix("param_")] = value
        elif name not in _TRANSPORT:
            if not _SETTING_NAME.match(name):
                raise ClickHouseError(115, f"Unknown setting '{name}'", "UNKNOWN_SETTING")
            parameters.settings[name] = value
    return parameters
