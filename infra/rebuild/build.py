"""Builds a generation from the log: as far as the live one, never past it, and sending nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from clickhouse_connect.driver.client import Client

from infra.rebuild.archived import Archived
from projections.projection import Projection
from projections.store.clickhouse import ClickHouseStore
from projections.store.layout import table_of
from projections.store.store import Place
from projections.tables import DEAD_LETTERS
from streams.admission import Admitted, Refusal, admit, places_of
from streams.batch import Fetch
from streams.dead_letters import LetterShare
from streams.log_source import LogSource
from streams.outbox import Record
from streams.rounds import Rounds

ROUND_EVENTS_MAX = 100_000
Address = tuple[str, int, int]
Upto = Mapping[Place, int]


class Nowhere:
    """An outbox that sends nothing: what a rebuild would tell is in the log already."""

    def send(self, records: Sequence[Record]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing is held."""


class AsBefore:
    """Admits what the live generation admitted: its dead letters stay dead."""

    def __init__(self, letters: Mapping[Address, tuple[str, str]]) -> None:
        """`letters`: the cause and reason of each dead letter, by topic, partition and offset."""
        self._letters = letters

    def __call__(self, fetches: list[Fetch]) -> Admitted:
        """Admit a round without them."""
        admitted = admit([self._masked(fetch) for fetch in fetches])
        places = places_of(fetches)
        kept = [r for r in admitted.refusals if self._at(places, r.position) not in self._letters]
        known = [
            Refusal(position, *self._letters[address])
            for position, address in enumerate(places.select("topic", "partition", "offset").rows())
            if address in self._letters
        ]
        return Admitted(places, admitted.groups, sorted(kept + known))

    @staticmethod
    def _at(places: Any, position: int) -> Address:
        return places.select("topic", "partition", "offset").row(position)

    def _masked(self, fetch: Fetch) -> Fetch:
        values = [
            None if (fetch.topic, fetch.partition, offset) in self._letters else value
            for offset, value in zip(fetch.offsets, fetch.values, strict=True)
        ]
        return Fetch(
            fetch.topic, fetch.partition, fetch.start, fetch.end,
            values, fetch.keys, fetch.offsets, fetch.timestamps,
        )  # fmt: skip


def letters_of(client: Client, projection: Projection, generation: int) -> dict[Address, Any]:
    """The dead letters of a generation: cause and reason by address."""
    table = table_of(projection, DEAD_LETTERS.name, generation)
    answer: Any = client.query(f"SELECT topic, partition, offset, cause, reason FROM {table} FINAL")
    return {tuple(row[:3]): tuple(row[3:]) for row in answer.result_rows}


def progress_of(client: Client, projection: Projection, generation: int) -> dict[Place, int]:
    """The last offset that a generation includes of each partition."""
    found = ClickHouseStore(client, projection, generation).progress()
    return {place: at.offset for place, at in found.items()}


class Builder:
    """Carries one generation on to wherever it is told to."""

    def __init__(self, client: Client, projection: Projection, live: int, generation: int) -> None:
        self._rounds = Rounds(
            projection,
            ClickHouseStore(client, projection, generation),
            letters=Nowhere(),
            derived=Nowhere(),
            produces=False,
            letter_share=LetterShare(10_000),
        )
        self._archived = Archived(client)
        self._letters = partial(letters_of, client, projection, live)

    async def build(
        self, source: LogSource, upto: Upto, on_progress: Callable[[int, int], None]
    ) -> None:
        """Fold everything up to these offsets, the last included.

        What Kafka no longer holds comes from the archive. `on_progress` is told the offsets done
        and all there are. Raises `CommandError` where neither holds what is needed.
        """
        # Letters that came in the meantime, too: what the live one refused stays refused.
        self._rounds.admit = AsBefore(self._letters())
        positions = await self._rounds.start_at(upto)
        await self._build_from_archive(await source.starts(upto), upto, on_progress)
        behind = {p: at.offset + 1 for p, at in positions.items() if at.offset < upto[p]}
        if behind:
            source.start(behind)
        while any(at.offset < upto[place] for place, at in self._rounds.positions.items()):
            await self._fold(await source.next(), upto, on_progress)
        await self._rounds.settle()

    async def _build_from_archive(
        self, starts: Mapping[Place, int], upto: Upto, on_progress: Callable[[int, int], None]
    ) -> None:
        """Fold what lies before the offsets at which Kafka's partitions start by now."""
        for place, start in starts.items():
            at = self._rounds.positions[place].offset + 1
            for fetch in self._archived.fetches(place, at, min(start, upto[place] + 1)):
                await self._fold([fetch], upto, on_progress)

    async def _fold(
        self, fetches: list[Fetch], upto: Upto, on_progress: Callable[[int, int], None]
    ) -> None:
        kept = [fetch.upto(upto[fetch.topic, fetch.partition]) for fetch in fetches]
        for some in rounds_of([fetch for fetch in kept if fetch.end > fetch.start]):
            await self._rounds.put(some, lambda: None)
        done = sum(at.offset + 1 for at in self._rounds.positions.values())
        on_progress(done, sum(offset + 1 for offset in upto.values()))

    def close(self) -> None:
        """Let go of threads."""
        self._rounds.close()


def rounds_of(fetches: list[Fetch]) -> list[list[Fetch]]:
    """Fetches in rounds of a bounded number of events."""
    rounds: list[list[Fetch]] = []
    events = ROUND_EVENTS_MAX
    for fetch in fetches:
        if events >= ROUND_EVENTS_MAX:
            rounds.append([])
            events = 0
        rounds[-1].append(fetch)
        events += len(fetch.values)
    return rounds
