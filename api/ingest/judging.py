"""The verdict on each event before it is sent: the one that a worker would give, with the field."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from api.ingest.bodies import Told
from schemas.catalogue import EventType, catalogue
from schemas.columns import Group, decode_columns
from schemas.identity import derived_id, producer_id, uuid_text
from schemas.json_form import JsonFormError
from schemas.rules import broken_rules
from schemas.wire import WireError, encode
from streams.publisher import too_large


class Refusal(NamedTuple):
    """Why an event is not taken."""

    code: str
    """One of those that docs/api.md lists for events."""
    detail: str
    field: str = ""
    """The field that is wrong, where it is one."""


@dataclass(frozen=True)
class Judged:
    """An event that may be sent, or why not."""

    value: bytes = b""
    topic: str = ""
    key: bytes = b""
    event_id: str = ""
    refusal: Refusal | None = None


class Sender(NamedTuple):
    """Who tells the events, for what they leave out."""

    name: str
    idempotency: str = ""
    """What tells one request of this sender from all others; empty where a repeat is not known."""
    now_us: int = 0
    approved_by: str = ""
    """The second person, of what needs two; where it is empty, such events are not taken."""


def judge(told: list[Told], sender: Sender) -> list[Judged]:
    """The verdict on each event, in order: encoded, then held against every rule as columns."""
    found: list[Judged] = [
        Judged(value=one.value) if one.value else _encoded(one, index, sender)
        for index, one in enumerate(told)
    ]
    kept = [index for index, one in enumerate(found) if one.refusal is None]
    groups, failures = decode_columns([found[index].value for index in kept])
    for failure in failures:
        refusal = Refusal("undecodable", failure.reason)
        found[kept[failure.position]] = Judged(refusal=refusal)
    for group in groups:
        if needs_two_people(group.event_type) and not sender.approved_by:
            for position in group.positions:
                found[kept[position]] = Judged(refusal=_two_people(group.event_type))
            continue
        for position, one in _addressed(group):
            judged = Judged(found[kept[position]].value, *one)
            reason = too_large(judged.topic, judged.key, judged.value)
            if reason:
                judged = Judged(event_id=judged.event_id, refusal=Refusal("too_large", reason))
            found[kept[position]] = judged
        for failure in broken_rules(group):
            at, name = kept[failure.position], group.event_type.name
            refusal = Refusal("broken_rule", failure.reason, _field_of(name, failure.reason))
            found[at] = Judged(event_id=found[at].event_id, refusal=refusal)
    return found


def _encoded(told: Told, index: int, sender: Sender) -> Judged:
    name, rule = told.wrong
    if name:
        return Judged(refusal=Refusal("invalid_field", f"{name} {rule}", name))
    if told.fields is None:
        return Judged(refusal=Refusal("invalid_field", "An event is a JSON object."))
    event_type = catalogue().by_name.get(told.event_type)
    if event_type is None:
        said = f"there is no event type {told.event_type!r}" if told.event_type else "it is missing"
        detail = f"event_type: {said}; GET /subjects lists them"
        return Judged(refusal=Refusal("unknown_event_type", detail, "event_type"))
    if needs_two_people(event_type) and not sender.approved_by:
        return Judged(refusal=_two_people(event_type))
    try:
        event = event_type.read_json(told.fields)
        if sender.approved_by:
            event["approved_by"] = sender.approved_by
        event.setdefault("recorded_at", sender.now_us)
        event.setdefault("source", sender.name)
        if "event_id" not in event:
            event["event_id"] = _event_id(index, sender)
        return Judged(encode(event_type, event))
    except (JsonFormError, WireError) as error:
        field = _field_of(event_type.name, str(error))
        return Judged(refusal=Refusal("invalid_field", str(error), field))


def needs_two_people(event_type: EventType) -> bool:
    """Whether an event of this type names a second person, who approved it."""
    return "approved_by" in event_type.own_fields


def _two_people(event_type: EventType) -> Refusal:
    detail = (
        f"approved_by: {event_type.name} needs two people: POST /v1/requests asks for it, and a "
        "second person approves"
    )
    return Refusal("second_person_needed", detail, "approved_by")


def _event_id(index: int, sender: Sender) -> bytes:
    """The id of an event that was told without one: the same for the same request told again."""
    if not sender.idempotency:
        return producer_id()
    return derived_id(f"{sender.idempotency} {index}".encode())


def _addressed(group: Group) -> list[tuple[int, tuple[str, bytes, str]]]:
    rows = group.frame.select("subject_id", "event_id").iter_rows()
    topic = group.event_type.topic
    return [
        (position, (topic, subject.encode(), uuid_text(event_id)))
        for position, (subject, event_id) in zip(group.positions, rows, strict=True)
    ]


def _field_of(event_type: str, sentence: str) -> str:
    """The field that a sentence is about: it begins with it, or says that there is none of it."""
    fields = catalogue().by_name[event_type].fields
    said = sentence.removeprefix(f"{event_type}: ")
    if unknown := re.match(r"there is no field (\w+)", said):
        return unknown[1]
    words = re.findall(r"[a-z][a-z0-9_]*", said)
    return next((word for word in words if word in fields), "")
