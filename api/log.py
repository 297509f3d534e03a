"""The log as the API asks it: how far it goes, and a single record."""

from collections.abc import Callable
from typing import Protocol

Ends = dict[tuple[str, int], int]
"""By topic and partition: the offset after the last one."""
EndsOf = Callable[[str], Ends | None]
"""The ends of a topic's partitions in Kafka; none where no broker has told them yet."""


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

    def __call__(self, topic: str) -> Ends | None:
        """The ends of a topic, empty where there is none; None where they are not known."""
        ...

    def now(self, topic: str) -> Ends:
        """The same, asked of Kafka at this moment. Raises `KafkaError` where no broker answers."""
        ...

    def record(self, topic: str, partition: int, offset: int) -> LogRecord | None:
        """The record at an offset; none where Kafka does not hold it. Raises `KafkaError`."""
        ...
