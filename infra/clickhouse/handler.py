"""One HTTP request becomes one query: who asks, what is asked, how it is run and answered."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from aiohttp import web

from infra.clickhouse import bodies, guard, parameters
from infra.clickhouse.answers import Answer
from infra.clickhouse.connections import Connections
from infra.clickhouse.engine import Engine
from infra.clickhouse.errors import TIMEOUT_EXCEEDED, ClickHouseError, from_engine
from infra.clickhouse.execution import Execution, ExternalTable, Surroundings
from infra.clickhouse.parameters import Parameters
from infra.clickhouse.pipes import AnswerPipe, DataPipe
from infra.clickhouse.sessions import Sessions, SessionState
from infra.clickhouse.statement import Kind, Statement
from infra.clickhouse.users import User, authenticate

KILL_PAUSE_S = 0.02
KILL_PAUSE_S_MAX = 1.0
log = logging.getLogger(__name__)
Result = TypeVar("Result")


@dataclass
class Call:
    """A request that has been let in, on its way through the engine."""

    user: User
    asked: Parameters
    execution: Execution
    answer: Answer


class Handler:
    """Answers requests with the engine, at most so many at once as a user's pool has threads."""

    def __init__(
        self, engine: Engine, users: Mapping[str, User], pools: Mapping[str, ThreadPoolExecutor]
    ) -> None:
        self._engine = engine
        self._users = users
        self._pools = pools
        self._sessions = Sessions()
        self._connections = Connections(engine.connect)

    def close(self) -> None:
        """End the sessions, and close the connections."""
        self._sessions.close()
        self._connections.close()

    async def query(self, request: web.Request) -> web.StreamResponse:
        """The handler of `/`: authenticate, run, answer; every error as a server tells it."""
        if request.method == "GET" and not request.query_string:
            return web.Response(text="Ok.\n")
        query_id = request.query.get("query_id", "") or str(uuid.uuid4())
        answer = Answer(
            request, query_id, self._engine.version, self._engine.timezone, time.perf_counter()
        )
        try:
            return await self._admit(request, answer)
        except (ConnectionError, asyncio.CancelledError):
            log.info("query %s: the client went away", query_id)
            raise
        except Exception as error:
            return self._failed(answer, error)

    def _failed(self, answer: Answer, error: Exception) -> web.StreamResponse:
        """Tell an error by its status, or break off an answer that has begun."""
        if isinstance(error, TimeoutError):
            told = ClickHouseError(TIMEOUT_EXCEEDED, "The client is too slow", "TIMEOUT_EXCEEDED")
        elif isinstance(error, ClickHouseError):
            told = error
        else:
            log.error("query %s failed unexpectedly", answer.query_id, exc_info=error)
            told = from_engine(error)
        line = " ".join(told.message[:300].split())
        log.info("query %s: code %d, %s", answer.query_id, told.code, line)
        if answer.begun is not None:
            answer.break_off()
            return answer.begun
        return answer.refusal(told)

    async def _admit(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        user = authenticate(self._users, request.headers, request.query)
        given = dict(request.query)
        externals: list[ExternalTable] = []
        if request.content_type == "multipart/form-data":
            form = await bodies.read_form(request)
            given |= form.fields
            for name, data in form.files.items():
                structure, data_format = bodies.external_description(given, name)
                externals.append(ExternalTable(name, structure, data_format, data))
            body = _nothing()
        else:
            body = bodies.pieces(request)
        asked = parameters.read(given, request.headers, (table.name for table in externals))
        answer.may_compress = asked.enable_http_compression
        if user.read_only:
            guard.check_reading_settings(asked.settings, self._engine.text_settings)
        around = Surroundings(
            user=user.name,
            database=asked.database,
            settings=asked.settings,
            placeholders=asked.placeholders,
            read_only=user.read_only,
            by_get=request.method != "POST",
            externals=externals,
        )
        with self._session(user, asked) as session:
            execution = Execution(self._engine, self._connections, around, session)
            call = Call(user, asked, execution, answer)
            read = await bodies.read_statement(asked.query, body)
            return await self._run(call, read)

    @contextmanager
    def _session(self, user: User, asked: Parameters):
        state: SessionState | None = None
        if asked.session_id:
            state = self._sessions.take(user.name, asked.session_id, asked.session_check)
        try:
            yield state
        finally:
            if state is not None:
                self._sessions.give_back(
                    user.name, asked.session_id, asked.session_timeout_s, asked.close_session
                )

    async def _run(self, call: Call, read: bodies.Asked) -> web.StreamResponse:
        statement = read.statement
        guard.check_engine_functions(statement)
        if call.user.read_only:
            guard.check_reading(
                statement,
                call.asked.placeholders,
                call.user.name,
                self._engine.table_functions,
            )
        if statement.kind is Kind.SELECT:
            return await self._select(call, statement)
        if statement.kind is Kind.INSERT_DATA:
            await self._insert_data(call, read)
        elif statement.kind is Kind.INSERT_INPUT:
            await self._insert_input(call, read)
        else:
            return await self._other(call, statement)
        return await call.answer.whole(b"", call.execution.counts, None)

    def _start(self, call: Call, work: Callable[[], Result]) -> "asyncio.Future[Result]":
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._pools[call.user.name], work)

    async def _in_pool(self, call: Call, work: Callable[[], Result]) -> Result:
        """Run blocking work; if the client goes away, wait for it all the same.

        The thread uses the connection, so nobody else may touch it before the thread is done.
        """
        future = self._start(call, work)
        try:
            return await asyncio.shield(future)
        finally:
            await _wait_out(future)

    async def _end(
        self, call: Call, future: "asyncio.Future[None]", told: Callable[[], None]
    ) -> None:
        """End a query that nobody waits for; `told` is called once the engine knows of it.

        It is told again and again, for at first it may not have begun.
        """
        pause_s = KILL_PAUSE_S
        while not future.done():
            if await asyncio.to_thread(self._engine.kill, call.execution.mark):
                told()
            await asyncio.wait([future], timeout=pause_s)
            pause_s = min(2 * pause_s, KILL_PAUSE_S_MAX)

    async def _select(self, call: Call, statement: Statement) -> web.StreamResponse:
        pipe = AnswerPipe()
        execution, asked = call.execution, call.asked

        def work() -> None:
            try:
                if pipe.is_read:  # else the client left while this waited for a thread
                    with execution:
                        execution.select(statement, asked.default_format, pipe)
            finally:
                pipe.close_write_end()

        future = self._start(call, work)
        try:
            return await call.answer.rows(
                pipe,
                future,
                execution.counts,
                statement.output_format or asked.default_format,
                asked.wait_end_of_query,
            )
        finally:
            if not future.done():
                # The engine takes a closed pipe for a place to throw rows away: it must be told.
                pipe.close_read_end()
                await _wait_out(asyncio.create_task(self._end(call, future, lambda: None)))
            pipe.close_read_end()
            with suppress(ClickHouseError):
                future.result()

    async def _other(self, call: Call, statement: Statement) -> web.StreamResponse:
        execution, default_format = call.execution, call.asked.default_format

        def work() -> bytes:
            with execution:
                return execution.answer(statement, default_format)

        body = await self._in_pool(call, work)
        output_format = statement.output_format or default_format
        return await call.answer.whole(
            body, execution.counts, output_format if statement.returns_rows else None
        )

    async def _insert_data(self, call: Call, read: bodies.Asked) -> None:
        execution = call.execution
        following = await anext(read.rest, None)
        if following is None:
            return await self._in_pool(call, partial(_insert_whole, execution, read))
        try:
            await self._in_pool(call, partial(_begin_insert, execution, read))
            while following is not None:
                piece, following = following, await anext(read.rest, None)
                if following is not None:
                    await self._in_pool(call, partial(execution.append, piece))
                else:
                    await self._in_pool(call, partial(_finish_insert, execution, piece))
        finally:
            await self._in_pool(call, execution.close)

    async def _insert_input(self, call: Call, read: bodies.Asked) -> None:
        pipe = DataPipe()
        execution = call.execution

        def work() -> None:
            try:
                with execution:
                    execution.insert_input(read.statement, pipe)
            finally:
                pipe.close_read_end()

        future = self._start(call, work)
        try:
            open_still = await pipe.write(read.data)
            while open_still and (piece := await anext(read.rest, None)) is not None:
                open_still = await pipe.write(piece)
        except BaseException:
            # The query must not take the end of what came for the end of the data: it waits for
            # more until it has been told that it is to end.
            ending = self._end(call, future, pipe.close_write_end)
            await _wait_out(asyncio.create_task(ending))
            raise
        finally:
            pipe.close_write_end()
            await _wait_out(future)
        future.result()


async def _wait_out(future: "asyncio.Future[Result]") -> None:
    """Wait until it is done, even if this task is cancelled meanwhile; errors stay in it."""
    while not future.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([future])


def _insert_whole(execution: Execution, read: bodies.Asked) -> None:
    with execution:
        execution.begin_insert(read.statement)
        execution.append(read.data)
        execution.finish_insert()


def _begin_insert(execution: Execution, read: bodies.Asked) -> None:
    execution.open()
    execution.begin_insert(read.statement)
    execution.append(read.data)


def _finish_insert(execution: Execution, piece: bytes) -> None:
    execution.append(piece)
    execution.finish_insert()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
