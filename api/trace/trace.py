"""An event's life put together: every record of it, what it came from, and what came of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from clickhouse_connect.driver.client import Client

from api.log import Log
from api.trace.outcomes import Outcome, outcomes_of
from api.trace.records import AT, Record, place_archived, places_of, read_record
from schemas.identity import uuid_text
from schemas.log_address import LogAddress, is_address, parse_address


class NoNameError(ValueError):
    """A text that names no event; the message says how one is named."""


RECORDS_MAX = 20
CAUSED_MAX = 100
KEYED_BY_EXPERT = ("workforce.experts", "workforce.activity")


@dataclass(frozen=True)
class Delivery:
    """A record of the event, and what each projection made of it."""

    record: Record
    outcomes: list[Outcome]


@dataclass(frozen=True)
class Relative:
    """An event that brought this one about, or that this one brought about."""

    event_id: str
    event_type: str = ""
    """Empty, as the address is none, where the archive does not have it."""
    subject_id: str = ""
    address: LogAddress | None = None
    appended_at: int | None = None
    """When the broker took it, in microseconds."""


@dataclass(frozen=True)
class Trace:
    """The life of one event."""

    event_id: str | None
    """None where the record at the address is no event."""
    deliveries: list[Delivery]
    """The first `RECORDS_MAX` records, in the order in which the broker took them."""
    deliveries_more: int = 0
    cause: Relative | None = None
    caused: list[Relative] = field(default_factory=list[Relative])
    """The first `CAUSED_MAX`, in the order in which the broker took them."""
    caused_more: int = 0


def experts_of(trace: Trace) -> list[str]:
    """Whose data a trace shows: the experts that its event is about, or names."""
    named: set[str] = set()
    for delivery in trace.deliveries:
        event, event_type = delivery.record.event, delivery.record.event_type
        if event and event_type:
            about = event["subject_id"] if event_type.topic in KEYED_BY_EXPERT else ""
            named |= {about, event.get("expert_id") or ""}
            for name in ("expert_ids", "related_expert_ids", "subject_ids"):
                named.update(event.get(name) or ())
    return sorted(named - {""})


def trace_of(client: Client, log: Log, named: str) -> Trace | None:
    """The life of the event that a UUID or an address names; none where it is nowhere.

    Raises `NoNameError` where it is neither.
    """
    event_id, places = _find(client, log, named)
    if not places:
        return None
    records = [read_record(client, log, at) or Record(at) for at in places[:RECORDS_MAX]]
    records.sort(key=lambda one: (one.appended_at or 0, one.address))
    deliveries = [Delivery(record, outcomes_of(client, log, record)) for record in records]
    if event_id is None:
        return Trace(None, deliveries)
    more = len(places) - len(records)
    caused, caused_more = _caused(client, event_id)
    cause = _cause(client, records)
    return Trace(uuid_text(event_id), deliveries, more, cause, caused, caused_more)


def _find(client: Client, log: Log, named: str) -> tuple[bytes | None, list[LogAddress]]:
    """The event's id, and where its records lie."""
    if not is_address(named):
        event_id = _event_id(named)
        return event_id, places_of(client, event_id)
    at = parse_address(named)
    record = read_record(client, log, at)
    if record is None:
        return None, []
    if record.event is None:
        return None, [at]
    event_id = record.event["event_id"]
    others = [place for place in places_of(client, event_id) if place != at]
    return event_id, [at, *others]


def _event_id(named: str) -> bytes:
    try:
        return uuid.UUID(named).bytes
    except ValueError:
        raise NoNameError(
            f"{named} is neither an event's id (a UUID) nor an address (topic/partition/offset)."
        ) from None


def _cause(client: Client, records: Iterable[Record]) -> Relative | None:
    causes = (record.event["causation_id"] for record in records if record.event)
    event_id = next((one for one in causes if one), None)
    if event_id is None:
        return None
    at = place_archived(client, event_id)
    if at is not None:
        for relative in _relatives(client, AT, at._asdict(), 1):
            return relative
    return Relative(uuid_text(event_id))


def _caused(client: Client, event_id: bytes) -> tuple[list[Relative], int]:
    parameters = {"id": event_id.hex()}
    where = "causation_id = {id:String}"
    found = _relatives(client, where, parameters, CAUSED_MAX)
    if len(found) < CAUSED_MAX:
        return found, 0
    counted = client.query(f"SELECT count() FROM events WHERE {where}", parameters=parameters)
    return found, int(counted.result_rows[0][0]) - len(found)


def _relatives(
    client: Client, where: str, parameters: dict[str, Any], limit: int
) -> list[Relative]:
    rows = client.query(
        "SELECT event_id, event_type, subject_id, topic, partition, offset, "
        "toUnixTimestamp64Micro(appended_at) AS taken_at FROM events "
        f"WHERE {where} ORDER BY taken_at, topic, partition, offset LIMIT {limit}",
        parameters=parameters,
    ).result_rows
    return [
        Relative(event_id, event_type, subject_id, LogAddress(*place), int(taken_at))
        for event_id, event_type, subject_id, *place, taken_at in rows
    ]
