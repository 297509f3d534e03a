"""`workledger api`: the HTTP application."""

from __future__ import annotations

import signal
from functools import lru_cache

from infra.cli.console import say
from infra.cli.keys import show_first
from infra.settings import load_settings

SHUTDOWN_S = 5
"""How long requests in hand may take after SIGTERM."""


def api() -> None:
    """Serve the API until SIGTERM or Ctrl-C: events in, schemas, health, and /schema (OpenAPI).

    Example: workledger api
    """
    import uvicorn

    from api.access.limits import limits
    from api.app import Ledger, create_app
    from api.ingest.gateway import Gateway
    from api.operational.store import answers
    from infra.access import tokens
    from infra.connections import reader_address
    from infra.log_ends import LogEnds
    from infra.operational import operational_store
    from infra.registry import use_registry
    from infra.stack.api import Api
    from infra.stack.broker import Broker
    from infra.stack.clickhouse import ClickHouse
    from infra.stack.ports import refuse_taken_ports
    from projections.store.client import connect
    from streams.collector import freeze_after_start
    from streams.publisher import Publisher

    settings = load_settings()
    part = Api(settings)
    refuse_taken_ports(part)
    use_registry(settings)
    checks = {one.name: one.answers for one in (Broker(settings), ClickHouse(settings))}
    # uvicorn raises the signal that ended it once more: SIGTERM is to be an end like any other.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    gateway = Gateway(lambda: Publisher(settings.bootstrap_servers, client_id="workledger-api"))
    ends = LogEnds(settings.bootstrap_servers)
    reader = lru_cache(maxsize=1)(lambda: connect(reader_address(settings)))
    store = operational_store(settings)
    checks["operational store"] = lambda: answers(store)
    ledger = Ledger(
        store,
        gateway,
        reader,
        ends,
        tokens(settings),
        limits(settings.api_requests_per_s, settings.api_requests_burst),
        idempotency_lease_s=settings.idempotency_lease_s,
    )
    application = create_app(checks, ledger)
    show_first(settings)
    freeze_after_start()
    say(f"Serving {part.address}")
    try:
        uvicorn.run(
            application,
            host=settings.host,
            port=settings.api_port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
    finally:
        gateway.close()
        ends.close()
