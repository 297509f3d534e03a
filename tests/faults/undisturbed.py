"""What readers must see: the rows of a run that nothing disturbs, at every progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from projections.projection import Projection
from projections.store.store import Place
from streams.outbox import Record
from streams.ready import Ready
from streams.rounds import Rounds
from tests.faults.history import MemoryLog
from tests.faults.memory_store import MemoryStore, MemoryTables

RECORDS_MAX = 1_000


class BrokenPromiseError(Exception):
    """A promise that was not kept."""


class InlineRunner:
    """Everything at once, without waiting."""

    async def store(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call."""
        return call(*arguments)

    compute = store

    async def sleep(self, seconds: float) -> None:
        """Nothing is waited for where nothing fails."""

    def close(self) -> None:
        """Nothing is held."""


class MemoryOutbox:
    """An outbox that keeps what was sent."""

    def __init__(self) -> None:
        self.sent: set[Record] = set()

    def send(self, records: Sequence[Record]) -> None:
        """Keep the records."""
        self.sent.update(records)

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class Expected:
    """The rows, state and derived events of an undisturbed run."""

    projection: Projection
    tables: MemoryTables
    letters: set[Record]
    derived: list[tuple[Place, int, Record]] = field(default_factory=list)

    def compare(
        self,
        tables: MemoryTables,
        derived: MemoryOutbox,
        committed: Mapping[Place, int],
        reached: Mapping[Place, int],
    ) -> dict[Place, int]:
        """At any moment: readers see just what belongs to the progress, which it answers with.

        `reached` is the progress seen before: it may not go back.
        """
        store = MemoryStore(tables, self.projection)
        progress = {place: at.offset for place, at in store.progress().items()}
        for place, offset in reached.items():
            if progress.get(place, -1) < offset:
                raise BrokenPromiseError(f"progress of {place[1]} went back behind {offset}")
        for place, offset in committed.items():
            if offset > progress.get(place, -1) + 1:
                raise BrokenPromiseError(f"{place[1]}/{offset - 1} is committed and not included")
        for name, expected in self.tables.rows.items():
            seen = tables.rows.get(name, {})
            for key, row in expected.items():
                if row["offset"] > progress.get((row["topic"], row["partition"]), -1):
                    continue
                if key not in seen:
                    raise BrokenPromiseError(
                        f"{name} lacks a row of {row['partition']}/{row['offset']}"
                    )
                if seen[key] != row:
                    raise BrokenPromiseError(f"{name} has {seen[key]} instead of {row}")
        for name, seen in tables.rows.items():
            for key in seen.keys() - self.tables.rows.get(name, {}).keys():
                raise BrokenPromiseError(f"{name} has {seen[key]}, and nothing says so")
        for place, offset, record in self.derived:
            if offset <= progress.get(place, -1) and record not in derived.sent:
                raise BrokenPromiseError(f"what {place[1]}/{offset} brought about was never sent")
        return progress

    def compare_at_end(
        self, tables: MemoryTables, derived: MemoryOutbox, letters: MemoryOutbox
    ) -> None:
        """When everything is included: state and progress are the same, and all was sent."""
        if tables.state != self.tables.state:
            differing = [
                key
                for key in self.tables.state.keys() | tables.state.keys()
                if self.tables.state.get(key) != tables.state.get(key)
            ]
            raise BrokenPromiseError(f"the state differs at {differing}")
        if derived.sent != {record for _, _, record in self.derived}:
            raise BrokenPromiseError("other events were derived")
        if letters.sent != self.letters:
            raise BrokenPromiseError("other dead letters were sent")


async def undisturbed(projection: Projection, log: MemoryLog) -> Expected:
    """Fold the whole log as one round, with nothing in the way."""
    expected = Expected(projection, MemoryTables(), set())

    class Watched(Rounds):
        def _to_send(self, ready: Ready) -> list[Record]:
            records = super()._to_send(ready)
            causes = ((one.place, one.offset) for one in ready.derived)
            expected.derived += [(*at, r) for at, r in zip(causes, records, strict=True)]
            return records

    letters = MemoryOutbox()
    store = MemoryStore(expected.tables, projection)
    rounds = Watched(projection, store, letters, MemoryOutbox(), runner=InlineRunner())
    await rounds.start_at(log.places)
    await rounds.put([log.fetch(place, 0, RECORDS_MAX) for place in log.places], lambda: None)
    await rounds.settle()
    expected.letters = letters.sent
    return expected
