"""A worker's end and start: SIGTERM commits the round in hand, and Kafka agrees with ClickHouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from kafka import TopicPartition  # pyright: ignore

from infra.importing.run import publish_events
from infra.settings import Settings
from schemas.events import TimeEntryRecorded
from streams import kafka_clients
from streams.publisher import Publisher
from tests.integration.workers import LEDGER, WorkerProcess, catch_up, rows, running, until
from tests.two_weeks import history

pytestmark = pytest.mark.stack


def committed(settings: Settings, group: str) -> dict[int, int]:
    """The offsets that a group has committed on workforce.experts, by partition."""
    consumer: Any = kafka_clients.consumer(
        bootstrap_servers=settings.bootstrap_servers, group_id=group, enable_auto_commit=False
    )
    places = [TopicPartition("workforce.experts", number) for number in range(12)]
    found = {place.partition: consumer.committed(place) for place in places}
    consumer.close()
    return {partition: offset for partition, offset in found.items() if offset}


def progress(client: Client) -> dict[int, int]:
    found = rows(client, "SELECT partition, offset FROM watermarks WHERE projection = 'payout'")
    return dict(found)


def test_sigterm_finishes_and_commits_and_the_next_worker_goes_on_from_there(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    events = list(history())
    half = len(events) // 2
    with Publisher(own.bootstrap_servers) as publisher:
        publish_events(events[:half], publisher)
    worker = WorkerProcess("payout", own, tmp_path / "first.log")
    until(lambda: bool(progress(clickhouse)))
    assert worker.terminate() == 0, worker.log.read_text()
    included = progress(clickhouse)
    assert committed(own, "workledger-payout") == {p: at + 1 for p, at in included.items()}

    with Publisher(own.bootstrap_servers) as publisher:
        publish_events(events[half:], publisher)
    with running(own, tmp_path, *LEDGER):
        catch_up(clickhouse, own, tmp_path, *LEDGER)
    told = sum(isinstance(one.event, TimeEntryRecorded) for one in events)
    assert rows(clickhouse, "SELECT uniqExact(entry_id) FROM payout_lines") == [(told,)]
    assert rows(clickhouse, "SELECT count() FROM repeats") == [(0,)]
