"""An event of the simulation on its way out, and the order in which all are told."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import NamedTuple

from schemas.event import Event
from schemas.message import Message, import_envelope, message

RECORDED_AFTER_US = 400_000
"""What a gateway takes between the world and the ledger."""
SOURCE = "simulation"


class Told(NamedTuple):
    """Something that happens to somebody. Sorts by when it is told."""

    recorded_at: int
    """When the ledger hears of it, in microseconds: later than it happened where it comes late."""
    number: int
    """Its place in the diary: tells apart what is told at one moment."""
    subject_id: str
    occurred_at: int
    event: Event
    actor: str

    def message(self) -> Message:
        """As it goes to Kafka; the same event has the same id in every run."""
        told = import_envelope(
            type(self.event),
            self.subject_id,
            occurred_at=self.occurred_at,
            recorded_at=self.recorded_at,
            actor=self.actor,
            source=SOURCE,
            key=f"{self.recorded_at} {self.number}",
        )
        return message(self.event, told)


class Diary:
    """What happens around one expert, until it is told."""

    def __init__(self) -> None:
        self._waiting: list[Told] = []
        self._count = 0

    def tell(
        self, subject_id: str, at: int, event: Event, *, actor: str = "system:marketplace",
        late_us: int = 0,
    ) -> None:  # fmt: skip
        """Something happens at `at` (µs), and is told `late_us` after the usual moment."""
        self._count += 1
        recorded_at = at + RECORDED_AFTER_US + late_us
        heapq.heappush(self._waiting, Told(recorded_at, self._count, subject_id, at, event, actor))

    def until(self, horizon: int) -> Iterator[Told]:
        """Tell, in order, what the ledger hears of before a moment (µs)."""
        while self._waiting and self._waiting[0].recorded_at < horizon:
            yield heapq.heappop(self._waiting)

    def rest(self) -> Iterator[Told]:
        """Tell everything that is left, in order."""
        while self._waiting:
            yield heapq.heappop(self._waiting)
