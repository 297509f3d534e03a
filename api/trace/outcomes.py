"""What each projection made of the record at an address, and the rows that it keeps of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from api.log import Log
from api.trace.records import AT, Record, places_applied
from projections.projection import Projection
from projections.registry import PROJECTIONS
from schemas.log_address import LogAddress

ROWS_MAX = 100
Row = dict[str, Any]


class Verdict(StrEnum):
    """What a projection made of a record."""

    applied = "applied"
    duplicate = "duplicate"
    conflict = "conflict"
    dead_letter = "dead letter"
    not_yet = "not yet"
    not_read = "not read"
    missing = "missing"


class Outcome(NamedTuple):
    """One projection's verdict, and the first `ROWS_MAX` rows of each of its tables."""

    projection: str
    verdict: Verdict
    reason: str = ""
    first_offset: int | None = None
    """Of a repeat: where it stood first, in the same partition."""
    watermark: int | None = None
    """The last offset of the partition that the projection includes; -1 if none."""
    lag_events: int | None = None
    """Offsets of the partition that Kafka holds and the projection does not include yet."""
    rows: dict[str, list[Row]] = {}  # noqa: RUF012 (nothing adds to it)


def outcomes_of(client: Client, log: Log, record: Record) -> list[Outcome]:
    """What every projection made of a record."""
    at = record.address
    end = (log(at.topic) or {}).get((at.topic, at.partition), 0)
    return [_outcome(client, projection, record, end) for projection in PROJECTIONS.values()]


def _outcome(client: Client, projection: Projection, record: Record, end: int) -> Outcome:
    at, name = record.address, projection.name
    if at.topic not in projection.topics:
        return Outcome(name, Verdict.not_read, f"it does not read {at.topic}")
    watermark = _watermark(client, projection, at)
    lag_events = max(0, end - 1 - watermark)

    def outcome(verdict: Verdict, reason: str = "", **more: Any) -> Outcome:
        told = Outcome(name, verdict, reason, watermark=watermark, lag_events=lag_events)
        return told._replace(**more)

    if at.offset > watermark:
        reason = f"it includes offset {watermark}, {at.offset - watermark:,} before this one"
        if watermark < 0:
            reason = "it includes nothing of this partition yet"
        return outcome(Verdict.not_yet, reason)
    parameters = at._asdict() | {"projection": name}
    where = f"projection = {{projection:String}} AND {AT}"
    for letter in _rows(client, f"SELECT reason FROM dead_letters WHERE {where}", parameters):
        return outcome(Verdict.dead_letter, letter["reason"])
    sql = f"SELECT verdict, repeats, first_offset FROM repeats WHERE {where}"
    for repeat in _rows(client, sql, parameters):
        first = at._replace(offset=repeat["first_offset"])
        reason = f"the same {repeat['repeats']} stands at {first}"
        verdict = Verdict(repeat["verdict"])
        return outcome(verdict, reason, first_offset=first.offset)
    if not _is_applied(client, projection, record):
        return outcome(Verdict.missing, "it is past this offset and tells nothing of it")
    event_type = record.event_type
    is_read = event_type is None or bool(projection.reads(event_type.name))
    reason = "" if is_read else "none of its rules reads this event"
    return outcome(Verdict.applied, reason, rows=_rows_by_table(client, projection, at))


def _watermark(client: Client, projection: Projection, at: LogAddress) -> int:
    sql = (
        "SELECT offset FROM watermarks WHERE projection = {projection:String} "
        "AND topic = {topic:String} AND partition = {partition:UInt16}"
    )
    rows = _rows(client, sql, at._asdict() | {"projection": projection.name})
    return rows[0]["offset"] if rows else -1


def _is_applied(client: Client, projection: Projection, record: Record) -> bool:
    if record.event is None:
        return False
    return record.address in places_applied(client, projection, record.event["event_id"])


def _rows_by_table(client: Client, projection: Projection, at: LogAddress) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for table in projection.tables:
        order = "ORDER BY number" if "number" in table.columns else ""
        sql = f"SELECT * FROM {table.name} WHERE {AT} {order} LIMIT {ROWS_MAX}"
        found[table.name] = _rows(client, sql, at._asdict())
    return found


def _rows(client: Client, sql: str, parameters: dict[str, Any]) -> list[Row]:
    answer: Any = client.query(sql, parameters=parameters)
    return list(answer.named_results())
