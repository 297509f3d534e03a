"""The payout fold and the parts of its state: an expert's standing, and the instants of a day."""

from bisect import bisect_left, bisect_right

import polars as pl

from projections.fold import Fold, Part
from projections.payout.rows import JOURNAL, LINES, postings

DAY_US = 86_400_000_000

payout = Fold(
    name="payout",
    topics=("workforce.experts",),
    version=1,
    tables=(LINES, JOURNAL),
    derived={JOURNAL: (LINES, postings)},
    identities={"TimeEntryRecorded": ("entry_id",)},
)


class Rate(Part):
    """A rate from an instant on."""

    effective_from: int
    offset: int
    minor_per_hour: int
    currency: str


class Terms(Part):
    """Terms as signed."""

    accepted_at: int
    sha256: bytes


class Engagement(Part):
    """An expert's standing on one project."""

    staffed_from: int | None = None
    terms: list[Terms] = []
    rates: list[Rate] = []
    """In the order of `effective_from`, then offset: of two, the later in the log is in force."""


@payout.part("expert")
class Expert(Part):
    """The head of an expert's state: small, and touched by every event."""

    hired_from: int | None = None
    engagements: dict[str, Engagement] = {}

    def engagement(self, project_id: str) -> Engagement:
        """The expert's standing on a project, made where there is none yet."""
        found = self.engagements.get(project_id)
        if found is None:
            found = self.engagements[project_id] = Engagement()
        return found


def day_of(time: pl.Expr) -> pl.Expr:
    """The key of the day part that an instant falls in: the subject and the UTC day's number."""
    return pl.concat_str(pl.col("subject_id"), pl.lit(":"), (time // DAY_US).cast(pl.String))


@payout.part("day")
class Day(Part):
    """The instants of one UTC day that an expert's billable entries already have.

    starts  |----)      |--)   |---------)
    ends         ^         ^             ^    half-open, disjoint, ascending, neighbours merged
    """

    starts: list[int] = []
    ends: list[int] = []

    def taken_within(self, start: int, end: int) -> list[tuple[int, int]]:
        """The taken stretches inside [start, end), ascending."""
        if not self.ends or self.ends[-1] <= start:  # the commonest case: behind all others
            return []
        first = bisect_right(self.ends, start)
        last = bisect_left(self.starts, end)
        return [(max(self.starts[i], start), min(self.ends[i], end)) for i in range(first, last)]

    def take(self, start: int, end: int) -> None:
        """Give the instants of [start, end) away, those already taken included."""
        if not self.ends or self.ends[-1] < start:  # the commonest case: behind all others
            self.starts.append(start)
            self.ends.append(end)
            return
        first = bisect_left(self.ends, start)
        last = bisect_right(self.starts, end)
        if first < last:
            start, end = min(start, self.starts[first]), max(end, self.ends[last - 1])
        self.starts[first:last] = [start]
        self.ends[first:last] = [end]
