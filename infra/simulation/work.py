"""An expert's weeks: sessions, tasks, activity, time entries, and what is put right afterwards."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from infra.simulation.habits import Habits
from infra.simulation.hiring import Person
from infra.simulation.marketplace import (
    CURRENCY,
    HOUR_US,
    MINUTE_US,
    START,
    WEEK_US,
    token,
    wait_us,
)
from infra.simulation.told import Diary
from schemas.events import (
    ActivityObserved,
    AvailabilityDeclared,
    DeviceSighted,
    DisputeResolved,
    PayoutHoldPlaced,
    PayoutHoldReleased,
    QualityFlagRaised,
    RateChanged,
    SessionHeartbeat,
    SkillGranted,
    TaskClaimed,
    TaskPublished,
    TaskReleased,
    TaskReviewed,
    TaskSubmitted,
    TimeEntryAdjusted,
    TimeEntryApproved,
    TimeEntryDisputed,
    TimeEntryRecorded,
    TimeEntryRejected,
    TimeSessionEnded,
    TimeSessionStarted,
)

WINDOW_US = 10 * MINUTE_US
DAY_US = 24 * HOUR_US
WEEK_OFF, LATE, ADJUSTED, DISPUTED, RELEASED = 0.08, 0.03, 0.01, 0.004, 0.04
APPROVED, ENTRY_REJECTED, RESOLVED = 0.6, 0.004, 0.7
HELD, HOLD_RELEASED = 0.3, 0.5
"""In a week, of the experts who give cause: a hold on their pay; of the holds, those released."""
RAISED, RAISED_BACK, SKILL, FLAGGED = 0.03, 0.3, 0.02, 0.006
"""In a week: a new rate (some of them retroactive), a skill; of a task: a quality flag."""
REWORK, REJECTED = 0.09, 0.03
CLAIM_HOURS = 4
LEAD = "staff:project-lead"
AHEAD_US = 26 * HOUR_US
"""A day begins in the east before it begins in UTC, and its tasks were published before that."""
FAR_AWAY = {"country": "SG", "latitude_e3": 1_352, "longitude_e3": 103_820, "accuracy_km": 20}
NEAR = {"latitude_e3": 40_713, "longitude_e3": -74_006, "accuracy_km": 20}


class Work:
    """One expert's time on the marketplace, told into a diary."""

    def __init__(self, person: Person, habits: Habits, diary: Diary, dice: random.Random) -> None:
        self._person, self._habits, self._diary, self._dice = person, habits, diary, dice
        self._zone = ZoneInfo(person.home.zone)
        self._tasks = self._rates = 0

    def weeks(self, count: int, starts_at: int) -> Iterator[int]:
        """Work for some weeks, from the day on which they start.

        After each day it yields the moment (µs) before which nothing more will happen.
        """
        for week in range(count):
            monday = START + timedelta(weeks=week)
            self._change_terms(monday, starts_at)
            self._hold(monday, starts_at)
            is_off = self._dice.random() < WEEK_OFF
            for number in range(7):
                day = monday + timedelta(days=number)
                if not is_off:
                    self._day(day, number >= 5, starts_at)
                yield _us(day) + DAY_US - AHEAD_US

    def _change_terms(self, monday: datetime, starts_at: int) -> None:
        person, dice = self._person, self._dice
        at = _us(monday) + 10 * HOUR_US
        if at < starts_at:
            return
        if dice.random() < RAISED:
            self._rates += 1
            back_us = WEEK_US if dice.random() < RAISED_BACK else 0
            raised = int(person.rate_minor_per_hour * (1 + 0.05 * self._rates))
            changed = RateChanged(
                rate_id=f"rate-{person.expert_id}-{self._rates + 1}",
                project_id=person.project.project_id, rate_minor_per_hour=raised,
                currency=CURRENCY, effective_from=max(starts_at, at - back_us),
                approved_by="staff:finance",
            )  # fmt: skip
            self._diary.tell(person.expert_id, at, changed)
        if dice.random() < SKILL:
            skill = SkillGranted(skill=dice.choice(person.project.domain.kinds), level=2)
            self._diary.tell(person.expert_id, at, skill)
        if dice.random() < RAISED:
            hours = max(5, person.hours_per_week + dice.choice((-10, -5, 5, 10)))
            declared = AvailabilityDeclared(ms_per_week=hours * HOUR_US // 1000, effective_from=at)
            self._diary.tell(person.expert_id, at, declared, actor=person.actor)

    def _hold(self, monday: datetime, starts_at: int) -> None:
        """A person holds the pay of somebody who gives cause, and often takes it back."""
        person, dice, at = self._person, self._dice, _us(monday) + 15 * HOUR_US
        if at < starts_at + WEEK_US or not self._habits.gives_cause or dice.random() > HELD:
            return
        hold = f"hold-{person.expert_id}-{monday:%m%d}"
        placed = PayoutHoldPlaced(
            hold_id=hold, scope="project", scope_ids=[person.project.project_id],
            reason="an alert is being looked at", review_by=at + 2 * WEEK_US,
            placed_by="staff:trust-and-safety",
        )  # fmt: skip
        self._diary.tell(person.expert_id, at, placed, actor="staff:trust-and-safety")
        if dice.random() < HOLD_RELEASED:
            released = PayoutHoldReleased(hold_id=hold, released_by="staff:trust-and-safety")
            later = at + dice.randint(1, 6) * DAY_US
            self._diary.tell(person.expert_id, later, released, actor="staff:trust-and-safety")

    def _day(self, day: datetime, is_weekend: bool, starts_at: int) -> None:
        habits, dice = self._habits, self._dice
        if dice.random() > (habits.works_weekends if is_weekend else 0.9):
            return
        local = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        begin_minutes = int(habits.start_hour * 60 + dice.gauss(0, 40))
        at = _us(local.astimezone(UTC)) + max(0, begin_minutes) * MINUTE_US
        if at < starts_at:
            return
        is_long = dice.random() < habits.long_days
        hours = habits.long_day_hours if is_long else min(
            habits.day_hours_max, self._person.hours_per_week / 5 * dice.lognormvariate(0, 0.3)
        )  # fmt: skip
        end = at + int(hours * HOUR_US)
        while at < end:
            length_us = min(end - at, dice.randint(60, 240) * MINUTE_US)
            at = self._session(at, at + length_us)
            at += dice.randint(1, 4 if is_long else 60) * MINUTE_US

    def _session(self, at: int, end: int) -> int:
        """Tasks one after another until the session's time is over; answers when it ended."""
        person, habits, diary = self._person, self._habits, self._diary
        who, began = person.expert_id, at
        session = f"session-{who}-{at // MINUTE_US}"
        started = TimeSessionStarted(
            session_id=session, project_id=person.project.project_id,
            device_token=habits.device_token, network_token=habits.network_token,
            country=person.home.country, zone=person.home.zone,
        )  # fmt: skip
        diary.tell(who, at, started, actor=self._person.actor)
        sighted = DeviceSighted(
            session_id=session, device_token=habits.device_token,
            network_token=habits.network_token, network_kind="home",
            country=person.home.country, **NEAR,
        )  # fmt: skip
        diary.tell(who, at, sighted, actor="system:tracker")
        while at < end:
            at = self._task(session, at)
        for number in range((at - began) // WINDOW_US):
            self._window(session, number, began + number * WINDOW_US)
        if habits.travels and self._dice.random() < 0.1:
            away = DeviceSighted(
                session_id=session, device_token=token(f"{who} abroad"),
                network_token=token(f"{who} network abroad"), network_kind="home", **FAR_AWAY,
            )  # fmt: skip
            diary.tell(who, at - MINUTE_US, away, actor="system:tracker")
        diary.tell(
            who,
            at,
            TimeSessionEnded(session_id=session, reason="stopped"),
            actor=self._person.actor,
        )
        return at

    def _window(self, session: str, number: int, at: int) -> None:
        habits, dice, who = self._habits, self._dice, self._person.expert_id
        active = 0.0 if dice.random() < habits.idle else dice.uniform(0.5, 0.95)
        is_typed = habits.input_method != "dictation"
        keys = int(active * dice.gauss(900, 150)) if is_typed else int(active * 60)
        mean_ms = 180.0 + 40.0 * habits.pace
        observed = ActivityObserved(
            session_id=session, window_started_at=at, window_ms=WINDOW_US // 1000,
            active_ms=int(active * WINDOW_US) // 1000, keystrokes=max(0, keys),
            key_interval_mean_ms=mean_ms, key_interval_deviation_ms=mean_ms * habits.key_deviation,
            pointer_events=int(active * 400), typed_chars=max(0, int(keys * 0.8)), pasted_chars=0,
            pasted_after_focus_loss_chars=0, internally_pasted_chars=0,
            focus_losses=dice.randrange(3), input_method=habits.input_method,
        )  # fmt: skip
        ends = at + WINDOW_US
        diary = self._diary
        diary.tell(who, ends, observed, actor="system:tracker")
        beat = SessionHeartbeat(
            session_id=session, sequence=number, monotonic_ms=(number + 1) * WINDOW_US // 1000
        )
        diary.tell(who, ends, beat, actor="system:tracker")

    def _task(self, session: str, at: int) -> int:
        """One task from publication to review, and the entry that bills it; answers its end."""
        person, habits, dice, diary = self._person, self._habits, self._dice, self._diary
        who, domain = person.expert_id, person.project.domain
        self._tasks += 1
        task = f"task-{who}-{self._tasks}"
        minutes = max(2, int(domain.task_minutes * habits.pace * dice.lognormvariate(0, 0.3)))
        end = at + minutes * MINUTE_US
        published = TaskPublished(
            project_id=person.project.project_id, unit_id=f"unit-{task}",
            kind=dice.choice(domain.kinds), domain=domain.name,
        )  # fmt: skip
        diary.tell(task, at - dice.randint(10, 600) * MINUTE_US, published)
        claim = TaskClaimed(
            claim_id=f"claim-{task}", expert_id=who, expires_at=at + CLAIM_HOURS * HOUR_US
        )
        diary.tell(task, at, claim, actor=self._person.actor)
        if dice.random() < RELEASED:
            diary.tell(task, end, TaskReleased(claim_id=f"claim-{task}"), actor=self._person.actor)
        else:
            self._submit(task, session, at, end)
        self._bill(task, session, at, end)
        return end

    def _submit(self, task: str, session: str, at: int, end: int) -> None:
        person, habits, dice, diary = self._person, self._habits, self._dice, self._diary
        who = person.expert_id
        chars = max(40, int(person.project.domain.answer_chars * dice.lognormvariate(0, 0.4)))
        after_leaving = int(chars * dice.uniform(0.75, 1.0)) if (
            dice.random() < habits.pasted_after_leaving
        ) else 0  # fmt: skip
        inside = int(chars * 0.4) if dice.random() < habits.pasted_inside else 0
        pasted = max(after_leaving, inside)
        submitted = TaskSubmitted(
            submission_id=f"submission-{task}", expert_id=who, session_id=session,
            answer_sha256=hashlib.sha256(task.encode()).digest(), labels=[],
            active_ms=int((end - at) * (1 - habits.idle)) // 1000, answer_chars=chars,
            typed_chars=chars - pasted if habits.input_method != "dictation" else 0,
            pasted_chars=pasted, pasted_after_focus_loss_chars=after_leaving,
            input_method=habits.input_method,
        )  # fmt: skip
        diary.tell(task, end, submitted, actor=self._person.actor)
        drawn = dice.random()
        verdict = "rejected" if drawn < REJECTED else "rework" if drawn < REWORK else "accepted"
        reviewed = TaskReviewed(
            submission_id=f"submission-{task}", expert_id=who, verdict=verdict,
            score_bp=int(10_000 * dice.betavariate(8, 2)), reviewer_id="staff:reviewer",
        )  # fmt: skip
        at = end + wait_us(dice, 20 * HOUR_US)
        diary.tell(task, at, reviewed, actor="staff:reviewer")
        if dice.random() < FLAGGED:
            flag = QualityFlagRaised(
                flag_id=f"flag-{task}", task_id=task, kind="reads_like_a_model",
                severity="medium", raised_by="staff:reviewer",
            )  # fmt: skip
            diary.tell(who, at, flag, actor="staff:reviewer")

    def _bill(self, task: str, session: str, start: int, end: int) -> None:
        habits, dice = self._habits, self._dice
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
        person, dice, diary = self._person, self._dice, self._diary
        who = person.expert_id
        recorded = TimeEntryRecorded(
            entry_id=entry, session_id=session, project_id=person.project.project_id,
            task_id=task, activity_kind="review", billable=True, started_at=start, ended_at=end,
            entry_method="manual" if is_manual else "tracker",
        )  # fmt: skip
        diary.tell(who, end, recorded, actor=self._person.actor, late_us=late_us)
        told = end + late_us + dice.randint(1, 40) * HOUR_US
        if dice.random() < ADJUSTED:
            adjusted = TimeEntryAdjusted(
                entry_id=entry, started_at=end - MINUTE_US, ended_at=end, sign="minus",
                reason="stopped too late", approved_by="staff:project-lead",
            )  # fmt: skip
            diary.tell(who, told, adjusted, actor=self._person.actor)
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


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000
