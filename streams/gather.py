"""From a stream of fetches to rounds: bounded in events, in time and in what waits."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

WAITING_MAX = 24
"""Fetches read ahead of the round that is being gathered."""


@dataclass(frozen=True)
class _Arrival:
    epoch: int
    event: Any


@dataclass
class Gatherer:
    """Gathers fetches of all partitions into rounds; what came before a `drop` is never given."""

    events_max: int
    """A round ends with the fetch that reaches this many events."""
    batch_time_s: float
    """A round waits this long after its first fetch for more."""
    _epoch: int = 0
    _waiting: "asyncio.Queue[_Arrival]" = field(
        default_factory=lambda: asyncio.Queue(maxsize=WAITING_MAX)
    )

    def drop(self) -> None:
        """Forget what has arrived and is not in a round yet: it will be fetched again."""
        self._epoch += 1

    @property
    def epoch(self) -> int:
        """Raised by every `drop`; a round given in an earlier epoch must not be folded."""
        return self._epoch

    async def read(self, stream: Any) -> None:
        """Take Faust events from a stream for ever; waits while enough of them wait."""
        async for event in stream:
            await self._waiting.put(_Arrival(self._epoch, event))

    async def rounds(self) -> AsyncIterator[tuple[int, list[Any]]]:
        """Rounds of Faust events whose values are fetches, each with the epoch it belongs to."""
        loop = asyncio.get_running_loop()
        while True:
            first = await self._waiting.get()
            arrivals, count = [first], len(first.event.value.values)
            deadline = loop.time() + self.batch_time_s
            while count < self.events_max and (arrival := await self._arrives_by(deadline)):
                arrivals.append(arrival)
                count += len(arrival.event.value.values)
            epoch = self._epoch
            events = [a.event for a in arrivals if a.epoch == epoch]
            if events:
                yield epoch, events

    async def _arrives_by(self, deadline: float) -> _Arrival | None:
        """The next fetch: at once where one waits; none where none comes by the loop's time."""
        if not self._waiting.empty():
            return self._waiting.get_nowait()
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return None
        try:
            return await asyncio.wait_for(self._waiting.get(), left)
        except TimeoutError:
            return None
