"""The way to Kafka: an event is accepted once it is on all in-sync replicas, and not before."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Protocol

from kafka.errors import KafkaError
from kafka.producer.future import FutureRecordMetadata

from api.ingest.judging import Judged, Refusal
from api.metrics import EVENTS
from schemas.log_address import LogAddress
from streams.publish_error import PublishError
from streams.publisher import IN_FLIGHT_EVENTS_MAX, Publisher

log = logging.getLogger(__name__)
ACKNOWLEDGED_WITHIN_S = 20.0
"""A request whose events are not on the log after this long is answered all the same."""
CONNECT_AGAIN_S = 5.0
"""After no broker answered, the next attempt to connect is made so much later."""
NOT_KNOWN = (
    "The broker has not acknowledged it: it may be on the log or not. Send it again with the same "
    "event_id or Idempotency-Key: it is taken once."
)


class Outcome(NamedTuple):
    """What became of one event."""

    status: int
    """201: on the log. 422: refused. 503: not known, or no room; send it again."""
    event_id: str = ""
    topic: str = ""
    partition: int = -1
    offset: int = -1
    refusal: Refusal | None = None

    @property
    def token(self) -> str:
        """The place in the log, which a read can wait for."""
        return str(LogAddress(self.topic, self.partition, self.offset))


class OverloadedError(Exception):
    """There is no room for the events now; nothing of them was sent."""


class Way(Protocol):
    """How events get to the log."""

    def accept(self, judged: list[Judged]) -> list[Outcome]:
        """Send what is sound, wait, and say what became of each. Raises `OverloadedError`."""
        ...


class Gateway:
    """The publisher of one process, made with the first event; used by many threads at once."""

    def __init__(self, connect: Callable[[], Publisher]) -> None:
        self._connect = connect
        self._publisher: Publisher | None = None
        self._lock, self._connecting = threading.Lock(), threading.Lock()
        self._refused_at_s = float("-inf")
        self._waiting = 0

    def accept(self, judged: list[Judged]) -> list[Outcome]:
        """Send what is sound, wait until it is on all in-sync replicas, say what became of each.

        Raises `OverloadedError`, before anything is sent, where as many events wait already as may,
        or no broker answers.
        """
        sound = sum(one.refusal is None for one in judged)
        with self._lock:
            if self._waiting + sound > IN_FLIGHT_EVENTS_MAX:
                raise OverloadedError
            self._waiting += sound
        try:
            return self._accept(judged)
        finally:
            with self._lock:
                self._waiting -= sound

    def close(self) -> None:
        """Let what is on its way arrive, and disconnect.

        What failed since the start was told to whoever sent it: here it is logged.
        """
        if self._publisher:
            try:
                self._publisher.close()
            except PublishError as error:
                log.warning("at the end: %s", error)

    def _accept(self, judged: list[Judged]) -> list[Outcome]:
        sent: list[FutureRecordMetadata | None] = [None] * len(judged)
        if any(one.refusal is None for one in judged):
            publisher = self._connected()
            sent = [None if one.refusal else _send(publisher, one) for one in judged]
        deadline = time.monotonic() + ACKNOWLEDGED_WITHIN_S
        outcomes = [
            Outcome(422, one.event_id, refusal=one.refusal)
            if one.refusal
            else _outcome(one, future, deadline)
            for one, future in zip(judged, sent, strict=True)
        ]
        for told, events in Counter(_name_of(one) for one in outcomes).items():
            EVENTS.labels(told).inc(events)
        return outcomes

    def _connected(self) -> Publisher:
        """The publisher. Where no broker answered a moment ago nobody waits for it once more."""
        if self._publisher:
            return self._publisher
        with self._connecting:
            if self._publisher is None:
                if time.monotonic() - self._refused_at_s < CONNECT_AGAIN_S:
                    raise OverloadedError
                try:
                    self._publisher = self._connect()
                except PublishError:
                    self._refused_at_s = time.monotonic()
                    raise OverloadedError from None
            return self._publisher


def _name_of(one: Outcome) -> str:
    return one.refusal.code if one.refusal else "accepted"


def _send(publisher: Publisher, one: Judged) -> FutureRecordMetadata | None:
    try:
        return publisher.send(one.topic, one.key, one.value)
    except PublishError:
        return None


def _outcome(one: Judged, future: FutureRecordMetadata | None, deadline: float) -> Outcome:
    try:
        if future is None:
            raise KafkaError("not taken")
        at = future.get(timeout=max(deadline - time.monotonic(), 0.0))
    except KafkaError:
        return Outcome(503, one.event_id, refusal=Refusal("not_acknowledged", NOT_KNOWN))
    return Outcome(201, one.event_id, at.topic, at.partition, at.offset)
