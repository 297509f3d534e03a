"""Acknowledged minus applied: what was lost, and where on the road it was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client
from kafka.errors import KafkaError

from projections.payout.fold import payout
from schemas.wire import CONTENT_START
from streams.offsets import LogReader
from streams.publish_error import PublishError
from streams.publisher import Publisher

SHOWN_MAX = 5
EVENT_ID_END = CONTENT_START + 16


class At(NamedTuple):
    """Where the broker put an event."""

    topic: str
    partition: int
    offset: int


class Acknowledged:
    """The events that the broker said it has on all in-sync replicas, by id."""

    def __init__(self) -> None:
        self.at: dict[bytes, At] = {}

    def publish(self, servers: str, records: Iterable[tuple[str, bytes, bytes]]) -> str:
        """Publish (topic, key, value); answers with what went wrong, empty where nothing did."""
        sent: list[tuple[bytes, Any]] = []
        wrong = ""
        try:
            with Publisher(servers) as publisher:
                for topic, key, value in records:
                    event_id = value[CONTENT_START:EVENT_ID_END]
                    sent.append((event_id, publisher.send(topic, key, value)))
                publisher.flush()
        except (PublishError, KafkaError) as error:
            wrong = str(error)
        for event_id, future in sent:
            if future.succeeded():
                told = future.value
                self.at.setdefault(event_id, At(told.topic, told.partition, told.offset))
        return wrong

    def wrong(self, client: Client, log: LogReader) -> list[str]:
        """What of payout's events is lost, where that happened, and what is there twice."""
        answer: Any = client.query("SELECT id, count() FROM payout_applied_g1 FINAL GROUP BY id")
        applied: dict[bytes, int] = dict(answer.result_rows)
        lost = [
            (event_id, at)
            for event_id, at in self.at.items()
            if at.topic in payout.topics and event_id not in applied
        ]
        twice = [event_id for event_id, count in applied.items() if count > 1]
        found = [_where_lost(client, log, event_id, at) for event_id, at in lost[:SHOWN_MAX]]
        if lost:
            found.append(f"{len(lost):,} acknowledged events are not applied")
        if twice:
            found.append(f"{len(twice):,} events are applied twice, the first is {twice[0].hex()}")
        return found


def _where_lost(client: Client, log: LogReader, event_id: bytes, at: At) -> str:
    name = f"{event_id.hex()} at {at.topic}/{at.partition}/{at.offset}"
    if not log.exists(at.topic, at.partition, [at.offset]):
        return f"{name} was acknowledged, and Kafka does not hold it: the broker lost it"
    answer: Any = client.query(
        "SELECT max(offset) FROM watermarks WHERE projection = 'payout' "
        f"AND topic = '{at.topic}' AND partition = {at.partition}"
    )
    [(reached,)] = answer.result_rows
    if reached < at.offset:
        return f"{name} is in Kafka, and progress is {reached}: the worker never came to it"
    return (
        f"{name} is in Kafka, and progress {reached} is past it: the worker or ClickHouse lost it"
    )
