"""Time entries: each holds instants, and gives them up as it is adjusted or rejected."""

from typing import Any

from projections.emit import Emit
from projections.intervals import Interval, missing, united, within, without
from projections.utilization.rows import WorkInterval
from projections.utilization.state import Entry, utilization


@utilization.on("TimeEntryRecorded")
def time_entry_recorded(
    entry: Entry,
    emit: Emit,
    subject_id: str,
    entry_id: str,
    project_id: str,
    billable: bool,
    started_at: int,
    ended_at: int,
) -> None:
    """The entry holds the instants from its start to its end."""
    entry.project_id, entry.is_billable = project_id, billable
    entry.intervals = [(started_at, ended_at)]
    _tell(entry, emit, subject_id, entry_id, "recorded", 1, entry.intervals)


@utilization.on("TimeEntryAdjusted")
def time_entry_adjusted(
    entry: Entry,
    emit: Emit,
    subject_id: str,
    entry_id: str,
    started_at: int,
    ended_at: int,
    sign: Any,
) -> None:
    """The entry gains the instants that it did not hold, or loses those that it did.

    An entry that is not recorded yet, or is rejected, has nothing to gain or lose.
    """
    if not entry.project_id or entry.is_rejected:
        return
    if sign == "plus":
        changed = missing(entry.intervals, started_at, ended_at)
        entry.intervals = united([*entry.intervals, *changed])
    else:
        changed = within(entry.intervals, started_at, ended_at)
        entry.intervals = without(entry.intervals, started_at, ended_at)
    direction = 1 if sign == "plus" else -1
    _tell(entry, emit, subject_id, entry_id, "adjusted", direction, changed)


@utilization.on("TimeEntryRejected")
def time_entry_rejected(entry: Entry, emit: Emit, subject_id: str, entry_id: str) -> None:
    """The entry gives up what it holds, for good."""
    _tell(entry, emit, subject_id, entry_id, "rejected", -1, entry.intervals)
    if entry.project_id:
        entry.is_rejected, entry.intervals = True, []


def _tell(
    entry: Entry,
    emit: Emit,
    expert_id: str,
    entry_id: str,
    change: str,
    direction: int,
    intervals: list[Interval],
) -> None:
    for start, end in intervals:
        emit(
            WorkInterval(
                expert_id, entry.project_id, entry_id, change, entry.is_billable, direction,
                start, end,
            )
        )  # fmt: skip
