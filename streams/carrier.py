"""Carries one projection: what a consumer reads becomes rounds, and what is durable is told back.

It knows neither Faust nor Kafka: the worker gives it streams, assignments and revocations, and the
simulation does the same with a log in memory.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from projections.store.store import Place, Progress
from streams.gather import Gatherer
from streams.rounds import AbandonedError, Rounds

log = logging.getLogger(__name__)

DRAIN_MAX_S = 20.0
"""How long a rebalance or a stop waits for the rounds in hand."""


class Carrier:
    """Rounds from a stream of events whose values are fetches, through rebalances."""

    def __init__(
        self, rounds: Rounds, gatherer: Gatherer, acknowledge: Callable[[Any], None]
    ) -> None:
        """`acknowledge` is called with each event once everything up to it is durable."""
        self.rounds = rounds
        self.gatherer = gatherer
        self._acknowledge = acknowledge
        self._turn = asyncio.Lock()

    async def assigned(
        self, places: Iterable[Place], produced: Mapping[Place, int] | None = None
    ) -> dict[Place, Progress]:
        """Take these partitions, and no others: answers where each is to be read from.

        `produced` as in `Rounds.start_at`. Raises `RoadError` where the log is another one.
        """
        self.gatherer.drop()
        async with self._turn:
            return await self.rounds.start_at(places, produced)

    async def revoked(self, drain_max_s: float | None = DRAIN_MAX_S) -> None:
        """Let go of the partitions: the round in hand is finished, what is read ahead is dropped.

        A round that is not durable in time is abandoned; it comes again to whoever is next.
        """
        self.gatherer.drop()
        try:
            async with asyncio.timeout(drain_max_s), self._turn:
                await self.rounds.settle()
        except AbandonedError:
            pass
        except TimeoutError:
            log.error("the round in hand is not durable after %s s: it comes again", drain_max_s)
            self.rounds.abandon()

    async def hold(self) -> None:
        """Stand still once the round in hand is durable, until `release`."""
        await self._turn.acquire()
        with suppress(AbandonedError):
            await self.rounds.settle()

    def release(self) -> None:
        """Go on."""
        self._turn.release()

    async def run(self, stream: Any) -> None:
        """Carry rounds until cancelled. Raises what a round raises."""
        reader = asyncio.create_task(self.gatherer.read(stream))
        try:
            async for epoch, events in self.gatherer.rounds():
                async with self._turn:
                    if epoch == self.gatherer.epoch:
                        await self._put(events)
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader

    async def _put(self, events: list[Any]) -> None:
        def acknowledge() -> None:
            for event in events:
                self._acknowledge(event)

        await self.rounds.put([event.value for event in events], acknowledge)
