"""Pure arithmetic of intervals of time: disjoint, ascending, half-open, in microseconds."""

from collections.abc import Iterable, Sequence

Interval = tuple[int, int]
"""From the first instant to the first one after."""
DAY_US = 86_400_000_000


def within(held: Iterable[Interval], start: int, end: int) -> list[Interval]:
    """The instants of [start, end) that are held.

    held    [---)   [------)
    asked     [--------)
    within    [-)   [--)
    """
    return [(max(f, start), min(t, end)) for f, t in held if f < end and t > start]


def within_day(held: Iterable[Interval], day: int) -> list[Interval]:
    """The instants of a UTC day, by its number since 1970-01-01, that are held."""
    return within(held, day * DAY_US, (day + 1) * DAY_US)


def missing(held: list[Interval], start: int, end: int) -> list[Interval]:
    """The instants of [start, end) that are not held."""
    found: list[Interval] = []
    for taken_from, taken_to in within(held, start, end):
        if start < taken_from:
            found.append((start, taken_from))
        start = taken_to
    return [*found, (start, end)] if start < end else found


def united(intervals: Iterable[Interval]) -> list[Interval]:
    """All together, given in any order and overlapping or not; neighbours are merged."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def without(held: list[Interval], start: int, end: int) -> list[Interval]:
    """What is held outside of [start, end)."""
    if not held:
        return []
    before = within(held, min(held[0][0], start), start)
    return before + within(held, end, max(held[-1][1], end))


def shared(one: Sequence[Interval], other: Sequence[Interval]) -> list[Interval]:
    """The instants that both hold."""
    return [part for start, end in one for part in within(other, start, end)]


def length_us(intervals: Iterable[Interval]) -> int:
    """How long they are together, in microseconds."""
    return sum(end - start for start, end in intervals)
