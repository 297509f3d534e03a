"""How far the log goes, asked at most once a second, and single records of it, for many threads."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack

from kafka.errors import KafkaError

from streams.offsets import LogReader, LogRecord, log_reader

FRESH_S = 1.0
"""An answer this old is given again: a lag in events need not be newer."""
log = logging.getLogger(__name__)


class OpenLog:
    """A reader's log, for one thread."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader

    def __call__(self, topic: str) -> dict[tuple[str, int], int]:
        """The offset after the last one of each partition."""
        return {(at.topic, at.partition): at.end for at in self._reader.offsets(topic)}

    def now(self, topic: str) -> dict[tuple[str, int], int]:
        """The same: nothing is remembered here."""
        return self(topic)

    def record(self, topic: str, partition: int, offset: int) -> LogRecord | None:
        """The record at an offset; none where Kafka does not hold it."""
        return self._reader.record(topic, partition, offset)


class LogEnds:
    """The ends of topics, and single records.

    Where no broker answers, the ends that were known last are told again.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._stack = ExitStack()
        self._ends = _Connection(bootstrap_servers, self._stack)
        # A record may take seconds to come: no reader of ends is to wait for it.
        self._records = _Connection(bootstrap_servers, self._stack)
        self._known: dict[str, tuple[float, dict[tuple[str, int], int]]] = {}

    def __call__(self, topic: str) -> dict[tuple[str, int], int]:
        """The offset after the last one, by topic and partition."""
        with self._ends.lock:
            asked_at, known = self._known.get(topic, (0.0, dict[tuple[str, int], int]()))
            if known and time.monotonic() - asked_at < FRESH_S:
                return known
            try:
                known = self._ends.open()(topic)
            except KafkaError as error:
                log.warning("the ends of %s are not known now: %s", topic, error)
            self._known[topic] = time.monotonic(), known
            return known

    def now(self, topic: str) -> dict[tuple[str, int], int]:
        """The same, asked of Kafka at this moment. Raises `KafkaError` where no broker answers."""
        with self._records.lock:
            return self._records.open()(topic)

    def record(self, topic: str, partition: int, offset: int) -> LogRecord | None:
        """The record at an offset; none where Kafka does not hold it. Raises `KafkaError`."""
        with self._records.lock:
            return self._records.open().record(topic, partition, offset)

    def close(self) -> None:
        """Disconnect."""
        self._stack.close()


class _Connection:
    """A reader that threads take turns with, connected when it is first asked."""

    def __init__(self, bootstrap_servers: str, stack: ExitStack) -> None:
        self.lock = threading.Lock()
        self._servers, self._stack = bootstrap_servers, stack
        self._log: OpenLog | None = None

    def open(self) -> OpenLog:
        """The reader's log; the caller holds the lock."""
        if self._log is None:
            self._log = OpenLog(self._stack.enter_context(log_reader(self._servers)))
        return self._log
