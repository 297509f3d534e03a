"""How long the demo's three tables take on the stack that runs: python -m tests.bench.questions."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import sqlalchemy as sa

from api.alerts import queue
from api.payouts import engine, standings
from api.utilization import by_domain
from infra.cli.demo import ALERTS_SHOWN
from infra.connections import reader_address
from infra.settings import load_settings

ROUNDS = 15
QUESTIONS: dict[str, Callable[[sa.Connection], Any]] = {
    "what is owed, what waits, and why": standings,
    "open alerts with money at stake": lambda connection: queue(connection, ALERTS_SHOWN),
    "hours and utilization by domain": by_domain,
}


def main() -> None:
    """Ask each question some times, after once to warm up; print the medians in milliseconds."""
    address = reader_address(load_settings())
    source = engine(address.url, address.user, address.password, address.database)
    with source.connect() as connection:
        held = sa.text("SELECT sum(offset + 1) FROM watermarks WHERE projection = 'archive'")
        print(f"{connection.execute(held).scalar():,} events")
        for name, ask in QUESTIONS.items():
            ask(connection)
            times = sorted(_seconds(ask, connection) for _ in range(ROUNDS))
            print(f"{name}: {median(times) * 1e3:.0f} ms ({times[0] * 1e3:.0f} at best)")


def _seconds(ask: Callable[[sa.Connection], Any], connection: sa.Connection) -> float:
    began = time.perf_counter()
    ask(connection)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
