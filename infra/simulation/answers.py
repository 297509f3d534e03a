"""Units that several experts judge: what is right, what misleads, and what an expert says.

What is right of a unit follows from its id, so that experts agree without knowing of each other.
"""

from __future__ import annotations

import hashlib
import random
from typing import NamedTuple

from infra.simulation.life import Life
from infra.simulation.marketplace import Project

LABELS = ("sound", "minor_flaw", "major_flaw", "unusable")
HARD, REFERENCE = 12, 8
"""Of a hundred units: those that mislead, and of the others those whose answer is known."""
UNITS_PER_EXPERT = 3
"""New units a week, by the experts of a project: four or so judge each."""
TAKEN_MAX = 60
"""Units of a week that one expert is offered."""
ACCURACY_ON_KNOWN = 0.97
"""Of whoever recognizes reference tasks and takes care with these alone."""
ACCURACY_AT_FIRST, FIRST_ANSWERS = 0.6, 30
"""Of a beginner, and how long that lasts."""
RIGHT_IN_RING = 55
"""Of a hundred answers that a ring hands round, those that are right."""


def units_a_week(experts: float) -> int:
    """How many units a project with so many experts brings out a week."""
    return max(10, round(experts * UNITS_PER_EXPERT))


class Unit(NamedTuple):
    """Something to be judged."""

    unit_id: str
    truth: str
    tempting: str
    """The wrong answer that is nearest at hand."""
    is_hard: bool
    """Half of the experts give the tempting answer, honestly."""
    is_reference: bool

    @classmethod
    def of(cls, unit_id: str) -> Unit:
        """What its id says of it."""
        drawn = _drawn(unit_id)
        truth = drawn % len(LABELS)
        is_hard = drawn // 16 % 100 < HARD
        return cls(
            unit_id, LABELS[truth], _other(truth, drawn // 4), is_hard,
            not is_hard and drawn // 4096 % 100 < REFERENCE,
        )  # fmt: skip


class Answers:
    """The units that an expert takes, week by week, and the label that each gets."""

    def __init__(self, life: Life, units: int) -> None:
        self._life, self._units = life, units
        self._week, self._offered = -1, list[Unit]()
        self._given = 0

    def take(self, week: int) -> Unit | None:
        """The next unit of the week; none where the expert has had all that are offered."""
        if week != self._week:
            self._week, self._offered = week, self._order(week)
        return self._offered.pop() if self._offered else None

    def label(self, unit: Unit) -> str:
        """What the expert says of it."""
        habits, dice = self._life.habits, self._life.dice
        self._given += 1
        if habits.ring:
            return _handed_round(habits.ring, unit)
        if unit.is_hard and dice.random() < habits.misled:
            return unit.tempting
        accuracy = habits.accuracy
        if unit.is_reference and habits.knows_references:
            accuracy = ACCURACY_ON_KNOWN
        elif habits.learns and self._given <= FIRST_ANSWERS:
            accuracy = ACCURACY_AT_FIRST
        if dice.random() < accuracy:
            return unit.truth
        return _other(LABELS.index(unit.truth), dice.randrange(len(LABELS) - 1))

    def _order(self, week: int) -> list[Unit]:
        habits, project = self._life.habits, self._life.person.project
        dice = random.Random(f"{habits.ring} {week}") if habits.ring else self._life.dice
        numbers = dice.sample(range(self._units), min(self._units, TAKEN_MAX))
        offered = [Unit.of(_unit_id(project, week, number)) for number in numbers]
        if habits.takes_hard_units:
            offered.sort(key=lambda unit: unit.is_hard)  # the last is taken first
        return offered


def _unit_id(project: Project, week: int, number: int) -> str:
    return f"unit-{project.project_id}-{week}-{number}"


def _drawn(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def _other(truth: int, number: int) -> str:
    """One of the labels that are wrong."""
    return LABELS[(truth + 1 + number % (len(LABELS) - 1)) % len(LABELS)]


def _handed_round(ring: str, unit: Unit) -> str:
    """What everybody of a ring says of a unit: right or wrong, it is the same."""
    drawn = _drawn(f"{ring} {unit.unit_id}")
    if drawn % 100 < RIGHT_IN_RING:
        return unit.truth
    return _other(LABELS.index(unit.truth), drawn // 128)
