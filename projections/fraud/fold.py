"""The fraud rules, a handler an event: each re-opens what it touches, and no more."""

import polars as pl

from projections.emit import Emit
from projections.fraud.alerts import Telling
from projections.fraud.answers import judge_answer, judge_answers
from projections.fraud.days import add, entry_days, judge, judge_overlaps, take
from projections.fraud.pasted_answer import Measured
from projections.fraud.state import (
    ENTRY_DAYS_MAX,
    SESSION_DAYS_MAX,
    TASK_ENTRIES_MAX,
    Answers,
    Day,
    Device,
    Entry,
    Session,
    Slot,
    Task,
    Week,
    days_around,
    fraud,
    neighbours,
    optional,
    under_subject,
    week_of_day,
    weeks_of,
)
from projections.intervals import DAY_US
from projections.parts import NamedBy

FIRST, LAST = pl.col("started_at"), pl.col("ended_at") - 1
"""The first and the last instant of a stretch."""


@fraud.on(
    "TimeEntryRecorded",
    days=days_around(FIRST, LAST),
    weeks=weeks_of(FIRST, LAST),
    sessions=optional("session_id"),
    tasks=optional("task_id"),
)
def time_entry_recorded(
    entry: Entry,
    days: list[Day],
    weeks: list[Week],
    sessions: list[Session],
    tasks: list[Task],
    emit: Emit,
    appended_at: int,
    event_id: bytes,
    subject_id: str,
    occurred_at: int,
    entry_id: str,
    session_id: str | None,
    task_id: str | None,
    billable: bool,
    started_at: int,
    ended_at: int,
    entry_method: str,
) -> None:
    """An entry is held against the others of its days."""
    is_manual = entry_method == "manual"
    entry.slot = Slot(
        entry_id, billable, is_manual, task_id or "", session_id or "", [], [event_id]
    )
    telling = Telling(emit, subject_id, occurred_at, appended_at, "An entry was recorded")
    near = _numbered(days, started_at, ended_at)
    changed = [
        number
        for number, day in near.items()
        if add(day, number, entry.slot, (started_at, ended_at), event_id)
    ]
    entry.days = changed
    for session in sessions:
        for number in changed:
            if number not in session.days and len(session.days) < SESSION_DAYS_MAX:
                session.days.append(number)
            if session.device:
                near[number].devices[session_id or ""] = session.device
    judge(telling, near, _weeks(weeks, started_at, ended_at), changed, entry_id)
    for task in tasks:
        if len(task.entry_ids) < TASK_ENTRIES_MAX:
            task.entry_ids.append(entry_id)
            judge_answers(telling, task)


@fraud.on("TimeEntryAdjusted", days=days_around(FIRST, LAST), weeks=weeks_of(FIRST, LAST))
def time_entry_adjusted(
    entry: Entry,
    days: list[Day],
    weeks: list[Week],
    emit: Emit,
    appended_at: int,
    event_id: bytes,
    subject_id: str,
    occurred_at: int,
    entry_id: str,
    started_at: int,
    ended_at: int,
    sign: str,
) -> None:
    """An entry that the log knows grows or shrinks; an adjustment before it changes nothing."""
    if entry.slot is None:
        return
    near, stretch = _numbered(days, started_at, ended_at), (started_at, ended_at)
    changed = [*near][1:-1]
    for number in changed:
        if sign == "minus":
            take(near[number], entry_id, stretch, event_id)
        elif entry_days(entry, ENTRY_DAYS_MAX, number):
            add(near[number], number, entry.slot, stretch, event_id)
    telling = Telling(emit, subject_id, occurred_at, appended_at, "An entry was adjusted")
    judge(telling, near, _weeks(weeks, started_at, ended_at), changed, entry_id)


def days_of_entry(entry: Entry, expert_id: str) -> list[str]:
    """The keys of the days that an entry touches, with their neighbours."""
    return [f"{expert_id}:{day}" for day in neighbours(entry.days)]


