"""A log for tests of reads, told as a literal: its ends, and its records by address."""

from typing import NamedTuple

from api.log import LogRecord


class Record(NamedTuple):
    """A record as Kafka would hold it."""

    appended_at: int
    value: bytes | None


class KnownLog:
    """What Kafka would answer."""

    def __init__(
        self,
        ends: dict[tuple[str, int], int] | None = None,
        records: dict[tuple[str, int, int], Record] | None = None,
    ) -> None:
        self.ends, self.records = ends or {}, records or {}

    def __call__(self, topic: str) -> dict[tuple[str, int], int]:
        """The offset after the last one of each partition."""
        return {place: end for place, end in self.ends.items() if place[0] == topic}

    def now(self, topic: str) -> dict[tuple[str, int], int]:
        """The same."""
        return self(topic)

    def record(self, topic: str, partition: int, offset: int) -> LogRecord | None:
        """The record at an offset."""
        return self.records.get((topic, partition, offset))
