"""What a request asks for, read off its query: kind, formats, and where inserted data begins."""

from dataclasses import dataclass
from itertools import pairwise

from infra.clickhouse.errors import (
    INTO_OUTFILE_NOT_ALLOWED,
    SYNTAX_ERROR,
    ClickHouseError,
)
from infra.clickhouse.lexer import Token, tokens

_SELECTS = frozenset((b"SELECT", b"WITH", b"FROM", b"(", b"VALUES"))
_READS = frozenset((b"SHOW", b"DESC", b"DESCRIBE", b"EXPLAIN", b"EXISTS", b"CHECK", b"KILL"))
_BLANKS = b" \t\f"


@dataclass(frozen=True)
class Statement:
    """One statement of a request.

    `sql` is the query without the data that follows it; for an insert of data it also lacks the
    FORMAT clause, which is `input_format`. `data_start` is where the data begins in what was read.
    """

    sql: bytes
    verb: bytes
    returns_rows: bool
    is_select: bool
    input_format: str | None = None
    data_start: int = 0
    output_format: str | None = None
    format_start: int | None = None
    has_totals: bool = False


def _data_start(query: bytes, end: int) -> int:
    """Data starts behind the first line end, if there is one, else behind the blanks."""
    while end < len(query) and query[end] in _BLANKS:
        end += 1
    if query[end : end + 1] == b"\r":
        end += 1
    if query[end : end + 1] == b"\n":
        end += 1
    return end


def _insert(query: bytes, parts: list[Token]) -> Statement | None:
    """The statement of an insert whose data is in the request; None for INSERT ... SELECT."""
    for before, token in pairwise(parts):
        if token.depth == 0 and token.keyword == b"VALUES" and before.keyword != b"FORMAT":
            return Statement(query[: token.start], b"INSERT", False, False, "Values", token.end)
        if before.depth == 0 and before.keyword == b"FORMAT" and token.kind == "word":
            start = _data_start(query, token.end)
            sql = query[: before.start]
            return Statement(sql, b"INSERT", False, False, token.text.decode(), start)
        if token.depth == 0 and token.keyword == b"INFILE":
            raise ClickHouseError(
                78, "Query has infile and was send directly to server", "UNKNOWN_TYPE_OF_QUERY"
            )
    return None


def _ends_insert_head(before: Token | None, token: Token) -> bool:
    if token.depth != 0 or token.kind != "word":
        return False
    return token.keyword == b"VALUES" or (before is not None and before.keyword == b"FORMAT")


def _read_tokens(query: bytes) -> list[Token]:
    """All tokens of a statement; of an insert only those before its data."""
    parts: list[Token] = []
    for token in tokens(query):
        parts.append(token)
        if parts[0].keyword == b"INSERT" and _ends_insert_head(
            parts[-2] if len(parts) > 1 else None, token
        ):
            break
    return parts


def _check_single(parts: list[Token]) -> list[Token]:
    """Drop a closing semicolon; raise code 62 if another statement follows it."""
    for index, token in enumerate(parts):
        if token.kind == "sign" and token.text == b";":
            if all(rest.text == b";" for rest in parts[index:]):
                return parts[:index]
            raise ClickHouseError(
                SYNTAX_ERROR,
                f"Syntax error (Multi-statements are not allowed): failed at position "
                f"{token.start + 1} (end of query)",
                "SYNTAX_ERROR",
            )
    return parts


def _output_format(parts: list[Token]) -> tuple[str | None, int | None]:
    """The FORMAT clause at the end (SETTINGS may follow it) and where it starts."""
    for before, token in zip(reversed(parts[:-1]), reversed(parts), strict=False):
        if token.depth == 0 and before.keyword == b"FORMAT" and token.kind == "word":
            return token.text.decode(), before.start
    return None, None


def parse(query: bytes) -> Statement:
    """Read a request's query. Raises the errors a server gives for what it does not take."""
    parts = _read_tokens(query)
    if not parts:
        raise ClickHouseError(SYNTAX_ERROR, "Empty query", "SYNTAX_ERROR")
    verb = parts[0].keyword or parts[0].text
    if verb == b"INSERT" and (insert := _insert(query, parts)) is not None:
        return insert
    parts = _check_single(parts)
    for before, token in pairwise(parts):
        if before.keyword == b"INTO" and token.keyword == b"OUTFILE":
            raise ClickHouseError(
                INTO_OUTFILE_NOT_ALLOWED, "INTO OUTFILE is not allowed", "INTO_OUTFILE_NOT_ALLOWED"
            )
    is_select = verb in _SELECTS
    output_format, format_start = _output_format(parts)
    return Statement(
        sql=query[: parts[-1].end] if parts else query,
        verb=verb,
        returns_rows=is_select or verb in _READS,
        is_select=is_select,
        output_format=output_format,
        format_start=format_start,
        has_totals=any(token.keyword == b"TOTALS" for token in parts),
    )
