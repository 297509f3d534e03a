"""Random histories of one expert for the oracle of payout; a seed decides everything."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.projections.histories import Told
from tests.projections.payout_events import (
    about,
    adjusted,
    at,
    entry,
    hired,
    policy,
    rate,
    staffed,
    terms,
)
from tests.projections.payout_oracle import MINUTE_MS, Oracle, WorkedEntry
from tests.projections.payout_oracle_rules import RELEASES, tell

STEP_MINUTES = 15
"""All times are whole steps: instants of different entries and rates often are the same."""
DAY_STEPS = 24 * 60 // STEP_MINUTES
SPANS_DAYS = (3, 10, 40)
CALENDARS = (
    ("UTC", "monday"),
    ("Asia/Kolkata", "saturday"),
    ("America/New_York", "monday"),
    ("Europe/Berlin", "sunday"),
    ("America/Havana", "sunday"),
)
CAPS_MS = (None, 10 * 60 * MINUTE_MS, 33 * 60 * MINUTE_MS)
RATES_MINOR_PER_HOUR = (1, 2, 3, 100, 25_001, 30_000, 89_999)
"""Most do not divide: an amount is rounded, and the smallest ones are rounded to nothing."""
CURRENCIES = ("USD", "USD", "USD", "USD", "EUR", "JPY")
READY_SHARE = 0.9
"""Of the histories that begin with each of staffing, terms and a rate."""
BILLABLE_SHARE = 0.95
ELSEWHERE_SHARE = 0.3
"""Of the adjustments that lie anywhere, not near their entry."""


@dataclass
class RandomHistory:
    """Events in the order of the log, and the oracle that was told each of them."""

    dice: random.Random
    span_steps: int
    events: list[Told] = field(default_factory=list[Told])
    oracle: Oracle = field(default_factory=Oracle)
    entries_told: int = 0

    def tell(self, *events: Told) -> None:
        """Let events happen."""
        for told in events:
            self.events.append(told)
            tell(self.oracle, told)

    def any_time_hours(self) -> float:
        """A moment within the span, in hours."""
        return hours_of(self.dice.randrange(self.span_steps))

    def some_ms(self, first_steps: int) -> int:
        """So much time as a person decides on, in milliseconds."""
        return self.dice.randrange(first_steps, 20) * STEP_MINUTES * MINUTE_MS

    def any_entry(self) -> str:
        """The id of an entry; it may be rejected, and before the first one it is unknown."""
        return f"e{self.dice.randrange(max(1, self.entries_told))}"


def hours_of(steps: int) -> float:
    """Steps in hours, as events of the tests are written."""
    return steps * STEP_MINUTES / 60


def work(history: RandomHistory) -> None:
    """An entry of up to ten hours, wherever others are."""
    start_hours = history.any_time_hours()
    end_hours = start_hours + hours_of(history.dice.randrange(1, 40))
    is_billable = history.dice.random() < BILLABLE_SHARE
    history.tell(entry(start_hours, end_hours, f"e{history.entries_told}", billable=is_billable))
    history.entries_told += 1


def agree_on_a_rate(history: RandomHistory) -> None:
    """From any moment on, so it mostly reaches what was recorded before."""
    minor = history.dice.choice(RATES_MINOR_PER_HOUR)
    history.tell(rate(minor, history.any_time_hours(), history.dice.choice(CURRENCIES)))


def reject(history: RandomHistory) -> None:
    """All of an entry."""
    history.tell(about("TimeEntryRejected", history.any_entry()))


def dispute(history: RandomHistory) -> None:
    """Often less than an entry, or more than is payable of it."""
    disputed_ms = history.some_ms(1)
    history.tell(about("TimeEntryDisputed", history.any_entry(), disputed_ms=disputed_ms))


def resolve(history: RandomHistory) -> None:
    """For the expert, in part, or not at all."""
    approved_ms = history.some_ms(0)
    history.tell(about("DisputeResolved", history.any_entry(), approved_ms=approved_ms))


def make_an_exception(history: RandomHistory) -> None:
    """Of any kind, whether something waits for it or not."""
    decision = {"kind": history.dice.choice([*RELEASES]), "approved_ms": history.some_ms(1)}
    history.tell(about("ExceptionApproved", history.any_entry(), **decision))


def adjust(history: RandomHistory) -> None:
    """Add time to an entry or take it away, mostly about where it is.

    An entry is not given minutes that it has: the rules do not say what that would mean.
    """
    entry_id, sign = history.any_entry(), history.dice.choice(("plus", "minus"))
    worked = history.oracle.entries.get(entry_id)
    start_steps = _steps_near(history, worked)
    end_steps = start_steps + history.dice.randrange(1, 30)
    interval_minutes = range(start_steps * STEP_MINUTES, end_steps * STEP_MINUTES)
    has_some = worked is not None and not worked.held_minutes.isdisjoint(interval_minutes)
    if sign == "minus" or not has_some:
        history.tell(adjusted(sign, hours_of(start_steps), hours_of(end_steps), entry_id))


def _steps_near(history: RandomHistory, worked: WorkedEntry | None) -> int:
    held_minutes = worked.held_minutes if worked else set[int]()
    if not held_minutes or history.dice.random() < ELSEWHERE_SHARE:
        return history.dice.randrange(history.span_steps)
    return max(0, min(held_minutes) // STEP_MINUTES + history.dice.randrange(-20, 20))


def suspend_or_reinstate(history: RandomHistory) -> None:
    """Reinstated more often, so that not everything waits."""
    event_type = history.dice.choice(("ExpertSuspended", "ExpertReinstated", "ExpertReinstated"))
    history.tell((event_type, {"occurred_at": at(history.any_time_hours())}))


def staff_or_unstaff(history: RandomHistory) -> None:
    """Staffed more often, so that not everything waits."""
    event_type = history.dice.choice(("ProjectUnstaffed", "ProjectStaffed", "ProjectStaffed"))
    fields = {"occurred_at": at(history.any_time_hours()), "project_id": "p"}
    history.tell((event_type, fields))


PERCENT: dict[Callable[[RandomHistory], None], int] = {
    work: 45,
    agree_on_a_rate: 10,
    reject: 5,
    dispute: 8,
    resolve: 5,
    make_an_exception: 7,
    adjust: 12,
    suspend_or_reinstate: 4,
    staff_or_unstaff: 4,
}
"""How often each of them is what happens next."""


def random_history(seed: int) -> RandomHistory:
    """Up to 120 things that happen to an expert, under one policy."""
    dice = random.Random(seed)
    (zone, first_weekday), cap_ms = dice.choice(CALENDARS), dice.choice(CAPS_MS)
    history = RandomHistory(dice, dice.choice(SPANS_DAYS) * DAY_STEPS)
    history.tell(hired(), policy(zone=zone, week_starts_on=first_weekday, weekly_cap_ms=cap_ms))
    history.tell(
        *(one for one in (staffed(), terms(), rate(25_000)) if dice.random() < READY_SHARE)
    )
    for happen in dice.choices([*PERCENT], [*PERCENT.values()], k=dice.randrange(5, 120)):
        happen(history)
    return history
