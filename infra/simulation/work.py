"""An expert's weeks and days: sessions of one task after another, in their own zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from infra.simulation.changes import Changes
from infra.simulation.entries import TimeSheet
from infra.simulation.life import Life
from infra.simulation.marketplace import DAY_US, HOUR_US, MINUTE_US, START
from infra.simulation.tasks import Tasks
from infra.simulation.tracking import Tracker
from schemas.events import TimeSessionEnded, TimeSessionStarted

WEEK_OFF, DAY_OFF = 0.08, 0.1
SURGE_DAY_HOURS = 14.0
"""A day of whoever works in the name of the expert whose account they took over."""
AHEAD_US = 26 * HOUR_US
"""A day begins in the east before it begins in UTC, and its tasks were published before that."""


class Work:
    """One expert's time on the marketplace, told into a diary."""

    def __init__(self, life: Life, units: int) -> None:
        """`units` is how many the expert's project brings out a week."""
        self._life, self._zone = life, ZoneInfo(life.person.home.zone)
        self._tasks, self._sheet, self._tracker = Tasks(life, units), TimeSheet(life), Tracker(life)

    def weeks(self, count: int, starts_at: int) -> Iterator[int]:
        """Work for some weeks, from the moment (µs) on which they start.

        After each day it yields the moment (µs) before which nothing more will happen.
        """
        habits, dice = self._life.habits, self._life.dice
        surge_week = dice.randrange(count // 2, count) if habits.surges else -1
        changes = Changes(self._life, starts_at, surge_week)
        for week in range(count):
            monday = START + timedelta(weeks=week)
            changes.week(week, _us(monday))
            is_off = dice.random() < WEEK_OFF and week != surge_week
            for number in range(7):
                day = monday + timedelta(days=number)
                begins = self._begins(day)
                if changes.surge[0] < begins < changes.surge[1]:
                    self._day(begins, SURGE_DAY_HOURS, week)
                elif not is_off and begins >= starts_at and self._is_worked(number >= 5):
                    self._day(begins, self._hours(), week)
                yield _us(day) + DAY_US - AHEAD_US

    def _is_worked(self, is_weekend: bool) -> bool:
        share = self._life.habits.works_weekends if is_weekend else 1 - DAY_OFF
        return self._life.dice.random() < share

    def _begins(self, day: datetime) -> int:
        """When work begins on a day of the expert's own zone, in microseconds."""
        local = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        minutes = int(self._life.habits.start_hour * 60 + self._life.dice.gauss(0, 40))
        return _us(local.astimezone(UTC)) + max(0, minutes) * MINUTE_US

    def _hours(self) -> float:
        person, habits, _, dice = self._life
        if dice.random() < habits.long_days:
            return habits.long_day_hours
        drawn = person.hours_per_week / 5 * dice.lognormvariate(0, 0.3)
        return min(habits.day_hours_max, drawn)

    def _day(self, at: int, hours: float, week: int) -> None:
        dice, end = self._life.dice, at + int(hours * HOUR_US)
        break_minutes_max = 4 if hours > self._life.habits.day_hours_max else 60
        while at < end:
            length_us = min(end - at, dice.randint(60, 240) * MINUTE_US)
            at = self._session(at, at + length_us, week)
            at += dice.randint(1, break_minutes_max) * MINUTE_US

    def _session(self, at: int, end: int, week: int) -> int:
        """Tasks one after another until the session's time is over; answers when it ended."""
        person, habits, diary, _ = self._life
        who, began = person.expert_id, at
        session = f"session-{who}-{at // MINUTE_US}"
        started = TimeSessionStarted(
            session_id=session, project_id=person.project.project_id,
            device_token=habits.device_token, network_token=habits.network_token,
            country=person.home.country, zone=person.home.zone,
        )  # fmt: skip
        diary.tell(who, at, started, actor=person.actor)
        self._tracker.sight(session, at)
        while at < end:
            begins = at
            task, at = self._tasks.work_on(session, begins, week)
            self._sheet.bill(task, session, begins, at)
        self._tracker.watch(session, began, at)
        ended = TimeSessionEnded(session_id=session, reason="stopped")
        diary.tell(who, at, ended, actor=person.actor)
        return at


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000
