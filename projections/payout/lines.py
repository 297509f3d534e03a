"""Lines are opened and closed, never changed: a correction closes one and opens others."""

from collections.abc import Callable
from typing import NamedTuple

from projections.emit import Emit
from projections.payout.rows import NO_LINE, LineClosed, PayoutLine, WithoutEffect
from projections.payout.state import Day, Entry, Line
from schemas.identity import derived_id


class Writer(NamedTuple):
    """Tells of the lines of one entry, for one event."""

    emit: Emit
    event_id: bytes
    expert_id: str
    entry_id: str
    entry: Entry

    def open(
        self, kind: str, line: Line, *, corrects: bytes = NO_LINE, former_rate: int = 0
    ) -> Line:
        """Open a line that will stand: it gets its id."""
        line_id = derived_id(
            b"%b %b %b %d %d"
            % (self.event_id, kind.encode(), corrects, line.started_at, line.ended_at)
        )
        line.line_ids.append(line_id)
        entry = self.entry
        self.emit(
            PayoutLine(
                line_id, kind, corrects, self.expert_id, entry.project_id, self.entry_id,
                entry.session_id, entry.task_id, line.status, line.reason, line.started_at,
                line.ended_at, line.duration_ms, line.rate_minor_per_hour, former_rate,
                line.amount_minor, line.currency, entry.terms_sha256, entry.policy_version,
                entry.payable_from,
            )
        )  # fmt: skip
        return line

    def close(self, line: Line, status: str) -> None:
        """Say that a line, and what was posted on top of it, ends: `replaced` or `rejected`."""
        for line_id in line.line_ids:
            self.emit(LineClosed(line_id, self.expert_id, status))


def part_of(line: Line, duration_ms: int, amount_minor: int, *, from_end: bool) -> Line:
    """A stretch at one end of a line, as a line without an id."""
    cut = line.ended_at - duration_ms * 1000 if from_end else line.started_at + duration_ms * 1000
    # A policy's increment may pay more than lasted: the stretch never leaves the line.
    cut = min(max(cut, line.started_at), line.ended_at)
    start, end = (cut, line.ended_at) if from_end else (line.started_at, cut)
    return Line(
        [], line.status, line.reason, start, end, duration_ms, line.rate_minor_per_hour,
        amount_minor, line.currency, line.is_half_even, line.further_reasons,
    )  # fmt: skip


def writers_of(
    days: list[Day], emit: Emit, event_id: bytes, expert_id: str, entry_id: str
) -> list[Writer]:
    """A writer for the entry's lines of each day on which some begin, its own first day first."""
    return [
        Writer(emit, event_id, expert_id, entry_id, day.entries[entry_id])
        for day in days
        if entry_id in day.entries
    ]


def _first_instant(write: Writer) -> int:
    return min((line.started_at for line in write.entry.lines), default=0)


def rewrite(
    writers: list[Writer],
    change: Callable[[Writer, Line], list[Line]],
    *,
    latest_first: bool = False,
) -> None:
    """Put what `change` makes of each line in its place; lines are asked in the order of time."""
    step = -1 if latest_first else 1
    for write in sorted(writers, key=_first_instant)[::step]:
        # What was added later may lie before what the entry held.
        write.entry.lines.sort(key=lambda line: line.started_at)
        made = [change(write, line) for line in write.entry.lines[::step]]
        write.entry.lines = [line for lines in made[::step] for line in lines]


def without_effect(emit: Emit, expert_id: str, event: str, entry_id: str, reason: str) -> None:
    """Say that an event changed no line, and why."""
    emit(WithoutEffect(expert_id, event, entry_id, reason))
