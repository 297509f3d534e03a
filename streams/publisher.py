"""Publishes events to Kafka: durable, in order, bounded in memory, and never losing in silence."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Any, NamedTuple

from kafka.errors import KafkaError, MessageSizeTooLargeError
from kafka.producer.future import FutureProduceResult, FutureRecordMetadata
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.structs import TopicPartition

from schemas.partitioning import partition_of
from streams import kafka_clients
from streams.publish_error import PublishError, PublishFailure
from streams.topics import DEAD_LETTERS, MESSAGE_BYTES_MAX, TOPICS

IN_FLIGHT_EVENTS_MAX = 10_000
IN_FLIGHT_BYTES_MAX = 64 * 1024 * 1024
FAILURES_MAX = 1_000
BATCH_BYTES = 128 * 1024
LINGER_MS = 5
DELIVERY_TIMEOUT_MS = 120_000
REQUEST_TIMEOUT_MS = 30_000
BLOCK_MS = 15_000
SURELY_SMALL_BYTES = 64 * 1024
FRAME_BYTES = 256
"""What lz4 may add to bytes that it cannot shrink: its frame around the blocks."""
BYTES_MAX_BY_TOPIC = {topic.name: topic.message_bytes_max for topic in TOPICS}
WAIT_S = 0.25
DISCONNECT_S = 10.0
HURRIED_CLOSE_S = 10.0
"""How long events are waited for where another error has ended the work already."""


class _Pending(NamedTuple):
    """An event handed over; a tuple because one is made for every event."""

    future: FutureRecordMetadata
    topic: str
    key: bytes
    size_bytes: int


class Publisher:
    """A producer of one process; safe to use from several threads.

    Events of one key keep their order. `acks=all` and idempotent: what is acknowledged is on all
    in-sync replicas, once. As a context manager it waits for all acknowledgements at the end and
    raises where one is missing.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        in_flight_events_max: int = IN_FLIGHT_EVENTS_MAX,
        in_flight_bytes_max: int = IN_FLIGHT_BYTES_MAX,
        failures_max: int = FAILURES_MAX,
        linger_ms: int = LINGER_MS,
        delivery_timeout_ms: int = DELIVERY_TIMEOUT_MS,
        request_timeout_ms: int = REQUEST_TIMEOUT_MS,
        block_ms: int = BLOCK_MS,
        client_id: str = "workledger-publisher",
    ) -> None:
        """Connect to `bootstrap_servers` (`host:port`, several separated by commas).

        Blocks for at most `block_ms`; raises PublishError where no broker answers in that time.
        """
        self._in_flight_events_max = in_flight_events_max
        self._in_flight_bytes_max = in_flight_bytes_max
        self._failures_max = failures_max
        self._patience_s = (delivery_timeout_ms + request_timeout_ms) / 1000
        self._pending: deque[_Pending] = deque()
        self._pending_bytes = 0
        self._failures: list[PublishFailure] = []
        self._partitions: dict[str, int] = {}
        self._lock = threading.RLock()
        self._closed = False
        self._configuration = {
            "bootstrap_servers": bootstrap_servers,
            "client_id": client_id,
            "acks": "all",
            "enable_idempotence": True,
            "allow_auto_create_topics": False,
            "compression_type": "lz4",
            "batch_size": BATCH_BYTES,
            "linger_ms": linger_ms,
            "max_request_size": DEAD_LETTERS.message_bytes_max,
            "delivery_timeout_ms": delivery_timeout_ms,
            "request_timeout_ms": request_timeout_ms,
            "bootstrap_timeout_ms": block_ms,
            "max_block_ms": block_ms,
            "metrics_enabled": False,
        }
        self._producer = self._connect()

    def send(
        self, topic: str, key: bytes, value: bytes, headers: Iterable[tuple[str, bytes]] = ()
    ) -> FutureRecordMetadata:
        """Hand an event over; it goes to the partition that `key` names.

        The answer's `get(timeout_s)` gives topic, partition, offset and the broker's timestamp
        (ms) once it is acknowledged, or raises; a failure is also reported by `flush`. Blocks
        while as many events or bytes as are allowed wait for their acknowledgement. Raises
        PublishError, without taking the event, where `failures_max` failures have gathered.
        """
        with self._lock:
            if self._closed:
                raise PublishError("The publisher is closed.")
            if self._producer._transaction_manager.has_fatal_error():
                self._renew()
            size_bytes = len(key) + len(value)
            if (
                len(self._pending) >= self._in_flight_events_max
                or self._pending_bytes + size_bytes > self._in_flight_bytes_max
            ):
                self._make_room(size_bytes)
            future = self._hand_over(topic, key, value, list(headers))
            self._pending.append(_Pending(future, topic, key, size_bytes))
            self._pending_bytes += size_bytes
            return future

    @property
    def in_flight(self) -> int:
        """Events handed over and not known to be acknowledged or failed."""
        with self._lock:
            self._harvest()
            return len(self._pending)

    def flush(self) -> None:
        """Wait until every event handed over before is acknowledged or has failed.

        Raises PublishError with all failures since the last one that was raised.
        """
        with self._lock:
            waiting = list(self._pending)
        deadline = time.monotonic() + self._patience_s
        for pending in waiting:
            self._await(pending.future, deadline)
        with self._lock:
            self._harvest()
            self._raise_failures()

    def close(self, timeout_s: float | None = None) -> None:
        """Flush and disconnect. Idempotent. Raises PublishError as `flush` does.

        What is not acknowledged after `timeout_s` (without it: when its delivery times out) is
        given up and reported as a failure.
        """
        if self._closed:
            return
        self._closed = True
        deadline = time.monotonic() + (self._patience_s if timeout_s is None else timeout_s)
        try:
            with contextlib.suppress(PublishError):  # what it is about is found again below
                for pending in list(self._pending):
                    self._await(pending.future, deadline)
        finally:
            self._disconnect()
        with self._lock:
            self._harvest()
            self._raise_failures()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close(timeout_s=HURRIED_CLOSE_S)
        except PublishError as failures:
            error.add_note(str(failures))

    def _connect(self) -> Any:
        try:
            return kafka_clients.producer(**self._configuration)
        except KafkaError as error:
            servers = self._configuration["bootstrap_servers"]
            raise PublishError(f"No broker answers at {servers}: {error}") from error

    def _renew(self) -> None:
        """Put a fresh producer in the place of one that fails everything.

        After an event that the broker refuses for good, an idempotent producer of kafka-python
        fails all others, too; those that were on their way are reported.
        """
        fresh = self._connect()
        self._disconnect()
        self._producer = fresh

    def _hand_over(
        self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]
    ) -> FutureRecordMetadata:
        reason = too_large(topic, key, value, headers)
        if reason:
            return _failed(topic, MessageSizeTooLargeError(reason))
        try:
            partition = partition_of(key, self._partitions.get(topic) or self._count(topic))
            return self._producer.send(topic, value, key, headers, partition)
        except KafkaError as error:  # refused before it was sent, as where there is no such topic
            return _failed(topic, error)

    def _count(self, topic: str) -> int:
        """The number of partitions of `topic`, which never changes."""
        partitions = self._producer.partitions_for(topic)
        self._partitions[topic] = len(partitions)
        return len(partitions)

    def _make_room(self, size_bytes: int) -> None:
        """Wait for the oldest events until another of `size_bytes` may be taken."""
        pending = self._pending
        while pending and (
            len(pending) >= self._in_flight_events_max
            or self._pending_bytes + size_bytes > self._in_flight_bytes_max
        ):
            self._await(pending[0].future, time.monotonic() + self._patience_s)
            self._harvest()
            if len(self._failures) >= self._failures_max:
                self._raise_failures()

    def _await(self, future: FutureRecordMetadata, deadline: float) -> None:
        """Wait until `future` is done, whatever its outcome.

        kafka-python fails it by itself when the delivery times out, but not while it has no
        producer id yet; so `deadline` (of the monotonic clock) is kept here, too.
        """
        while not future.is_done:
            try:
                future.get(timeout=WAIT_S)
            except KafkaError:
                if not future.is_done and time.monotonic() >= deadline:
                    raise PublishError(
                        "The broker neither takes events nor refuses them."
                    ) from None

    def _harvest(self) -> None:
        """Drop the oldest events that are done, and keep the failures among them."""
        pending = self._pending
        while pending and pending[0].future.is_done:
            done = pending.popleft()
            self._pending_bytes -= done.size_bytes
            error = done.future.exception
            if error is not None:
                self._failures.append(PublishFailure.of(done.topic, done.key, error))

    def _raise_failures(self) -> None:
        failures, self._failures = self._failures, []
        if failures:
            raise PublishError.of(failures)

    def _disconnect(self) -> None:
        """End the producer's thread; what it had not delivered fails."""
        if any(not pending.future.is_done for pending in self._pending):
            # Its own close() would wait, then raise and leave its thread running.
            self._producer._sender.force_close()
        self._producer.close(timeout=DISCONNECT_S)


def record_size_bytes(key: bytes, value: bytes, headers: Iterable[tuple[str, bytes]] = ()) -> int:
    """The most bytes that an event takes on the wire, in a batch of its own."""
    return DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, list(headers))


def too_large(
    topic: str, key: bytes, value: bytes, headers: Iterable[tuple[str, bytes]] = ()
) -> str:
    """Why a topic never takes an event of so many bytes; empty where it does."""
    if len(key) + len(value) <= SURELY_SMALL_BYTES:
        return ""
    size_bytes, bytes_max = record_size_bytes(key, value, headers), _bytes_max(topic)
    if size_bytes <= bytes_max:
        return ""
    return f"the event has {size_bytes:,} bytes; the topic takes {bytes_max:,}"


def _bytes_max(topic: str) -> int:
    limit = BYTES_MAX_BY_TOPIC.get(topic, MESSAGE_BYTES_MAX)
    return limit - FRAME_BYTES


def _failed(topic: str, error: KafkaError) -> FutureRecordMetadata:
    """A future that has failed already, for an event that never reached the producer."""
    result = FutureProduceResult(TopicPartition(topic, -1))
    future = FutureRecordMetadata(result, -1, None, None, -1, -1, -1)
    result.failure(error)
    return future
