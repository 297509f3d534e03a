"""The payout fold and the parts of its state: standing, and the entries and instants of a day."""

from bisect import bisect_left, bisect_right, insort

import polars as pl

from projections.fold import Fold
from projections.parts import NamedBy, Part
from projections.payout.journal import postings
from projections.payout.rows import (
    APPROVALS,
    CLOSED,
    HOLDS,
    JOURNAL,
    LINES,
    WITHOUT_EFFECT,
)
from projections.payout.views import VIEWS

DAY_US = 86_400_000_000
WORKED_DAYS_MAX = 400
"""A rate changed in retrospect reaches the entries of an expert's last so many days of work."""
WEEKS_MAX = 60
"""The weeks of a capped project whose use is known; older ones count as used up."""

payout = Fold(
    name="payout",
    topics=("workforce.experts",),
    version=4,
    tables=(LINES, CLOSED, APPROVALS, HOLDS, WITHOUT_EFFECT, JOURNAL),
    views=VIEWS,
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


class TermsInForce(Part):
    """The terms that the project asks for from an instant on."""

    effective_from: int
    offset: int
    sha256: bytes


class Change(Part):
    """From an instant on somebody is in a state: staffed or not, suspended or not."""

    at: int
    state: str


class Cap(Part):
    """How much of a week may be paid, from an instant on; none where nothing limits it."""

    effective_from: int
    offset: int
    cap_ms: int | None


class Policy(Part):
    """A project's pay policy from an instant on."""

    effective_from: int
    offset: int
    version: str
    increment_ms: int
    review_window_ms: int
    week_starts_on: str
    zone: str
    is_half_even: bool = False
    """How an amount is rounded: half to even, or half away from zero."""


class Engagement(Part):
    """An expert's standing on one project."""

    staffing: list[Change] = []
    terms: list[Terms] = []
    terms_in_force: list[TermsInForce] = []
    rates: list[Rate] = []
    """In the order of `effective_from`, then offset: of two, the later in the log is in force."""
    policies: list[Policy] = []
    caps: list[Cap] = []
    used_ms: dict[int, int] = {}
    """What of each week's cap is used up, by the week's first local day since 1970; the last
    `WEEKS_MAX`."""


@payout.part("expert")
class Expert(Part):
    """The head of an expert's state: small, and touched by every event."""

    hired_from: int | None = None
    standing: list[Change] = []
    engagements: dict[str, Engagement] = {}
    worked_days: list[int] = []
    """The last `WORKED_DAYS_MAX` UTC days on which an entry began, ascending."""

    def engagement(self, project_id: str) -> Engagement:
        """The expert's standing on a project, made where there is none yet."""
        found = self.engagements.get(project_id)
        if found is None:
            found = self.engagements[project_id] = Engagement()
        return found

    def worked_on(self, day: int) -> None:
        """Note that an entry began on a day."""
        days = self.worked_days
        if days and days[-1] == day:  # the commonest case
            return
        if not days or days[-1] < day:
            days.append(day)
        elif days[bisect_left(days, day)] != day:
            insort(days, day)
        del days[:-WORKED_DAYS_MAX]


class Line(Part):
    """A line that is open: what of an entry is paid, waits, or is disputed."""

    line_ids: list[bytes]
    """The line, and the differences that were posted on top of it."""
    status: str
    reason: str
    started_at: int
    ended_at: int
    duration_ms: int
    rate_minor_per_hour: int
    amount_minor: int
    """All that is posted for it; of a waiting line, what it would come to."""
    currency: str
    is_half_even: bool = False
    further_reasons: list[str] = []
    """What else it waits for, once a person has approved an exception for its reason."""


class Entry(Part):
    """A time entry with its open lines, of those that begin on the day whose part holds it."""

    project_id: str
    session_id: str
    task_id: str
    terms_sha256: bytes
    policy_version: str
    payable_from: int
    is_billable: bool
    is_rejected: bool = False
    lines: list[Line] = []

    def beginning_elsewhere(self) -> "Entry":
        """The same entry without lines, for what an adjustment adds on another day."""
        return Entry(
            self.project_id, self.session_id, self.task_id, self.terms_sha256,
            self.policy_version, self.payable_from, self.is_billable,
        )  # fmt: skip


def day_key(subject: pl.Expr, time: pl.Expr) -> pl.Expr:
    """The key of the day part that an instant falls in: the subject and the UTC day's number."""
    return pl.concat_str(subject, pl.lit(":"), (time // DAY_US).cast(pl.String))


@payout.part("entry", key=pl.concat_str("subject_id", pl.lit(":"), "entry_id"))
class Whereabouts(Part):
    """Where an entry lies: events that name it by its id alone find its days here."""

    days: list[int] = []
    """UTC days that it has instants on; the first is the one on which it began."""

    def keys(self, expert_id: str) -> list[str]:
        """The keys of its day parts."""
        return [f"{expert_id}:{day}" for day in self.days]

    def lies_on(self, start: int, end: int) -> None:
        """Note that it has the instants of [start, end) too."""
        days = range(start // DAY_US, (end - 1) // DAY_US + 1)
        self.days.extend(day for day in days if day not in self.days)


def _lying_on(first_day: int, last_day: int) -> Whereabouts:
    return Whereabouts([*range(first_day, last_day + 1)])


FIRST_INSTANT, LAST_INSTANT = pl.col("started_at"), pl.col("ended_at") - 1
payout.brings(
    "TimeEntryRecorded",
    Whereabouts,
    (FIRST_INSTANT // DAY_US, LAST_INSTANT // DAY_US),
    _lying_on,
)


@payout.part("day")
class Day(Part):
    """The entries that began on one UTC day, and whose instants it is made of.

    starts  |----)      |--)             half-open, ascending by start; they may overlap
                  |---------)
    """

    entries: dict[str, Entry] = {}
    starts: list[int] = []
    ends: list[int] = []
    owners: list[str] = []
    """The billable entry that covers each stretch."""
    latest: int = 0
    """The end of the last stretch."""

    def taken_within(self, start: int, end: int) -> list[tuple[int, int]]:
        """The taken stretches inside [start, end): disjoint, ascending, neighbours merged."""
        if self.latest <= start:  # the commonest case: behind all others
            return []
        taken: list[tuple[int, int]] = []
        for at in range(bisect_left(self.starts, end)):
            if self.ends[at] <= start:
                continue
            taken_from, taken_to = max(self.starts[at], start), min(self.ends[at], end)
            if taken and taken_from <= taken[-1][1]:
                taken[-1] = (taken[-1][0], max(taken[-1][1], taken_to))
            else:
                taken.append((taken_from, taken_to))
        return taken

    def take(self, start: int, end: int, entry_id: str) -> None:
        """An entry covers the instants of [start, end), those already taken included."""
        at = bisect_right(self.starts, start)
        self.starts.insert(at, start)
        self.ends.insert(at, end)
        self.owners.insert(at, entry_id)
        self.latest = max(self.latest, end)

    def give_up(self, entry_id: str, start: int, end: int) -> None:
        """An entry covers the instants of [start, end) no more."""
        kept: list[tuple[int, int, str]] = []
        for taken_from, taken_to, owner in zip(self.starts, self.ends, self.owners, strict=True):
            if owner != entry_id or taken_to <= start or taken_from >= end:
                kept.append((taken_from, taken_to, owner))
                continue
            if taken_from < start:
                kept.append((taken_from, start, owner))
            if end < taken_to:
                kept.append((end, taken_to, owner))
        kept.sort()
        self.starts = [one[0] for one in kept]
        self.ends = [one[1] for one in kept]
        self.owners = [one[2] for one in kept]
        self.latest = max(self.ends, default=0)


@payout.part("hold", key=pl.concat_str("subject_id", pl.lit(":"), "hold_id"))
class Hold(Part):
    """Who placed a hold: somebody else may extend it."""

    placed_by: str = ""


ITS_DAYS = NamedBy("whereabouts", Whereabouts.keys)
"""The day parts of the entry that an event names by its id alone."""