def weeks_of_entry(entry: Entry, expert_id: str) -> list[str]:
    """The keys of the weeks of an entry's days."""
    return [f"{expert_id}:{week}" for week in _week_numbers(entry.days)]


def task_of_entry(entry: Entry, expert_id: str) -> list[str]:
    """The key of the task of an entry, where it has one."""
    return [f"{expert_id}:{entry.slot.task_id}"] if entry.slot and entry.slot.task_id else []


@fraud.on(
    "TimeEntryRejected",
    days=NamedBy("entry", days_of_entry),
    weeks=NamedBy("entry", weeks_of_entry),
    tasks=NamedBy("entry", task_of_entry),
)
def time_entry_rejected(
    entry: Entry,
    days: list[Day],
    weeks: list[Week],
    tasks: list[Task],
    emit: Emit,
    appended_at: int,
    subject_id: str,
    occurred_at: int,
    entry_id: str,
) -> None:
    """An entry gives its time up for good: what rested on it is judged anew."""
    telling = Telling(emit, subject_id, occurred_at, appended_at, "An entry was rejected")
    near = dict(zip(neighbours(entry.days), days, strict=True))
    for number in entry.days:
        near[number].slots.pop(entry_id, None)
    by_number = dict(zip(_week_numbers(entry.days), weeks, strict=True))
    judge(telling, near, by_number, entry.days, entry_id)
    for task in tasks:
        if entry_id in task.entry_ids:
            task.entry_ids.remove(entry_id)
            judge_answers(telling, task)
    entry.slot, entry.days = None, []


def days_of_session(session: Session, expert_id: str) -> list[str]:
    """The keys of the days of a session's entries, until its start is told."""
    return [] if session.device else [f"{expert_id}:{day}" for day in session.days]


@fraud.on(
    "TimeSessionStarted",
    session=under_subject(pl.col("session_id")),
    days=NamedBy("session", days_of_session),
)
def time_session_started(
    session: Session,
    days: list[Day],
    emit: Emit,
    appended_at: int,
    event_id: bytes,
    subject_id: str,
    occurred_at: int,
    session_id: str,
    device_token: str,
) -> None:
    """Its first start says on which device a session is; one that comes late is heard too."""
    if session.device:
        return
    session.device = Device(device_token, event_id)
    telling = Telling(emit, subject_id, occurred_at, appended_at, "A session's start was told")
    for number, day in zip(session.days, days, strict=True):
        day.devices[session_id] = session.device
        judge_overlaps(telling, day, number)


@fraud.on("SubmissionRecorded", task=under_subject(pl.col("task_id")))
def submission_recorded(
    task: Task,
    answers: Answers,
    emit: Emit,
    appended_at: int,
    event_id: bytes,
    subject_id: str,
    occurred_at: int,
    submission_id: str,
    answer_chars: int,
    typed_chars: int | None,
    pasted_chars: int | None,
    pasted_after_focus_loss_chars: int | None,
    input_method: str,
) -> None:
    """An answer is judged by how it came about, and by those before it."""
    telling = Telling(emit, subject_id, occurred_at, appended_at, "An answer was handed in")
    measured = Measured(
        answer_chars, typed_chars, pasted_chars, pasted_after_focus_loss_chars, input_method
    )
    judge_answer(telling, task, answers, submission_id, event_id, measured)


def _numbered(days: list[Day], started_at: int, ended_at: int) -> dict[int, Day]:
    first, last = started_at // DAY_US, (ended_at - 1) // DAY_US
    return dict(zip(range(first - 1, last + 2), days, strict=True))


def _weeks(weeks: list[Week], started_at: int, ended_at: int) -> dict[int, Week]:
    days = (started_at // DAY_US, (ended_at - 1) // DAY_US)
    return dict(zip(_week_numbers(days), weeks, strict=True))


def _week_numbers(days: list[int] | tuple[int, ...]) -> list[int]:
    return sorted({week_of_day(day) for day in days})
