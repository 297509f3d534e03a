"""The fraud fold and the parts of its state: an expert's days, weeks, entries, sessions, tasks."""

from collections.abc import Iterable
from typing import TypeVar

import polars as pl
from msgspec import field

from projections.fold import Fold
from projections.fraud.rows import ALERTS, CHANGES
from projections.intervals import DAY_US, Interval
from projections.parts import Part

ENTRIES_A_DAY_MAX = 1_000
"""Entries that a day remembers: its first in the log. One every 86 seconds, all day long."""
SESSION_DAYS_MAX = 8
"""Days that a session remembers, so that its start may come after its entries."""
ENTRY_DAYS_MAX = 32
"""Days that an entry may come to lie in by adjustments; others are not looked at."""
TASK_ENTRIES_MAX, TASK_ANSWERS_MAX = 100, 20
"""What a task remembers of its expert: entries, and the latest answers that were pasted."""

Number = TypeVar("Number", int, pl.Expr)

fraud = Fold(
    name="fraud",
    topics=("workforce.experts",),
    version=2,
    tables=(CHANGES,),
    views=(ALERTS,),
    identities={"TimeEntryRecorded": ("entry_id",), "SubmissionRecorded": ("submission_id",)},
)


class Alert(Part):
    """Whether an alert is open, and what it said last: enough to tell the next change."""

    is_open: bool = False
    digest: bytes = b""


class Slot(Part):
    """A time entry, or what of it lies within one UTC day."""

    entry_id: str
    is_billable: bool
    is_manual: bool
    """Typed in by a person, not measured."""
    task_id: str
    session_id: str
    stretches: list[Interval] = []
    event_ids: list[bytes] = []
    """The events that it rests on."""


class Device(Part):
    """Where a session was started, and the event that says so."""

    token: str
    event_id: bytes


class Pair(Part):
    """Two entries of a day that overlap."""

    one: str
    other: str
    started_at: int
    overlap_us: int


def under_subject(key: pl.Expr) -> pl.Expr:
    """The key of a part of the subject's."""
    return pl.concat_str(pl.col("subject_id"), pl.lit(":"), key.cast(pl.String))


def optional(column: str) -> pl.Expr:
    """The key of a part of the subject's as a list of one; of none where the column is null."""
    return pl.concat_list(under_subject(pl.col(column))).list.drop_nulls()


@fraud.part("entry", key=under_subject(pl.col("entry_id")))
class Entry(Part):
    """What an entry is, and in which UTC days it lies or lay."""

    slot: Slot | None = None
    """Without stretches; none where the log has not told of the entry, or it was rejected."""
    days: list[int] = []


@fraud.part("session")
class Session(Part):
    """The device of a session, and the days of its entries."""

    device: Device | None = None
    days: list[int] = []


@fraud.part("day")
class Day(Part):
    """An expert's UTC day: its entries cut at midnight, and the alerts about it."""

    slots: dict[str, Slot] = {}
    admitted: int = 0
    """Entries that it ever had."""
    devices: dict[str, Device] = {}
    """By session."""
    pairs: list[Pair] = []
    worked_us: int = 0
    """Overlap-free time."""
    overlaps: Alert = field(default_factory=Alert)
    hours: Alert = field(default_factory=Alert)
    """About 24 hours that begin on the day."""


class Total(Part):
    """What a day adds to its week."""

    worked_us: int
    """Overlap-free time."""
    entry_ids: list[str]
    event_ids: list[bytes]


@fraud.part("week")
class Week(Part):
    """An expert's week from Monday, UTC."""

    totals: dict[int, Total] = {}
    """By day."""
    hours: Alert = field(default_factory=Alert)


class Answer(Part):
    """An answer that was mostly pasted, as its submission told."""

    submission_id: str
    event_id: bytes
    submitted_at: int
    answer_chars: int
    pasted_chars: int
    """Pasted right after the window had lost the focus."""
    share_bp: int
    habit: int
    """Of the expert's latest answers, this one included, so many were mostly pasted."""
    alert: Alert = field(default_factory=Alert)


@fraud.part("task")
class Task(Part):
    """An expert's entries on a task, and the answers to it that were pasted."""

    entry_ids: list[str] = []
    answers: list[Answer] = []


@fraud.part("answers")
class Answers(Part):
    """Whether each of the expert's latest answers was mostly pasted, the oldest first."""

    were_pasted: list[bool] = []


def days_around(first: pl.Expr, last: pl.Expr) -> pl.Expr:
    """The keys of the days that two instants lie in, of the one before and the one after."""
    days = (first // DAY_US - 1, first // DAY_US, last // DAY_US, last // DAY_US + 1)
    return pl.concat_list(*map(under_subject, days)).list.unique(maintain_order=True)


def weeks_of(first: pl.Expr, last: pl.Expr) -> pl.Expr:
    """The keys of the weeks that two instants lie in."""
    weeks = (week_of_day(first // DAY_US), week_of_day(last // DAY_US))
    return pl.concat_list(*map(under_subject, weeks)).list.unique(maintain_order=True)


def week_of_day(day: Number) -> Number:
    """The number of a day's week: weeks begin on Monday, and 1970-01-01 was a Thursday."""
    return (day + 3) // 7


def neighbours(days: Iterable[int]) -> list[int]:
    """The days, those before and those after, ascending."""
    return sorted({near for day in days for near in (day - 1, day, day + 1)})
