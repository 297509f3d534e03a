"""A round: fetches in, rows and state out, in the order that makes the effects exactly-once.

1. Rows, applied ids, dead letters and derived events are written, all at once.
2. Then state and progress, as one block: from here on the round is included.
3. Then the round is acknowledged, and Kafka may hear of it.

The look-ups and the fold of round N+1 run beside the write of round N; a failed write is tried
again with the very same rows, and nothing later is acknowledged before it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import polars as pl

from projections.batch import Batch
from projections.fold import FoldError
from projections.projection import Projection
from projections.store.store import Known, Place, Progress, Store, StoredPart, StoreError
from streams import metrics
from streams.admission import Admitted, admit
from streams.batch import Fetch
from streams.dead_letters import LetterShare, record_of
from streams.log_check import RoadError, check_fetch
from streams.outbox import Outbox, Record
from streams.parts import PartCache
from streams.readiness import Readiness
from streams.ready import Ready, candidates_of, fold_round, in_flight, parts_in_flight
from streams.repeats import newest_of, perhaps_known
from streams.runner import Runner, ThreadRunner

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

RETRY_FIRST_S, RETRY_GROWTH, RETRY_MAX_S = 0.1, 2.0, 5.0
LETTER_ATTEMPTS_MAX = 3
"""Attempts to write a dead letter; each has waited for the broker already."""
PARTS_MAX = 300_000
"""State parts kept between rounds; a round that names more holds them until it is folded."""
ANOTHER_WRITER_MAX = 10
"""Times that a round begins anew at another writer's progress, before the worker stops."""


class AnotherWriterError(Exception):
    """A part of the state is ahead of this worker: somebody else writes the same partition."""


