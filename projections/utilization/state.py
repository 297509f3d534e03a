"""The utilization fold and the parts of its state: what an entry holds now."""

import polars as pl

from projections.fold import Fold, Part
from projections.intervals import Interval
from projections.utilization.rows import INTERVALS, PIECES, pieces
from projections.utilization.views import VIEWS

utilization = Fold(
    name="utilization",
    topics=("workforce.experts",),
    version=1,
    tables=(INTERVALS, PIECES),
    views=VIEWS,
    derived={PIECES: (INTERVALS, pieces)},
    identities={"TimeEntryRecorded": ("entry_id",)},
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
