"""Time that is rejected, added or taken away: minutes are given up, and money goes with them."""

from projections.emit import Emit
from projections.payout.entries import (
    FIRST_DAY,
    LAST_DAY,
    NOT_BILLABLE,
    claim_instants,
    stretches_of,
)
from projections.payout.lines import Writer, part_of, rewrite, without_effect, writers_of
from projections.payout.rates import POSTED, split
from projections.payout.standing import policy_at, reasons_to_wait, terms_before
from projections.payout.state import (
    DAY_US,
    ITS_DAYS,
    Day,
    Engagement,
    Expert,
    Line,
    Whereabouts,
    payout,
)


def _why_not(writers: list[Writer]) -> str:
    """Why an entry cannot be corrected; empty where it can."""
    if not writers:
        return "no such entry stands earlier in the log"
    return "it was rejected before" if writers[0].entry.is_rejected else ""


@payout.on("TimeEntryRejected", days=ITS_DAYS)
def time_entry_rejected(
    expert: Expert,
    whereabouts: Whereabouts,
    days: list[Day],
    emit: Emit,
    event_id: bytes,
    subject_id: str,
    entry_id: str,
) -> None:
    """All that was posted for it is reversed, and its instants are free again."""
    writers = writers_of(days, emit, event_id, subject_id, entry_id)
    if reason := _why_not(writers):
        without_effect(emit, subject_id, "TimeEntryRejected", entry_id, reason)
        return
    rewrite(writers, _given_up)
    for write in writers:
        write.entry.is_rejected = True
    for day in days:
        day.give_up(entry_id, 0, day.latest)


def _given_up(write: Writer, line: Line) -> list[Line]:
    """Nothing is left of a line, and what was posted for it is taken back."""
    # What was disputed is told by the line that refuses it, as where the dispute is resolved.
    write.close(line, "replaced" if line.status == "disputed" else "rejected")
    _take_back(write, line)
    return []


def _take_back(write: Writer, line: Line) -> None:
    """Post the reverse of what was posted for a line."""
    if line.status not in POSTED:
        return
    is_disputed = line.status == "disputed"
    back = part_of(line, line.duration_ms, line.amount_minor, from_end=False)
    back.ended_at, back.status, back.reason = line.ended_at, "rejected", ""
    if not is_disputed:
        back.duration_ms, back.amount_minor = -line.duration_ms, -line.amount_minor
    write.open("refused" if is_disputed else "reversed", back, corrects=line.line_ids[0])


@payout.on("TimeEntryAdjusted", days=ITS_DAYS, first_day=FIRST_DAY, last_day=LAST_DAY)
def time_entry_adjusted(
    expert: Expert,
    whereabouts: Whereabouts,
    days: list[Day],
    first_day: Day,
    last_day: Day,
    emit: Emit,
    event_id: bytes,
    subject_id: str,
    entry_id: str,
    started_at: int,
    ended_at: int,
    sign: str,
) -> None:
    """Add an interval to an entry, priced like one, or take one away from its lines."""
    writers = writers_of(days, emit, event_id, subject_id, entry_id)
    if reason := _why_not(writers):
        without_effect(emit, subject_id, "TimeEntryAdjusted", entry_id, reason)
    elif sign == "minus":
        before = [write.entry.lines for write in writers]

        def take_away(write: Writer, line: Line) -> list[Line]:
            return _taken_away(write, line, started_at, ended_at)

        rewrite(writers, take_away)
        if [write.entry.lines for write in writers] == before:
            reason = "it has no instant in that interval"
            without_effect(emit, subject_id, "TimeEntryAdjusted", entry_id, reason)
        for day in (first_day, last_day):
            day.give_up(entry_id, started_at, ended_at)
    else:
        entry = first_day.entries.setdefault(entry_id, writers[0].entry.beginning_elsewhere())
        expert.worked_on(started_at // DAY_US)
        whereabouts.lies_on(started_at, ended_at)
        write = Writer(emit, event_id, subject_id, entry_id, entry)
        engagement = expert.engagements.get(entry.project_id) or Engagement()
        taken, reasons = [(started_at, ended_at, False)], [NOT_BILLABLE]
        if entry.is_billable:
            taken = claim_instants(first_day, last_day, entry_id, started_at, ended_at)
            terms = terms_before(engagement, started_at)
            reasons = reasons_to_wait(expert, engagement, terms, started_at)
        policy = policy_at(engagement, started_at)
        for line in stretches_of(engagement, policy, reasons, taken):
            entry.lines.append(write.open("adjusted", line))


def _taken_away(write: Writer, line: Line, start: int, end: int) -> list[Line]:
    """What is left of a line without the instants of [start, end)."""
    start, end = max(start, line.started_at), min(end, line.ended_at)
    if start >= end:
        return [line]
    before, gone, after = split(write, line, start, end)
    return [*before, *_given_up(write, gone), *after]
