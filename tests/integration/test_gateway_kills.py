"""The gateway killed under load: what it acknowledged is there, and nothing is there twice."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from clickhouse_connect.driver.client import Client

from api.access.keys import Keys
from api.access.roles import Role
from infra.operational import operational_store
from infra.settings import Settings
from infra.stack import Stack, processes
from schemas.message import now_us
from tests.integration.workers import catch_up, rows, running

pytestmark = pytest.mark.stack
BATCHES, BATCH_EVENTS, CLIENTS, KILLS = 12, 40, 3, 3
PATIENCE_S = 60.0
AGAIN_S = 0.1


class Sender(threading.Thread):
    """A client that sends each batch until it is answered, under one Idempotency-Key."""

    def __init__(self, address: str, key: str, name: str) -> None:
        super().__init__(name=name)
        self._address, self._key = address, key
        self.acknowledged: list[str] = []
        self.retries = 0

    def run(self) -> None:
        for number in range(BATCHES):
            self.acknowledged += self._send(number)

    def _send(self, number: int) -> list[str]:
        events = [
            {
                "event_type": "ExpertHired", "subject_id": f"{self.name}-{number}-{index}",
                "occurred_at": "2026-10-05T09:00:00Z", "actor": "system:hr",
                "domains": ["poetry"], "country": "PT", "home_zone": "Europe/Lisbon",
            }
            for index in range(BATCH_EVENTS)
        ]  # fmt: skip
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Idempotency-Key": f"{self.name} {number}",
        }
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                url = f"{self._address}/v1/events"
                answer = httpx.post(url, json=events, headers=headers, timeout=PATIENCE_S)
                if answer.status_code == 201:
                    return [one["event_id"] for one in answer.json()["outcomes"]]
            except httpx.TransportError:
                pass  # killed: the client asks again
            self.retries += 1
            time.sleep(AGAIN_S)
        raise AssertionError(f"batch {number} of {self.name} was never answered")


def test_the_gateway_killed_under_load_loses_and_doubles_nothing(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    external = own.model_copy(
        update={
            "broker_address": own.bootstrap_servers,
            "clickhouse_url": own.clickhouse_http_url,
            # A request that died with its process holds its key until its lease is over.
            "idempotency_lease_s": 1.0,
        }
    )
    stack = Stack(external, with_api=True)
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    key = Keys(operational_store(external)).create("tracker", Role.ingest, now_us())
    try:
        stack.up()
        senders = [Sender(stack.part("api").address, key, f"c{n}") for n in range(CLIENTS)]
        for sender in senders:
            sender.start()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.2, 0.8))
            process = processes.running(stack.part("api").pid_path)
            assert process
            psutil.Process(process.pid).kill()
            stack.up()
        for sender in senders:
            sender.join(2 * PATIENCE_S)
    finally:
        stack.down()
    acknowledged = {event_id for sender in senders for event_id in sender.acknowledged}
    assert len(acknowledged) == CLIENTS * BATCHES * BATCH_EVENTS, f"seed {seed}"
    assert sum(sender.retries for sender in senders), "no request met a kill"
    with running(own, tmp_path, "archive"):
        catch_up(clickhouse, own, tmp_path, "archive")
    told = [str(row[0]) for row in rows(clickhouse, "SELECT event_id FROM events")]
    assert sorted(told) == sorted(acknowledged), f"seed {seed}"
