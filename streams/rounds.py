"""A round: fetches in, rows and state out, in the order that makes the effects exactly-once.

Rows, applied ids and dead letters are written first; then state and progress as one block; then the
round is acknowledged. The look-ups and the fold of round N+1 run beside the write of round N; a
failed write is tried again with the very same rows, and nothing later is acknowledged before it.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import polars as pl

from projections.fold import Batch, Output
from projections.projection import Projection
from projections.store.store import STATE, Progress, Store, progress_key
from projections.tables import DEAD_LETTERS, REPEATS, DeadLetter, Table
from schemas.rules import without
from streams import metrics
from streams.admission import Admitted, admit
from streams.batch import Fetch
from streams.dead_letters import DeadLetterOffice, Letter
from streams.parts import PartCache
from streams.repeats import (
    event_candidates,
    find_repeats,
    identity_candidates,
    newest_of,
    perhaps_known,
    repeat_rows,
)

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
Place = tuple[str, int]

RETRY_FIRST_S, RETRY_GROWTH, RETRY_MAX_S = 0.1, 2.0, 5.0
STORE_THREADS = 6
"""Look-ups of one round (three) and writes of another (at most six at a time) run side by side."""
LETTER_COLUMNS = ("topic", "partition", "offset", "appended_at", "key", "value")


class RoadError(Exception):
    """Something that no round may pass over: the worker stops with this sentence."""


@dataclass(frozen=True)
class Ready:
    """A round that is folded and waits to be written."""

    facts: dict[Table, pl.DataFrame]
    repeats: pl.DataFrame
    dead_letters: pl.DataFrame
    letters: list[Letter]
    applied: pl.DataFrame
    identities: pl.DataFrame
    state: pl.DataFrame
    part_keys: set[str]
    verdicts: dict[str, int]
    appended_at: int
    """When the broker took the round's last event, in microseconds."""


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
        events = event_candidates(admitted.groups, admitted.places)
        things = identity_candidates(admitted.groups, admitted.places, self.projection.identities)
        batch = Batch(admitted.groups, admitted.places)
        missing = self._parts.missing(await self._beside(self.projection.part_keys, batch))
        with self._timed("look_up"):
            applied, identities, stored = await asyncio.gather(
                self._persistently(
                    "look_up", self.store.applied, perhaps_known(events, self._newest)
                ),
                self._persistently("look_up", self.store.identities, things["id"]),
                self._persistently("look_up", self.store.parts, missing),
            )
        ahead = [k for k, part in stored.items() if self._is_ahead(part.offset, fetches)]
        if ahead:
            raise RoadError(f"another writer is ahead of this worker at {ahead[0]}")
        self._parts.add(missing, stored)
        if self._flight:
            applied = pl.concat([applied, as_known(self._flight.ready.applied)])
            identities = pl.concat([identities, as_known(self._flight.ready.identities)])
        with self._timed("fold"):
            return await self._beside(
                self._fold, admitted, (events, applied), (things, identities), fetches
            )

    @staticmethod
    def _is_ahead(offset: int, fetches: list[Fetch]) -> bool:
        return offset >= max(fetch.end for fetch in fetches)

    def _fold(
        self,
        admitted: Admitted,
        events: tuple[pl.DataFrame, pl.DataFrame],
        things: tuple[pl.DataFrame, pl.DataFrame],
        fetches: list[Fetch],
    ) -> Ready:
        """Leave the repeats out, fold the rest, and make the rows of the round."""
        places = admitted.places
        again = find_repeats(*events)
        repeated = {found.position for found in again}
        candidates = things[0].filter(pl.col("position").is_in(list(repeated)).not_())
        told_again = find_repeats(candidates, things[1])
        rows, positions = repeat_rows(again, "event", admitted.groups, places)
        more, more_positions = repeat_rows(told_again, "entry", admitted.groups, places)
        repeated |= {found.position for found in told_again}
        groups = [without(group, repeated) for group in admitted.groups]
        groups = [group for group in groups if group.positions]
        output = self.projection.apply(Batch(groups, places), self._parts.parts)
        is_applied = pl.col("position").is_in(list(repeated)).not_()
        known = ("id", "topic", "partition", "offset", "told")
        applied = events[0].filter(is_applied).select(known)
        self._newest = newest_of(applied, self._newest)
        conflicts = sum(found.is_conflict for found in (*again, *told_again))
        return Ready(
            facts=output.frames,
            repeats=REPEATS.frame(rows + more, positions + more_positions, places),
            dead_letters=_letter_frame(admitted),
            letters=_letters(admitted),
            applied=applied,
            identities=candidates.filter(is_applied)
            .select(known)
            .with_columns(pl.col("id").cast(pl.String)),
            state=self._state(output, groups, places, fetches),
            part_keys=set(output.parts),
            verdicts={
                "applied": places.height - len(repeated) - len(admitted.refusals),
                "duplicate": len(repeated) - conflicts,
                "conflict": conflicts,
                "dead_letter": len(admitted.refusals),
            },
            appended_at=max(fetch.timestamps[-1] for fetch in fetches) * 1000,
        )

    def _state(
        self, output: Output, groups: list[Any], places: pl.DataFrame, fetches: list[Fetch]
    ) -> pl.DataFrame:
        """The parts that changed and the progress of the round's partitions, as one frame."""
        latest = _latest(groups, places)
        for place, occurred_at in latest.items():
            before = self.positions[place]
            self.positions[place] = Progress(before.offset, max(before.occurred_at, occurred_at))
        ends = {(f.topic, f.partition): (f.end - 1, f.timestamps[-1] * 1000) for f in fetches}
        topic = self.projection.topics[0]
        version = self.projection.version
        rows = [
            (key, topic, partition, offset, 0, 0, version, body)
            for key, (partition, offset, body) in output.parts.items()
        ] + [
            (
                progress_key(*place), *place, offset, self.positions[place].occurred_at,
                appended_at, version, b"",
            )
            for place, (offset, appended_at) in ends.items()
        ]  # fmt: skip
        columns = zip(STATE, zip(*rows, strict=True), strict=True)
        return pl.DataFrame(
            [pl.Series(name, values, dtype=STATE[name]) for name, values in columns]
        )

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


