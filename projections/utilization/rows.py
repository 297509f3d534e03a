"""What utilization tells: work that comes and goes, reports, hiring steps and claims."""

from typing import Annotated, NamedTuple

import polars as pl

from projections.tables import (
    PLACE,
    boolean,
    code,
    integer,
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


class ReportedHours(NamedTuple):
    """Hours of a timecard without clock times: they count by period, never by quarter-hour."""

    expert_id: Annotated[str, text("Who worked.")]
    project_id: Annotated[str, text("For which project.")]
    report_id: Annotated[str, text("The report's own id.")]
    is_billable: Annotated[bool, boolean("Whether the hours are billable.")]
    period_start: Annotated[int, moment("First instant of the period, UTC.")]
    period_end: Annotated[int, moment("First instant after the period, UTC.")]
    duration_ms: Annotated[int, integer("Milliseconds worked in the period.")]


class DeclaredAvailability(NamedTuple):
    """How much an expert means to work, from an instant on: until their next word on the same."""

    expert_id: Annotated[str, text("Who declares.")]
    project_id: Annotated[str, text("For which project; empty where it is for all together.")]
    ms_per_week: Annotated[int, integer("Milliseconds a week.")]
    effective_from: Annotated[int, moment("The instant from which it holds, UTC.")]


class HiringStep(NamedTuple):
    """A step on the way to a hire, or off it."""

    expert_id: Annotated[str, text("The candidate.")]
    domain: Annotated[str, code("The domain that it is about; empty where nothing told it.")]
    step: Annotated[
        str,
        code(
            "sourced, applied, interviewed, passed, failed, inconclusive, voided, offered, "
            "terms_accepted, forfeited, withdrawn or hired."
        ),
    ]
    about: Annotated[str, text("The listing, interview or offer; empty where there is none.")]
    reached_at: Annotated[int, moment("When it happened, UTC.")]


class PublishedTask(NamedTuple):
    """A task that is put up for claims."""

    task_id: Annotated[str, text("The task.")]
    project_id: Annotated[str, text("Its project.")]
    kind: Annotated[str, code("The kind of work.")]
    domain: Annotated[str, code("The domain that it asks for.")]
    published_at: Annotated[int, moment("When it was put up, UTC.")]


class ClaimChange(NamedTuple):
    """What became of an expert's claim on a task."""

    expert_id: Annotated[str, text("Who claimed.")]
    task_id: Annotated[str, text("The task.")]
    change: Annotated[
        str, code("granted, refused; or how it ended: submitted, released, expired, other.")
    ]
    claimed_at: Annotated[int, moment("When the expert claimed the task, UTC.")]
    changed_at: Annotated[int, moment("When this came about, UTC.")]


INTERVALS = table_of(WorkInterval, "utilization_intervals", ("expert_id",))
PIECES = table_of(WorkPiece, "utilization_pieces", ("expert_id", "quarter_at"))
REPORTED = table_of(ReportedHours, "reported_hours", ("expert_id", "period_start"))
AVAILABILITY = table_of(DeclaredAvailability, "declared_availability", ("expert_id",))
STEPS = table_of(HiringStep, "hiring_steps", ("expert_id",))
TASKS = table_of(PublishedTask, "published_tasks", ("task_id",))
CLAIM_CHANGES = table_of(ClaimChange, "claim_changes", ("expert_id", "task_id"))


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
