"""What a request asks for, read off its query: kind, formats, and where inserted data begins."""

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from infra.clickhouse.errors import (
    INTO_OUTFILE_NOT_ALLOWED,
    SYNTAX_ERROR,
    UNKNOWN_TYPE_OF_QUERY,
    ClickHouseError,
)
from infra.clickhouse.lexer import Token, tokens

_SELECTS = frozenset((b"SELECT", b"WITH", b"FROM", b"("))
_ROWS = frozenset((b"SHOW", b"DESC", b"DESCRIBE", b"EXPLAIN", b"EXISTS", b"CHECK", b"KILL"))
_BLANKS = b" \t\f"
SHORT_BYTES_MAX, SHORT_KEPT = 1 << 16, 64
"""A statement that is no longer is read at once, and what was read off so many of these is kept.

Programs ask the same statements with other parameters, and reading one takes milliseconds.
"""


class Kind(Enum):
    """How a statement is run."""

    SELECT = "its rows are streamed"
    INSERT_DATA = "the data in the request goes into a table"
    INSERT_INPUT = "a query over the data in the request goes into a table"
    OTHER = "it answers at once, with few rows or none"


@dataclass(frozen=True)
class Mentions:
    """The identifiers of a statement, in small letters: all, those before a bracket, settings.

    A function may be called without a bracket, as in `arrayMap(file, paths)`.
    """

    names: frozenset[str] = frozenset()
    called: frozenset[str] = frozenset()
    settings: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Statement:
    """One statement of a request.

    `sql` is the query without its FORMAT clause if the data of an insert follows, and `data_start`
    is where that data begins in what was read. `before_format` and `after_format` are the two
    sides of a SELECT's FORMAT clause.
    """

    kind: Kind
    verb: bytes
    sql: bytes
    mentions: Mentions = Mentions()
    returns_rows: bool = False
    data_format: str | None = None
    data_start: int = 0
    output_format: str | None = None
    before_format: bytes = b""
    after_format: bytes = b""
    input_span: tuple[int, int] = (0, 0)
    input_structure: bytes = b""


def _syntax_error(message: str) -> ClickHouseError:
    return ClickHouseError(SYNTAX_ERROR, f"Syntax error{message}", "SYNTAX_ERROR")


def _data_start(query: bytes, end: int) -> int:
    """Data starts behind the first line end, if there is one, else behind the blanks."""
    while end < len(query) and query[end] in _BLANKS:
        end += 1
    if query[end : end + 1] == b"\r":
        end += 1
    if query[end : end + 1] == b"\n":
        end += 1
    return end


def _ends_insert_head(parts: list[Token]) -> bool:
    """Whether the last token is what the data of an insert comes after."""
    token = parts[-1]
    if token.depth != 0 or token.kind != "word":
        return False
    after_format = len(parts) > 1 and parts[-2].keyword == b"FORMAT" and parts[-2].depth == 0
    return after_format or token.keyword == b"VALUES"


def _read_tokens(query: bytes) -> list[Token]:
    """All tokens of a statement; of an insert only those before its data."""
    parts: list[Token] = []
    for token in tokens(query):
        parts.append(token)
        if parts[0].keyword == b"INSERT" and _ends_insert_head(parts):
            break
    return parts


def _mentions(parts: list[Token]) -> Mentions:
    names: set[str] = set()
    called: set[str] = set()
    settings: set[str] = set()
    for index, token in enumerate(parts):
        name = token.name
        if name is None:
            continue
        name = name.lower()
        names.add(name)
        following = parts[index + 1] if index + 1 < len(parts) else None
        if following is None:
            continue
        if following.is_sign(b"("):
            called.add(name)
        # A clause stands or falls with its first setting. "SETTINGS final" sets it to true.
        if token.keyword == b"SETTINGS" and following.name and not _is_plain_name(parts, index):
            settings.add(following.name.lower())
    return Mentions(frozenset(names), frozenset(called), frozenset(settings))


def _is_plain_name(parts: list[Token], index: int) -> bool:
    """Whether the word SETTINGS is a name here: system.settings, AS settings, SHOW SETTINGS."""
    if index == 0:
        return False
    before = parts[index - 1]
    shown = index == 1 and before.keyword == b"SHOW"
    return before.is_sign(b".") or before.keyword == b"AS" or shown


