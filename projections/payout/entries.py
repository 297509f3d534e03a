"""Time entries: cut where instants are taken, the rate changes or the week's cap is used up."""

from collections.abc import Iterator

import polars as pl

from projections.emit import Emit
from projections.payout.lines import Writer
from projections.payout.pricing import amount_minor, priced, rounded_ms, within_cap
from projections.payout.standing import policy_at, reasons_to_wait, terms_before
from projections.payout.state import (
    DAY_US,
    FIRST_INSTANT,
    LAST_INSTANT,
    Day,
    Engagement,
    Entry,
    Expert,
    Line,
    Policy,
    Rate,
    day_key,
    payout,
)

NOT_BILLABLE = "not_billable"
FIRST_DAY = day_key(pl.col("subject_id"), FIRST_INSTANT)
LAST_DAY = day_key(pl.col("subject_id"), LAST_INSTANT)


@payout.on("TimeEntryRecorded", first_day=FIRST_DAY, last_day=LAST_DAY)
def time_entry_recorded(
    expert: Expert,
    first_day: Day,
    last_day: Day,
    emit: Emit,
    event_id: bytes,
    subject_id: str,
    occurred_at: int,
    recorded_at: int,
    entry_id: str,
    session_id: str | None,
    task_id: str | None,
    project_id: str,
    billable: bool,
    started_at: int,
    ended_at: int,
) -> None:
    """Open a line for each stretch that has one rate and one status."""
    engagement = expert.engagements.get(project_id) or Engagement()
    terms, policy = terms_before(engagement, started_at), policy_at(engagement, started_at)
    payable_from = occurred_at
    if policy and policy.review_window_ms:
        # What is told late can be looked at as long as what is told at once.
        payable_from = max(occurred_at, recorded_at) + policy.review_window_ms * 1000
    entry = first_day.entries[entry_id] = Entry(
        project_id, session_id or "", task_id or "", terms.sha256 if terms else b"",
        policy.version if policy else "", payable_from, billable,
    )  # fmt: skip
    expert.worked_on(started_at // DAY_US)
    if billable:
        taken = claim_instants(first_day, last_day, entry_id, started_at, ended_at)
    else:
        taken = [(started_at, ended_at, False)]
    reasons = reasons_to_wait(expert, engagement, terms, started_at)
    if not billable:
        reasons = [NOT_BILLABLE]
    lines = stretches_of(engagement, policy, reasons, taken)
    if billable and policy and policy.increment_ms > 1:
        round_to_increment(lines, policy.increment_ms)
    write = Writer(emit, event_id, subject_id, entry_id, entry)
    for line in lines:
        entry.lines.append(write.open("worked", line))


def stretches_of(
    engagement: Engagement,
    policy: Policy | None,
    reasons: list[str],
    taken: list[tuple[int, int, bool]],
) -> list[Line]:
    """A line for each stretch with one rate and the same reasons to wait, or none.

    `policy` is that of the entry, `taken` what `claim_instants` answers; `reasons` is why nothing
    of it is payable, if so.
    """
    lines: list[Line] = []
    for start, end, is_taken in taken:
        why = ["overlap", *reasons] if is_taken else reasons
        for rate_from, rate_to, rate in priced(start, end, engagement.rates):
            waits_for = why if rate else [*why, "no_rate"]
            if waits_for or not engagement.caps:
                lines.append(_line(waits_for, rate_from, rate_to, rate, policy))
                continue
            for cap_from, cap_to, is_over in within_cap(engagement, policy, rate_from, rate_to):
                over = ["over_cap"] if is_over else []
                lines.append(_line(over, cap_from, cap_to, rate, policy))
    return lines


def _line(
    reasons: list[str], start: int, end: int, rate: Rate | None, policy: Policy | None
) -> Line:
    duration_ms, reason = (end - start) // 1000, reasons[0] if reasons else ""
    if reason == NOT_BILLABLE:
        return Line([], "unbilled", reason, start, end, duration_ms, 0, 0, "")
    per_hour, currency = (rate.minor_per_hour, rate.currency) if rate else (0, "")
    is_half_even = policy is not None and policy.is_half_even
    amount = amount_minor(duration_ms, per_hour, is_half_even)
    status = "waiting" if reason else "payable"
    return Line(
        [], status, reason, start, end, duration_ms, per_hour, amount, currency, is_half_even,
        reasons[1:],
    )  # fmt: skip


def round_to_increment(lines: list[Line], increment_ms: int) -> None:
    """Round what an entry lasted to the policy's increment: its last lines take the difference."""
    lasted_ms = sum(line.duration_ms for line in lines)
    more_ms = rounded_ms(lasted_ms, increment_ms) - lasted_ms
    for line in reversed(lines):
        change_ms = max(more_ms, -line.duration_ms)
        line.duration_ms += change_ms
        line.amount_minor = amount_minor(
            line.duration_ms, line.rate_minor_per_hour, line.is_half_even
        )
        more_ms -= change_ms


def claim_instants(
    first_day: Day, last_day: Day, entry_id: str, start: int, end: int
) -> list[tuple[int, int, bool]]:
    """Cut [start, end) at what earlier entries took (True), and take all of it.

    An instant belongs to the first billable entry in the log that covers it, and was not rejected.
    """
    midnight = (end - 1) // DAY_US * DAY_US
    if start >= midnight:
        taken = first_day.taken_within(start, end)
        first_day.take(start, end, entry_id)
    else:
        taken = first_day.taken_within(start, midnight) + last_day.taken_within(midnight, end)
        first_day.take(start, midnight, entry_id)
        last_day.take(midnight, end, entry_id)
    return list(_cut(start, end, taken)) if taken else [(start, end, False)]


def _cut(start: int, end: int, taken: list[tuple[int, int]]) -> Iterator[tuple[int, int, bool]]:
    at = start
    held: tuple[int, int] | None = None
    for taken_from, taken_to in taken:
        if held and held[1] == taken_from:  # the same stretch, across midnight
            held = (held[0], taken_to)
            continue
        if held:
            yield (*held, True)
            at = held[1]
        if at < taken_from:
            yield at, taken_from, False
        held = (taken_from, taken_to)
    if held:
        yield (*held, True)
        at = held[1]
    if at < end:
        yield at, end, False
