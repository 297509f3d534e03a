"""What a body holds: events in JSON, CloudEvents or Avro, each as it was told, not judged yet."""

from typing import Any, NamedTuple, cast
from uuid import UUID

import msgspec

from schemas.identity import derived_id, uuid_text

JSON = "application/json"
CLOUD_EVENT, CLOUD_EVENTS = "application/cloudevents+json", "application/cloudevents-batch+json"
AVRO = "avro/binary"
CONTENT_TYPES = (JSON, CLOUD_EVENT, CLOUD_EVENTS, AVRO)
SPEC_VERSION = "1.0"
"""Of CloudEvents."""
EVENTS_MAX = 1_000
"""Events of one request."""
CLOUD_REQUIRED = ("id", "source", "type")
CLOUD_ATTRIBUTES = {
    "source": "source",
    "subject": "subject_id",
    "time": "occurred_at",
    "actor": "actor",
    "correlationid": "correlation_id",
    "causationid": "causation_id",
}
"""Attribute or extension of a CloudEvent to the field of our envelope; `id` and `type` aside."""


class BodyError(ValueError):
    """A body that is no event at all; the message says what it must be."""


class Told(NamedTuple):
    """An event as somebody told it: in JSON, or as bytes in the Confluent wire format."""

    event_type: str = ""
    fields: dict[str, Any] | None = None
    """The fields of the event and its envelope, in the form that they have in JSON."""
    value: bytes = b""
    wrong: tuple[str, str] = ("", "")
    """An attribute that is none of a CloudEvent, and what it must be; empty where all are sound."""


class Body(NamedTuple):
    """The events of a request."""

    told: list[Told]
    is_list: bool
    """Whether each event gets an outcome of its own, or the request stands for the one event."""


def read_body(content_type: str, body: bytes) -> Body:
    """The events of a body. Raises `BodyError` that says what is wrong with it as a whole."""
    if content_type == AVRO:
        return Body([Told(value=body)], is_list=False)
    try:
        held = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BodyError(f"The body is not JSON: {error}.") from None
    is_list = isinstance(held, list)
    if content_type == CLOUD_EVENTS and not is_list:
        raise BodyError(f"A body of {CLOUD_EVENTS} is a list.")
    if content_type == CLOUD_EVENT and is_list:
        raise BodyError(f"A body of {CLOUD_EVENT} is one event; a list is {CLOUD_EVENTS}.")
    items = cast("list[Any]", held) if is_list else [held]
    if not 1 <= len(items) <= EVENTS_MAX:
        raise BodyError(f"A request holds 1 to {EVENTS_MAX:,} events, not {len(items):,}.")
    read = _plain if content_type == JSON else _cloud_event
    return Body([read(item) for item in items], is_list)


def _plain(item: Any) -> Told:
    if not isinstance(item, dict):
        return Told()
    fields = dict(cast("dict[str, Any]", item))
    return Told(str(fields.pop("event_type", "")), fields)


def _cloud_event(item: Any) -> Told:
    """A CloudEvent, 1.0: its attributes are the envelope, `data` the event's own fields.

    An `id` that is no UUID becomes one: the UUIDv5 of source and id, which together name the event.
    """
    if not isinstance(item, dict):
        return Told()
    # An attribute that is null is one that is not told: so says CloudEvents' form in JSON.
    told = cast("dict[str, Any]", item)
    cloud = {name: value for name, value in told.items() if value is not None}
    if cloud.get("specversion") != SPEC_VERSION:
        return Told(wrong=("specversion", f'must be "{SPEC_VERSION}"'))
    for name in dict.fromkeys((*CLOUD_REQUIRED, *CLOUD_ATTRIBUTES)):
        value = cloud.get(name)
        if (name in cloud or name in CLOUD_REQUIRED) and not (value and isinstance(value, str)):
            is_so = f"is {msgspec.json.encode(value).decode()}" if name in cloud else "is missing"
            return Told(wrong=(name, f"{is_so}, and must be a text that is not empty"))
    data = cloud.get("data")
    fields: dict[str, Any] = dict(cast("dict[str, Any]", data)) if isinstance(data, dict) else {}
    fields |= {ours: cloud[theirs] for theirs, ours in CLOUD_ATTRIBUTES.items() if theirs in cloud}
    fields["event_id"] = _event_id(cloud["id"], cloud["source"])
    return Told(cloud["type"], fields)


def _event_id(told: str, source: str) -> str:
    try:
        return str(UUID(told))
    except ValueError:
        return uuid_text(derived_id(f"{source} {told}".encode()))
