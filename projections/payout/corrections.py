"""What people decide about lines: an exception, a dispute, its resolution."""

from msgspec.structs import replace

from projections.emit import Emit
from projections.payout.lines import Writer, part_of, rewrite, without_effect, writers_of
from projections.payout.pricing import amount_minor, within_cap
from projections.payout.standing import policy_at
from projections.payout.state import ITS_DAYS, Day, Engagement, Expert, Line, Whereabouts, payout

REASONS: dict[str, tuple[str, ...]] = {
    "over_cap": ("over_cap",),
    "overlap": ("overlap",),
    "no_terms": ("awaiting_terms",),
    "not_standing": ("not_hired", "suspended", "offboarded", "not_staffed"),
    "no_rate": ("no_rate",),
    "no_policy": (),
}
"""What an exception of each kind may release."""


class Budget:
    """So much time as a person decided on, spent line by line."""

    def __init__(self, granted_ms: int) -> None:
        self.left_ms = granted_ms
        self.is_touched = False
        """Whether there was a line to spend it on."""

    def spend(self, line: Line) -> int:
        """What of a line it reaches, in milliseconds."""
        spent_ms = min(self.left_ms, line.duration_ms)
        self.left_ms -= spent_ms
        self.is_touched = True
        return spent_ms


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
    """Of the lines that wait for this reason so much waits for it no more, the earliest first.

    It waits for the next reason that there is, else it is paid as far as the week's cap reaches.
    """
    budget = Budget(approved_ms)

    def release(write: Writer, line: Line) -> list[Line]:
        waits = line.status == "waiting" and line.reason in REASONS[kind] and line.currency
        released_ms = budget.spend(line) if waits else 0
        engagement = expert.engagements.get(write.entry.project_id) or Engagement()
        return _released(write, engagement, line, released_ms) if released_ms else [line]

    rewrite(writers_of(days, emit, event_id, subject_id, entry_id), release)
    if budget.left_ms == approved_ms:
        reason = f"nothing of it waits for {kind} and has a rate"
        without_effect(emit, subject_id, "ExceptionApproved", entry_id, reason)


def _worth(line: Line, duration_ms: int) -> int:
    """What so much of a line comes to, rounded once."""
    return amount_minor(duration_ms, line.rate_minor_per_hour, line.is_half_even)


def _released(write: Writer, engagement: Engagement, line: Line, released_ms: int) -> list[Line]:
    write.close(line, "replaced")
    rest_ms = line.duration_ms - released_ms
    part = part_of(line, released_ms, _worth(line, released_ms), from_end=False)
    lines = [
        write.open("excepted", piece, corrects=line.line_ids[0])
        for piece in _past_its_reason(engagement, part)
    ]
    if rest_ms:
        rest = part_of(line, rest_ms, _worth(line, rest_ms), from_end=True)
        lines.append(write.open("remainder", rest, corrects=line.line_ids[0]))
    return lines


def _past_its_reason(engagement: Engagement, part: Line) -> list[Line]:
    """What becomes of time that waits no more for the reason that it waited for."""
    if part.further_reasons:
        part.reason, *part.further_reasons = part.further_reasons
        return [part]
    was_over_cap = part.reason == "over_cap"
    part.status, part.reason = "payable", ""
    if was_over_cap or not engagement.caps or part.started_at == part.ended_at:
        return [part]
    policy = policy_at(engagement, part.started_at)
    pieces: list[Line] = []
    left_ms = part.duration_ms
    for start, end, is_over in within_cap(engagement, policy, part.started_at, part.ended_at):
        # What a policy's increment rounds belongs to the end.
        duration_ms = left_ms if end == part.ended_at else min((end - start) // 1000, left_ms)
        left_ms -= duration_ms
        status, reason = ("waiting", "over_cap") if is_over else ("payable", "")
        amount = _worth(part, duration_ms)
        pieces.append(
            replace(
                part, line_ids=[], status=status, reason=reason, started_at=start, ended_at=end,
                duration_ms=duration_ms, amount_minor=amount,
            )
        )  # fmt: skip
    return pieces


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
    budget = Budget(disputed_ms)

    def dispute(write: Writer, line: Line) -> list[Line]:
        taken_ms = budget.spend(line) if line.status == "payable" else 0
        return _disputed(write, line, taken_ms) if taken_ms else [line]

    writers = writers_of(days, emit, event_id, subject_id, entry_id)
    rewrite(writers, dispute, latest_first=True)
    if budget.left_ms == disputed_ms:
        reason = "nothing of it is payable"
        without_effect(emit, subject_id, "TimeEntryDisputed", entry_id, reason)


def _disputed(write: Writer, line: Line, disputed_ms: int) -> list[Line]:
    write.close(line, "replaced")
    rest_ms = line.duration_ms - disputed_ms
    amount = line.amount_minor
    lines: list[Line] = []
    if rest_ms:
        # What is paid is rounded once, from its own time; what waits takes the difference.
        paid = min(_worth(line, rest_ms), amount)
        amount -= paid
        rest = part_of(line, rest_ms, paid, from_end=False)
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
    budget = Budget(approved_ms)

    def resolve(write: Writer, line: Line) -> list[Line]:
        if line.status != "disputed":
            return [line]
        return _resolved(write, line, budget.spend(line))

    rewrite(writers_of(days, emit, event_id, subject_id, entry_id), resolve)
    if not budget.is_touched:
        reason = "nothing of it is disputed"
        without_effect(emit, subject_id, "DisputeResolved", entry_id, reason)


def _resolved(write: Writer, line: Line, kept_ms: int) -> list[Line]:
    write.close(line, "replaced")
    rest_ms, lines = line.duration_ms - kept_ms, list[Line]()
    kept_amount = line.amount_minor
    if rest_ms:
        kept_amount = min(_worth(line, kept_ms), line.amount_minor)
        refused = part_of(line, rest_ms, line.amount_minor - kept_amount, from_end=True)
        refused.status, refused.reason = "rejected", "refused"
        write.open("refused", refused, corrects=line.line_ids[0])
    if kept_ms:
        upheld = part_of(line, kept_ms, kept_amount, from_end=False)
        upheld.status, upheld.reason = "payable", ""
        lines.append(write.open("upheld", upheld, corrects=line.line_ids[0]))
    return lines
