"""A task from publication to review: what it asks for, its claim, the answer, the verdict."""

from __future__ import annotations

import hashlib

from infra.simulation.answers import Answers
from infra.simulation.life import Life
from infra.simulation.marketplace import HOUR_US, MINUTE_US, wait_us
from schemas.events import (
    QualityFlagRaised,
    TaskClaimed,
    TaskPublished,
    TaskReleased,
    TaskReviewed,
    TaskSubmitted,
)

RELEASED, REWORK, REJECTED, FLAGGED = 0.04, 0.09, 0.03, 0.006
"""Of the tasks; REWORK is those that come back or are rejected."""
CLAIM_HOURS = 4
REVIEWER = "staff:reviewer"


class Tasks:
    """The tasks of one expert, one after another."""

    def __init__(self, life: Life, units: int) -> None:
        """`units` is how many the expert's project brings out a week."""
        self._life, self._answers = life, Answers(life, units)
        self._count = 0

    def work_on(self, session: str, at: int, week: int) -> tuple[str, int]:
        """A task that is taken up at `at` (µs); answers which, and when the work ends."""
        person, habits, diary, dice = self._life
        who, domain = person.expert_id, person.project.domain
        self._count += 1
        task, claim = f"task-{who}-{self._count}", f"claim-task-{who}-{self._count}"
        minutes = max(2, int(domain.task_minutes * habits.pace * dice.lognormvariate(0, 0.3)))
        end = at + minutes * MINUTE_US
        kind = dice.choice(domain.kinds)
        unit = self._answers.take(week) if kind.endswith("_review") else None
        published = TaskPublished(
            project_id=person.project.project_id, unit_id=unit.unit_id if unit else f"unit-{task}",
            kind=kind, domain=domain.name,
            reference_label=unit.truth if unit and unit.is_reference else None,
        )  # fmt: skip
        diary.tell(task, at - dice.randint(10, 600) * MINUTE_US, published)
        claimed = TaskClaimed(claim_id=claim, expert_id=who, expires_at=at + CLAIM_HOURS * HOUR_US)
        diary.tell(task, at, claimed, actor=person.actor)
        if dice.random() < RELEASED:
            diary.tell(task, end, TaskReleased(claim_id=claim), actor=person.actor)
        else:
            self._submit(task, session, at, end, [self._answers.label(unit)] if unit else [])
        return task, end

    def _submit(self, task: str, session: str, at: int, end: int, labels: list[str]) -> None:
        person, habits, diary, dice = self._life
        chars = max(40, int(person.project.domain.answer_chars * dice.lognormvariate(0, 0.4)))
        after_leaving = int(chars * dice.uniform(0.75, 1.0)) if (
            dice.random() < habits.pasted_after_leaving
        ) else 0  # fmt: skip
        inside = int(chars * 0.4) if dice.random() < habits.pasted_inside else 0
        pasted = max(after_leaving, inside)
        submitted = TaskSubmitted(
            submission_id=f"submission-{task}", expert_id=person.expert_id, session_id=session,
            answer_sha256=hashlib.sha256(task.encode()).digest(), labels=labels,
            active_ms=int((end - at) * (1 - habits.idle)) // 1000, answer_chars=chars,
            typed_chars=chars - pasted if habits.input_method != "dictation" else 0,
            pasted_chars=pasted, pasted_after_focus_loss_chars=after_leaving,
            input_method=habits.input_method,
        )  # fmt: skip
        diary.tell(task, end, submitted, actor=person.actor)
        self._review(task, end + wait_us(dice, 20 * HOUR_US))

    def _review(self, task: str, at: int) -> None:
        person, _, diary, dice = self._life
        drawn = dice.random()
        verdict = "rejected" if drawn < REJECTED else "rework" if drawn < REWORK else "accepted"
        reviewed = TaskReviewed(
            submission_id=f"submission-{task}", expert_id=person.expert_id, verdict=verdict,
            score_bp=int(10_000 * dice.betavariate(8, 2)), reviewer_id=REVIEWER,
        )  # fmt: skip
        diary.tell(task, at, reviewed, actor=REVIEWER)
        if dice.random() < FLAGGED:
            flag = QualityFlagRaised(
                flag_id=f"flag-{task}", task_id=task, kind="reads_like_a_model",
                severity="medium", raised_by=REVIEWER,
            )  # fmt: skip
            diary.tell(person.expert_id, at, flag, actor=REVIEWER)
