"""Tables as the fold's rows declare them: a NamedTuple a row, a `Column` an annotation."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, NamedTuple, cast, get_args, get_type_hints

import polars as pl


@dataclass(frozen=True)
class Column:
    """How a value is kept in ClickHouse, and what a reader sees of it."""

    kept_as: str
    """The ClickHouse type in the table."""
    dtype: Any
    """The polars type that it is inserted from."""
    comment: str
    seen_as: str = ""
    """The type in the view, where it differs."""
    seen_by: str = "{name}"
    """The expression in the view."""

    @property
    def view_type(self) -> str:
        """The ClickHouse type that a reader meets."""
        return self.seen_as or self.kept_as


def text(comment: str) -> Column:
    """A string with many values."""
    return Column("String", pl.String, comment)


def code(comment: str) -> Column:
    """A string with few values."""
    return Column("LowCardinality(String)", pl.String, comment)


def integer(comment: str) -> Column:
    """A whole number with a sign."""
    return Column("Int64", pl.Int64, comment)


def boolean(comment: str) -> Column:
    """True or false."""
    return Column("Bool", pl.Boolean, comment)


def sign(comment: str) -> Column:
    """1 or -1."""
    return Column("Int8", pl.Int8, comment)


def moment(comment: str) -> Column:
    """A UTC time with microseconds, from an integer of microseconds."""
    return Column("DateTime64(6, 'UTC')", pl.Datetime("us"), comment)


def uuid_id(comment: str) -> Column:
    """16 bytes, read as a UUID's text: as bytes they sort in the time order of UUIDv7."""
    return Column("FixedString(16)", pl.Binary, comment, "String", "UUIDNumToString({name})")


def hex_bytes(comment: str) -> Column:
    """Bytes, read as hexadecimal text."""
    return Column("String", pl.Binary, comment, "String", "lower(hex({name}))")


PLACE: dict[str, Column] = {
    "topic": code("The Kafka topic of the event that made the row."),
    "partition": Column("UInt16", pl.UInt16, "The event's partition."),
    "offset": integer("The event's offset."),
    "number": Column("UInt16", pl.UInt16, "The row's number within its event, from 0."),
}
"""The columns that every row gets from where its event stands in the log."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table of facts: append-only, keyed by place in the log, written twice it is there once."""

    name: str
    comment: str
    columns: dict[str, Column]
    """Columns of the row, then those of `PLACE`."""
    order_by: tuple[str, ...]
    row: type[tuple[Any, ...]] | None = None

    @cached_property
    def empty(self) -> pl.DataFrame:
        """No rows."""
        return pl.DataFrame(schema={name: spec.dtype for name, spec in self.columns.items()})

    def frame(
        self, rows: Sequence[tuple[Any, ...]], positions: list[int], places: pl.DataFrame
    ) -> pl.DataFrame:
        """The rows as columns; `positions` says for each row which row of `places` it came from.

        `places` has topic, partition and offset; a row's number is its count within the event,
        whose rows stand together.
        """
        if not rows:  # the commonest case of repeats and dead letters
            return self.empty
        own = [name for name in self.columns if name not in PLACE]
        data = {
            name: pl.Series(values, dtype=self.columns[name].dtype, strict=True)
            for name, values in zip(own, map(list[Any], zip(*rows, strict=True)), strict=True)
        }
        at = pl.Series("at", positions, dtype=pl.UInt32)
        row, is_first = pl.int_range(pl.len()), pl.col("at").ne_missing(pl.col("at").shift())
        first = pl.when(is_first).then(row).forward_fill()
        numbers = at.to_frame().select(number=(row - first).cast(pl.UInt16))
        place = places[["topic", "partition", "offset"]][at]
        return pl.concat([pl.DataFrame(data), place, numbers], how="horizontal")


@dataclass(frozen=True)
class View:
    """What people read: a select over the views of tables, the projection's own or another's.

    It keeps nothing, so it may change without a new version of its projection.
    """

    name: str
    comment: str
    columns: dict[str, Column]
    """Each column of the select by its name there; of a `Column` only `view_type` and `comment`
    count."""
    select: str


def table_of(row: type[tuple[Any, ...]], name: str, order_by: tuple[str, ...]) -> Table:
    """The table that a NamedTuple of annotated columns declares; its docstring is the comment."""
    hints = get_type_hints(row, include_extras=True)
    columns = {field: cast(Column, get_args(hint)[1]) for field, hint in hints.items()}
    return Table(name, (row.__doc__ or "").strip(), columns | PLACE, (*order_by, *PLACE), row)


class Repeat(NamedTuple):
    """An event that came again: it changed nothing. A conflict came again with other content."""

    event_id: Annotated[bytes, uuid_id("The event's id.")]
    subject_id: Annotated[str, text("Whom or what the event is about.")]
    event_type: Annotated[str, code("The event's type.")]
    verdict: Annotated[str, code("`duplicate` (same content) or `conflict` (other content).")]
    repeats: Annotated[str, code("What it repeats: the `event`, or the `entry` under a new event.")]
    first_offset: Annotated[int, integer("Where it stood first, in the same partition.")]
    value: Annotated[
        bytes, hex_bytes("The bytes of a conflict, hexadecimal; empty for a duplicate.")
    ]


REPEATS = table_of(Repeat, "repeats", ())


class DeadLetter(NamedTuple):
    """A value on Kafka that is no event: it changed nothing, and its bytes are kept."""

    reason: Annotated[str, text("What is wrong, with the event, the field and the value.")]
    cause: Annotated[str, code("The kind of reason: undecodable, rule or address.")]
    event_key: Annotated[bytes, Column("String", pl.Binary, "The record's key as it came.")]
    value: Annotated[bytes, Column("String", pl.Binary, "The record's bytes as they came.")]
    appended_at: Annotated[int, moment("When the broker took the record.")]


DEAD_LETTERS = table_of(DeadLetter, "dead_letters", ())
