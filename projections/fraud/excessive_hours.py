"""Detector `excessive_hours`: more hours of work than a person has in a day or a week.

It counts overlap-free time, billable or not, in any 24 hours that begin with a stretch of work (so
no UTC day can hide a night), and in the week from Monday, UTC.

It cannot see: whether the hours were worked by somebody else, or not at all; hours on other
marketplaces; a contract's or a country's own limit, since it knows one limit for all; more entries
than a day remembers.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

from projections.fraud.findings import Finding, Severity, date, duration, first_of, moment
from projections.fraud.state import Slot, Total
from projections.intervals import DAY_US, Interval, length_us, united, within

NAME, VERSION = "excessive_hours", 1
MODE: Literal["shadow", "live"] = "live"

DAY_MAX_MS = 16 * 3_600_000
"""In any 24 hours."""
DAY_HIGH_MS = 20 * 3_600_000
"""From here on it is high: nobody sleeps four hours and goes on."""
WEEK_MAX_MS = 80 * 3_600_000
WEEK_HIGH_MS = 112 * 3_600_000
"""Seven days of sixteen hours."""
SCORE_MIN_BP = 5_000
"""The score at the limit; it rises evenly to 10,000 where nothing of the time is left over."""


class Window(NamedTuple):
    """24 hours, and how much of them was worked."""

    started_at: int
    worked_us: int


def worked(slots: Iterable[Slot]) -> list[Interval]:
    """The overlap-free time of some entries."""
    return united(stretch for slot in slots for stretch in slot.stretches)


def fullest_window(first: Sequence[Interval], rest: Sequence[Interval]) -> Window:
    """Of the 24 hours that begin with a stretch of `first`, those with most work; the earliest.

    `first` and `rest` are the union of a UTC day's time and of the next one's.
    """
    stretches = [*first, *rest]
    starts = [start for start, _ in stretches]
    before = [0, *accumulate(end - start for start, end in stretches)]
    best = Window(0, 0)
    for number, start in enumerate(starts[: len(first)]):
        last = bisect_left(starts, start + DAY_US) - 1
        beyond_us = max(0, stretches[last][1] - (start + DAY_US))
        worked_us = before[last + 1] - before[number] - beyond_us
        if worked_us > best.worked_us:
            best = Window(start, worked_us)
    return best


def find_day(slots: Sequence[Slot], next_slots: Sequence[Slot]) -> Finding | None:
    """The fullest 24 hours that begin in a day, from its entries and those of the next day."""
    start, worked_us = fullest_window(worked(slots), worked(next_slots))
    if worked_us <= DAY_MAX_MS * 1000:
        return None
    touched = [
        slot for slot in (*slots, *next_slots) if within(slot.stretches, start, start + DAY_US)
    ]
    return Finding(
        "high" if worked_us >= DAY_HIGH_MS * 1000 else "medium",
        score_bp(worked_us, DAY_MAX_MS, DAY_US // 1000),
        f"{duration(worked_us)} of work in the 24 hours from {moment(start)}; more than "
        f"{duration(DAY_MAX_MS * 1000)} is too much.",
        start,
        first_of(slot.entry_id for slot in touched),
        first_of(event_id for slot in touched for event_id in slot.event_ids),
    )


def total_of(slots: Sequence[Slot]) -> Total:
    """What a day's entries add to its week."""
    counted = [slot for slot in slots if slot.stretches]
    return Total(
        length_us(worked(counted)),
        first_of(slot.entry_id for slot in counted),
        first_of(event_id for slot in counted for event_id in slot.event_ids),
    )


def find_week(monday: int, totals: Mapping[int, Total]) -> Finding | None:
    """The hours of a week, from what each of its days adds; `monday` is its first day's number."""
    worked_us = sum(total.worked_us for total in totals.values())
    if worked_us <= WEEK_MAX_MS * 1000:
        return None
    severity: Severity = "high" if worked_us >= WEEK_HIGH_MS * 1000 else "medium"
    return Finding(
        severity,
        score_bp(worked_us, WEEK_MAX_MS, 7 * DAY_US // 1000),
        f"{duration(worked_us)} of work in the week from Monday, {date(monday)} (UTC); more than "
        f"{duration(WEEK_MAX_MS * 1000)} is too much.",
        monday * DAY_US,
        first_of(entry_id for total in totals.values() for entry_id in total.entry_ids),
        first_of(event_id for total in totals.values() for event_id in total.event_ids),
    )


def score_bp(worked_us: int, limit_ms: int, whole_ms: int) -> int:
    """`5,000 + 5,000 × (worked − limit) / (whole − limit)`, rounded down."""
    over_us, room_us = worked_us - limit_ms * 1000, (whole_ms - limit_ms) * 1000
    return SCORE_MIN_BP + SCORE_MIN_BP * over_us // room_us
