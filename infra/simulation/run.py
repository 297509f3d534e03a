"""The whole marketplace from a seed, in the order in which the ledger hears of it."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from infra.simulation.answers import units_a_week
from infra.simulation.habits import habits_of, ring_of
from infra.simulation.hiring import LEAD_WEEKS, Person, hire
from infra.simulation.life import Life
from infra.simulation.marketplace import (
    CURRENCY,
    DOMAINS,
    HOMES,
    HOUR_US,
    PAY_ZONE,
    PROJECTS_PER_DOMAIN,
    REVIEW_WINDOW_MS,
    START_US,
    TERMS_VERSION,
    WEEK_STARTS_ON,
    WEEK_US,
    WEEKLY_CAP_MS,
    Project,
    projects,
)
from infra.simulation.told import Diary, Told
from infra.simulation.work import Work
from schemas.events import ProjectOpened, ProjectPolicyPublished, TermsPublished

HIRED_OF_SOURCED = 0.3
"""Of the candidates; so many are sourced that about `experts` of them are hired."""


class Label(NamedTuple):
    """What is true of an expert, and no detector may read."""

    expert_id: str
    fraud: str
    """The detector that is to find it; empty for the honest."""
    look_alike: str
    """What the expert is easily taken for; empty for most."""


class Simulation:
    """A marketplace: the same arguments give the same events."""

    def __init__(
        self, experts: int, weeks: int, seed: int, share: tuple[int, int] = (0, 1)
    ) -> None:
        self.candidates = round(experts / HIRED_OF_SOURCED)
        self._experts, self._weeks, self._seed, self._share = experts, weeks, seed, share
        self._projects = projects()
        self.labels: list[Label] = []
        """Of everybody who was hired; there once the first event was taken."""

    def events(self) -> Iterator[Told]:
        """Every event, by the time at which it is told."""
        first, step = self._share
        lives = (self._life(number) for number in range(first, self.candidates, step))
        return heapq.merge(*(() if first else (self._openings(),)), *lives)

    def share(self, number: int, of: int) -> Callable[[], Simulation]:
        """A part of the lives, one in `of`, made where it is told.

        The first has what the marketplace itself tells, too.
        """
        return partial(type(self), self._experts, self._weeks, self._seed, (number, of))

    def _life(self, number: int) -> Iterator[Told]:
        dice, diary = random.Random(f"{self._seed} {number}"), Diary()
        ring = ring_of(self._seed, number)
        # Who knows each other comes for the same project.
        person = self._person(number, dice, random.Random(ring) if ring else dice)
        starts_at = hire(person, diary, dice)
        if starts_at is not None:
            habits, fraud, look_alike = habits_of(number, dice, ring)
            self.labels.append(Label(person.expert_id, fraud, look_alike))
            colleagues = self._experts * person.project.domain.share / 100 / PROJECTS_PER_DOMAIN
            work = Work(Life(person, habits, diary, dice), units_a_week(colleagues))
            for horizon in work.weeks(self._weeks, starts_at):
                yield from diary.until(horizon)
        yield from diary.rest()

    def _person(self, number: int, dice: random.Random, where: random.Random) -> Person:
        domain = where.choices(DOMAINS, [one.share for one in DOMAINS])[0]
        project = where.choice([one for one in self._projects if one.domain is domain])
        home = dice.choices(HOMES, [one.share for one in HOMES])[0]
        rate = domain.rate_minor_per_hour * dice.lognormvariate(0, 0.2)
        rate_minor = min(domain.rate_max_minor_per_hour, round(rate / 100) * 100)
        hours = min(45, max(5, round(dice.lognormvariate(2.9, 0.5))))
        return Person(f"expert-{number:06d}", project, home, rate_minor, hours)

    def _openings(self) -> Iterator[Told]:
        diary, at = Diary(), START_US - (LEAD_WEEKS + 1) * WEEK_US
        for number, project in enumerate(self._projects):
            self._open(project, diary, at + number * HOUR_US)
        return diary.rest()

    @staticmethod
    def _open(project: Project, diary: Diary, at: int) -> None:
        opened = ProjectOpened(
            name=project.name, client=project.client, domain=project.domain.name,
            budget_minor=100_000_000, currency=CURRENCY,
        )  # fmt: skip
        diary.tell(project.project_id, at, opened)
        published = TermsPublished(
            terms_version=TERMS_VERSION, terms_sha256=project.terms_sha256, ip_scope="project"
        )
        diary.tell(project.project_id, at, published)
        policy = ProjectPolicyPublished(
            policy_version=TERMS_VERSION, increment_ms=1, rounding="half_away_from_zero",
            review_window_ms=REVIEW_WINDOW_MS, weekly_cap_ms=WEEKLY_CAP_MS,
            week_starts_on=WEEK_STARTS_ON, zone=PAY_ZONE, ai_assistance="none", effective_from=at,
        )  # fmt: skip
        diary.tell(project.project_id, at, policy)
