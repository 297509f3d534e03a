"""What people decide about an entry: rejected, excepted, disputed, resolved, adjusted."""

from projections.fold import Emit, NamedBy
from projections.payout.entries import (
    FIRST_DAY,
    LAST_DAY,
    NOT_BILLABLE,
    claim_instants,
    days_of,
    stretches_of,
)
from projections.payout.lines import Writer, part_of
from projections.payout.pricing import amount_minor
from projections.payout.rates import POSTED, split
from projections.payout.rows import WithoutEffect
from projections.payout.standing import reason_to_wait, terms_before
from projections.payout.state import (
    DAY_US,
    Day,
    Engagement,
    Entry,
    Expert,
    Line,
    Whereabouts,
    payout,
)

ITS_DAYS = NamedBy("whereabouts", Whereabouts.keys)
REASONS: dict[str, tuple[str, ...]] = {
    "over_cap": ("over_cap",),
    "overlap": ("overlap",),
    "no_terms": ("awaiting_terms",),
    "not_standing": ("not_hired", "suspended", "offboarded", "not_staffed"),
    "no_rate": ("no_rate",),
    "no_policy": (),
}
"""What an exception of each kind may release."""


def _without_effect(emit: Emit, expert_id: str, event: str, entry_id: str, reason: str) -> None:
    emit(WithoutEffect(expert_id, event, entry_id, reason))


def _records(days: list[Day], entry_id: str) -> list[Entry]:
    """The entry's lines by the days on which they begin, its own first day first."""
    return [day.entries[entry_id] for day in days if entry_id in day.entries]


def _why_not(records: list[Entry]) -> str:
    """Why an entry cannot be corrected; empty where it can."""
    if not records:
        return "no such entry stands earlier in the log"
    return "it was rejected before" if records[0].is_rejected else ""


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
    records = _records(days, entry_id)
    if reason := _why_not(records):
        _without_effect(emit, subject_id, "TimeEntryRejected", entry_id, reason)
        return
    for entry in records:
        write = Writer(emit, event_id, subject_id, entry_id, entry)
        for line in entry.lines:
            write.close(line, "rejected")
            _take_back(write, line)
        entry.is_rejected, entry.lines = True, []
    for day in days:
        day.give_up(entry_id, 0, day.latest)


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


@payout.on("ExceptionApproved", days=ITS_DAYS)
def exception_approved(
    expert: Expert,
    whereabouts: Whereabouts,
    days: list[Day],
    emit: Emit,
    event_id: bytes,
    subject_id: str,
    entry_id: str,
    kind: str,
    approved_ms: int,
) -> None:
    """Of the lines that wait for this reason, so much is paid: the earliest first."""
    left_ms = approved_ms
    for entry in _records(days, entry_id):
        write = Writer(emit, event_id, subject_id, entry_id, entry)
        lines: list[Line] = []
        for line in entry.lines:
            waits = line.status == "waiting" and line.reason in REASONS[kind] and line.currency
            if not waits or not left_ms:
                lines.append(line)
                continue
            released_ms = min(left_ms, line.duration_ms)
            left_ms -= released_ms
            lines += _released(write, line, released_ms)
        entry.lines = lines
    if left_ms == approved_ms:
        reason = f"nothing of it waits for {kind} and has a rate"
        _without_effect(emit, subject_id, "ExceptionApproved", entry_id, reason)


def _released(write: Writer, line: Line, released_ms: int) -> list[Line]:
    write.close(line, "replaced")
    rest_ms = line.duration_ms - released_ms
    paid = part_of(
        line, released_ms, amount_minor(released_ms, line.rate_minor_per_hour), from_end=False
    )
    paid.status, paid.reason = "payable", ""
    lines = [write.open("excepted", paid, corrects=line.line_ids[0])]
    if rest_ms:
        rest = part_of(
            line, rest_ms, amount_minor(rest_ms, line.rate_minor_per_hour), from_end=True
        )
        lines.append(write.open("remainder", rest, corrects=line.line_ids[0]))
    return lines


@payout.on("TimeEntryDisputed", days=ITS_DAYS)
def time_entry_disputed(
    expert: Expert,
    whereabouts: Whereabouts,
    days: list[Day],
    emit: Emit,
    event_id: bytes,
    subject_id: str,
    entry_id: str,
    disputed_ms: int,
) -> None:
    """Only so much of what is payable waits, the latest first; the rest is paid."""
    left_ms = disputed_ms
    for entry in reversed(_records(days, entry_id)):
        write = Writer(emit, event_id, subject_id, entry_id, entry)
        lines: list[Line] = []
        for line in reversed(entry.lines):
            if line.status != "payable" or not left_ms or line.duration_ms <= 0:
                lines.append(line)
                continue
            taken_ms = min(left_ms, line.duration_ms)
            left_ms -= taken_ms
            lines += reversed(_disputed(write, line, taken_ms))
        entry.lines = lines[::-1]
    if left_ms == disputed_ms:
        reason = "nothing of it is payable"
        _without_effect(emit, subject_id, "TimeEntryDisputed", entry_id, reason)


