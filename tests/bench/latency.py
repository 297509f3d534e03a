"""From accepted to queryable: python -m tests.bench.latency [--rates 100 1000 10000].

A client posts time entries at a rate, twenty batches a second; for each event it is measured how
long after the gateway's answer the payout projection includes it, as its progress in ClickHouse
says, where every view ends; a look every 50 ms. A rate that is not reached is shown as what was
reached.
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from api.access.keys import Keys
from api.access.roles import Role
from infra.connections import client, writer_address
from infra.operational import operational_store
from infra.settings import Settings
from infra.stack import Stack
from projections.payout.fold import payout
from projections.store.generations import FIRST
from projections.store.layout import progress_of
from schemas.message import now_us
from tests.bench.ingest import entries
from tests.local_stack import local_settings

BATCHES_PER_S = 20
POSTERS = 8
LOOK_S = 0.05
RATES, SECONDS = (100, 1_000, 10_000), 15.0
"""Events a second, and how long each rate is posted at."""
SETTLE_S = 20.0
SHARES = (0.5, 0.99, 0.999)
Place = tuple[str, int]


class Accepted(NamedTuple):
    """An event that the gateway answered for."""

    at: float
    place: Place
    offset: int


class Looker(threading.Thread):
    """Looks how far the projection is, until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._client = client(writer_address(settings))
        self.seen: dict[Place, list[tuple[int, float]]] = defaultdict(list)
        """By partition: offset and when it was there, both rising."""
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(LOOK_S):
            # Not by `watermarks`, which asks all projections: three times the work, of two cores.
            asked: Any = self._client.query(progress_of(payout, FIRST))
            now = time.monotonic()
            for topic, partition, offset, *_ in asked.result_rows:
                known = self.seen[topic, partition]
                if not known or known[-1][0] < offset:
                    known.append((offset, now))

    def when(self, place: Place, offset: int) -> float | None:
        """When an offset was seen to be included."""
        known = self.seen[place]
        at = bisect_left(known, (offset, 0.0))
        return known[at][1] if at < len(known) else None


def post(settings: Settings, key: str, rate: int, seconds: float) -> list[Accepted]:
    """Post at a rate, on time whatever the answers take; blocks until all are answered."""
    size = max(rate // BATCHES_PER_S, 1)
    began, local = time.monotonic(), threading.local()

    def one(number: int) -> list[Accepted]:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(settings.host, settings.api_port)
        body = json.dumps(entries(f"{rate}", number)[:size])
        time.sleep(max(0.0, began + number / BATCHES_PER_S - time.monotonic()))
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        local.connection.request("POST", "/v1/events", body, headers)
        answer = local.connection.getresponse()
        told = json.loads(answer.read())
        assert answer.status == 201, told
        at = time.monotonic()
        return [Accepted(at, (o["topic"], o["partition"]), o["offset"]) for o in told["outcomes"]]

    with ThreadPoolExecutor(POSTERS) as pool:
        batches = range(int(seconds * BATCHES_PER_S))
        return [accepted for batch in pool.map(one, batches) for accepted in batch]


def quantile(sorted_values: list[float], share: float) -> float:
    """The value that a share of the values does not exceed."""
    return sorted_values[min(int(len(sorted_values) * share), len(sorted_values) - 1)]


def main() -> None:
    """Measure as asked on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=RATES)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each rate (15)")
    given = parser.parse_args()
    measure(given.rates, given.seconds)


def measure(rates: Sequence[int] = RATES, seconds: float = SECONDS) -> list[dict[str, float]]:
    """Measure each rate in turn; print quantiles in milliseconds, and answer with them."""
    with tempfile.TemporaryDirectory(prefix="workledger-bench-") as folder:
        # One client stands for many here: it may ask as often as it must.
        settings = local_settings(Path(folder), broker_heap_mb=512, api_requests_per_s=1_000)
        stack = Stack(settings, ["payout"], with_api=True)
        try:
            stack.up()
            key = Keys(operational_store(settings)).create("bench", Role.ingest, now_us())
            post(settings, key, 100, 2.0)  # warm
            return [_row(settings, key, rate, seconds) for rate in rates]
        finally:
            stack.down()


def _row(settings: Settings, key: str, rate: int, seconds: float) -> dict[str, float]:
    looker = Looker(settings)
    looker.start()
    began = time.monotonic()
    accepted = post(settings, key, rate, seconds)
    reached = len(accepted) / (time.monotonic() - began)
    deadline = time.monotonic() + SETTLE_S
    last = {one.place: one.offset for one in sorted(accepted, key=lambda one: one.offset)}
    while time.monotonic() < deadline:
        if all(looker.when(place, offset) for place, offset in last.items()):
            break
        time.sleep(LOOK_S)
    looker.stopped.set()
    looker.join()
    waits = [(looker.when(one.place, one.offset) or deadline) - one.at for one in accepted]
    waits = sorted(max(wait, 0.0) * 1000 for wait in waits)
    shares = {f"p{100 * share:g}": round(quantile(waits, share)) for share in SHARES}
    told = ", ".join(f"{name} {wait_ms:,} ms" for name, wait_ms in shares.items())
    print(f"{rate:,} events/s asked, {reached:,.0f} reached: {told} ({len(waits):,} events)")
    waits_ms: dict[str, float] = {f"{name}_ms": wait_ms for name, wait_ms in shares.items()}
    return {"asked_per_second": rate, "reached_per_second": round(reached)} | waits_ms


if __name__ == "__main__":
    main()
