"""How far the log goes, for many threads: one consumer, asked at most once a second."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack

from kafka.errors import KafkaError

from streams.offsets import LogReader, log_reader

FRESH_S = 1.0
"""An answer this old is given again: a lag in events need not be newer."""
log = logging.getLogger(__name__)


class LogEnds:
    """The ends of topics. Where no broker answers, what was known last is told again."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._stack = ExitStack()
        self._reader: LogReader | None = None
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, dict[tuple[str, int], int]]] = {}

    def __call__(self, topic: str) -> dict[tuple[str, int], int]:
        """The offset after the last one, by topic and partition."""
        with self._lock:
            asked_at, known = self._known.get(topic, (0.0, dict[tuple[str, int], int]()))
            if known and time.monotonic() - asked_at < FRESH_S:
                return known
            try:
                known = {(at.topic, at.partition): at.end for at in self._read().offsets(topic)}
            except KafkaError as error:
                log.warning("the ends of %s are not known now: %s", topic, error)
            self._known[topic] = time.monotonic(), known
            return known

    def close(self) -> None:
        """Disconnect."""
        self._stack.close()

    def _read(self) -> LogReader:
        if self._reader is None:
            self._reader = self._stack.enter_context(log_reader(self._servers))
        return self._reader
