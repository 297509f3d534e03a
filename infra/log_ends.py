"""How far the log goes, asked at most once a second, and single records of it, for many threads."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack
from threading import Event

from kafka.errors import KafkaError

from api.log import Ends
from streams.offsets import LogReader, LogRecord, log_reader

FRESH_S = 1.0
"""An answer this old is given again: a lag in events need not be newer."""
PATIENCE_S = 2.0
"""A reader waits for the ends so long, and for those of a broker that was slower not at all."""
log = logging.getLogger(__name__)


class OpenLog:
    """A reader's log, for one thread."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader

    def __call__(self, topic: str) -> Ends:
        """The offset after the last one of each partition."""
        return {(at.topic, at.partition): at.end for at in self._reader.offsets(topic)}

    def now(self, topic: str) -> Ends:
        """The same: nothing is remembered here."""
        return self(topic)

    def record(self, topic: str, partition: int, offset: int) -> LogRecord | None:
        """The record at an offset; none where Kafka does not hold it."""
        return self._reader.record(topic, partition, offset)


class LogEnds:
    """The ends of topics, and single records.

    The ends are asked for beside their readers, who wait a moment at most: a broker that is away
    keeps its client waiting for half a minute. Meanwhile the ends that were known last are told.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._stack = ExitStack()
        self._ends = _Connection(bootstrap_servers, self._stack)
        # A record may take seconds to come: no reader of ends is to wait for it.
        self._records = _Connection(bootstrap_servers, self._stack)
        self._known: dict[str, Ends] = {}
        self._told_at_s: dict[str, float] = {}
        self._asked: dict[str, Event] = {}
        self._lock = threading.Lock()
        self._is_away = False

    def __call__(self, topic: str) -> Ends | None:
        """The offset after the last one, by topic and partition; none where it was never told."""
        with self._lock:
            if time.monotonic() - self._told_at_s.get(topic, float("-inf")) < FRESH_S:
                return self._known.get(topic)
            answered = self._asked.get(topic)
            if answered is None:
                answered = self._asked[topic] = Event()
                threading.Thread(target=self._ask, args=(topic, answered), daemon=True).start()
            patience_s = 0.0 if self._is_away else PATIENCE_S
        if not answered.wait(patience_s):
            self._is_away = True
        return self._known.get(topic)

    def _ask(self, topic: str, answered: Event) -> None:
        try:
            with self._ends.lock:
                self._known[topic] = self._ends.open()(topic)
            self._is_away = False
        except KafkaError as error:
            log.warning("the ends of %s are not known now: %s", topic, error)
        finally:
            with self._lock:
                self._told_at_s[topic] = time.monotonic()
                del self._asked[topic]
            answered.set()

    def now(self, topic: str) -> Ends:
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
