"""Pure arithmetic of money and time: which rate is in force where, and what a stretch comes to."""

from collections.abc import Iterator

from projections.payout.state import Rate

MS_PER_HOUR = 3_600_000


def amount_minor(duration_ms: int, rate_minor_per_hour: int) -> int:
    """`duration_ms × rate / 3,600,000`, rounded once, half away from zero; neither is negative.

    Source: the rules of money, one rounding a line.
    """
    return (2 * duration_ms * rate_minor_per_hour + MS_PER_HOUR) // (2 * MS_PER_HOUR)


def insert_rate(rates: list[Rate], rate: Rate) -> None:
    """Put a rate in its place: by `effective_from`, then by the order of the log."""
    at = len(rates)
    while at and rates[at - 1].effective_from > rate.effective_from:
        at -= 1
    rates.insert(at, rate)


def priced(start: int, end: int, rates: list[Rate]) -> Iterator[tuple[int, int, Rate | None]]:
    """Cut [start, end) where the rate in force changes; `None` where there is none yet.

    rates      |A-------|B------------>
    entry   [----------------)
    pieces  [--)[-------)[---)
             None   A      B
    """
    if rates and rates[-1].effective_from <= start:  # the commonest case, told at once
        yield start, end, rates[-1]
        return
    at, in_force = start, None
    for rate in rates:
        if rate.effective_from >= end:
            break
        if rate.effective_from > at:
            yield at, rate.effective_from, in_force
            at = rate.effective_from
        in_force = rate
    yield at, end, in_force
