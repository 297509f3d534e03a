"""How fast one gateway process takes events: python -m tests.bench.ingest [--seconds 10].

Clients post batches of 500 time entries as JSON over kept connections; each batch is answered once
every event is on all in-sync replicas. Beside it, in the same run and in turns, the limit: the same
events, encoded beforehand, handed to this project's publisher in one process, without HTTP.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from api.access.keys import Keys
from api.access.roles import Role
from infra.operational import operational_store
from infra.settings import Settings
from infra.stack import Stack, processes
from schemas.catalogue import catalogue
from schemas.json_form import time_text
from schemas.message import now_us
from schemas.wire import encode
from streams.publisher import Publisher
from tests.local_stack import local_settings

BATCH_EVENTS = 500
SECONDS, ROUNDS = 10.0, 3
"""Of each round, and how many of each row."""
CLIENTS = 4
EXPERTS = 500
QUARTER_US, QUARTERS = 900_000_000, 1_000
Posted = tuple[int, float]
"""Events, and the seconds of the slowest batch."""


def entries(client: str, number: int) -> list[dict[str, Any]]:
    """A batch of time entries as a time tracker would tell them: none twice, none at one time.

    An expert works a quarter-hour of each batch, one after the other.
    """
    latest = now_us() // QUARTER_US * QUARTER_US
    at = latest - (QUARTERS - number % QUARTERS) * QUARTER_US
    began, ended = time_text(at - QUARTER_US), time_text(at)
    return [
        {
            "event_type": "TimeEntryRecorded", "subject_id": f"expert-{index % EXPERTS}",
            "occurred_at": ended, "actor": "system:tracker",
            "entry_id": f"{client}-{number}-{index}", "project_id": "p-1", "task_id": "t-1",
            "activity_kind": "review", "entry_method": "tracker", "billable": True,
            "started_at": began, "ended_at": ended,
        }
        for index in range(BATCH_EVENTS)
    ]  # fmt: skip


def post_until(address: tuple[str, int], key: str, name: str, deadline: float, told: Any) -> None:
    """A client: batch after batch until a time; puts what it posted into a queue."""
    connection = http.client.HTTPConnection(*address, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    posted, slowest, number = 0, 0.0, 0
    while (began := time.monotonic()) < deadline:
        body = json.dumps(entries(name, number))
        connection.request("POST", "/v1/events", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 201, said[:500]
        posted += BATCH_EVENTS
        number += 1
        slowest = max(slowest, time.monotonic() - began)
    told.put((posted, slowest))


def over_http(settings: Settings, key: str, seconds: float, run: int) -> float:
    """Events a second that a gateway took from several clients."""
    told: Any = multiprocessing.Queue()
    began = time.monotonic()
    where = (settings.host, settings.api_port)
    clients = [
        multiprocessing.Process(
            target=post_until, args=(where, key, f"{run}-{number}", began + seconds, told)
        )
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    posted: list[Posted] = [told.get(timeout=seconds + 60) for _ in clients]
    took = time.monotonic() - began
    for client in clients:
        client.join()
    return sum(events for events, _ in posted) / took


def without_http(settings: Settings, seconds: float, run: int) -> float:
    """Events a second of the publisher alone, flushed batch by batch by as many threads."""
    event_type = catalogue().by_name["TimeEntryRecorded"]
    taken = [0] * CLIENTS
    began = time.monotonic()
    with Publisher(settings.bootstrap_servers) as publisher:

        def hand_over(number: int) -> None:
            batch = 0
            while time.monotonic() < began + seconds:
                futures: list[Any] = []
                for event in entries(f"limit-{run}-{number}", batch):
                    key = event["subject_id"].encode()
                    del event["event_type"]
                    told = event_type.read_json(event)
                    whole = {"event_id": bytes(16), "recorded_at": now_us(), "source": "b"} | told
                    futures.append(publisher.send(event_type.topic, key, encode(event_type, whole)))
                for future in futures:
                    future.get(30)
                taken[number] += len(futures)
                batch += 1

        threads = [threading.Thread(target=hand_over, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return sum(taken) / (time.monotonic() - began)


def main() -> None:
    """Measure as asked on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each round (10)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each row (3)")
    given = parser.parse_args()
    measure(given.seconds, given.rounds)


def measure(seconds: float = SECONDS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure in turns, print the medians and the gateway's processor time; answer with both."""
    with tempfile.TemporaryDirectory(prefix="workledger-bench-") as folder:
        settings = local_settings(Path(folder), broker_heap_mb=512, api_requests_per_s=1e6)
        stack = Stack(settings, with_api=True)
        try:
            stack.up()
            key = Keys(operational_store(settings)).create("bench", Role.ingest, now_us())
            process = processes.running(stack.part("api").pid_path)
            assert process, "the API does not run"
            api = psutil.Process(process.pid)
            rows: dict[str, list[float]] = {"gateway": [], "publisher alone": []}
            before = _cpu(api)
            for run in range(rounds):
                for name, measure_row in _rows(settings, key, seconds, run).items():
                    rows[name].append(measure_row())
            events = sum(rate * seconds for rate in rows["gateway"])
            cpu_us = round((_cpu(api) - before) / events * 1e6)
            print(f"gateway: {cpu_us} µs of its processor an event")
            for name, rates in rows.items():
                spread = ", ".join(f"{rate:,.0f}" for rate in rates)
                print(f"{name}: {median(rates):,.0f} events/s ({spread})")
            rounded = {name: [round(rate) for rate in rates] for name, rates in rows.items()}
            return {"events_per_second_by_round": rounded, "gateway_cpu_us_per_event": cpu_us}
        finally:
            stack.down()


def _rows(settings: Settings, key: str, seconds: float, run: int) -> dict[str, Callable[[], float]]:
    return {
        "gateway": lambda: over_http(settings, key, seconds, run),
        "publisher alone": lambda: without_http(settings, seconds, run),
    }


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
