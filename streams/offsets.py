"""What Kafka holds: the offsets of each partition, and whether there is an event at one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from kafka import TopicPartition  # pyright: ignore  (the checker's stubs are of an older one)

from streams import kafka_clients

POLL_MS = 1_000
POLLS_MAX = 30
"""Polls after which an offset that does not come is taken for a control record."""

FETCH_BYTES = 64 << 10
"""A record is asked for, not a history; one that is larger comes all the same."""


class LogOffsets(NamedTuple):
    """A partition: it holds events at offsets from `start` to `end` - 1, control records aside."""

    topic: str
    partition: int
    start: int
    end: int


class LogRecord(NamedTuple):
    """A record as Kafka holds it."""

    appended_at: int
    """When the broker took it, in microseconds."""
    key: bytes | None
    value: bytes | None


class LogReader:
    """Reads offsets, and single records to see whether they are there."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def offsets(self, topic: str) -> list[LogOffsets]:
        """Every partition of a topic; none where the topic does not exist."""
        numbers: set[int] = self._consumer.partitions_for_topic(topic) or set()
        places = [TopicPartition(topic, number) for number in sorted(numbers)]
        starts, ends = (
            self._consumer.beginning_offsets(places),
            self._consumer.end_offsets(places),
        )
        return [LogOffsets(topic, p.partition, starts[p], ends[p]) for p in places]

    def exists(self, topic: str, partition: int, offsets: list[int]) -> list[int]:
        """Those of `offsets` at which there is an event: not a control record, not aborted."""
        place = self._at(topic, partition)
        return [offset for offset in offsets if self._record(place, offset)]

    def record(self, topic: str, partition: int, offset: int) -> LogRecord | None:
        """The record at an offset; none where the partition does not hold that offset."""
        if not any(
            p.partition == partition and p.start <= offset < p.end for p in self.offsets(topic)
        ):
            return None
        found = self._record(self._at(topic, partition), offset)
        return LogRecord(found.timestamp * 1000, found.key, found.value) if found else None

    def _at(self, topic: str, partition: int) -> Any:
        place = TopicPartition(topic, partition)
        self._consumer.assign([place])
        return place

    def _record(self, place: Any, offset: int) -> Any:
        """The consumer's record at an offset of the partition assigned; none if not an event."""
        self._consumer.seek(place, offset)
        for _ in range(POLLS_MAX):
            records = self._consumer.poll(timeout_ms=POLL_MS, max_records=1).get(place)
            if records:
                return records[0] if records[0].offset == offset else None
            if self._consumer.position(place) > offset:
                return None
        return None

    def values_at(
        self, places: Mapping[tuple[str, int], int]
    ) -> dict[tuple[str, int], bytes | None]:
        """The value at one offset of each partition; where there is none, it is left out."""
        wanted = {TopicPartition(*place): offset for place, offset in places.items()}
        starts = self._consumer.beginning_offsets(list(wanted))
        wanted = {place: at for place, at in wanted.items() if at >= starts[place]}
        self._consumer.assign(list(wanted))
        for place, offset in wanted.items():
            self._consumer.seek(place, offset)
        found: dict[tuple[str, int], bytes | None] = {}
        for _ in range(POLLS_MAX * max(1, len(wanted))):
            if not wanted:
                break
            for place, records in self._consumer.poll(timeout_ms=POLL_MS, max_records=1).items():
                offset = wanted.pop(place, None)
                if records[0].offset == offset:
                    found[place.topic, place.partition] = records[0].value
                self._consumer.pause(place)
        return found


@contextmanager
def log_reader(bootstrap_servers: str) -> Iterator[LogReader]:
    """A reader of a broker's log; raises `KafkaError` where none answers."""
    consumer = kafka_clients.consumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        isolation_level="read_committed",
        allow_auto_create_topics=False,
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    try:
        yield LogReader(consumer)
    finally:
        consumer.close()
