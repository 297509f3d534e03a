"""Parts that only another part can name: an entry names its days, and they take a second query."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import polars as pl
import pytest

from projections.fold import Fold, FoldError
from projections.parts import NamedBy, Part
from projections.store.store import StoredPart
from schemas.partitioning import partition_of
from streams.batch import Fetch
from streams.rounds import Rounds
from tests.faults.memory_store import MemoryStore, MemoryTables
from tests.faults.undisturbed import InlineRunner, MemoryOutbox
from tests.projections.histories import HOUR_US, History, value_of

TOPIC, EXPERT = "workforce.experts", "expert-1"
DAY_US = 24 * HOUR_US
NOW_MS = 1_800_000_000_000
book = Fold("book", (TOPIC,), 1, ())


@book.part("entry", key=pl.concat_str("subject_id", pl.lit(":"), "entry_id"))
class Entry(Part):
    day: str = ""


def day_of(time: pl.Expr) -> pl.Expr:
    return pl.concat_str("subject_id", pl.lit(":"), (time // DAY_US).cast(pl.String))


@book.part("day", key=day_of(pl.col("started_at")))
class Day(Part):
    entries: list[str] = []  # noqa: RUF012 (msgspec copies it)


@book.on("TimeEntryRecorded")
def recorded(entry: Entry, day: Day, entry_id: str, started_at: int) -> None:
    entry.day = str(started_at // DAY_US)
    day.entries.append(entry_id)


def days_of(entry: Entry, expert_id: str) -> list[str]:
    return [f"{expert_id}:{entry.day}"] if entry.day else []


@book.on("TimeEntryRejected", days=NamedBy("entry", days_of))
def rejected(days: list[Day], entry: Entry, entry_id: str) -> None:
    days[0].entries.remove(entry_id)


class CountingStore(MemoryStore):
    """A store that keeps what it was asked for."""

    def __init__(self, tables: MemoryTables) -> None:
        super().__init__(tables, book)
        self.asked: list[list[str]] = []

    def parts(self, keys: Iterable[str]) -> Mapping[str, StoredPart]:
        self.asked.append(sorted(keys))
        return super().parts(self.asked[-1])


Told = tuple[str, dict[str, Any]]


def entry(entry_id: str) -> Told:
    times = {"started_at": 9 * DAY_US, "ended_at": 9 * DAY_US + HOUR_US}
    return "TimeEntryRecorded", {"entry_id": entry_id} | times


def rejection(entry_id: str) -> Told:
    return "TimeEntryRejected", {"entry_id": entry_id}


def fetch(start: int, *told: Told) -> Fetch:
    values: list[bytes | None] = [value_of(start + i, one) for i, one in enumerate(told)]
    end = start + len(told)
    keys: list[bytes | None] = [EXPERT.encode()] * len(told)
    partition = partition_of(EXPERT.encode())
    return Fetch(
        TOPIC, partition, start, end, values, keys, [*range(start, end)], [NOW_MS] * len(told)
    )


async def folded(tables: MemoryTables, *fetches: Fetch) -> CountingStore:
    """Rounds of a worker that has just started."""
    store = CountingStore(tables)
    rounds = Rounds(
        book, store, letters=MemoryOutbox(), derived=MemoryOutbox(), runner=InlineRunner()
    )
    await rounds.start_at({(TOPIC, fetches[0].partition)})
    for one in fetches:
        await rounds.put([one], lambda: None)
    await rounds.settle()
    return store


def day(tables: MemoryTables) -> tuple[int, list[str]]:
    """The offset that the day includes, and its entries."""
    row = tables.state[f"day:{EXPERT}:9"]
    return row["offset"], msgspec.msgpack.decode(row["body"], type=Day).entries


async def test_a_part_that_another_one_names_is_looked_up_once_that_one_is_there() -> None:
    tables = MemoryTables()
    await folded(tables, fetch(0, entry("e1"), entry("e2")))
    store = await folded(tables, fetch(2, rejection("e1")))
    assert store.asked == [[f"entry:{EXPERT}:e1"], [f"day:{EXPERT}:9"]]
    assert day(tables) == (2, ["e2"])


async def test_what_a_round_has_already_is_not_looked_up_again() -> None:
    tables = MemoryTables()
    one_round = fetch(0, entry("e1"), entry("e2"), rejection("e2"))
    store = await folded(tables, one_round, fetch(3, rejection("e1")))
    assert store.asked[1:] == [[]]
    assert day(tables) == (3, [])


def test_a_handler_sees_the_names_as_they_stand_at_its_event() -> None:
    history = History(book).tell(entry("e1"), rejection("e1"), entry("e3"))
    assert history.parts[f"day:{EXPERT}:9"] == Day(["e3"])


def test_a_part_that_no_column_asked_for_cannot_come_to_be_named_within_a_round() -> None:
    stray = Fold("stray", (TOPIC,), 1, ())
    stray.part("entry", key=pl.concat_str("subject_id", pl.lit(":"), "entry_id"))(Entry)
    stray.part("day")(Day)

    @stray.on("TimeEntryRecorded")
    def recorded_elsewhere(entry: Entry) -> None:
        entry.day = "9"

    stray.on("TimeEntryRejected", days=NamedBy("entry", lambda entry, who: [entry.day]))(rejected)
    with pytest.raises(FoldError, match="TimeEntryRejected raised"):
        History(stray).tell(entry("e1"), rejection("e1"))
