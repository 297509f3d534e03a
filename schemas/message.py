"""An event in its envelope, as it goes to Kafka: topic, key, partition and bytes.

told = message(ExpertHired(domains=["poetry"], country="PT", home_zone="Europe/Lisbon"),
               envelope("ines-duarte", actor="system:marketplace", source="marketplace"))
publisher.send(told.topic, told.key, told.value)
"""

import time
from dataclasses import dataclass

import msgspec

from schemas.event import Event
from schemas.events.envelope import Envelope
from schemas.identity import derived_id, import_id, producer_id
from schemas.partitioning import partition_of
from schemas.wire import encode


@dataclass(frozen=True)
class Message:
    """An event with everything that Kafka needs of it."""

    event: Event
    envelope: Envelope
    value: bytes

    @property
    def topic(self) -> str:
        """The topic that the event's type is written to."""
        return self.event.event_type().topic

    @property
    def key(self) -> bytes:
        """The subject, which decides the partition."""
        return self.envelope.subject_id.encode()

    @property
    def partition(self) -> int:
        """The partition that the key names."""
        return partition_of(self.key)


def message(event: Event, envelope: Envelope) -> Message:
    """An event in its envelope. Raises `WireError` that names a field which is not of its type."""
    return Message(event, envelope, encode(event.event_type(), fields_of(event, envelope)))


def fields_of(event: Event, envelope: Envelope) -> dict[str, object]:
    """Every field of the event by name, the envelope's first."""
    return msgspec.structs.asdict(envelope) | event.fields()


def now_us() -> int:
    """Microseconds since 1970, now."""
    return time.time_ns() // 1000


def envelope(
    subject_id: str,
    *,
    actor: str,
    source: str,
    occurred_at: int | None = None,
    event_id: bytes | None = None,
    correlation_id: str | None = None,
) -> Envelope:
    """The envelope of what a producer tells now: a UUIDv7, and both times now unless given (µs)."""
    recorded_at = now_us()
    return Envelope(
        recorded_at=recorded_at,
        event_id=event_id or producer_id(),
        subject_id=subject_id,
        occurred_at=recorded_at if occurred_at is None else occurred_at,
        actor=actor,
        source=source,
        correlation_id=correlation_id,
    )


def derived_envelope(
    cause: Envelope,
    event: type[Event],
    subject_id: str,
    *,
    actor: str,
    source: str,
    occurred_at: int | None = None,
    part: bytes = b"",
) -> Envelope:
    """The envelope of an event that another brought about: the same cause gives the same one.

    Its id is the UUIDv5 of the cause's id, the event's name and the subject; `part` tells apart
    several such events for one subject. `recorded_at` is the cause's, and so is `occurred_at`
    unless it is given (µs): no clock is asked.
    """
    named = b"%b %b %b %b" % (cause.event_id, event.__name__.encode(), subject_id.encode(), part)
    return Envelope(
        recorded_at=cause.recorded_at,
        event_id=derived_id(named),
        subject_id=subject_id,
        occurred_at=cause.occurred_at if occurred_at is None else occurred_at,
        actor=actor,
        source=source,
        causation_id=cause.event_id,
        correlation_id=cause.correlation_id,
    )


def import_envelope(
    event: type[Event],
    subject_id: str,
    *,
    occurred_at: int,
    recorded_at: int,
    actor: str,
    source: str,
    key: str = "",
) -> Envelope:
    """The envelope of an event that is told again with every import: the same id each time (µs).

    `key` tells apart several such events of one source for one subject.
    """
    told = f"{source} {event.__name__} {subject_id} {key}"
    return Envelope(
        recorded_at=recorded_at,
        event_id=import_id(occurred_at, told.encode()),
        subject_id=subject_id,
        occurred_at=occurred_at,
        actor=actor,
        source=source,
    )
