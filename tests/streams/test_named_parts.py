"""Parts that only another part can name: an entry names its days, and they take a second query.

The naming part is one that an event brings into being: it is told as a row, and nobody holds it.
"""

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


def on_day(day: int) -> Entry:
    return Entry(str(day))


book.brings("TimeEntryRecorded", Entry, (pl.col("started_at") // DAY_US,), on_day)


@book.on("TimeEntryRecorded")
def recorded(day: Day, entry_id: str) -> None:
    day.entries.append(entry_id)


def days_of(entry: Entry, expert_id: str) -> list[str]:
    return [f"{expert_id}:{entry.day}"] if entry.day else []


@book.on("TimeEntryRejected", days=NamedBy("entry", days_of))
def rejected(days: list[Day], entry: Entry, entry_id: str) -> None:
    for day in days:
        day.entries.remove(entry_id)


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
    store = await folded(tables, one_round, fetch(3, entry("e3")))
    assert store.asked == [[f"day:{EXPERT}:9", f"entry:{EXPERT}:e2"], []]
    assert day(tables) == (3, ["e1", "e3"])


async def test_a_part_that_an_event_brings_into_being_is_not_looked_up() -> None:
    store = await folded(MemoryTables(), fetch(0, entry("e1"), entry("e2")))
    assert store.asked == [[f"day:{EXPERT}:9"]]


async def test_what_the_round_in_flight_brings_into_being_is_found_by_the_next() -> None:
    tables = MemoryTables()
    store = await folded(tables, fetch(0, entry("e1"), entry("e2")), fetch(2, rejection("e1")))
    assert store.asked[1:] == [[f"entry:{EXPERT}:e1"]]
    assert day(tables) == (2, ["e2"])


@pytest.mark.parametrize("cuts", [[3], [1, 2], [2, 1], [1, 1, 1]])
async def test_a_part_that_was_named_before_it_came_into_being_begins_like_any_other(
    cuts: list[int],
) -> None:
    tables = MemoryTables()
    told = iter([rejection("e1"), entry("e1"), rejection("e1")])
    fetches = [
        fetch(sum(cuts[:number]), *(next(told) for _ in range(events)))
        for number, events in enumerate(cuts)
    ]
    await folded(tables, *fetches)
    assert day(tables) == (2, [])
    assert msgspec.msgpack.decode(tables.state[f"entry:{EXPERT}:e1"]["body"]) == ["9"]
    assert tables.state[f"entry:{EXPERT}:e1"]["offset"] == 2


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
