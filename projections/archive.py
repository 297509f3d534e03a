"""Archive: every event with its raw bytes, queryable by type and field. It keeps no state."""

from typing import Any

import polars as pl

from projections.batch import PARTS, Batch, Output
from projections.parts import Part
from projections.tables import Column, Table, View, code, hex_bytes, integer, moment, text, uuid_id
from schemas.avsc import branch_of, kind_of
from schemas.catalogue import EventType, catalogue
from schemas.columns import Group

EVENTS = Table(
    name="events",
    comment="Every event of the ledger, where it stands in the log, and its bytes.",
    columns={
        "topic": code("The Kafka topic."),
        "partition": Column("UInt16", pl.UInt16, "The partition, which the key decides."),
        "offset": integer("The offset in the partition."),
        "appended_at": moment("When the broker took the event, UTC."),
        "event_type": code("The event's type, such as TimeEntryRecorded."),
        "schema_id": integer("The id of the schema that the bytes were written with."),
        "event_id": uuid_id("The event's id: version 7 from a producer, version 5 if derived."),
        "subject_id": text("The Kafka key: the expert, task or project that it is about."),
        "occurred_at": moment("When it happened in the world, UTC."),
        "recorded_at": moment("When the gateway took it, UTC."),
        "actor": text("Who says so."),
        "source": code("Which system wrote it."),
        "causation_id": hex_bytes("The event that brought it about, hexadecimal; empty if none."),
        "correlation_id": text("What ties events of one undertaking together; empty if none."),
        "fields": Column(
            "JSON",
            pl.String,
            "The event's own fields: fields.project_id, fields.currency. Times are microseconds, "
            "bytes hexadecimal.",
        ),
        "raw": Column(
            "String", pl.Binary, "The bytes as they stand on Kafka, hexadecimal.", "String",
            "lower(hex({name}))",
        ),
    },
    order_by=("event_type", "topic", "partition", "offset"),
)  # fmt: skip


class Archive:
    """The projection `archive`: it applies every event, of every topic, alike."""

    name = "archive"
    version = 1
    topics = tuple(catalogue().topics())
    tables = (EVENTS,)
    views: tuple[View, ...] = ()
    identities: dict[str, tuple[str, ...]] = {}  # noqa: RUF012 (nothing adds to it)

    def reads(self, event: str) -> tuple[str, ...]:
        """Every field of every event."""
        return catalogue().by_name[event].fields

    def part_of(self, key: str) -> type[Part]:
        """The archive keeps no state: `KeyError` for every key."""
        raise KeyError(key)

    def part_keys(self, batch: Batch) -> set[str]:
        """None."""
        return set()

    def named_keys(self, batch: Batch, parts: dict[str, Part]) -> set[str]:
        """None."""
        return set()

    def apply(self, batch: Batch, parts: dict[str, Part]) -> Output:
        """A row an event; `batch.places` has the raw value beside each place."""
        frames = [_rows(group, batch.places) for group in batch.groups]
        empty = pl.DataFrame(schema={n: c.dtype for n, c in EVENTS.columns.items()})
        rows = pl.concat(frames) if frames else empty
        return Output({EVENTS: rows}, pl.DataFrame(schema=PARTS))


archive = Archive()


def _rows(group: Group, places: pl.DataFrame) -> pl.DataFrame:
    frame, event_type = group.frame, group.event_type
    at = places[group.positions]
    columns: dict[str, pl.Series | pl.Expr] = {
        "topic": at["topic"],
        "partition": at["partition"],
        "offset": at["offset"],
        "appended_at": at["appended_at"],
        "event_type": pl.lit(event_type.name),
        "schema_id": at["value"].bin.slice(1, 4).bin.reinterpret(dtype=pl.UInt32, endianness="big"),
        **{
            name: pl.col(name)
            for name in ("event_id", "subject_id", "occurred_at", "recorded_at", "actor", "source")
        },
        "causation_id": pl.col("causation_id").fill_null(b""),
        "correlation_id": pl.col("correlation_id").fill_null(""),
        "fields": pl.struct(*_own_fields(event_type)).struct.json_encode(),
        "raw": at["value"],
    }
    kept = frame.select(
        pl.lit(value).alias(name) if isinstance(value, pl.Series) else value.alias(name)
        for name, value in columns.items()
    )
    return kept.cast({name: column.dtype for name, column in EVENTS.columns.items()})


def _own_fields(event_type: EventType) -> list[pl.Expr]:
    """The event's own fields as JSON can hold them: bytes as hexadecimal text."""
    return [
        _json_ready(pl.col(field["name"]), field["type"]).alias(field["name"])
        for field in event_type.flat["fields"]
        if field["name"] in event_type.own_fields
    ]


def _json_ready(value: pl.Expr, declared: Any) -> pl.Expr:
    declared, _ = branch_of(declared)
    match kind_of(declared):
        case "fixed" | "bytes":
            return value.bin.encode("hex")
        case "array":
            return value.list.eval(_json_ready(pl.element(), declared["items"]))
        case "record":
            fields = [
                _json_ready(value.struct.field(f["name"]), f["type"]).alias(f["name"])
                for f in declared["fields"]
            ]
            return pl.when(value.is_not_null()).then(pl.struct(fields))
        case _:
            return value
