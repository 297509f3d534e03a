"""Pure arithmetic of money and time: rates in force, amounts, increments, weeks and their caps."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol, TypeVar

from projections.payout.state import WEEKS_MAX, Engagement, Policy, Rate
from schemas.json_form import instant_us
from schemas.places import zone_of

MS_PER_HOUR = 3_600_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Effective(Protocol):
    """Something in force from an instant on."""

    effective_from: int


Dated = TypeVar("Dated", bound=Effective)


def amount_minor(duration_ms: int, rate_minor_per_hour: int, is_half_even: bool = False) -> int:
    """`duration_ms × rate / 3,600,000`, rounded once, half away from zero; neither is negative.

    Or half to even, where a policy says so. Source: the rules of money, one rounding a line.
    """
    rounded, rest = divmod(2 * duration_ms * rate_minor_per_hour + MS_PER_HOUR, 2 * MS_PER_HOUR)
    is_tie = rest == 0
    return rounded - 1 if is_tie and is_half_even and rounded % 2 else rounded


def insert_by_time(dated: list[Dated], one: Dated) -> None:
    """Put something in its place: by `effective_from`, then by the order of the log."""
    at = len(dated)
    while at and dated[at - 1].effective_from > one.effective_from:
        at -= 1
    dated.insert(at, one)


def in_force(dated: Sequence[Dated], at: int) -> Dated | None:
    """What is in force at an instant: the greatest `effective_from`, then the later offset."""
    for one in reversed(dated):
        if one.effective_from <= at:
            return one
    return None


def priced(start: int, end: int, rates: list[Rate]) -> list[tuple[int, int, Rate | None]]:
    """Cut [start, end) where the rate in force changes; `None` where there is none yet.

    rates      |A-------|B------------>
    entry   [----------------)
    pieces  [--)[-------)[---)
             None   A      B
    """
    if rates and rates[-1].effective_from <= start:  # the commonest case, told at once
        return [(start, end, rates[-1])]
    pieces: list[tuple[int, int, Rate | None]] = []
    at, current = start, None
    for rate in rates:
        if rate.effective_from >= end:
            break
        if rate.effective_from > at:
            pieces.append((at, rate.effective_from, current))
            at = rate.effective_from
        current = rate
    pieces.append((at, end, current))
    return pieces


def rounded_ms(duration_ms: int, increment_ms: int) -> int:
    """To the nearest increment, half up; an increment of 0 or 1 leaves it as it is."""
    if increment_ms <= 1:
        return duration_ms
    return (2 * duration_ms + increment_ms) // (2 * increment_ms) * increment_ms


@lru_cache(maxsize=4096)
def _week(day: int, first_weekday: str, zone: str) -> tuple[int, int]:
    """The first day of the week that a local day lies in, and the instant (µs) of the next week.

    Days count from 1970.
    """
    local = EPOCH + timedelta(days=day)
    first = day - (local.weekday() - DAYS.index(first_weekday)) % 7
    return first, _midnight(EPOCH + timedelta(days=first + 7), zone)


def _midnight(day: datetime, zone: str) -> int:
    local = day.replace(tzinfo=zone_of(zone))
    return instant_us(local.astimezone(UTC))


def week_of(at: int, first_weekday: str, zone: str) -> tuple[int, int]:
    """The first day of the week that `at` (µs) lies in, and the next week's first instant (µs).

    In the zone. A week is known by its date: it stays the same week where the zone is another one.
    """
    local = (EPOCH + timedelta(microseconds=at)).astimezone(zone_of(zone))
    return _week(local.toordinal() - EPOCH.toordinal(), first_weekday, zone)


def within_cap(
    engagement: Engagement, policy: Policy | None, start: int, end: int
) -> Iterator[tuple[int, int, bool]]:
    """Cut [start, end) where a week's cap is used up (True from there), and use it.

    A project without a policy has weeks that begin on Monday, UTC.
    """
    first_weekday, zone = (policy.week_starts_on, policy.zone) if policy else (DAYS[0], "UTC")
    at = start
    while at < end:  # at most two turns: an entry lasts at most a day
        week, next_week = week_of(at, first_weekday, zone)
        stop = min(end, next_week)
        cap = in_force(engagement.caps, at)
        if cap is None or cap.cap_ms is None:
            yield at, stop, False
        else:
            left_ms = max(0, cap.cap_ms - _used_ms(engagement.used_ms, week, cap.cap_ms))
            allowed_ms = min(left_ms, (stop - at) // 1000)
            if allowed_ms:
                engagement.used_ms[week] = engagement.used_ms.get(week, 0) + allowed_ms
                _forget_old(engagement.used_ms)
                yield at, at + allowed_ms * 1000, False
            if at + allowed_ms * 1000 < stop:
                yield at + allowed_ms * 1000, stop, True
        at = stop


def _used_ms(used_ms: dict[int, int], week: int, cap_ms: int) -> int:
    """What is used of a week; a week before all that are kept counts as used up."""
    if len(used_ms) >= WEEKS_MAX and week < min(used_ms):
        return cap_ms
    return used_ms.get(week, 0)


def _forget_old(used_ms: dict[int, int]) -> None:
    if len(used_ms) > WEEKS_MAX:
        del used_ms[min(used_ms)]
