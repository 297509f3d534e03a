"""Everything that belongs to one expert of the simulation, as its parts share it."""

from __future__ import annotations

import random
from typing import NamedTuple

from infra.simulation.habits import Habits
from infra.simulation.hiring import Person
from infra.simulation.told import Diary


class Life(NamedTuple):
    """Who somebody is, how they work, what happens to them, and the dice that decide it."""

    person: Person
    habits: Habits
    diary: Diary
    dice: random.Random
