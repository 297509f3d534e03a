"""What a fold is given of a round, and what it makes of it."""

from dataclasses import dataclass, field

import polars as pl

from projections.emit import DerivedEvent
from projections.tables import Table
from schemas.columns import Group

PLACE_COLUMNS = ("topic", "partition", "offset")
PARTS = {
    "key": pl.String,
    "topic": pl.String,
    "partition": pl.UInt16,
    "offset": pl.Int64,
    "body": pl.Binary,
}


@dataclass(frozen=True)
class Batch:
    """The events of a round that a fold is to apply, and where each stands in the log."""

    groups: list[Group]
    places: pl.DataFrame
    """topic, partition, offset and appended_at (µs), a row a position of the groups."""


@dataclass(frozen=True)
class Output:
    """What a fold made of a batch."""

    frames: dict[Table, pl.DataFrame]
    parts: pl.DataFrame
    """Each part touched, in the columns of `PARTS`: its key, topic and partition, the offset that
    it includes, and its bytes."""
    derived: list[DerivedEvent] = field(default_factory=list[DerivedEvent])
    """Events that those of the batch brought about, in the order of the log."""
