"""A worker of the simulation: its own loop, and every await of it ends when the seed says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from projections.store.store import Place
from streams.batch import Fetch
from streams.carrier import Carrier
from streams.gather import Gatherer
from streams.log_check import RoadError

if TYPE_CHECKING:
    from tests.faults.simulation import Simulation

LATE_SHARE = 0.3
"""Of the calls whose caller dies, those that take effect all the same."""


class StoreFailureError(Exception):
    """What a store raises when it is told to fail."""


@dataclass(frozen=True)
class Delivery:
    """What a worker's stream gives: a message whose value is a fetch."""

    value: Fetch


class SeededRunner:
    """Every await of a worker ends when the seed says so, or never."""

    def __init__(self, simulation: Simulation, name: str) -> None:
        self._simulation = simulation
        self._name = name

    async def store(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """A call that may fail, or take effect long after its caller has died."""
        simulation, name = self._simulation, f"{self._name} {call.__name__}"
        try:
            await simulation.pause(name)
        except asyncio.CancelledError:
            if simulation.dice.random() < LATE_SHARE:
                simulation.late.append((name, lambda: call(*arguments)))
            raise
        fault = simulation.fault()
        if fault:
            simulation.tell(f"{name} fails {fault} its effect")
        if fault == "during" and call.__name__ == "write":
            table, frame = arguments
            call(table, frame.head(frame.height // 2))
        if fault in ("before", "during"):
            raise StoreFailureError(f"{name} failed {fault} its effect")
        answer = call(*arguments)
        await simulation.pause(f"{name} done")
        if fault == "after":
            raise StoreFailureError(f"{name} failed after its effect")
        return answer

    async def compute(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """A step that cannot fail."""
        await self._simulation.pause(f"{self._name} {getattr(call, '__name__', 'admit')}")
        return call(*arguments)

    async def sleep(self, seconds: float) -> None:
        """As long as the seed says."""
        await self._simulation.pause(f"{self._name} waits")

    def close(self) -> None:
        """Nothing is held."""


class SimulatedWorker:
    """A worker's process: carrier, stream, and what it believes it owns."""

    def __init__(self, simulation: Simulation, name: str) -> None:
        self._simulation, self.name = simulation, name
        self.reads: dict[Place, int] = {}
        """The next offset of each partition that it believes it owns."""
        self.is_alive = True
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        rounds = simulation.build.rounds(
            simulation.projection,
            simulation.build.store(simulation.tables, simulation.projection),
            simulation.letters,
            simulation.derived,
            admit=simulation.admit,
            on_failure=self._failed,
            runner=SeededRunner(simulation, name),
            parts_max=simulation.dice.choice((0, 3, 1_000)),
        )
        gatherer = Gatherer(simulation.dice.choice((2, 6, 1_000)), 0.0)
        self._carrier = Carrier(rounds, gatherer, self._acknowledge)
        self._tasks = [asyncio.create_task(self._run())]

    def deliver(self, fetch: Fetch) -> None:
        """Hand a fetch over, as a consumer does."""
        self._queue.put_nowait(Delivery(fetch))

    def leave(self, drain_max_s: float | None) -> asyncio.Task[None]:
        """Its partitions are revoked: what is read ahead is forgotten."""
        self.reads = {}
        while not self._queue.empty():
            self._queue.get_nowait()
        return self._start(self._carrier.revoked(drain_max_s))

    def join(self, places: list[Place]) -> asyncio.Task[None]:
        """It is assigned these partitions."""
        return self._start(self._join(places))

    def die(self) -> None:
        """kill -9: what it waits for never comes."""
        self.is_alive, self.reads = False, {}
        for task in self._tasks:
            task.cancel()
        self._carrier.rounds.abandon()

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.append(task)
        return task

    async def _join(self, places: list[Place]) -> None:
        produced = {place: self._simulation.committed.get(place, 0) for place in places}
        try:
            progress = await self._carrier.assigned(places, produced)
        except RoadError as error:
            self._failed(error)
        else:
            self.reads = {place: at.offset + 1 for place, at in progress.items()}

    async def _run(self) -> None:
        try:
            await self._carrier.run(self._stream())
        except Exception as error:
            self._failed(error)

    async def _stream(self) -> AsyncIterator[Delivery]:
        while True:
            yield await self._queue.get()

    def _failed(self, error: BaseException) -> None:
        self._simulation.problems.append(f"{self.name} stops: {type(error).__name__}: {error}")

    def _acknowledge(self, delivery: Delivery) -> None:
        fetch = delivery.value
        self._simulation.commit(self, (fetch.topic, fetch.partition), fetch.end)
