"""The worker's own loop against a log and a ClickHouse in memory that misbehave on command.

    python -m tests.faults --seed 17            what a seed does, step by step

Everything is decided by the seed: what is delivered when and how often, which write fails before,
in the middle of or after its effect, when partitions move and whom nobody tells, and at which await
a worker dies. After every step readers must see exactly what an undisturbed run shows at the same
progress; at the end nothing may be missing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from projections.agents.fold import agents
from projections.payout.fold import payout
from projections.projection import Projection
from projections.store.store import Place
from streams.batch import Fetch
from streams.carrier import Carrier
from streams.gather import Gatherer
from streams.log_check import RoadError
from streams.rounds import Rounds
from tests.faults.history import MemoryLog, payout_log, tasks_log
from tests.faults.memory_store import MemoryStore, MemoryTables
from tests.faults.undisturbed import BrokenPromiseError, MemoryOutbox, undisturbed

STEPS_DISTURBED = 200
STEPS_MAX = 3_000
FAULTS = ("before", "during", "after")
FAULT_SHARE = 0.08
"""Of the calls of store and broker."""
TOLD_SHARE = 0.6
"""Of the workers that a rebalance reaches; the others believe that nothing has changed."""
DELIVERED_AGAIN_SHARE = 0.15


class StoreFailureError(Exception):
    """What a store raises when it is told to fail."""


@dataclass(frozen=True)
class Build:
    """The code that is put to the test: the real one, or one that is broken on purpose."""

    name: str = "the worker"
    rounds: type[Rounds] = Rounds
    store: type[MemoryStore] = MemoryStore


REAL = Build()


@dataclass(frozen=True)
class Scene:
    """Which fold reads which kind of log."""

    projection: Projection
    make_log: Callable[[random.Random], MemoryLog]


SCENES = (Scene(payout, payout_log), Scene(agents, tasks_log))


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
            if simulation.dice.random() < 0.3:
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


class Simulation:
    """One seed: a log, a group of workers, and a store, until everything is included."""

    def __init__(self, seed: int, build: Build, scene: Scene, tell: Callable[[str], None]) -> None:
        self.dice = random.Random(seed)
        self.build, self.projection, self.tell = build, scene.projection, tell
        self._log = scene.make_log(self.dice)
        self.tables = MemoryTables()
        self.letters, self.derived = MemoryOutbox(), MemoryOutbox()
        self.committed: dict[Place, int] = {}
        self.late: list[tuple[str, Callable[[], None]]] = []
        """Calls whose caller has died, and that take effect all the same."""
        self.problems: list[str] = []
        self._workers: list[SimulatedWorker] = []
        self._owners: dict[Place, SimulatedWorker] = {}
        self._pending: list[tuple[str, asyncio.Future[None]]] = []
        self._rebalancing: asyncio.Task[None] | None = None
        self._is_disturbed = True
        self._born = 0
        self._checked: tuple[int, dict[Place, int]] = (0, {})

    async def run(self) -> None:
        """Disturb, then let the workers finish. Raises `BrokenPromiseError`."""
        self._expected = await undisturbed(self.projection, self._log)
        for _ in range(self.dice.choice((1, 2, 3))):
            self._bear()
        self._rebalance(self._workers)
        for _ in range(STEPS_DISTURBED):
            await self._step(self._disturbing())
        self._is_disturbed = False
        is_last_rebalance_due = True
        for _ in range(STEPS_MAX):
            if is_last_rebalance_due and self._is_settled:
                is_last_rebalance_due = False
                self._rebalance(self._workers)
            await self._step(self._finishing())
            if not is_last_rebalance_due and self._is_settled and self._is_complete():
                break
        else:
            raise BrokenPromiseError(f"it never finishes; progress {self._progress()}")
        for task in list(asyncio.all_tasks() - {asyncio.current_task()}):
            task.cancel()
        self._expected.compare_at_end(self.tables, self.derived, self.letters)

    async def pause(self, name: str) -> None:
        """Wait until the seed lets it go on."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((name, future))
        await future

    def fault(self) -> str:
        """How the call at hand fails; empty where it does not."""
        if not self._is_disturbed or self.dice.random() > FAULT_SHARE:
            return ""
        return self.dice.choice(FAULTS)

    def commit(self, worker: SimulatedWorker, place: Place, offset: int) -> None:
        """Kafka takes a commit from the partition's owner alone."""
        if self._owners.get(place) is worker:
            self.committed[place] = offset

    @property
    def _is_settled(self) -> bool:
        return self._rebalancing is None or self._rebalancing.done()

    def _progress(self) -> dict[Place, int]:
        store = MemoryStore(self.tables, self.projection)
        return {place: at.offset for place, at in store.progress().items()}

    def _is_complete(self) -> bool:
        ends = {place: self._log.ends[place[1]] - 1 for place in self._log.places}
        return self._progress() == ends

    async def _step(self, actions: list[tuple[int, Callable[[], None]]]) -> None:
        weights = [weight for weight, _ in actions]
        if actions:
            self.dice.choices([action for _, action in actions], weights)[0]()
        await let_everything_run()
        if self.problems:
            raise BrokenPromiseError(self.problems[0])
        if self._checked != (now := (self.tables.writes, dict(self.committed))):
            self._checked = now
            self._expected.compare(self.tables, self.derived, self.committed)

    def _finishing(self) -> list[tuple[int, Callable[[], None]]]:
        actions: list[tuple[int, Callable[[], None]]] = []
        self._pending = [(name, future) for name, future in self._pending if not future.done()]
        if self._pending:
            actions.append((30, self._go_on))
        if readers := [w for w in self._workers if self._ahead(w)]:
            actions.append((10, lambda: self._deliver(self.dice.choice(readers))))
        if self.late:
            actions.append((2, self._take_effect))
        return actions

    def _disturbing(self) -> list[tuple[int, Callable[[], None]]]:
        actions = self._finishing()
        if self._is_settled:
            told = [w for w in self._workers if self.dice.random() < TOLD_SHARE]
            actions.append((2, lambda: self._rebalance(told)))
        actions.append((1, self._kill))
        return actions

    def _ahead(self, worker: SimulatedWorker) -> list[Place]:
        return [place for place, at in worker.reads.items() if at < self._log.ends[place[1]]]

    def _go_on(self) -> None:
        name, future = self._pending.pop(self.dice.randrange(len(self._pending)))
        self.tell(name)
        future.set_result(None)

    def _deliver(self, worker: SimulatedWorker) -> None:
        place = self.dice.choice(self._ahead(worker))
        start = worker.reads[place]
        if self._is_disturbed and self.dice.random() < DELIVERED_AGAIN_SHARE:
            start = self.dice.randrange(start + 1)
        fetch = self._log.fetch(place, start, self.dice.randint(1, 6))
        worker.reads[place] = max(worker.reads[place], fetch.end)
        self.tell(f"{worker.name} is given {place[1]}/{fetch.start}-{fetch.end - 1}")
        worker.deliver(fetch)

    def _take_effect(self) -> None:
        name, call = self.late.pop(self.dice.randrange(len(self.late)))
        self.tell(f"{name} takes effect after its caller's death")
        call()

    def _bear(self) -> None:
        self._born += 1
        self._workers.append(SimulatedWorker(self, f"worker-{self._born}"))

    def _kill(self) -> None:
        victim = self._workers.pop(self.dice.randrange(len(self._workers)))
        self.tell(f"{victim.name} is killed")
        victim.die()
        self._bear()

    def _rebalance(self, told: Sequence[SimulatedWorker]) -> None:
        self._rebalancing = asyncio.create_task(self._move(list(told)))

    async def _move(self, told: list[SimulatedWorker]) -> None:
        """Revoke from all that are told, then assign to them; the others go on in good faith."""
        drains = [self.dice.choice((None, None, 0.0)) for _ in told]
        leaving = [w.leave(drain) for w, drain in zip(told, drains, strict=True)]
        await asyncio.gather(*leaving, return_exceptions=True)
        alive = [worker for worker in told if worker.is_alive]
        shares: dict[SimulatedWorker, list[Place]] = {worker: [] for worker in alive}
        self._owners = {}
        if alive:
            for place in self._log.places:
                self._owners[place] = self.dice.choice(alive)
                shares[self._owners[place]].append(place)
        self.tell(f"owners are { ({p[1]: w.name for p, w in self._owners.items()}) }")
        joining = [worker.join(places) for worker, places in shares.items()]
        await asyncio.gather(*joining, return_exceptions=True)


async def let_everything_run() -> None:
    """Return when every task waits for the seed."""
    loop: Any = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(0)
        if not loop._ready and all(timer.cancelled() for timer in loop._scheduled):
            return


def play(seed: int, build: Build = REAL, tell: Callable[[str], None] = lambda line: None) -> None:
    """Run one seed. Raises `BrokenPromiseError` with the command that runs it again."""
    simulation_of = SCENES[seed % len(SCENES)]

    async def whole() -> None:
        await Simulation(seed, build, simulation_of, tell).run()

    try:
        asyncio.run(whole())
    except BrokenPromiseError as broken:
        again = f"python -m tests.faults --seed {seed}"
        raise BrokenPromiseError(f"seed {seed}, {build.name}: {broken}\nagain: {again}") from None
