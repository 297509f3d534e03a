"""What utilization tells: intervals that come and go, and their pieces by quarter-hour."""

from typing import Annotated, NamedTuple

import polars as pl

from projections.tables import (
    PLACE,
    boolean,
    code,
    moment,
    sign,
    table_of,
    text,
)

QUARTER_US = 900_000_000
"""Fifteen minutes: every zone's offset is a multiple, so quarters make up its hours and days."""


class WorkInterval(NamedTuple):
    """An interval of a time entry that comes to what an expert worked, or goes from it."""

    expert_id: Annotated[str, text("Who worked.")]
    project_id: Annotated[str, text("For which project.")]
    entry_id: Annotated[str, text("The time entry.")]
    change: Annotated[str, code("What brought it: `recorded`, `adjusted` or `rejected`.")]
    is_billable: Annotated[bool, boolean("Whether the entry is billable.")]
    sign: Annotated[int, sign("1 where it comes, -1 where it goes.")]
    started_at: Annotated[int, moment("First instant of the interval, UTC.")]
    ended_at: Annotated[int, moment("First instant after the interval, UTC.")]


class WorkPiece(NamedTuple):
    """A piece of a work interval within one quarter-hour, UTC."""

    expert_id: Annotated[str, text("Who worked.")]
    project_id: Annotated[str, text("For which project.")]
    quarter_at: Annotated[int, moment("Start of the quarter-hour, UTC.")]
    is_billable: Annotated[bool, boolean("Whether the entry is billable.")]
    sign: Annotated[int, sign("1 where the piece comes, -1 where it goes.")]
    started_at: Annotated[int, moment("First instant of the piece, UTC.")]
    ended_at: Annotated[int, moment("First instant after the piece, UTC.")]


INTERVALS = table_of(WorkInterval, "utilization_intervals", ("expert_id",))
PIECES = table_of(WorkPiece, "utilization_pieces", ("expert_id", "quarter_at"))


def pieces(intervals: pl.DataFrame) -> pl.DataFrame:
    """Each interval cut at every quarter-hour, in the columns of `PIECES`."""
    started, ended = (pl.col(name).to_physical() for name in ("started_at", "ended_at"))
    quarters = pl.int_ranges(started // QUARTER_US, (ended - 1) // QUARTER_US + 1)
    cut = intervals.with_columns(quarter_at=quarters).explode("quarter_at")
    start = pl.col("quarter_at") * QUARTER_US
    place = [name for name in PLACE if name != "number"]
    number = pl.int_range(pl.len()).over(place)
    return cut.select(
        "expert_id",
        "project_id",
        start.cast(pl.Datetime("us")).alias("quarter_at"),
        "is_billable",
        "sign",
        pl.max_horizontal(started, start).cast(pl.Datetime("us")).alias("started_at"),
        pl.min_horizontal(ended, start + QUARTER_US).cast(pl.Datetime("us")).alias("ended_at"),
        *place,
        number.cast(pl.UInt16).alias("number"),
    )
