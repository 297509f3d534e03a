"""The HTTP server: routes, the pool of engine threads, and an orderly end."""

import asyncio
import logging
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from infra.clickhouse.engine import Engine
from infra.clickhouse.handler import Handler
from infra.clickhouse.users import User

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerSettings:
    """Where the server keeps its data, where it listens, and for whom."""

    data_folder: Path
    host: str
    port: int
    database: str
    users: dict[str, User]
    queries_at_once_max: int = 16
    shutdown_timeout_s: float = 20.0


async def _ping(_request: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


async def run(settings: ServerSettings) -> None:
    """Serve until SIGTERM or SIGINT; queries in hand are finished first, within a bound."""
    engine = Engine(settings.data_folder, settings.database)
    engine.start()
    pool = ThreadPoolExecutor(settings.queries_at_once_max, thread_name_prefix="query")
    handler = Handler(engine, settings.users, pool)
    application = web.Application(client_max_size=1 << 40)
    application.router.add_get("/ping", _ping)
    application.router.add_get("/", handler.query)
    application.router.add_post("/", handler.query)
    runner = web.AppRunner(
        application,
        access_log=None,
        auto_decompress=False,
        shutdown_timeout=settings.shutdown_timeout_s,
    )
    await runner.setup()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        log.info("serving ClickHouse %s on %s:%d", engine.version, settings.host, settings.port)
        await stop.wait()
        log.info("stopping")
    finally:
        await runner.cleanup()
        pool.shutdown()
        engine.close()
    log.info("stopped")
