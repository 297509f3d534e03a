"""Pure arithmetic on what an entry holds: disjoint, ascending intervals of microseconds."""

Interval = tuple[int, int]
"""From the first instant to the first one after."""


def within(held: list[Interval], start: int, end: int) -> list[Interval]:
    """The instants of [start, end) that are held.

    held    [---)   [------)
    asked     [--------)
    within    [-)   [--)
    """
    return [(max(f, start), min(t, end)) for f, t in held if f < end and t > start]


def missing(held: list[Interval], start: int, end: int) -> list[Interval]:
    """The instants of [start, end) that are not held."""
    found: list[Interval] = []
    for taken_from, taken_to in within(held, start, end):
        if start < taken_from:
            found.append((start, taken_from))
        start = taken_to
    return [*found, (start, end)] if start < end else found


def united(held: list[Interval], more: list[Interval]) -> list[Interval]:
    """Both together; neighbours are merged."""
    merged: list[Interval] = []
    for start, end in sorted([*held, *more]):
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
