"""One HTTP request becomes one query: body in, answer or error out."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web

from infra.clickhouse import compression, parameters
from infra.clickhouse.engine import STREAMED_FORMATS, Engine, Session
from infra.clickhouse.errors import SYNTAX_ERROR, ClickHouseError, from_engine
from infra.clickhouse.statement import Statement, parse
from infra.clickhouse.summary import summary_header
from infra.clickhouse.users import User, authenticate

PIECE_BYTES = 1 << 20
QUERY_BYTES_MAX = 256 << 20
SERVER_NAME = "workledger"
log = logging.getLogger(__name__)
Result = TypeVar("Result")

CONTENT_TYPES = {
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
}


@dataclass
class Call:
    """A request that has been let in, on its way through the engine."""

    request: web.Request
    user: User
    parameters: parameters.Parameters
    query_id: str
    session: Session
    started: float


async def pieces(request: web.Request, unpack: compression.Decompressor) -> AsyncIterator[bytes]:
    """The plain body, in pieces of about a mebibyte: few hand-overs, little memory."""
    gathered: list[bytes] = []
    size = 0
    while chunk := await request.content.readany():
        gathered.append(chunk)
        size += len(chunk)
        if size >= PIECE_BYTES:
            yield unpack.feed(b"".join(gathered))
            gathered, size = [], 0
    if gathered:
        yield unpack.feed(b"".join(gathered))
    unpack.finish()


class Handler:
    """Answers requests with the engine, at most as many at once as the pool has threads."""

    def __init__(self, engine: Engine, users: Mapping[str, User], pool: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._users = users
        self._pool = pool

    async def _in_thread(self, work: Callable[..., Result], *arguments: object) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, work, *arguments)

    async def query(self, request: web.Request) -> web.StreamResponse:
        """The handler of `/`: authenticate, run, answer; every error as a server tells it."""
        query_id = request.query.get("query_id", "") or str(uuid.uuid4())
        try:
            user = authenticate(self._users, request.headers, request.query)
            asked = parameters.read(request.query, request.headers)
            return await self._run(request, user, asked, query_id)
        except ClickHouseError as error:
            return self._refusal(error, query_id)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:
            log.exception("query %s failed unexpectedly", query_id)
            return self._refusal(from_engine(error), query_id)

    def _refusal(self, error: ClickHouseError, query_id: str) -> web.Response:
        headers = self._headers(query_id) | {"X-ClickHouse-Exception-Code": str(error.code)}
        text = error.text(self._engine.version)
        return web.Response(status=error.http_status, text=text, headers=headers)

    def _headers(self, query_id: str) -> dict[str, str]:
        return {
            "X-ClickHouse-Server-Display-Name": SERVER_NAME,
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": self._engine.timezone,
        }

    async def _run(
        self, request: web.Request, user: User, asked: parameters.Parameters, query_id: str
    ) -> web.StreamResponse:
        session = await self._in_thread(self._engine.session)
        call = Call(request, user, asked, query_id, session, time.perf_counter())
        settings = dict(asked.settings)
        if user.read_only:
            settings["readonly"] = "1"
        elif request.method == "GET":
            settings["readonly"] = "2"
        try:
            database = asked.database or self._engine.database
            await self._in_thread(session.prepare, database, settings, asked.placeholders)
            unpack = compression.decompressor(request.headers.get("Content-Encoding", ""))
            body = pieces(request, unpack)
            query = bytearray(asked.query.encode() + b"\n" if asked.query else b"")
            statement: Statement | None = None
            async for piece in body:
                query += piece
                if len(query) > QUERY_BYTES_MAX:
                    raise ClickHouseError(SYNTAX_ERROR, "Max query size exceeded", "SYNTAX_ERROR")
                if query.lstrip()[:6].upper() == b"INSERT":
                    statement = await self._in_thread(parse, bytes(query))
                    if statement.input_format:
                        return await self._insert(call, statement, bytes(query), body)
            statement = await self._in_thread(parse, bytes(query))
            if statement.input_format:
                return await self._insert(call, statement, bytes(query), body)
            return await self._answer(call, statement)
        finally:
            await asyncio.shield(self._in_thread(session.close))

    async def _insert(
        self, call: Call, statement: Statement, first: bytes, body: AsyncIterator[bytes]
    ) -> web.Response:
        session = call.session
        await self._in_thread(session.begin_insert, statement)
        await self._in_thread(session.append, first[statement.data_start :])
        async for piece in body:
            await self._in_thread(session.append, piece)
        await self._in_thread(session.finish_insert)
        return web.Response(status=200, body=b"", headers=self._result_headers(call, None))

    def _result_headers(self, call: Call, output_format: str | None) -> dict[str, str]:
        counts = call.session.counts
        counts.elapsed_ns = int((time.perf_counter() - call.started) * 1e9)
        headers = self._headers(call.query_id) | {"X-ClickHouse-Summary": summary_header(counts)}
        if output_format is not None:
            headers["X-ClickHouse-Format"] = output_format
            headers["Content-Type"] = CONTENT_TYPES.get(output_format, "application/octet-stream")
        return headers

    async def _answer(self, call: Call, statement: Statement) -> web.StreamResponse:
        asked = call.parameters
        output_format = statement.output_format or asked.default_format
        if not statement.is_select or output_format not in STREAMED_FORMATS:
            whole = await self._in_thread(call.session.query, statement, asked.default_format)
            chunks, finished = [whole], True
        else:
            chunks, finished = await self._in_thread(call.session.select, statement, output_format)
        headers = self._result_headers(call, output_format if statement.returns_rows else None)
        encoding = None
        if asked.enable_http_compression:
            encoding = compression.negotiate(call.request.headers.get("Accept-Encoding", ""))
        if encoding and statement.returns_rows:
            headers["Content-Encoding"] = encoding
            pack = compression.compressor(encoding)
        else:
            pack = None
        response = web.StreamResponse(status=200, headers=headers)
        await response.prepare(call.request)
        while True:
            for chunk in chunks:
                data = await self._in_thread(pack.compress, chunk) if pack else chunk
                if data:
                    await response.write(data)
            if finished:
                break
            following = await self._in_thread(call.session.fetch)
            chunks, finished = ([following], False) if following is not None else ([], True)
        if pack:
            await response.write(pack.flush())
        await response.write_eof()
        return response
