"""How somebody works: what is usual, what fraud changes in it, and what only looks like fraud."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from infra.simulation.marketplace import token

InputMethod = Literal["unknown", "keyboard", "dictation", "input_method_editor"]

FRAUD_SHARE, LOOK_ALIKE_SHARE = 0.04, 0.10
"""Of all experts; which kind is drawn evenly."""
COLLUSION, RING_SHARE, RING_CANDIDATES = "collusion", 0.004, 12
"""So many candidates in a row know each other, in so few cases: three or four of them are hired."""


@dataclass(frozen=True)
class Habits:
    """What decides how an expert's days look. Shares are between 0 and 1."""

    start_hour: float
    """When a day begins, in hours of the expert's own zone."""
    pace: float
    """How long a task takes by its domain's median."""
    device_token: str
    network_token: str
    input_method: InputMethod = "keyboard"
    works_weekends: float = 0.04
    day_hours_max: float = 9.0
    pasted_after_leaving: float = 0.01
    """Answers that come by paste after the window was left."""
    pasted_inside: float = 0.1
    """Answers that quote the task itself."""
    billed_twice: float = 0.0
    """Entries beside which a second one is billed by hand for the same time."""
    tabs: float = 0.01
    """Entries that overlap the one before by minutes: a tab left open."""
    idle: float = 0.03
    """Windows of ten minutes without input."""
    key_deviation: float = 0.45
    """Deviation of the time between keys, by its mean: people are irregular."""
    manual: float = 0.05
    rounds_to_minutes: int = 1
    """Manual entries are told in steps of so many minutes."""
    travels: bool = False
    """Seen far away within the hour, with another device."""
    long_days: float = 0.0
    """Days that last as long as the habit's `long_day_hours`."""
    long_day_hours: float = 12.0
    account: str = ""
    """Whose bank account it is, where several experts are paid to one."""
    moves_bank: float = 0.004
    """Weeks in which another bank destination is named."""
    surges: bool = False
    """Somebody takes the account over once: another destination, then long days."""
    clock_rate: float = 1.0
    """How fast the device's clock that never goes back runs against its wall clock."""
    sets_clock_back: float = 0.0
    """Sessions in which the wall clock is moved back by an hour."""
    laptop_sleeps: float = 0.01
    """Sessions in which the device stands still for a window, and its clock with it."""
    accuracy: float = 0.9
    """Answers to units that are right."""
    misled: float = 0.5
    """Hard units that are answered with what is nearest at hand."""
    knows_references: bool = False
    """Tells reference tasks from others, and takes care with these alone."""
    learns: bool = False
    """Answers worse at first."""
    takes_hard_units: bool = False
    """Is given the hard units before others."""
    ring: str = ""
    """Whose answers are handed round: everybody of a ring gives the same to the same units."""
    gives_cause: bool = False
    """Looked at more closely by people, with or without guilt."""


def usual(number: int, dice: random.Random) -> Habits:
    """Somebody's habits before anything else is known of them."""
    return Habits(
        start_hour=max(5.0, dice.gauss(9.0, 1.2)),
        pace=dice.lognormvariate(0.0, 0.25),
        device_token=token(f"device {number}"),
        network_token=token(f"network {number}"),
        input_method="input_method_editor" if dice.random() < 0.04 else "keyboard",
        manual=0.4 if dice.random() < 0.1 else 0.03,
        account=f"{number}",
        clock_rate=dice.gauss(1.0, 0.000_03),
        accuracy=dice.betavariate(27, 3),
    )


def _shared_device(habits: Habits, dice: random.Random) -> Habits:
    farm = dice.randrange(3)
    shared = token(f"farm {farm}"), token(f"farm network {farm}")
    return replace(habits, device_token=shared[0], network_token=shared[1], account=f"farm {farm}")


FRAUDS: dict[str, Callable[[Habits, random.Random], Habits]] = {
    "overlapping_sessions": lambda h, dice: replace(h, billed_twice=dice.uniform(0.1, 0.4)),
    "excessive_hours": lambda h, dice: replace(
        h, long_days=dice.uniform(0.15, 0.4), long_day_hours=18.5, works_weekends=0.5
    ),
    "pasted_answer": lambda h, dice: replace(
        h, pasted_after_leaving=dice.uniform(0.5, 0.95), pace=h.pace * 0.7
    ),
    "too_fast": lambda h, dice: replace(h, pace=dice.uniform(0.08, 0.15)),
    "idle_billed": lambda h, dice: replace(h, idle=dice.uniform(0.55, 0.8)),
    "synthetic_input": lambda h, dice: replace(h, key_deviation=0.01, idle=0.0),
    "impossible_travel": lambda h, dice: replace(h, travels=True),
    "shared_device": _shared_device,
    "round_hours": lambda h, dice: replace(h, manual=0.95, rounds_to_minutes=15),
    "reference_tasks": lambda h, dice: replace(h, accuracy=dice.uniform(0.25, 0.5)),
    "low_agreement": lambda h, dice: replace(
        h, accuracy=dice.uniform(0.25, 0.5), knows_references=True
    ),
    "destination_change_surge": lambda h, dice: replace(h, surges=True),
    "clock_skew": lambda h, dice: replace(
        h, clock_rate=dice.uniform(0.75, 0.92), sets_clock_back=0.1
    ),
}
"""By the detector that is to find it; `collusion` besides, which takes several."""

LOOK_ALIKES: dict[str, Callable[[Habits, random.Random], Habits]] = {
    "dictation": lambda h, dice: replace(h, input_method="dictation", idle=0.35),
    "household": lambda h, dice: replace(h, network_token=token(f"home {dice.randrange(400)}")),
    "slow_reader": lambda h, dice: replace(h, pace=h.pace * 2.2, idle=0.4),
    "tabs": lambda h, dice: replace(h, tabs=dice.uniform(0.05, 0.15)),
    "deadline_week": lambda h, dice: replace(h, long_days=0.12, long_day_hours=13.0),
    "quotes_the_task": lambda h, dice: replace(h, pasted_inside=0.7),
    "tidy_times": lambda h, dice: replace(h, manual=0.5, rounds_to_minutes=5),
    "beginner": lambda h, dice: replace(h, learns=True),
    "hard_cases": lambda h, dice: replace(h, takes_hard_units=True),
    "outdated_guideline": lambda h, dice: replace(h, misled=1.0),
    "moved_bank": lambda h, dice: replace(h, moves_bank=0.4),
    "sleeping_laptop": lambda h, dice: replace(h, laptop_sleeps=0.4),
}
"""Innocent, and easily taken for fraud."""


def ring_of(seed: int, number: int) -> str:
    """The ring that a candidate comes with, empty for nearly all: some candidates in a row."""
    name = f"ring {seed} {number // RING_CANDIDATES}"
    return name if random.Random(name).random() < RING_SHARE else ""


def habits_of(number: int, dice: random.Random, ring: str = "") -> tuple[Habits, str, str]:
    """An expert's habits, the fraud that they commit, and what they are easily taken for."""
    habits, drawn = usual(number, dice), dice.random()
    if ring:
        return replace(habits, ring=ring, gives_cause=True), COLLUSION, ""
    if drawn < FRAUD_SHARE:
        name = dice.choice(sorted(FRAUDS))
        return replace(FRAUDS[name](habits, dice), gives_cause=True), name, ""
    if drawn < FRAUD_SHARE + LOOK_ALIKE_SHARE:
        name = dice.choice(sorted(LOOK_ALIKES))
        return replace(LOOK_ALIKES[name](habits, dice), gives_cause=True), "", name
    return habits, "", ""