def as_known(told: pl.DataFrame) -> pl.DataFrame:
    """Rows that are being written, as a look-up will answer them."""
    content = [
        hashlib.md5(value, usedforsecurity=False).digest() for value in told["told"].to_list()
    ]
    return told.drop("told").with_columns(
        pl.col("id").cast(pl.Binary), content=pl.Series(content, dtype=pl.Binary)
    )


def _latest(groups: list[Any], places: pl.DataFrame) -> dict[Place, int]:
    """The latest `occurred_at` of each partition in the round, in microseconds."""
    if not groups:
        return {}
    frames = [
        places.select("topic", "partition")[group.positions].with_columns(
            occurred_at=group.frame.get_column("occurred_at")
        )
        for group in groups
    ]
    latest = pl.concat(frames).group_by("topic", "partition").max()
    return {(topic, partition): at for topic, partition, at in latest.iter_rows()}


def _letters(admitted: Admitted) -> list[Letter]:
    rows = admitted.places[[r.position for r in admitted.refusals]].select(LETTER_COLUMNS)
    return [
        Letter(topic, partition, offset, refusal.cause, refusal.reason, key, value)
        for refusal, (topic, partition, offset, _, key, value) in zip(
            admitted.refusals, rows.iter_rows(), strict=True
        )
    ]


def _letter_frame(admitted: Admitted) -> pl.DataFrame:
    positions = [refusal.position for refusal in admitted.refusals]
    at = admitted.places[positions].select("key", "value", "appended_at")
    rows = [
        DeadLetter(refusal.reason, refusal.cause, key or b"", value or b"", appended_at)
        for refusal, (key, value, appended_at) in zip(
            admitted.refusals, at.iter_rows(), strict=True
        )
    ]
    return DEAD_LETTERS.frame(rows, positions, admitted.places)
