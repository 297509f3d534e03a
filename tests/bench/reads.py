"""How long reads take on the stack that runs: python -m tests.bench.reads [--users 20].

So many users at once, each asking one question after the other; the median and the 95th percentile
of each route, with what the ledger held.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import httpx

from api.access.keys import KeyRefusedError, Keys
from api.access.roles import Role
from infra.operational import operational_store
from infra.settings import load_settings
from schemas.message import now_us
from tests.bench.latency import quantile

KEY = "bench of reads"
ROUTES = {
    "a page of an expert's lines": "/v1/payouts/lines?expert_id={expert_id}&limit=100",
    "the first page of all lines": "/v1/payouts/lines?limit=100",
    "what is held": "/v1/payouts/lines?status=held&limit=100",
    "summary by project": "/v1/payouts/summary?group_by=project_id",
    "an explanation": "/v1/payouts/lines/{line_id}/explanation",
    "open alerts": "/v1/alerts?status=open&limit=100",
    "an expert's weeks": "/v1/utilization?expert_id={expert_id}&period=week",
}


def main() -> None:
    """Ask for a while, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--think-ms", type=int, default=1_000, help="pause between questions")
    given = parser.parse_args()
    settings = load_settings()
    keys = Keys(operational_store(settings))
    with contextlib.suppress(KeyRefusedError):
        keys.revoke(KEY, now_us())
    token = keys.create(KEY, Role.auditor, now_us(), days=1)
    address = f"http://{settings.host}:{settings.api_port}"
    held = _held(address, token)
    took: Any = multiprocessing.Queue()
    arguments = (address, token, held, given.seconds, given.think_ms / 1000, took)
    users = [
        multiprocessing.Process(target=use, args=(*arguments, number))
        for number in range(given.users)
    ]
    for user in users:
        user.start()
    told: dict[str, list[float]] = defaultdict(list)
    for _ in users:
        for name, ms in took.get(timeout=given.seconds + 60):
            told[name].append(ms)
    for user in users:
        user.join()
    for name in ROUTES:
        times = sorted(told[name])
        if times:
            p50, p95 = quantile(times, 0.5), quantile(times, 0.95)
            print(f"{name}: p50 {p50:,.0f} ms, p95 {p95:,.0f} ms ({len(times):,} answers)")


def use(
    address: str, token: str, held: list[dict[str, str]], seconds: float, think_s: float,
    took: Any, seed: int,
) -> None:  # fmt: skip
    """A user: puts name and milliseconds of each answer into a queue."""
    chance = random.Random(seed)
    told: list[tuple[str, float]] = []
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(chance.uniform(0, 2 * think_s))
            name = chance.choice(list(ROUTES))
            began = time.monotonic()
            answer = client.get(ROUTES[name].format(**chance.choice(held)))
            assert answer.status_code == 200, answer.text
            told.append((name, (time.monotonic() - began) * 1000))
    took.put(told)


def _held(address: str, token: str) -> list[dict[str, str]]:
    """Experts and lines to ask about, from all over the ledger."""
    answer = httpx.get(
        f"{address}/v1/payouts/lines?limit=1000", headers={"Authorization": f"Bearer {token}"}
    )
    rows: list[dict[str, str]] = answer.json()["data"]
    return list(_first_of_each(rows))


def _first_of_each(rows: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    seen: set[str] = set()
    for row in rows:
        if row["expert_id"] not in seen:
            seen.add(row["expert_id"])
            yield {"expert_id": row["expert_id"], "line_id": row["line_id"]}


if __name__ == "__main__":
    main()
