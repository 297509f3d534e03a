"""Time entries of a task, and what is put right afterwards: late, corrected, disputed, approved."""

from __future__ import annotations

from infra.simulation.life import Life
from infra.simulation.marketplace import DAY_US, HOUR_US, MINUTE_US, wait_us
from schemas.events import (
    DisputeResolved,
    TimeEntryAdjusted,
    TimeEntryApproved,
    TimeEntryDisputed,
    TimeEntryRecorded,
    TimeEntryRejected,
)

LATE, ADJUSTED, DISPUTED = 0.03, 0.01, 0.004
APPROVED, ENTRY_REJECTED, RESOLVED = 0.6, 0.004, 0.7
LEAD = "staff:project-lead"


class TimeSheet:
    """What an expert bills."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def bill(self, task: str, session: str, start: int, end: int) -> None:
        """The entry of a task, as the expert's habits have it; a second one where they cheat so."""
        habits, dice = self._life.habits, self._life.dice
        is_manual = dice.random() < habits.manual
        if dice.random() < habits.tabs:
            start -= dice.randint(2, 20) * MINUTE_US
        if is_manual and habits.rounds_to_minutes > 1:
            step = habits.rounds_to_minutes * MINUTE_US
            start, end = start // step * step, -(-end // step) * step
        late_us = wait_us(dice, DAY_US) if dice.random() < LATE else 0
        self._entry(f"entry-{task}", task, session, start, end, is_manual, late_us)
        if dice.random() < habits.billed_twice:
            self._entry(f"entry-{task}-b", task, session, start, end, True, 0)

    def _entry(
        self, entry: str, task: str, session: str, start: int, end: int, is_manual: bool,
        late_us: int,
    ) -> None:  # fmt: skip
        person, _, diary, dice = self._life
        who = person.expert_id
        recorded = TimeEntryRecorded(
            entry_id=entry, session_id=session, project_id=person.project.project_id,
            task_id=task, activity_kind="review", billable=True, started_at=start, ended_at=end,
            entry_method="manual" if is_manual else "tracker",
        )  # fmt: skip
        diary.tell(who, end, recorded, actor=person.actor, late_us=late_us)
        told = end + late_us + dice.randint(1, 40) * HOUR_US
        if dice.random() < ADJUSTED:
            adjusted = TimeEntryAdjusted(
                entry_id=entry, started_at=end - MINUTE_US, ended_at=end, sign="minus",
                reason="stopped too late", approved_by="staff:project-lead",
            )  # fmt: skip
            diary.tell(who, told, adjusted, actor=person.actor)
        elif dice.random() < DISPUTED:
            disputed = TimeEntryDisputed(
                entry_id=entry, disputed_ms=(end - start) // 2000, reason="longer than agreed"
            )
            diary.tell(who, told, disputed, actor=LEAD)
            if dice.random() < RESOLVED:
                resolved = DisputeResolved(
                    entry_id=entry, outcome="partly_upheld", approved_ms=(end - start) // 4000
                )
                diary.tell(who, told + dice.randint(1, 4) * DAY_US, resolved, actor=LEAD)
        elif dice.random() < ENTRY_REJECTED:
            rejected = TimeEntryRejected(entry_id=entry, reason="not the task that was asked for")
            diary.tell(who, told, rejected, actor=LEAD)
        elif dice.random() < APPROVED:
            diary.tell(who, told, TimeEntryApproved(entry_id=entry), actor=LEAD)
