"""Rates: they price what stands later in the log, and post differences for what stood before."""

from collections.abc import Iterator

from projections.emit import Emit
from projections.parts import NamedBy
from projections.payout.lines import Writer, part_of
from projections.payout.pricing import amount_minor, insert_by_time
from projections.payout.state import DAY_US, Day, Expert, Line, Rate, payout

POSTED = ("payable", "disputed")


def days_since(expert: Expert, expert_id: str, effective_from: int) -> Iterator[str]:
    """The days whose entries a rate may reach: one that began the day before may last into it."""
    first = effective_from // DAY_US - 1
    for day in reversed(expert.worked_days):
        if day < first:
            break
        yield f"{expert_id}:{day}"


@payout.on("RateAgreed", days=NamedBy("expert", days_since, ("effective_from",)))
def rate_agreed(
    expert: Expert,
    days: list[Day],
    emit: Emit,
    event_id: bytes,
    subject_id: str,
    offset: int,
    project_id: str,
    rate_minor_per_hour: int,
    currency: str,
    effective_from: int,
) -> None:
    """Price later entries; of earlier ones, post the difference for each stretch it reaches."""
    rate = Rate(effective_from, offset, rate_minor_per_hour, currency)
    rates = expert.engagement(project_id).rates
    insert_by_time(rates, rate)
    # The same at once where it is the last: nothing supersedes it.
    until = next((one.effective_from for one in rates if one.effective_from > effective_from), None)
    for day in sorted(days, key=lambda day: day.latest):
        for entry_id, entry in day.entries.items():
            if entry.project_id == project_id:
                write = Writer(emit, event_id, subject_id, entry_id, entry)
                entry.lines = [
                    piece for line in entry.lines for piece in repriced(write, line, rate, until)
                ]


payout.on("RateChanged", days=NamedBy("expert", days_since, ("effective_from",)))(rate_agreed)


def repriced(write: Writer, line: Line, rate: Rate, until: int | None) -> list[Line]:
    """What stands of a line once a rate is in force from its `effective_from` to `until`."""
    start = max(line.started_at, rate.effective_from)
    end = line.ended_at if until is None else min(line.ended_at, until)
    same = (line.rate_minor_per_hour, line.currency) == (rate.minor_per_hour, rate.currency)
    if start >= end or same or line.status == "unbilled":
        return [line]
    before, reached, after = split(write, line, start, end)
    if line.status in POSTED:
        post_difference(write, reached, rate)
    else:
        reached = said_anew(write, reached, rate)
    return [*before, reached, *after]


def said_anew(write: Writer, line: Line, rate: Rate) -> Line:
    """A line that waits, with what it would come to at a rate."""
    write.close(line, "replaced")
    amount = amount_minor(line.duration_ms, rate.minor_per_hour, line.is_half_even)
    anew = part_of(line, line.duration_ms, amount, from_end=False)
    anew.ended_at = line.ended_at
    anew.rate_minor_per_hour, anew.currency = rate.minor_per_hour, rate.currency
    return write.open("repriced", anew, corrects=line.line_ids[0])


def post_difference(write: Writer, line: Line, rate: Rate) -> None:
    """Post the new amount of a line less what was posted; nothing posted is touched.

    In another currency that is two lines: all that was posted is reversed, and the new amount
    stands by itself.
    """
    amount = amount_minor(line.duration_ms, rate.minor_per_hour, line.is_half_even)
    difference = _on_top(line, amount - line.amount_minor)
    first = line.line_ids[0]
    if rate.currency != line.currency:
        back = write.open("reversed", _on_top(line, -line.amount_minor), corrects=first)
        line.line_ids += back.line_ids
        difference.amount_minor = amount
    difference.rate_minor_per_hour, difference.currency = rate.minor_per_hour, rate.currency
    former = line.rate_minor_per_hour
    write.open("rate_difference", difference, corrects=first, former_rate=former)
    line.line_ids += difference.line_ids
    line.rate_minor_per_hour, line.currency = rate.minor_per_hour, rate.currency
    line.amount_minor = amount


def _on_top(line: Line, amount: int) -> Line:
    """Money without time, for the same stretch."""
    return Line(
        [], line.status, line.reason, line.started_at, line.ended_at, 0, line.rate_minor_per_hour,
        amount, line.currency, line.is_half_even,
    )  # fmt: skip


def split(write: Writer, line: Line, start: int, end: int) -> tuple[list[Line], Line, list[Line]]:
    """Lines before, within and after [start, end) in the place of one, with the same money in all.

    The share of an end is its own rounded amount; what is left of the amount is the middle's.
    """
    # An increment may pay less than lasted: the ends come first, and never exceed what is paid.
    before_ms = min((start - line.started_at) // 1000, line.duration_ms)
    after_ms = min((line.ended_at - end) // 1000, line.duration_ms - before_ms)
    if not before_ms and not after_ms:
        return [], line, []
    before = _end_of(line, before_ms, from_end=False)
    after = _end_of(line, after_ms, from_end=True)
    middle = Line(
        [], line.status, line.reason, start, end, line.duration_ms - before_ms - after_ms,
        line.rate_minor_per_hour,
        line.amount_minor - sum(piece.amount_minor for piece in before + after), line.currency,
        line.is_half_even, line.further_reasons,
    )  # fmt: skip
    write.close(line, "replaced")
    for piece in (*before, middle, *after):
        write.open("remainder", piece, corrects=line.line_ids[0])
    return before, middle, after


def _end_of(line: Line, duration_ms: int, *, from_end: bool) -> list[Line]:
    if not duration_ms:
        return []
    amount = amount_minor(duration_ms, line.rate_minor_per_hour, line.is_half_even)
    return [part_of(line, duration_ms, amount, from_end=from_end)]
