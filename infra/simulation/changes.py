"""What changes in an expert's weeks: rates, availability, skills, holds, bank destinations."""

from __future__ import annotations

from infra.simulation.banking import tell_destination
from infra.simulation.life import Life
from infra.simulation.marketplace import CURRENCY, DAY_US, HOUR_US, WEEK_US
from schemas.events import (
    AvailabilityDeclared,
    PayoutHoldPlaced,
    PayoutHoldReleased,
    RateChanged,
    SkillGranted,
)

RAISED, RAISED_BACK, SKILL = 0.03, 0.3, 0.02
"""In a week: a new rate (some of them retroactive), a skill."""
HELD, HOLD_RELEASED = 0.3, 0.5
"""In a week, of the experts who give cause: a hold on their pay; of the holds, those released."""
SURGE_US = 72 * HOUR_US
"""How long somebody works on for an account that is not the expert's own."""
TRUST_AND_SAFETY = "staff:trust-and-safety"


class Changes:
    """What happens to one expert beside the work."""

    def __init__(self, life: Life, starts_at: int, surge_week: int) -> None:
        """`surge_week` is when somebody else takes the expert's account over, -1 for never."""
        self._life, self._starts_at, self._surge_week = life, starts_at, surge_week
        self._rates = self._accounts = 0
        self.surge = (0, 0)
        """From when to when (µs) somebody else works as fast as they can."""
        tell_destination(life, starts_at, life.habits.account)

    def week(self, number: int, monday: int) -> None:
        """What happens in the week that begins at `monday` (µs)."""
        if monday + 10 * HOUR_US >= self._starts_at:
            self._change_terms(monday + 10 * HOUR_US)
            self._change_bank(number, monday + 34 * HOUR_US)
        if monday + 15 * HOUR_US >= self._starts_at + WEEK_US:
            self._hold(monday + 15 * HOUR_US, f"{number}")

    def _change_terms(self, at: int) -> None:
        person, _, diary, dice = self._life
        if dice.random() < RAISED:
            self._rates += 1
            back_us = WEEK_US if dice.random() < RAISED_BACK else 0
            raised = int(person.rate_minor_per_hour * (1 + 0.05 * self._rates))
            changed = RateChanged(
                rate_id=f"rate-{person.expert_id}-{self._rates + 1}",
                project_id=person.project.project_id, rate_minor_per_hour=raised,
                currency=CURRENCY, effective_from=max(self._starts_at, at - back_us),
                approved_by="staff:finance",
            )  # fmt: skip
            diary.tell(person.expert_id, at, changed)
        if dice.random() < SKILL:
            skill = SkillGranted(skill=dice.choice(person.project.domain.kinds), level=2)
            diary.tell(person.expert_id, at, skill)
        if dice.random() < RAISED:
            hours = max(5, person.hours_per_week + dice.choice((-10, -5, 5, 10)))
            declared = AvailabilityDeclared(ms_per_week=hours * HOUR_US // 1000, effective_from=at)
            diary.tell(person.expert_id, at, declared, actor=person.actor)

    def _change_bank(self, week: int, at: int) -> None:
        person, habits, _, dice = self._life
        is_stolen = week == self._surge_week
        if is_stolen:
            self.surge = (at, at + SURGE_US)
        if is_stolen or dice.random() < habits.moves_bank:
            self._accounts += 1
            tell_destination(self._life, at, f"{person.expert_id} {self._accounts}")

    def _hold(self, at: int, name: str) -> None:
        """A person holds the pay of somebody who gives cause, and often takes it back."""
        person, habits, diary, dice = self._life
        if not habits.gives_cause or dice.random() > HELD:
            return
        hold = f"hold-{person.expert_id}-{name}"
        placed = PayoutHoldPlaced(
            hold_id=hold, scope="project", scope_ids=[person.project.project_id],
            reason="an alert is being looked at", review_by=at + 2 * WEEK_US,
            placed_by=TRUST_AND_SAFETY,
        )  # fmt: skip
        diary.tell(person.expert_id, at, placed, actor=TRUST_AND_SAFETY)
        if dice.random() < HOLD_RELEASED:
            released = PayoutHoldReleased(hold_id=hold, released_by=TRUST_AND_SAFETY)
            later = at + dice.randint(1, 6) * DAY_US
            diary.tell(person.expert_id, later, released, actor=TRUST_AND_SAFETY)
