"""The API: one HTTP application for people and machines."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from clickhouse_connect.driver.client import Client
from litestar import Litestar, Request, Router
from litestar.datastructures import MutableScopeHeaders, State
from litestar.openapi.config import OpenAPIConfig
from litestar.types import ControllerRouterHandler, Message, Scope

from api.access import audit as auditing
from api.access.audit import Audit, RecordReads
from api.access.guard import allow
from api.access.keys import Keys
from api.access.limits import Limits, limits
from api.access.tokens import Tokens
from api.background import repeating
from api.errors import MORE_HEADERS, REQUEST_ID, answer, request_id_of
from api.health import Checks, Health
from api.ingest.gateway import Way
from api.ingest.idempotency import LEASE_S, Idempotency
from api.ingest.routes import Ingest
from api.log import Log
from api.metrics import CountRequests
from api.openapi.document import Document
from api.reads.answers import Answers
from api.reads.live import Live, Streams
from api.reads.routes import READS
from api.reads.waiting import NextLook
from api.registry import Registry
from api.requests import deciding
from api.requests.deciding import Requests
from api.requests.routes import TwoPeople
from api.requests.store import RequestStore
from api.start import start
from projections.looks import Looks
from schemas.message import now_us

THREADS = 40
"""Requests whose handlers block at once."""


async def add_headers(message: Message, scope: Scope) -> None:
    """Give every answer the id of its request, and what the guard says of the caller's limits."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        headers[REQUEST_ID] = request_id_of(Request(scope))
        for name, value in scope["state"].get(MORE_HEADERS, {}).items():
            headers[name] = value


async def allow_every_method(message: Message, scope: Scope) -> None:
    """Name every method of a path in answer to OPTIONS: the framework names its first handler's."""
    if message["type"] == "http.response.start" and scope.get("method") == "OPTIONS":
        path, routes = scope.get("path_template"), scope["litestar_app"].routes
        methods = {method for route in routes if route.path_format == path
                   for method in getattr(route, "methods", ())}  # fmt: skip
        if methods:
            MutableScopeHeaders.from_message(message)["Allow"] = ", ".join(sorted(methods))


@dataclass(frozen=True)
class Ledger:
    """What the routes below `/v1` work with."""

    store: sa.Engine
    """The operational store, open."""
    way: Way
    """Where events go."""
    reader: Callable[[], Client]
    """The client of ClickHouse for people: it can neither write nor reach anything else."""
    log: Log
    """What Kafka holds."""
    tokens: Tokens | None = None
    """Whose tokens people come with; without it there are keys alone."""
    limits: Limits = field(default_factory=limits)
    """How often each caller may ask."""
    live: Live = field(default_factory=Live)
    """How streams of alerts are served."""
    idempotency_lease_s: float = LEASE_S
    """A request with an `Idempotency-Key` that has no answer after this long is taken for dead."""


@asynccontextmanager
async def sending(requests: Requests, audit: Audit) -> AsyncIterator[None]:
    """Until the application ends, send what is decided or recorded and not on the log."""
    with (
        repeating(
            "approved requests",
            deciding.SEND_EVERY_S,
            lambda: requests.publish_approved(now_us()),
        ),
        repeating("records of reads", auditing.SEND_EVERY_S, audit.send),
    ):
        yield


@asynccontextmanager
async def with_threads(_: Litestar) -> AsyncIterator[None]:
    """Blocking work of requests has threads enough: by default there are as few as processors."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "request"))
    yield


def create_app(checks: Checks, ledger: Ledger | None = None) -> Litestar:
    """The application; `checks` say whether what it needs answers, by name.

    Without a ledger it serves the schemas and health alone.
    """
    state: dict[str, Any] = {"checks": checks}
    handlers: list[ControllerRouterHandler] = [Registry, Health, start]
    lifespan: list[Callable[[Litestar], AbstractAsyncContextManager[None]]] = [with_threads]
    if ledger:
        looks = Looks(ledger.reader)
        requests = Requests(RequestStore(ledger.store), ledger.way)
        audit = Audit(ledger.store, ledger.way)
        lifespan.append(lambda _: sending(requests, audit))
        state |= {
            "requests": requests,
            "audit": audit,
            "api_keys": Keys(ledger.store),
            "tokens": ledger.tokens,
            "limits": ledger.limits,
            "idempotency": Idempotency(ledger.store, ledger.idempotency_lease_s),
            "gateway": ledger.way,
            "reader": ledger.reader,
            "looks": looks,
            "next_look": NextLook(looks),
            "answers": Answers(),
            "log": ledger.log,
            "streams": Streams(ledger.live),
        }
        handlers.append(
            Router(
                "/",
                route_handlers=[Ingest, TwoPeople, READS],
                guards=[allow],
                middleware=[RecordReads()],
            )
        )
    return Litestar(
        route_handlers=handlers,
        before_send=[add_headers, allow_every_method],
        lifespan=lifespan,
        exception_handlers={Exception: answer},
        plugins=[CountRequests()],
        state=State(state),
        # As a document only: the pages that come with the framework load scripts from elsewhere.
        openapi_config=OpenAPIConfig(
            title="workledger",
            version="1",
            path="/schema",
            use_handler_docstrings=True,
            render_plugins=[Document(path=["/", "/openapi.json"])],
        ),
        logging_config=None,
    )
