"""An oracle of payout: what its rules come to, minute by minute, and nothing of the fold's code.

It knows no lines, days, stretches or postings. Every minute of an entry has a status of its own,
and the rate of a minute is looked up when somebody asks, so a rate in retrospect is no case at all.
One expert, one project, and one policy from the start: no increment, no review window, no holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from tests.projections.payout_events import START

MINUTE_MS = 60_000
MINUTE_US = 60_000_000
Value = TypeVar("Value")


class Dated(NamedTuple, Generic[Value]):
    """What is so from a minute on; `told` counts the events up to the one that says it."""

    from_minutes: int
    told: int
    value: Value


class Rate(NamedTuple):
    """What an hour comes to."""

    minor_per_hour: int
    currency: str


class TimeKey(NamedTuple):
    """What time is told apart by; only what waits has a reason."""

    entry_id: str
    status: str
    reason: str


class MoneyKey(NamedTuple):
    """What money is told apart by."""

    entry_id: str
    status: str
    currency: str


@dataclass(slots=True)
class Minute:
    """A minute that is payable, waiting or disputed; what is rejected is no longer there."""

    at_minutes: int
    reasons: list[str]
    """Why it waits: each needs an exception of its own, the first one first."""
    status: str = "waiting"

    @property
    def reason(self) -> str:
        """The reason that it waits for now; empty where it does not wait."""
        return self.reasons[0] if self.reasons else ""


@dataclass
class WorkedEntry:
    """A time entry that was not rejected."""

    is_billable: bool
    minutes: list[Minute] = field(default_factory=list[Minute])
    """In the order of time."""
    held_minutes: set[int] = field(default_factory=set[int])
    """What others overlap with: a minute that was refused in a dispute is not free again."""

    def in_status(self, status: str) -> list[Minute]:
        """Its minutes of a status, the earliest first."""
        return [minute for minute in self.minutes if minute.status == status]


@dataclass
class Oracle:
    """What the events so far come to; `payout_oracle_rules` tells it what each of them does.

    Minutes count from `START`.
    """

    entries: dict[str, WorkedEntry] = field(default_factory=dict[str, WorkedEntry])
    told: int = 0
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    first_weekday: int = 0
    cap_minutes: int | None = None
    used_minutes: Counter[date] = field(default_factory=Counter[date])
    """By the week's first day: what was payable at once. Whatever happens to it, it stays used."""
    rates: list[Dated[Rate]] = field(default_factory=list[Dated[Rate]])
    """These four in the order of time, and of the log where the time is the same."""
    standing: list[Dated[str]] = field(default_factory=list[Dated[str]])
    """Why an expert may not be paid from then on; empty where they may."""
    staffing: list[Dated[str]] = field(default_factory=list[Dated[str]])
    terms: list[Dated[str]] = field(default_factory=list[Dated[str]])

    def note(self, dated: list[Dated[Value]], from_us: int, value: Value) -> None:
        """What the event at hand says is so from an instant on."""
        dated.append(Dated(minutes_of(from_us), self.told, value))
        dated.sort(key=lambda one: (one.from_minutes, one.told))

    def rate_at(self, at_minutes: int) -> Rate | None:
        """The rate of a minute, as it is known by now."""
        return in_force(self.rates, at_minutes)

    def time_ms(self) -> Counter[TimeKey]:
        """How much of each entry is payable, disputed or waiting, and why, in milliseconds."""
        time_ms: Counter[TimeKey] = Counter()
        for entry_id, entry in self.entries.items():
            minutes = Counter((minute.status, minute.reason) for minute in entry.minutes)
            for (status, reason), count in minutes.items():
                time_ms[TimeKey(entry_id, status, reason)] = count * MINUTE_MS
        return time_ms

    def money_minor(self) -> dict[MoneyKey, Fraction]:
        """What is payable and disputed of each entry, in minor units, without any rounding."""
        money_minor: dict[MoneyKey, Fraction] = {}
        for entry_id, entry in self.entries.items():
            posted = [minute for minute in entry.minutes if minute.status != "waiting"]
            rated = Counter((one.status, self.rate_at(one.at_minutes)) for one in posted)
            for (status, rate), count in rated.items():
                if rate:
                    key = MoneyKey(entry_id, status, rate.currency)
                    money_minor.setdefault(key, Fraction())
                    money_minor[key] += Fraction(count * rate.minor_per_hour, 60)
        return money_minor

    def work(self, entry: WorkedEntry, start_minutes: int, end_minutes: int) -> None:
        """Add time to an entry: each minute is payable, or waits for every reason that there is."""
        others = [other for other in self.entries.values() if other is not entry]
        taken_minutes = set[int]().union(*(other.held_minutes for other in others))
        not_standing = self._why_not_standing(start_minutes)
        for at_minutes in range(start_minutes, end_minutes):
            overlap = ["overlap"] if at_minutes in taken_minutes else []
            no_rate = [] if self.rate_at(at_minutes) else ["no_rate"]
            minute = Minute(at_minutes, [*overlap, *not_standing, *no_rate])
            self.pay_if_nothing_is_left(minute)
            entry.minutes.append(minute)
        entry.minutes.sort(key=lambda minute: minute.at_minutes)
        entry.held_minutes.update(range(start_minutes, end_minutes))

    def pay_if_nothing_is_left(self, minute: Minute) -> None:
        """A minute without a reason to wait is payable and uses the week's cap, or lies over it."""
        if minute.reasons:
            return
        week = week_of(minute.at_minutes, self.zone, self.first_weekday)
        if self.cap_minutes is not None and self.used_minutes[week] >= self.cap_minutes:
            minute.reasons = ["over_cap"]
            return
        self.used_minutes[week] += 1
        minute.status = "payable"

    def _why_not_standing(self, at_minutes: int) -> list[str]:
        """Asked once, for the minute in which the work begins."""
        standing, staffing = (
            in_force(self.standing, at_minutes),
            in_force(self.staffing, at_minutes),
        )
        reasons = ["awaiting_terms"] if in_force(self.terms, at_minutes) is None else []
        if standing != "":
            return [standing or "not_hired", *reasons]
        return ["not_staffed", *reasons] if staffing != "" else reasons


@lru_cache(maxsize=100_000)
def week_of(at_minutes: int, zone: ZoneInfo, first_weekday: int) -> date:
    """The first day of the week that a minute lies in, on the calendar of the zone."""
    instant = datetime.fromtimestamp(START // 1_000_000, UTC) + timedelta(minutes=at_minutes)
    day = instant.astimezone(zone).date()
    return day - timedelta(days=(day.weekday() - first_weekday) % 7)


def minutes_of(at_us: int) -> int:
    """Minutes since `START`. Raises `ValueError` for an instant within a minute."""
    minutes, rest_us = divmod(at_us - START, MINUTE_US)
    if rest_us:
        raise ValueError(f"the oracle knows whole minutes, and {rest_us} µs are left")
    return minutes


def in_force(dated: Sequence[Dated[Value]], at_minutes: int) -> Value | None:
    """What began last by then, and of what began together, what was told last."""
    for from_minutes, _, value in reversed(dated):
        if from_minutes <= at_minutes:
            return value
    return None
