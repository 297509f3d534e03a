"""How long the demo's three tables take on the stack that runs: python -m tests.bench.questions."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from clickhouse_connect.driver.client import Client

from api.alerts import queue
from api.payouts import standings
from api.utilization import by_domain
from infra.cli.demo import ALERTS_SHOWN
from infra.connections import client, reader_address
from infra.settings import load_settings
from projections.looks import Look, look

ROUNDS = 15
QUESTIONS: dict[str, Callable[[Client, Look], Any]] = {
    "how far the projections are, once for all": lambda connection, _: look(connection),
    "what is owed, what waits, and why": standings,
    "open alerts with money at stake": lambda connection, at: queue(connection, at, ALERTS_SHOWN),
    "hours and utilization by domain": by_domain,
}


def main() -> None:
    """Ask each question some times, after once to warm up; print the medians in milliseconds."""
    connection = client(reader_address(load_settings()))
    at = look(connection)
    print(f"{sum(row.offset + 1 for row in at.progress['archive']):,} events")
    for name, ask in QUESTIONS.items():
        ask(connection, at)
        times = sorted(_seconds(ask, connection, at) for _ in range(ROUNDS))
        print(f"{name}: {median(times) * 1e3:.0f} ms ({times[0] * 1e3:.0f} at best)")
    connection.close()


def _seconds(ask: Callable[[Client, Look], Any], connection: Client, at: Look) -> float:
    began = time.perf_counter()
    ask(connection, at)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
