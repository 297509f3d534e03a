"""A worker's end and start: SIGTERM commits the round in hand, and Kafka agrees with ClickHouse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from kafka import TopicPartition  # pyright: ignore

from infra.importing.run import publish_events
from infra.settings import Settings
from projections.payout.fold import payout
from projections.store.clickhouse import ClickHouseStore
from schemas.events import TimeEntryRecorded
from streams import kafka_clients
from streams.publisher import Publisher
from tests.integration.workers import (
    LEDGER,
    PATIENCE_S,
    WorkerProcess,
    catch_up,
    rows,
    running,
    until,
)
from tests.projections.store.rows import TOPIC, state_rows
from tests.two_weeks import history

pytestmark = pytest.mark.stack
UNEXPECTED = 70
BROKEN_HANDLER = (
    "-c",
    """
from dataclasses import replace
from projections.payout.fold import payout

def broken(*arguments):
    raise ZeroDivisionError("what nobody expected")

readings = payout._readings
readings["RateAgreed"] = replace(readings["RateAgreed"], function=broken)
from infra.cli.main import main
main()
""",
)


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


def test_what_nobody_expected_ends_the_worker_with_the_address_and_nothing_later_is_committed(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    with Publisher(own.bootstrap_servers) as publisher:
        publish_events(list(history()), publisher)
    worker = WorkerProcess("payout", own, tmp_path / "broken.log", BROKEN_HANDLER)
    assert worker.process.wait(PATIENCE_S) == UNEXPECTED
    told = worker.log.read_text()
    assert re.search(
        r"worker stops: the handler of RateAgreed raised at workforce\.experts/\d+/\d+", told
    )
    assert "ZeroDivisionError: what nobody expected" in told
    assert committed(own, "workledger-payout") == {}
    assert progress(clickhouse) == {}

    worker = WorkerProcess("payout", own, tmp_path / "mended.log")
    try:
        catch_up(clickhouse, own, tmp_path, "payout")
        assert worker.terminate() == 0
    finally:
        worker.kill()


def test_state_of_another_version_stops_the_worker_with_the_way_out(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    store = ClickHouseStore(clickhouse, payout)
    store.write_state(state_rows((f"progress:{TOPIC}:3", 10, b"")))
    worker = WorkerProcess("payout", own, tmp_path / "payout.log")
    assert worker.process.wait(PATIENCE_S) == UNEXPECTED
    told = worker.log.read_text()
    assert f"was written by version 1, and this is version {payout.version}" in told
    assert "run `workledger rebuild payout`" in told
