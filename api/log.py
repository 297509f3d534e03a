"""The log as the API asks it: how far it goes, and a single record."""

from collections.abc import Callable
from typing import Protocol

Ends = Callable[[str], dict[tuple[str, int], int]]
"""By topic: the offset after the last one of each of its partitions in Kafka."""


class LogRecord(Protocol):
    """A record as Kafka holds it."""

    @property
    def appended_at(self) -> int:
        """When the broker took it, in microseconds."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its bytes."""
        ...


class Log(Protocol):
    """What Kafka holds; to be asked by many threads."""

    def __call__(self, topic: str) -> dict[tuple[str, int], int]:
        """The offset after the last one of each partition; empty where there is no such topic."""
        ...

    def now(self, topic: str) -> dict[tuple[str, int], int]:
        """The same, asked of Kafka at this moment. Raises `KafkaError` where no broker answers."""
        ...

    def record(self, topic: str, partition: int, offset: int) -> LogRecord | None:
        """The record at an offset; none where Kafka does not hold it. Raises `KafkaError`."""
        ...
