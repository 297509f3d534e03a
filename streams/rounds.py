"""A round: fetches in, rows and state out, in the order that makes the effects exactly-once.

Rows, applied ids and dead letters are written first; then state and progress as one block; then the
round is acknowledged. The look-ups and the fold of round N+1 run beside the write of round N; a
failed write is tried again with the very same rows, and nothing later is acknowledged before it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import polars as pl

from projections.projection import Projection
from projections.store.store import Progress, Store
from streams import metrics
from streams.admission import Admitted, admit
from streams.batch import Fetch
from streams.dead_letters import DeadLetterOffice
from streams.parts import PartCache
from streams.ready import Known, Place, Ready, candidates_of, fold_round, in_flight
from streams.repeats import newest_of, perhaps_known

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

RETRY_FIRST_S, RETRY_GROWTH, RETRY_MAX_S = 0.1, 2.0, 5.0
STORE_THREADS = 6
"""Look-ups of one round (three) and writes of another (at most six at a time) run side by side."""


class RoadError(Exception):
    """Something that no round may pass over: the worker stops with this sentence."""


@dataclass
class _Flight:
    """A round being written: what the next one must know before it is durable."""

    task: "asyncio.Task[None]"
    ready: Ready


@dataclass
class Rounds:
    """One projection's rounds, one at a time, each durable before the next is acknowledged."""

    projection: Projection
    store: Store
    office: DeadLetterOffice
    admit: Callable[[list[Fetch]], Admitted] = admit
    """How records become columns; a benchmark puts another way in its place."""
    on_failure: Callable[[BaseException], None] = lambda error: None
    positions: dict[Place, Progress] = field(default_factory=dict)
    _flight: _Flight | None = None
    _newest: pl.DataFrame = field(default_factory=pl.DataFrame)

    def __post_init__(self) -> None:
        self._parts = PartCache(self.projection)
        self._threads = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store")
        self._fold_thread = ThreadPoolExecutor(1, thread_name_prefix="fold")

    async def start_at(self, assigned: set[Place]) -> dict[Place, Progress]:
        """Read the progress of the partitions that this worker now has; forget all others."""
        self._parts.clear()
        progress = await self._persistently("progress", self.store.progress)
        self._newest = await self._persistently("progress", self.store.newest)
        self.positions = {place: progress.get(place, Progress(-1, 0)) for place in assigned}
        return self.positions

    async def put(self, fetches: list[Fetch], on_durable: Callable[[], None]) -> None:
        """Fold a round and begin to write it; returns when the round before is durable.

        `on_durable` is called once everything of the round is in ClickHouse. Raises `RoadError`
        where offsets are missing or another writer is ahead, and `FoldError` where a handler fails.
        """
        fetches = self._in_order(fetches)
        ready = await self._prepare(fetches) if fetches else None
        await self.settle()
        if ready is None:
            on_durable()
            return
        task = asyncio.create_task(self._write(ready, on_durable))
        task.add_done_callback(self._report)
        self._flight = _Flight(task, ready)
        self._parts.shrink(ready.part_keys)

    async def settle(self) -> None:
        """Wait until the round in flight is durable."""
        if self._flight is not None:
            await asyncio.shield(self._flight.task)
            self._flight = None

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._fold_thread.shutdown(wait=False, cancel_futures=True)
        self.office.close()

    def _report(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self.on_failure(error)

    def _in_order(self, fetches: list[Fetch]) -> list[Fetch]:
        """The fetches that continue their partitions; those included already are left out."""
        kept: list[Fetch] = []
        for fetch in fetches:
            place = (fetch.topic, fetch.partition)
            position = self.positions.get(place)
            if position is None or fetch.end <= position.offset + 1:
                continue
            if fetch.start != position.offset + 1:
                raise RoadError(
                    f"{fetch.topic}/{fetch.partition}: offsets {position.offset + 1} to "
                    f"{fetch.start - 1} are missing"
                )
            kept.append(fetch)
            self.positions[place] = Progress(fetch.end - 1, position.occurred_at)
        return kept

    async def _prepare(self, fetches: list[Fetch]) -> Ready:
        with self._timed("decode"):
            admitted = await self._beside(self.admit, fetches)
            candidates = await self._beside(candidates_of, self.projection, admitted)
        missing = self._parts.missing(candidates.part_keys)
        perhaps = perhaps_known(candidates.events, self._newest)
        with self._timed("look_up"):
            events, things, stored = await asyncio.gather(
                self._persistently("look_up", self.store.applied, perhaps),
                self._persistently("look_up", self.store.identities, candidates.things["id"]),
                self._persistently("look_up", self.store.parts, missing),
            )
        starts = {fetch.partition: fetch.start for fetch in reversed(fetches)}
        if ahead := [k for k, part in stored.items() if part.offset >= starts[part.partition]]:
            raise RoadError(f"another writer is ahead of this worker at {ahead[0]}")
        self._parts.add(missing, stored)
        known = Known(events, things)
        if self._flight:
            flying = in_flight(self._flight.ready, candidates)
            known = Known(*(pl.concat(both) for both in zip(known, flying, strict=True)))
        with self._timed("fold"):
            ready = await self._beside(
                fold_round, self.projection, self._parts.parts, fetches, admitted, candidates,
                known, self.positions,
            )  # fmt: skip
        self._newest = newest_of(ready.applied, self._newest)
        for place, occurred_at in ready.occurred_at.items():
            before = self.positions[place]
            latest = max(before.occurred_at, occurred_at)
            self.positions[place] = Progress(before.offset, latest)
        return ready

    async def _write(self, ready: Ready, on_durable: Callable[[], None]) -> None:
        await self._persistently("dead_letters", self.office.send, ready.letters)
        with self._timed("write_rows"):
            writes: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
                (self.store.write_applied, (ready.applied,)),
                (self.store.write_identities, (ready.identities,)),
                (self.store.write_repeats, (ready.repeats,)),
                (self.store.write_dead_letters, (ready.dead_letters,)),
                *((self.store.write_facts, (table, f)) for table, f in ready.facts.items()),
            ]
            await asyncio.gather(
                *(self._persistently("write_rows", call, *given) for call, given in writes)
            )
        with self._timed("write_state"):
            await self._persistently("write_state", self.store.write_state, ready.state)
        on_durable()
        self._count(ready)

    def _count(self, ready: Ready) -> None:
        name = self.projection.name
        for verdict, count in ready.verdicts.items():
            metrics.EVENTS.labels(name, verdict).inc(count)
        metrics.ROUNDS.labels(name).inc()
        metrics.ROUND_EVENTS.labels(name).observe(sum(ready.verdicts.values()))
        metrics.EVENT_AGE_SECONDS.labels(name).set(time.time() - ready.appended_at / 1e6)
        metrics.PARTS_CACHED.labels(name).set(len(self._parts.parts))
        for (topic, partition), position in self.positions.items():
            metrics.OFFSET.labels(name, topic, partition).set(position.offset)

    def _timed(self, step: str) -> Any:
        return metrics.STEP_SECONDS.labels(self.projection.name, step).time()

    async def _beside(self, function: Callable[..., Answer], *arguments: Any) -> Answer:
        """Run work on columns in a thread, so that the loop goes on."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._fold_thread, function, *arguments)

    async def _persistently(
        self, step: str, call: Callable[..., Answer], *arguments: Any
    ) -> Answer:
        """Call the store until it answers: nothing is dropped, and nothing overtakes."""
        wait_s = RETRY_FIRST_S
        loop = asyncio.get_running_loop()
        ready = metrics.READY.labels(self.projection.name)
        while True:
            try:
                answer = await loop.run_in_executor(self._threads, call, *arguments)
            except Exception as error:
                ready.set(0)
                metrics.RETRIES.labels(self.projection.name, step).inc()
                log.warning("%s failed, again in %.1f s: %s", step, wait_s, error)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * RETRY_GROWTH, RETRY_MAX_S)
            else:
                ready.set(1)
                return answer
