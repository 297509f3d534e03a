"""The HTTP server: routes, the pools of engine threads, and an orderly end."""

import asyncio
import logging
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from infra.clickhouse.engine import Engine
from infra.clickhouse.errors import ClickHouseError
from infra.clickhouse.handler import Handler
from infra.clickhouse.users import User
from streams.collector import freeze_after_start

log = logging.getLogger(__name__)
READ_BUFFER_BYTES = 1 << 20
HEADER_BYTES_MAX = 1 << 20  # a URL may carry a long query, as clickhouse-connect sends it by GET

SHUTDOWN_TIMEOUT_S = 20.0


class StartError(Exception):
    """The server cannot start: the folder or the port is not to be had."""


@dataclass(frozen=True)
class ServerSettings:
    """Where the server keeps its data, where it listens, for whom, and its bounds."""

    data_folder: Path
    host: str
    port: int
    database: str
    users: dict[str, User]
    queries_at_once_max: int = 32  # for each user, so that one cannot starve the other
    shutdown_timeout_s: float = SHUTDOWN_TIMEOUT_S
    kill_timeout_s: float = 10.0


async def _ping(_request: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


async def _unknown_path(request: web.Request) -> web.Response:
    text = f"There is no handle {request.path}\n\nUse / or /ping for health checks.\n"
    text += "Send queries from your program with POST method or GET /?query=...\n"
    return web.Response(status=404, text=text)


def _application(handler: Handler) -> web.Application:
    application = web.Application()
    for path in ("/ping", "/replicas_status"):
        application.router.add_get(path, _ping)
    application.router.add_get("/", handler.query)
    application.router.add_post("/", handler.query)
    application.router.add_route("*", "/{path:.*}", _unknown_path)
    return application


async def _until_signal() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


async def _end_queries(
    engine: Engine, pools: dict[str, ThreadPoolExecutor], timeout_s: float
) -> bool:
    """End what still runs and wait for the threads. False if some would not end."""
    await asyncio.to_thread(engine.kill, None)
    ends = [asyncio.to_thread(pool.shutdown, wait=True) for pool in pools.values()]
    try:
        await asyncio.wait_for(asyncio.gather(*ends), timeout_s)
    except TimeoutError:
        return False
    return True


async def run(settings: ServerSettings) -> bool:
    """Serve until SIGTERM or SIGINT; queries in hand are finished first, within a bound.

    Returns whether all came to their end. Raises StartError, with a line for people.
    """
    engine = Engine(settings.data_folder, settings.database)
    try:
        engine.start()
    except (OSError, RuntimeError, ClickHouseError) as error:
        why = " ".join(str(error).split())
        raise StartError(f"cannot open the folder {settings.data_folder}: {why}") from error
    pools = {
        name: ThreadPoolExecutor(settings.queries_at_once_max, thread_name_prefix=f"query-{name}")
        for name in settings.users
    }
    handler = Handler(engine, settings.users, pools)
    runner = web.AppRunner(
        _application(handler),
        access_log=None,
        auto_decompress=False,
        handler_cancellation=True,
        max_line_size=HEADER_BYTES_MAX,
        read_bufsize=READ_BUFFER_BYTES,
        shutdown_timeout=settings.shutdown_timeout_s,
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise StartError(f"cannot listen on {where}: {error.strerror}") from error
        freeze_after_start()
        log.info("serving ClickHouse %s on %s:%d", engine.version, settings.host, settings.port)
        await _until_signal()
        log.info("stopping: queries in hand have %.0f s", settings.shutdown_timeout_s)
    finally:
        await runner.cleanup()
        ended = await _end_queries(engine, pools, settings.kill_timeout_s)
        handler.close()
        if ended:
            engine.close()
    log.info("stopped" if ended else "stopped although a query would not end")
    return ended
