"""What every store does: the one in ClickHouse, and the one in memory that the simulation uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from clickhouse_connect.driver.client import Client

from projections.payout.fold import payout
from projections.payout.rows import LINES
from projections.store.clickhouse import ClickHouseStore
from projections.store.client import FEW_TEXTS_MAX
from projections.store.layout import state_table
from projections.store.store import (
    APPLIED,
    IDENTITIES,
    STATE_ROWS_MAX,
    Progress,
    Store,
    StoredPart,
    StoreError,
    progress_key,
)
from projections.tables import DEAD_LETTERS, REPEATS
from tests.faults.memory_store import MemoryStore, MemoryTables
from tests.projections.store.rows import PLACES, TOPIC, lines, state_rows

NO_TEXTS = pl.Series(dtype=pl.String)
Seen = Callable[[str], list[tuple[str, int]]]


class Kept:
    """A store, and what readers see in it."""

    def __init__(self, store: Store, seen: Seen) -> None:
        self.store, self.seen = store, seen


@pytest.fixture(params=["memory", pytest.param("clickhouse", marks=pytest.mark.stack)])
def kept(request: pytest.FixtureRequest) -> Kept:
    if request.param == "memory":
        memory = MemoryStore(MemoryTables(), payout)
        return Kept(memory, lambda t: [(r["reason"], r["offset"]) for r in memory.visible(t)])
    client: Client = request.getfixturevalue("clickhouse")

    def seen(table: str) -> list[tuple[str, int]]:
        answer: Any = client.query(f"SELECT reason, `offset` FROM {table}")
        return [tuple(row) for row in answer.result_rows]

    return Kept(ClickHouseStore(client, payout), seen)


@pytest.fixture
def store(kept: Kept) -> Store:
    return kept.store


def told(ids: list[Any], contents: tuple[bytes, bytes] = (b"a", b"b")) -> pl.DataFrame:
    return PLACES.with_columns(id=pl.Series(ids), told=pl.Series(contents, dtype=pl.Binary))


OTHERS = pytest.mark.parametrize("others", [1, FEW_TEXTS_MAX, FEW_TEXTS_MAX + 1])
"""How many are looked for besides: few are asked for in another way than many."""


@OTHERS
@pytest.mark.parametrize(
    "name", ["O'Brien\\\"; DROP\x00", "\\", "IN {given_keys}", "{x:String}", "é\n\t%s -- /*", ""]
)
def test_a_part_is_read_back_whatever_its_key_and_body_hold(
    store: Store, name: str, others: int
) -> None:
    key = f"expert:{name}"
    store.write_state(state_rows((key, 5, b"\xff\x00")))
    asked = [key, *(f"expert:nobody-{number}" for number in range(others))]
    assert store.parts(asked) == {key: StoredPart(TOPIC, 3, 5, b"\xff\x00")}
    assert store.parts([]) == {}


@pytest.mark.parametrize("order", [(5, 9), (9, 5)])
def test_of_two_parts_of_a_key_the_one_with_the_greater_offset_stands(
    store: Store, order: tuple[int, int]
) -> None:
    for offset in order:
        store.write_state(state_rows(("expert:e", offset, b"%d" % offset)))
    assert store.parts(["expert:e"]) == {"expert:e": StoredPart(TOPIC, 3, 9, b"9")}


def test_of_two_parts_with_the_same_offset_the_one_written_last_stands(store: Store) -> None:
    for body in (b"first", b"last"):
        store.write_state(state_rows(("expert:e", 5, body)))
    assert store.parts(["expert:e"])["expert:e"].body == b"last"


def test_progress_never_goes_back(store: Store) -> None:
    assert store.progress() == {}
    for offset in (7, 12, 9):
        store.write_state(state_rows((progress_key(TOPIC, 3), offset, b"w%d" % offset)))
    assert store.progress() == {(TOPIC, 3): Progress(12, 7, 8, b"w12", 1)}


def test_ids_are_found_with_their_place_and_written_twice_they_are_there_once(store: Store) -> None:
    ids = [b"\x01" * 15 + b"\0", b"\xff" * 16]
    store.write(APPLIED, told(ids))
    store.write(APPLIED, told(ids))
    events, things = store.known(pl.Series([*ids, b"\x02" * 16]), NO_TEXTS)
    found = events.sort("offset")
    assert found["id"].to_list() == ids
    assert found["offset"].to_list() == [10, 11]
    assert len(set(found["content"].to_list())) == 2
    assert things.is_empty()


@OTHERS
def test_things_are_found_by_their_text_in_the_same_query_as_events(
    store: Store, others: int
) -> None:
    store.write(APPLIED, told([b"\x01" * 16, b"\x02" * 16]))
    store.write(IDENTITIES, told(["e\x1fit's", "e\x1fother"]))
    events, things = store.known(
        pl.Series([b"\x02" * 16]),
        pl.Series([b"e\x1fit's", *(b"e\x1f%d" % n for n in range(others))], dtype=pl.Binary),
    )
    assert events["offset"].to_list() == [11]
    assert things["offset"].to_list() == [10]
    assert things["id"].to_list() == [b"e\x1fit's"]
    assert events.schema == things.schema


def test_the_greatest_id_of_each_partition_is_known(store: Store) -> None:
    assert store.newest().is_empty()
    store.write(APPLIED, told([b"\x05" * 16, b"\x03" * 16]))
    assert store.newest().rows() == [(TOPIC, 3, b"\x05" * 16)]


def test_readers_see_only_rows_at_or_below_progress(kept: Kept) -> None:
    kept.store.write(LINES.name, lines("early"))
    assert kept.seen(LINES.name) == []
    kept.store.write_state(state_rows((progress_key(TOPIC, 3), 10, b"")))
    assert kept.seen(LINES.name) == [("early", 10)]


def test_of_two_rows_with_one_key_the_one_written_last_stands(kept: Kept) -> None:
    kept.store.write_state(state_rows((progress_key(TOPIC, 3), 11, b"")))
    kept.store.write(LINES.name, lines("first"))
    kept.store.write(LINES.name, lines("last"))
    assert sorted(kept.seen(LINES.name)) == [("last", 10), ("last", 11)]


def test_repeats_and_dead_letters_take_rows_too(kept: Kept) -> None:
    kept.store.write_state(state_rows((progress_key(TOPIC, 3), 11, b"")))
    letter: Any = DEAD_LETTERS.row
    kept.store.write(
        DEAD_LETTERS.name, DEAD_LETTERS.frame([letter("bad", "rule", b"", b"", 1)], [1], PLACES)
    )
    repeat: Any = REPEATS.row
    row = repeat(b"\x01" * 16, "e", "ExpertHired", "duplicate", "event", 3, b"")
    kept.store.write(REPEATS.name, REPEATS.frame([row], [0], PLACES))
    assert kept.seen(DEAD_LETTERS.name) == [("bad", 11)]


def test_a_block_that_could_be_there_in_part_is_refused(store: Store) -> None:
    block = state_rows(("expert:e", 1, b""))
    with pytest.raises(StoreError, match="do not fit one block"):
        store.write_state(block[pl.repeat(0, STATE_ROWS_MAX + 1, eager=True)])


@pytest.mark.stack
def test_the_largest_state_of_a_round_is_written_as_one_part(clickhouse: Client) -> None:
    rows = state_rows(*((f"expert:{number}", 1, b"x") for number in range(300_000)))
    ClickHouseStore(clickhouse, payout).write_state(rows)
    answer: Any = clickhouse.query(
        "SELECT count(), max(rows), min(level) FROM system.parts WHERE active AND database = "
        f"currentDatabase() AND table = '{state_table(payout)}'"
    )
    assert answer.result_rows == [(1, 300_000, 0)]