def _insert(query: bytes, parts: list[Token]) -> Statement | None:
    """The statement of an insert whose data is in the request; None for any other insert."""
    if any(token.depth == 0 and token.keyword == b"INFILE" for token in parts):
        raise ClickHouseError(
            UNKNOWN_TYPE_OF_QUERY,
            "Query has infile and was send directly to server",
            "UNKNOWN_TYPE_OF_QUERY",
        )
    if not _ends_insert_head(parts):
        return None
    last, mentions = parts[-1], _mentions(parts)
    if last.keyword == b"VALUES" and parts[-2].keyword != b"FORMAT":
        sql = query[: last.start]
        return Statement(Kind.INSERT_DATA, b"INSERT", sql, mentions, False, "Values", last.end)
    sql = query[: parts[-2].start]
    data_format, start = last.text.decode(), _data_start(query, last.end)
    if not any(token.depth == 0 and token.keyword in (b"SELECT", b"WITH") for token in parts):
        return Statement(Kind.INSERT_DATA, b"INSERT", sql, mentions, False, data_format, start)
    return _insert_select(query, parts, sql, data_format, start)


def _insert_select(
    query: bytes, parts: list[Token], sql: bytes, data_format: str, start: int
) -> Statement | None:
    """INSERT ... SELECT ... FROM input('structure') FORMAT ...; None if it has no input()."""
    for index, (one, other) in enumerate(pairwise(parts)):
        if (one.name or "").lower() == "input" and other.is_sign(b"("):
            closing = next(
                (t for t in parts[index + 2 :] if t.is_sign(b")") and t.depth == other.depth), None
            )
            if closing is not None:
                return Statement(
                    kind=Kind.INSERT_INPUT,
                    verb=b"INSERT",
                    sql=sql,
                    mentions=_mentions(parts),
                    data_format=data_format,
                    data_start=start,
                    input_span=(one.start, closing.end),
                    input_structure=query[other.end : closing.start],
                )
    return None


def _single(parts: list[Token]) -> list[Token]:
    """Drop a closing semicolon; raise code 62 if another statement follows it."""
    for index, token in enumerate(parts):
        if token.is_sign(b";"):
            if all(rest.is_sign(b";") for rest in parts[index:]):
                return parts[:index]
            raise _syntax_error(
                " (Multi-statements are not allowed): failed at position "
                f"{token.start + 1} (end of query)"
            )
        if token.is_sign(b"\0") or token.is_sign(b"\\"):
            raise _syntax_error(f": failed at position {token.start + 1}: Unrecognized token")
    return parts


def _format_clause(parts: list[Token]) -> tuple[Token, Token] | None:
    """The FORMAT clause (keyword and name) at the end; only SETTINGS may follow it."""
    for index in range(len(parts) - 1, 0, -1):
        one, other = parts[index - 1], parts[index]
        if one.depth == 0 and one.keyword == b"FORMAT" and other.kind == "word":
            following = parts[index + 1 : index + 2]
            if not following or following[0].keyword == b"SETTINGS":
                return one, other
    return None


def parse(query: bytes) -> Statement:
    """Read a request's query. Raises the errors a server gives for what it does not take."""
    parts = _read_tokens(query)
    if not parts:
        raise _syntax_error(": failed at position 1 (end of query): Empty query")
    verb = parts[0].keyword or parts[0].text
    if verb == b"INSERT" and (insert := _insert(query, parts)) is not None:
        return insert
    parts = _single(parts)
    if not parts:
        raise _syntax_error(": failed at position 1 (;): Empty query")
    for one, other in pairwise(parts):
        if one.keyword == b"INTO" and other.keyword == b"OUTFILE":
            raise ClickHouseError(
                INTO_OUTFILE_NOT_ALLOWED, "INTO OUTFILE is not allowed", "INTO_OUTFILE_NOT_ALLOWED"
            )
    writes = any(token.depth == 0 and token.keyword == b"INSERT" for token in parts)
    is_select = verb in _SELECTS and not writes
    end = parts[-1].end
    clause = _format_clause(parts)
    return Statement(
        kind=Kind.SELECT if is_select else Kind.OTHER,
        verb=verb,
        sql=query[:end],
        mentions=_mentions(parts),
        returns_rows=is_select or verb in _ROWS,
        output_format=clause[1].text.decode() if clause else None,
        before_format=query[: clause[0].start] if clause else query[:end],
        after_format=query[clause[1].end : end] if clause else b"",
    )