class AbandonedError(Exception):
    """The round in flight was given up, and with it every round behind it."""


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
    letters: Outbox
    derived: Outbox
    admit: Callable[[list[Fetch]], Admitted] = admit
    """How records become columns; a benchmark and a rebuild put other ways in its place."""
    on_failure: Callable[[BaseException], None] = lambda error: None
    check_log: Callable[[Mapping[Place, Progress]], None] = lambda progress: None
    """Raises `RoadError` where the log is not the one that progress tells of."""
    produces: bool = True
    """Whether derived events are sent: a rebuild reads those that are in the log."""
    runner: Runner = field(default_factory=ThreadRunner)
    parts_max: int = PARTS_MAX
    letter_share: LetterShare = field(default_factory=LetterShare)
    positions: dict[Place, Progress] = field(default_factory=dict[Place, Progress])
    """What is folded of the partitions that this worker has, durable or not."""
    _produced: dict[Place, int] = field(default_factory=dict[Place, int])
    _term: int = 0
    """Raised by `abandon`: a round that was begun in an earlier term is not written."""
    _flight: _Flight | None = None
    _newest: pl.DataFrame = field(default_factory=pl.DataFrame)

    def __post_init__(self) -> None:
        self._parts = PartCache(self.projection, self.parts_max)
        self.readiness = Readiness(self.projection.name)

    async def start_at(
        self, assigned: Iterable[Place], produced: Mapping[Place, int] | None = None
    ) -> dict[Place, Progress]:
        """Read the progress of the partitions that this worker now has; forget everything else.

        `produced`: the offset that each partition's group has committed. What events below it
        brought about is in the log already, and is not sent again.

        Raises `RoadError` where the log or the version is not the one that wrote the progress.
        """
        self.abandon()
        if produced is not None:
            self._produced = dict(produced)
        await self._read_progress(assigned)
        return self.positions

    async def _read_progress(self, assigned: Iterable[Place]) -> None:
        self._parts.clear()
        progress = await self._patiently("progress", self.store.progress)
        self._newest = await self._patiently("progress", self.store.newest)
        for (topic, partition), at in progress.items():
            if at.version != self.projection.version:
                raise RoadError(
                    f"{topic}/{partition}: {self.projection.name} was written by version "
                    f"{at.version}, and this is version {self.projection.version}: "
                    f"run `workledger rebuild {self.projection.name}`"
                )
        self.positions = {place: progress.get(place, Progress()) for place in assigned}
        await self._patiently("check_log", self.check_log, self.positions)

    async def put(self, fetches: list[Fetch], on_durable: Callable[[], None]) -> None:
        """Fold a round and begin to write it; returns when the round before is durable.

        `on_durable` is called once everything of the round is in the store. Raises `RoadError`
        where offsets are missing or too many records are no events, and `FoldError` where a
        handler raises.
        """
        term = self._term
        try:
            ready = await self._prepare_beside_others(fetches, term)
            await self.settle()
        except AbandonedError:
            return
        if term != self._term:
            return  # the round before was given up: to write this one would leave a gap
        if ready is None:
            on_durable()
            return
        task = asyncio.create_task(self._write(ready, on_durable))
        task.add_done_callback(self._report)
        self._flight = _Flight(task, ready)
        self._parts.shrink()

    async def settle(self) -> None:
        """Wait until the round in flight is durable; raises `AbandonedError` if it is given up."""
        flight = self._flight
        if flight is None:
            return
        await asyncio.wait({flight.task})
        if flight.task.cancelled():
            raise AbandonedError
        flight.task.result()
        if self._flight is flight:
            self._flight = None

    def abandon(self) -> None:
        """Stop trying to write the round in flight, and the one being folded: both come again.

        A write that is under way may still take effect; it is one of another writer then.
        """
        self._term += 1
        if self._flight is not None:
            self._flight.task.cancel()
            self._flight = None

    def close(self) -> None:
        """Let the threads go."""
        self.abandon()
        self.runner.close()
        self.letters.close()
        self.derived.close()

    def _report(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self.on_failure(error)

    async def _prepare_beside_others(self, fetches: list[Fetch], term: int) -> Ready | None:
        """Prepare a round; where another writer is ahead, begin anew at its progress.

        Raises `AbandonedError` where rounds were abandoned in the meantime: what this one follows
        comes again, and it would seem to leave a gap.
        """
        for _ in range(ANOTHER_WRITER_MAX):
            if term != self._term:
                raise AbandonedError
            kept = self._in_order(fetches)
            if not kept:
                return None
            try:
                return await self._prepare(kept)
            except AnotherWriterError as error:
                log.warning("%s: progress is read again", error)
                await self.settle()
                await self._read_progress(self.positions)
        raise RoadError("another writer stays ahead of this worker: do two groups share a table?")

    def _in_order(self, fetches: list[Fetch]) -> list[Fetch]:
        """What continues its partition; what is included already is left out."""
        kept: list[Fetch] = []
        reached: dict[Place, int] = {}
        for fetch in fetches:
            place = (fetch.topic, fetch.partition)
            position = self.positions.get(place)
            if position is None:
                continue
            check_fetch(fetch, position)
            before = reached.get(place, position.offset)
            if fetch.start > before + 1:
                raise RoadError(
                    f"{fetch.topic}/{fetch.partition}: offsets {before + 1} to "
                    f"{fetch.start - 1} are missing"
                )
            if fetch.end > before + 1:
                kept.append(fetch.after(before))
                reached[place] = fetch.end - 1
        return kept

    async def _prepare(self, fetches: list[Fetch]) -> Ready:
        with self._timed("decode"):
            admitted = await self._compute(fetches, self.admit, fetches)
            candidates = await self._compute(fetches, candidates_of, self.projection, admitted)
        missing = self._parts.missing(candidates.part_keys)
        perhaps = perhaps_known(candidates.events, self._newest)
        with self._timed("look_up"):
            known, stored = await asyncio.gather(
                self._patiently("look_up", self.store.known, perhaps, candidates.things["id"]),
                self._patiently("look_up", self.store.parts, missing),
            )
        starts = {(fetch.topic, fetch.partition): fetch.start for fetch in reversed(fetches)}
        self._take(missing, stored, starts)
        await self._take_named(admitted, starts)
        if self._flight:
            flying = in_flight(self._flight.ready, perhaps, candidates.things["id"])
            known = Known(*(pl.concat(both) for both in zip(known, flying, strict=True)))
        with self._timed("fold"):
            ready = await self._compute(
                fetches, fold_round, self.projection, self._parts.parts, fetches, admitted,
                candidates, known, self.positions,
            )  # fmt: skip
        if excess := self.letter_share.excess(sum(ready.verdicts.values()), ready.letters):
            raise RoadError(excess)
        self._newest = newest_of(ready.applied, self._newest)
        self.positions.update(ready.progress)
        return ready

    async def _take_named(self, admitted: Admitted, starts: Mapping[Place, int]) -> None:
        """Look up the parts that only those in the cache could name."""
        batch = Batch(admitted.groups, admitted.places)
        missing = self._parts.missing(self.projection.named_keys(batch, self._parts.parts))
        if missing:
            with self._timed("look_up"):
                stored = await self._patiently("look_up", self.store.parts, missing)
            self._take(missing, stored, starts)

    def _take(
        self, missing: list[str], stored: Mapping[str, StoredPart], starts: Mapping[Place, int]
    ) -> None:
        """Keep the parts that were looked up, with those of the round in flight laid over them."""
        self._refuse_another_writer(stored, starts)
        flying = parts_in_flight(self._flight.ready, missing) if self._flight and missing else {}
        self._parts.add(missing, {**stored, **flying})

    def _refuse_another_writer(
        self, stored: Mapping[str, StoredPart], starts: Mapping[Place, int]
    ) -> None:
        """A part that includes an event of this round, or a later one, is somebody else's work.

        To fold over it would count events twice, and at the same offset what is written last
        stands. See architecture, *another writer*.
        """
        for key, part in stored.items():
            if part.offset >= starts[part.topic, part.partition]:
                raise AnotherWriterError(
                    f"another writer is ahead of this worker: {key} includes offset {part.offset} "
                    f"of {part.topic}/{part.partition}"
                )

    async def _write(self, ready: Ready, on_durable: Callable[[], None]) -> None:
        await self._write_rows(ready)
        await self._write_state(ready)
        on_durable()
        self._count(ready)

    async def _write_rows(self, ready: Ready) -> None:
        letters = [record_of(letter, self.projection.name) for letter in ready.letters]
        with self._timed("write_rows"):
            writes = [
                self._patiently("write_rows", self.store.write, table, frame)
                for table, frame in ready.rows.items()
                if not frame.is_empty()
            ]
            if letters:
                writes.append(self._send_letters(letters))
            if derived := self._to_send(ready):
                writes.append(self._patiently("derived_events", self.derived.send, derived))
            await asyncio.gather(*writes)
        metrics.DERIVED.labels(self.projection.name).inc(len(derived))

    async def _write_state(self, ready: Ready) -> None:
        with self._timed("write_state"):
            await self._patiently("write_state", self.store.write_state, ready.state)

    async def _send_letters(self, letters: list[Record]) -> None:
        try:
            await self._patiently(
                "dead_letters", self.letters.send, letters, attempts_max=LETTER_ATTEMPTS_MAX
            )
        except Exception as error:
            raise RoadError(
                f"{len(letters):,} dead letters could not be written, and nothing may pass them "
                f"over: {error}"
            ) from error

    def _to_send(self, ready: Ready) -> list[Record]:
        """Derived events of the round, without those whose causes were dealt with before."""
        if not self.produces:
            return []
        return [
            Record(one.message.topic, one.message.key, one.message.value)
            for one in ready.derived
            if one.offset >= self._produced.get(one.place, 0)
        ]

    def _count(self, ready: Ready) -> None:
        name = self.projection.name
        for verdict, count in ready.verdicts.items():
            metrics.EVENTS.labels(name, verdict).inc(count)
        metrics.ROUNDS.labels(name).inc()
        metrics.ROUND_EVENTS.labels(name).observe(sum(ready.verdicts.values()))
        metrics.PARTS_CACHED.labels(name).set(len(self._parts.parts))
        for (topic, partition), at in ready.progress.items():
            metrics.OFFSET.labels(name, topic, str(partition)).set(at.offset)
        if ready.verdicts["applied"]:
            metrics.EVENT_AGE_SECONDS.labels(name).set(time.time() - ready.appended_at / 1e6)

    def _timed(self, step: str) -> Any:
        return metrics.STEP_SECONDS.labels(self.projection.name, step).time()

    async def _compute(
        self, fetches: list[Fetch], call: Callable[..., Answer], *arguments: Any
    ) -> Answer:
        """Run a step of the round; what nobody expected is told with the addresses it is about."""
        try:
            return await self.runner.compute(call, *arguments)
        except (FoldError, asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # polars panics with a BaseException
            about = ", ".join(f"{f.topic}/{f.partition}/{f.start}-{f.end - 1}" for f in fetches)
            raise RoadError(f"{type(error).__name__}: {error}, in a round of {about}") from error

    async def _patiently(
        self, step: str, call: Callable[..., Answer], *arguments: Any, attempts_max: int = 0
    ) -> Answer:
        """Call until there is an answer: nothing is dropped, and nothing overtakes.

        `attempts_max` of 0 is without end. `RoadError` and `StoreError` are not tried again.
        """
        wait_s, attempts = RETRY_FIRST_S, 0
        while True:
            try:
                answer = await self.runner.store(call, *arguments)
            except (RoadError, StoreError):
                raise
            except Exception as error:
                attempts += 1
                self.readiness.failed(step, error)
                if attempts == attempts_max:
                    raise
                log.warning("%s failed, again in %.1f s: %s", step, wait_s, error)
                await self.runner.sleep(wait_s)
                wait_s = min(wait_s * RETRY_GROWTH, RETRY_MAX_S)
            else:
                self.readiness.answered(step)
                return answer
