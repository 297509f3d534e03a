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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from projections.agents.fold import agents
from projections.payout.fold import payout
from projections.projection import Projection
from projections.store.store import Place
from streams.rounds import Rounds
from tests.faults.history import AdmittedOnce, MemoryLog, payout_log, tasks_log
from tests.faults.memory_store import MemoryStore, MemoryTables
from tests.faults.simulated_worker import SimulatedWorker
from tests.faults.undisturbed import BrokenPromiseError, Expected, MemoryOutbox, undisturbed

STEPS_DISTURBED = 150
STEPS_MAX = 3_000
FAULTS = ("before", "during", "after")
FAULT_SHARE = 0.08
"""Of the calls of store and broker."""
TOLD_SHARE = 0.6
"""Of the workers that a rebalance reaches; the others believe that nothing has changed."""
DELIVERED_AGAIN_SHARE = 0.15


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
SEEDS_A_LOG = 8
"""So many seeds of a scene disturb one log, which is folded undisturbed once."""


def log_of(seed: int) -> int:
    """The first of the seeds that share a log: those of one scene, in a row."""
    scenes = len(SCENES)
    return seed // (scenes * SEEDS_A_LOG) * scenes * SEEDS_A_LOG + seed % scenes


@lru_cache(maxsize=len(SCENES))
def scene_of(seed: int) -> tuple[Scene, MemoryLog, AdmittedOnce, Expected]:
    """What is read by a seed and the others that share its log, and what readers must see."""
    scene = SCENES[seed % len(SCENES)]
    log = scene.make_log(random.Random(seed))
    return scene, log, AdmittedOnce(log), asyncio.run(undisturbed(scene.projection, log))


class Simulation:
    """One seed: a log, a group of workers, and a store, until everything is included."""

    def __init__(self, seed: int, build: Build, tell: Callable[[str], None]) -> None:
        self.dice = random.Random(seed)
        scene, self._log, self.admit, self._expected = scene_of(log_of(seed))
        self.build, self.projection, self.tell = build, scene.projection, tell
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
        self._reached: dict[Place, int] = {}

    async def run(self) -> None:
        """Disturb, then let the workers finish. Raises `BrokenPromiseError`."""
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
            self._reached = self._expected.compare(
                self.tables, self.derived, self.committed, self._reached
            )

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
    simulation = Simulation(seed, build, tell)
    try:
        asyncio.run(simulation.run())
    except BrokenPromiseError as broken:
        again = f"python -m tests.faults --seed {seed}"
        raise BrokenPromiseError(f"seed {seed}, {build.name}: {broken}\nagain: {again}") from None
