"""An event's life put together: every record of it, what it came from, and what came of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from clickhouse_connect.driver.client import Client

from infra.errors import CommandError, UsageError
from infra.trace.outcomes import Outcome, outcomes_of
from infra.trace.records import AT, Record, place_applied, places_of, read_record
from infra.verify.wait import freshness
from projections.registry import PROJECTIONS
from schemas.identity import uuid_text
from schemas.log_address import LogAddress, is_address, parse_address
from streams.offsets import LogReader

RECORDS_MAX = 20
CAUSED_MAX = 100


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


def trace_of(client: Client, log: LogReader, named: str) -> Trace:
    """The life of the event that a UUID or an address names.

    Raises `UsageError` where it is neither, and `CommandError` that says where was looked for it
    and how fresh that is.
    """
    event_id, places = _find(client, log, named)
    if not places:
        raise CommandError(_nowhere(client, log, named))
    records = [read_record(client, log, at) or Record(at) for at in places[:RECORDS_MAX]]
    records.sort(key=lambda one: (one.appended_at or 0, one.address))
    deliveries = [Delivery(record, outcomes_of(client, log, record)) for record in records]
    if event_id is None:
        return Trace(None, deliveries)
    more = len(places) - len(records)
    caused, caused_more = _caused(client, event_id)
    cause = _cause(client, records)
    return Trace(uuid_text(event_id), deliveries, more, cause, caused, caused_more)


def _find(client: Client, log: LogReader, named: str) -> tuple[bytes | None, list[LogAddress]]:
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
        raise UsageError(
            f"{named} is neither an event's id (a UUID) nor an address (topic/partition/offset)."
        ) from None


def _cause(client: Client, records: Iterable[Record]) -> Relative | None:
    causes = (record.event["causation_id"] for record in records if record.event)
    event_id = next((one for one in causes if one), None)
    if event_id is None:
        return None
    at = place_applied(client, event_id)
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


def _nowhere(client: Client, log: LogReader, named: str) -> str:
    what = "no record at" if is_address(named) else "no event"
    fresh = ", ".join(
        f"{one.projection} includes {one.events:,} events up to {one.last_appended_at or 'never'} "
        f"and is {one.lag_events:,} behind Kafka"
        for one in freshness(client, log.offsets)
    )
    names = list(PROJECTIONS)
    where = f"what {', '.join(names[:-1])} and {names[-1]} applied, repeats or dead letters"
    kafka = " or on Kafka" if is_address(named) else ""
    return f"There is {what} {named} in {where}{kafka}. {fresh}."
