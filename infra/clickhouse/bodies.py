"""The bodies of requests: plain or compressed, whole or in chunks, or a form with tables in it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from aiohttp import BodyPartReader, web

from infra.clickhouse.compression import decompressor
from infra.clickhouse.errors import (
    BAD_ARGUMENTS,
    QUERY_IS_TOO_LARGE,
    SYNTAX_ERROR,
    ClickHouseError,
)
from infra.clickhouse.lexer import tokens
from infra.clickhouse.parameters import format_name
from infra.clickhouse.statement import SHORT_BYTES_MAX, SHORT_KEPT, Statement, parse

PIECE_BYTES = 1 << 20
# A compressed piece is unpacked in slices, so that a small one cannot become a huge one at once.
SLICE_BYTES = 1 << 16
QUERY_BYTES_MAX = 256 << 20
FORM_BYTES_MAX = 256 << 20
RECEIVE_TIMEOUT_S = 300.0
# What may follow a column's type and would be computed by the engine.
_EXPRESSIONS = {b"DEFAULT", b"MATERIALIZED", b"ALIAS", b"EPHEMERAL", b"CODEC", b"TTL", b"SETTINGS"}


async def pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The plain body: what is there at first, then pieces of about a mebibyte.

    Raises code 36 for a broken compressed body, code 89 for an unknown compression.
    """
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        async for piece in _raw_pieces(request):
            yield piece
        return
    unpack = decompressor(encoding)
    async for piece in _raw_pieces(request):
        for start in range(0, len(piece), SLICE_BYTES):
            plain = await asyncio.to_thread(unpack.feed, piece[start : start + SLICE_BYTES])
            if plain:
                yield plain
    unpack.finish()


async def _raw_pieces(request: web.Request) -> AsyncIterator[bytes]:
    content = request.content
    gathered: list[bytes] = []
    size, wanted = 0, 1  # the query stands at the start: see it before gathering data
    while True:
        async with asyncio.timeout(RECEIVE_TIMEOUT_S):
            chunk = await content.readany()
        if not chunk:
            break
        gathered.append(chunk)
        size += len(chunk)
        if size >= wanted:
            yield gathered[0] if len(gathered) == 1 else b"".join(gathered)
            gathered, size, wanted = [], 0, PIECE_BYTES
    if gathered:
        yield b"".join(gathered)


@dataclass
class Form:
    """A form's plain fields and its files, each a table that comes with the query."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


async def read_form(request: web.Request) -> Form:
    """Read a multipart body into memory, within a bound. Raises code 307 above it."""
    form = Form()
    size = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or not part.name:
            raise ClickHouseError(BAD_ARGUMENTS, "Malformed multipart body", "BAD_ARGUMENTS")
        data = bytearray()
        while chunk := await part.read_chunk(SLICE_BYTES):
            data += chunk
            size += len(chunk)
            if size > FORM_BYTES_MAX:
                raise ClickHouseError(
                    QUERY_IS_TOO_LARGE,
                    f"The form is larger than {FORM_BYTES_MAX} bytes",
                    "QUERY_IS_TOO_LARGE",
                )
        if part.filename is None:
            # A form may bring the query in parts: they belong together.
            text = data.decode("utf-8", "surrogateescape")
            form.fields[part.name] = form.fields.get(part.name, "") + text
        else:
            form.files[part.name] = bytes(data)
    return form


def external_description(given: Mapping[str, str], name: str) -> tuple[str, str]:
    """Structure and format of a table of the request, from `name_structure` or `name_types`."""
    structure = given.get(f"{name}_structure", "")
    types = given.get(f"{name}_types", "")
    if not structure and types:
        columns = _split_types(types)
        structure = ", ".join(f"_{number} {kind}" for number, kind in enumerate(columns, 1))
    if not structure:
        raise ClickHouseError(
            BAD_ARGUMENTS,
            f"Neither {name}_structure nor {name}_types is given for an external table",
            "BAD_ARGUMENTS",
        )
    words = {token.keyword for token in tokens(structure.encode())}
    if words & _EXPRESSIONS:
        raise ClickHouseError(
            BAD_ARGUMENTS,
            "The structure of an external table has names and types only",
            "BAD_ARGUMENTS",
        )
    return structure, format_name(given.get(f"{name}_format", ""))


def _split_types(types: str) -> list[str]:
    raw = types.encode()
    commas = [t.start for t in tokens(raw) if t.is_sign(b",") and t.depth == 0]
    bounds = [-1, *commas, len(raw)]
    return [raw[a + 1 : b].decode().strip() for a, b in pairwise(bounds)]


@dataclass
class Asked:
    """A statement, the data that was read with it, and what of the body is still to come."""

    statement: Statement
    data: bytes
    rest: AsyncIterator[bytes]


def _begins_insert(query: bytearray) -> bool:
    first = next(tokens(bytes(query[:SHORT_BYTES_MAX])), None)
    return first is not None and first.keyword == b"INSERT"


_known = lru_cache(SHORT_KEPT)(parse)


async def _parse(query: bytes) -> Statement:
    if len(query) <= SHORT_BYTES_MAX:
        return _known(query)
    return await asyncio.to_thread(parse, query)


async def read_statement(url_query: str, body: AsyncIterator[bytes]) -> Asked:
    """Read until the statement is known; of an insert no more of the body than that."""
    query = bytearray(url_query.encode("utf-8", "surrogateescape") + b"\n" if url_query else b"")
    if url_query and _begins_insert(query):
        statement = await _parse(bytes(query))
        if statement.data_format is not None:
            return Asked(statement, bytes(query[statement.data_start :]), body)
    try_at = 0
    async for piece in body:
        query += piece
        if len(query) > QUERY_BYTES_MAX:
            raise ClickHouseError(
                SYNTAX_ERROR, f"Query is larger than {QUERY_BYTES_MAX} bytes", "SYNTAX_ERROR"
            )
        if len(query) < try_at or not _begins_insert(query):
            continue
        try_at = 2 * len(query)  # a long head in small pieces is not read over and over
        whole = bytes(query)
        statement = await _parse(whole)
        # Without a byte of data the format's name, or the blanks behind it, may go on.
        if statement.data_format is not None and statement.data_start < len(whole):
            return Asked(statement, whole[statement.data_start :], body)
    whole = bytes(query)
    statement = await _parse(whole)
    data = whole[statement.data_start :] if statement.data_format is not None else b""
    return Asked(statement, data, body)
