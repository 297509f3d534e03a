"""What the parameters of a request mean: query, database, session, settings, placeholders."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from infra.clickhouse.errors import (
    BAD_ARGUMENTS,
    INVALID_SESSION_TIMEOUT,
    NOT_IMPLEMENTED,
    UNKNOWN_FORMAT,
    UNKNOWN_SETTING,
    ClickHouseError,
)

SESSION_TIMEOUT_S = 60
SESSION_TIMEOUT_S_MAX = 3600

# What the HTTP interface itself takes; everything else in the URL is a setting of the query.
_TRANSPORT = frozenset(
    """add_http_cors_header buffer_size cancel_http_readonly_queries_on_client_close
    client_protocol_version close_session compress database decompress default_format
    enable_http_compression http_headers_progress_interval_ms http_receive_timeout
    http_response_buffer_size http_send_timeout http_wait_end_of_query
    http_write_exception_in_output_format http_zlib_compression_level password query query_id
    quota_key role send_progress_in_http_headers session_check session_id session_timeout
    stacktrace user wait_end_of_query""".split()  # noqa: SIM905 - a list of names reads best so
)
# Names that go into a statement as they are, so nothing else may be in them.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TRUE = ("1", "true", "yes", "on")


@dataclass
class Parameters:
    """The parameters of one request, sorted by what they are for."""

    query: str
    database: str
    default_format: str
    query_id: str
    wait_end_of_query: bool
    enable_http_compression: bool
    session_id: str
    session_timeout_s: int
    session_check: bool
    close_session: bool
    settings: dict[str, str] = field(default_factory=dict)
    placeholders: dict[str, str] = field(default_factory=dict)


def _flag(value: str) -> bool:
    return value.strip().lower() in _TRUE


def _session_timeout_s(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ClickHouseError(
            INVALID_SESSION_TIMEOUT,
            f"Invalid session timeout: '{text}'",
            "INVALID_SESSION_TIMEOUT",
        )
    if int(text) > SESSION_TIMEOUT_S_MAX:
        raise ClickHouseError(
            INVALID_SESSION_TIMEOUT,
            f"Session timeout '{text}' is larger than max_session_timeout: {SESSION_TIMEOUT_S_MAX}",
            "INVALID_SESSION_TIMEOUT",
        )
    return int(text)


def format_name(text: str) -> str:
    """The format of that name, or TabSeparated for none. Raises code 73 for what is no name."""
    if text and not _NAME.match(text):
        raise ClickHouseError(UNKNOWN_FORMAT, f"Unknown format {text}", "UNKNOWN_FORMAT")
    return text or "TabSeparated"


def _refuse_what_is_missing(given: Mapping[str, str]) -> None:
    for name, what in (("compress", "native compression"), ("decompress", "native compression")):
        if _flag(given.get(name, "0")):
            raise ClickHouseError(
                NOT_IMPLEMENTED,
                f"{name}=1 ({what}) is not implemented here: use Content-Encoding and "
                "Accept-Encoding",
                "NOT_IMPLEMENTED",
            )


def read(
    given: Mapping[str, str], headers: Mapping[str, str], external_names: Iterable[str] = ()
) -> Parameters:
    """Sort the parameters of a URL (and of a form). Raises code 115 for an impossible setting.

    `external_names` are the tables that come with the request: what describes them is no setting.
    """
    _refuse_what_is_missing(given)
    described = {
        f"{name}_{what}" for name in external_names for what in ("format", "types", "structure")
    }
    parameters = Parameters(
        query=given.get("query", ""),
        database=given.get("database", "") or headers.get("X-ClickHouse-Database", ""),
        default_format=format_name(
            given.get("default_format", "") or headers.get("X-ClickHouse-Format", "")
        ),
        query_id=given.get("query_id", "") or headers.get("X-ClickHouse-Query-Id", ""),
        wait_end_of_query=_flag(given.get("wait_end_of_query", "0"))
        or _flag(given.get("http_wait_end_of_query", "0")),
        enable_http_compression=_flag(given.get("enable_http_compression", "1")),
        session_id=given.get("session_id", ""),
        session_timeout_s=_session_timeout_s(
            given.get("session_timeout", "") or str(SESSION_TIMEOUT_S)
        ),
        session_check=_flag(given.get("session_check", "0")),
        close_session=_flag(given.get("close_session", "0")),
    )
    for name, value in given.items():
        if name.startswith("param_"):
            placeholder = name.removeprefix("param_")
            if not _NAME.match(placeholder):
                raise ClickHouseError(
                    BAD_ARGUMENTS, f"'{placeholder}' names no placeholder", "BAD_ARGUMENTS"
                )
            parameters.placeholders[placeholder] = value
        elif name not in _TRANSPORT and name not in described:
            if not _NAME.match(name):
                raise ClickHouseError(
                    UNKNOWN_SETTING, f"Unknown setting '{name}'", "UNKNOWN_SETTING"
                )
            parameters.settings[name] = value
    return parameters