def _disputed(write: Writer, line: Line, disputed_ms: int) -> list[Line]:
    write.close(line, "replaced")
    rest_ms = line.duration_ms - disputed_ms
    amount = line.amount_minor
    lines: list[Line] = []
    if rest_ms:
        amount = amount_minor(disputed_ms, line.rate_minor_per_hour)
        rest = part_of(line, rest_ms, line.amount_minor - amount, from_end=False)
        lines.append(write.open("remainder", rest, corrects=line.line_ids[0]))
    waits = part_of(line, disputed_ms, amount, from_end=True)
    waits.status, waits.reason = "disputed", "disputed"
    lines.append(write.open("disputed", waits, corrects=line.line_ids[0]))
    return lines


@payout.on("DisputeResolved", days=ITS_DAYS)
def dispute_resolved(
    expert: Expert,
    whereabouts: Whereabouts,
    days: list[Day],
    emit: Emit,
    event_id: bytes,
    subject_id: str,
    entry_id: str,
    approved_ms: int,
) -> None:
    """Of what is disputed so much is payable again, the earliest first; the rest is not owed."""
    left_ms, resolved = approved_ms, False
    for entry in _records(days, entry_id):
        write = Writer(emit, event_id, subject_id, entry_id, entry)
        lines: list[Line] = []
        for line in entry.lines:
            if line.status != "disputed":
                lines.append(line)
                continue
            resolved = True
            kept_ms = min(left_ms, line.duration_ms)
            left_ms -= kept_ms
            lines += _resolved(write, line, kept_ms)
        entry.lines = lines
    if not resolved:
        reason = "nothing of it is disputed"
        _without_effect(emit, subject_id, "DisputeResolved", entry_id, reason)


def _resolved(write: Writer, line: Line, kept_ms: int) -> list[Line]:
    write.close(line, "replaced")
    rest_ms, lines = line.duration_ms - kept_ms, list[Line]()
    kept_amount = line.amount_minor
    if rest_ms:
        kept_amount = amount_minor(kept_ms, line.rate_minor_per_hour)
        refused = part_of(line, rest_ms, line.amount_minor - kept_amount, from_end=True)
        refused.status, refused.reason = "rejected", "refused"
        write.open("refused", refused, corrects=line.line_ids[0])
    if kept_ms:
        upheld = part_of(line, kept_ms, kept_amount, from_end=False)
        upheld.status, upheld.reason = "payable", ""
        lines.append(write.open("upheld", upheld, corrects=line.line_ids[0]))
    return lines


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
    records = _records(days, entry_id)
    if reason := _why_not(records):
        _without_effect(emit, subject_id, "TimeEntryAdjusted", entry_id, reason)
    elif sign == "minus":
        changed = False
        for entry in records:
            write = Writer(emit, event_id, subject_id, entry_id, entry)
            lines = [
                p for one in entry.lines for p in _taken_away(write, one, started_at, ended_at)
            ]
            changed, entry.lines = changed or lines != entry.lines, lines
        if not changed:
            reason = "it has no instant in that interval"
            _without_effect(emit, subject_id, "TimeEntryAdjusted", entry_id, reason)
        for day in (first_day, last_day):
            day.give_up(entry_id, started_at, ended_at)
    else:
        entry = first_day.entries.setdefault(entry_id, records[0].beginning_elsewhere())
        expert.worked_on(started_at // DAY_US)
        whereabouts.lies_on(days_of(started_at, ended_at))
        write = Writer(emit, event_id, subject_id, entry_id, entry)
        engagement = expert.engagements.get(entry.project_id) or Engagement()
        taken, standing = [(started_at, ended_at, False)], NOT_BILLABLE
        if entry.is_billable:
            taken = claim_instants(first_day, last_day, entry_id, started_at, ended_at)
            terms = terms_before(engagement, started_at)
            standing = reason_to_wait(expert, engagement, terms, started_at)
        for line in stretches_of(engagement, standing, taken, started_at):
            entry.lines.append(write.open("adjusted", line))


def _taken_away(write: Writer, line: Line, start: int, end: int) -> list[Line]:
    """What is left of a line without the instants of [start, end)."""
    start, end = max(start, line.started_at), min(end, line.ended_at)
    if start >= end:
        return [line]
    before, gone, after = split(write, line, start, end)
    write.close(gone, "rejected")
    _take_back(write, gone)
    return [*before, *after]
