"""Records of the log by id or by address: where an event lies, and what its bytes say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.client import Client

from api.log import Log
from projections.archive import archive
from projections.projection import Projection
from projections.registry import PROJECTIONS
from projections.store.generations import pointer_of
from projections.store.layout import table_of
from projections.store.store import APPLIED
from schemas.catalogue import EventType, Version, catalogue
from schemas.identity import uuid_text
from schemas.log_address import LogAddress
from schemas.wire import HEADER_BYTES, WireError, decode

AT = "topic = {topic:String} AND partition = {partition:UInt16} AND offset = {offset:Int64}"
# An event's id stands behind the header and `recorded_at`, which takes one to ten bytes.
ID_WITHIN = "position(substring(value, 6, 26), unhex({id:String})) > 0"


@dataclass(frozen=True)
class Record:
    """A record, and the event that its bytes are, if they are one."""

    address: LogAddress
    appended_at: int | None = None
    """When the broker took it, in microseconds; None where Kafka does not hold it any more."""
    event_type: EventType | None = None
    version: Version | None = None
    event: dict[str, Any] | None = None
    """The fields by name, as `schemas.wire.decode` gives them."""


def places_of(client: Client, event_id: bytes) -> list[LogAddress]:
    """Where records with an event id lie that some projection has dealt with, in order."""
    found: set[LogAddress] = set()
    for projection in PROJECTIONS.values():
        found.update(places_applied(client, projection, event_id))
    for sql, text in (
        ("repeats WHERE event_id = {id:String}", uuid_text(event_id)),
        (f"dead_letters WHERE {ID_WITHIN}", event_id.hex()),
    ):
        answer = client.query(
            f"SELECT DISTINCT topic, partition, offset FROM {sql}", parameters={"id": text}
        )
        found.update(_addresses(answer.result_rows))
    return sorted(found)


def places_applied(client: Client, projection: Projection, event_id: bytes) -> list[LogAddress]:
    """Where a projection has applied an event, in its live generation."""
    table = table_of(projection, APPLIED, pointer_of(client, projection).generation)
    answer = client.query(
        # A text that ends with a zero byte would lose it beside a FixedString.
        f"SELECT topic, partition, offset FROM {table} "
        "WHERE id = toFixedString(unhex({id:String}), 16)",
        parameters={"id": event_id.hex()},
    )
    return _addresses(answer.result_rows)


def place_archived(client: Client, event_id: bytes) -> LogAddress | None:
    """Where the archive has an event: the first of its places."""
    return min(places_applied(client, archive, event_id), default=None)


def read_record(client: Client, log: Log, at: LogAddress) -> Record | None:
    """The record at an address: from the archive, the dead letters, or Kafka; none if in none."""
    for sql in (
        f"SELECT toUnixTimestamp64Micro(appended_at), raw FROM events WHERE {AT} LIMIT 1",
        "SELECT toUnixTimestamp64Micro(appended_at), hex(value) FROM dead_letters "
        f"WHERE {AT} LIMIT 1",
    ):
        rows = client.query(sql, parameters=at._asdict()).result_rows
        if rows:
            [(appended_at, told)] = rows
            return _decoded(at, int(appended_at), bytes.fromhex(told))
    record = log.record(*at)
    return _decoded(at, record.appended_at, record.value or b"") if record else None


def _decoded(at: LogAddress, appended_at: int, value: bytes) -> Record:
    try:
        event_type, event = decode(value)
    except WireError:
        return Record(at, appended_at)
    _, version = catalogue().by_id[int.from_bytes(value[1:HEADER_BYTES], "big")]
    return Record(at, appended_at, event_type, version, event)


def _addresses(rows: Any) -> list[LogAddress]:
    return [LogAddress(str(topic), int(part), int(offset)) for topic, part, offset in rows]
