"""The utilization fold and the parts of its state: what later events do not tell again."""

import polars as pl

from projections.fold import Fold
from projections.intervals import Interval
from projections.parts import Part
from projections.utilization.rows import (
    AVAILABILITY,
    CLAIM_CHANGES,
    INTERVALS,
    PIECES,
    REPORTED,
    STEPS,
    TASKS,
    pieces,
)
from projections.utilization.views import VIEWS

utilization = Fold(
    name="utilization",
    topics=("workforce.experts", "workforce.tasks"),
    version=3,
    tables=(INTERVALS, PIECES, REPORTED, AVAILABILITY, STEPS, TASKS, CLAIM_CHANGES),
    views=VIEWS,
    derived={PIECES: (INTERVALS, pieces)},
    identities={"TimeEntryRecorded": ("entry_id",), "HoursReported": ("report_id",)},
)


def with_id(name: str) -> pl.Expr:
    """The key of a part of the subject: the subject and the id in a column."""
    return pl.concat_str(pl.col("subject_id"), pl.lit(":"), pl.col(name))


@utilization.part("entry", with_id("entry_id"))
class Entry(Part):
    """A time entry and the instants that it holds, as adjusted so far."""

    project_id: str = ""
    """Empty until the entry is recorded."""
    is_billable: bool = False
    is_rejected: bool = False
    intervals: list[Interval] = []
    """Disjoint, ascending, neighbours merged."""


@utilization.part("interview", with_id("interview_id"))
class Interview(Part):
    """An interview: what tells of it later does not tell the domain again."""

    domain: str = ""


@utilization.part("offer", with_id("offer_id"))
class Offer(Part):
    """An offer: what tells of it later does not tell the domain again."""

    domain: str = ""


@utilization.part("claim", with_id("task_id"))
class Claim(Part):
    """An expert's last claim on a task that was granted."""

    claimed_at: int = 0
