"""Rounds against the real engine: order, retries with the same rows, gaps and failing handlers."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from clickhouse_connect.driver.client import Client

from projections.fold import FoldError
from projections.payout.fold import payout
from projections.payout.rows import LINES
from projections.store.clickhouse import ClickHouseStore
from projections.store.store import Store
from schemas.partitioning import partition_of
from streams.batch import Fetch
from streams.log_check import RoadError
from streams.outbox import KafkaOutbox
from streams.rounds import Rounds
from tests.integration.workers import rows
from tests.projections.histories import HOUR_US, value_of

pytestmark = pytest.mark.stack
TOPIC = "workforce.experts"
EXPERT = "expert-1"
PARTITION = partition_of(EXPERT.encode())
START = 20_000 * 24 * HOUR_US


def fetch(start: int, *told: tuple[str, dict[str, Any]]) -> Fetch:
    """Events of one expert at offsets from `start` on."""
    count = len(told)
    values: list[bytes | None] = [value_of(start + i, one) for i, one in enumerate(told)]
    offsets = list(range(start, start + count))
    return Fetch(
        TOPIC, PARTITION, start, start + count, values, [EXPERT.encode()] * count, offsets,
        [1_800_000_000_000] * count,
    )  # fmt: skip


def entry(number: int) -> tuple[str, dict[str, Any]]:
    at = START + number * HOUR_US
    return "TimeEntryRecorded", {
        "entry_id": f"e{number}", "project_id": "p", "billable": True,
        "started_at": at, "ended_at": at + HOUR_US,
    }  # fmt: skip


READY = (
    ("ExpertHired", {"occurred_at": START}),
    ("ProjectStaffed", {"occurred_at": START, "project_id": "p"}),
    ("TermsAccepted", {"occurred_at": START, "project_id": "p"}),
    ("RateAgreed", {"project_id": "p", "effective_from": START}),
)


class FailingStore(ClickHouseStore):
    """A real store whose writes of a step fail some times, before or after they take effect."""

    def __init__(self, client: Client, step: str, after: bool) -> None:
        super().__init__(client, payout)
        self._step, self._after, self.failures = step, after, 0

    def _fails(self, step: str, write: Any, *arguments: Any) -> None:
        if step == self._step and self.failures < 2:
            self.failures += 1
            if self._after:
                write(*arguments)
            raise ConnectionError("the engine went away")
        write(*arguments)

    def write(self, table: str, frame: pl.DataFrame) -> None:
        self._fails("rows" if table == LINES.name else "", super().write, table, frame)

    def write_state(self, frame: pl.DataFrame) -> None:
        self._fails("state", super().write_state, frame)


class KilledError(BaseException):
    """The process ends between rows and state."""


async def rounds_at(store: Store, bootstrap_servers: str) -> Rounds:
    outbox = KafkaOutbox(bootstrap_servers, "test")
    made = Rounds(payout, store, letters=outbox, derived=outbox)
    await made.start_at({(TOPIC, PARTITION)})
    return made


def lines(client: Client) -> list[tuple[Any, ...]]:
    return rows(client, "SELECT entry_id, status, offset FROM payout_lines ORDER BY offset")


PAID = [("e1", "payable", 4), ("e2", "payable", 5)]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["rows", "state"])
async def test_a_write_that_fails_is_made_again_and_leaves_each_row_once(
    clickhouse: Client, bootstrap_servers: str, step: str, after: bool
) -> None:
    store = FailingStore(clickhouse, step, after)
    made = await rounds_at(store, bootstrap_servers)
    durable: list[int] = []
    await made.put([fetch(0, *READY, entry(1))], lambda: durable.append(1))
    await made.put([fetch(5, entry(2))], lambda: durable.append(2))
    await made.settle()
    assert durable == [1, 2]
    assert store.failures == 2
    assert lines(clickhouse) == PAID
    made.close()


async def test_a_round_that_comes_again_after_a_crash_changes_nothing(
    clickhouse: Client, bootstrap_servers: str
) -> None:
    class Dying(ClickHouseStore):
        def write_state(self, frame: pl.DataFrame) -> None:
            raise KilledError

    dying = await rounds_at(Dying(clickhouse, payout), bootstrap_servers)
    await dying.put([fetch(0, *READY, entry(1), entry(2))], lambda: None)
    with pytest.raises(KilledError):
        await dying.settle()
    dying.close()
    assert lines(clickhouse) == []  # rows are there, but nobody sees half a round

    made = await rounds_at(ClickHouseStore(clickhouse, payout), bootstrap_servers)
    await made.put([fetch(0, *READY, entry(1), entry(2))], lambda: None)
    await made.settle()
    assert lines(clickhouse) == PAID
    assert rows(clickhouse, "SELECT count() FROM repeats") == [(0,)]
    made.close()


async def test_a_repeat_is_found_while_the_round_before_is_not_durable_yet(
    clickhouse: Client, bootstrap_servers: str
) -> None:
    made = await rounds_at(ClickHouseStore(clickhouse, payout), bootstrap_servers)
    first = fetch(0, *READY, entry(1), entry(2))
    again = Fetch(
        TOPIC, PARTITION, 6, 8, first.values[4:], first.keys[4:], [6, 7], first.timestamps[4:]
    )
    await made.put([first], lambda: None)
    await made.put([again], lambda: None)
    await made.settle()
    assert lines(clickhouse) == PAID
    repeats = rows(clickhouse, "SELECT verdict, first_offset, offset FROM repeats ORDER BY offset")
    assert repeats == [("duplicate", 4, 6), ("duplicate", 5, 7)]
    made.close()


async def test_missing_offsets_stop_the_worker_with_a_sentence(
    clickhouse: Client, bootstrap_servers: str
) -> None:
    made = await rounds_at(ClickHouseStore(clickhouse, payout), bootstrap_servers)
    await made.put([fetch(0, *READY)], lambda: None)
    with pytest.raises(RoadError, match=f"{TOPIC}/{PARTITION}: offsets 4 to 6 are missing"):
        await made.put([fetch(7, entry(1))], lambda: None)
    made.close()


ALL = (*READY, entry(1), entry(2))


async def beside_another_writer(client: Client, bootstrap_servers: str) -> list[tuple[Any, ...]]:
    """Two workers believe that they own a partition; the lines that readers see in the end.

    behind  |-- hire, rate --|                              |-- entries 1, 2 --|
    other                     |-- entries 1, 2: durable --|
    """
    behind = await rounds_at(ClickHouseStore(client, payout), bootstrap_servers)
    await behind.put([fetch(0, *READY)], lambda: None)
    await behind.settle()
    other = await rounds_at(ClickHouseStore(client, payout), bootstrap_servers)
    await other.put([fetch(4, *ALL[4:])], lambda: None)
    await other.settle()
    await behind.put([fetch(4, *ALL[4:])], lambda: None)
    await behind.settle()
    other.close()
    behind.close()
    return lines(client)


async def test_of_two_workers_on_one_partition_neither_spoils_what_the_other_wrote(
    clickhouse: Client, bootstrap_servers: str
) -> None:
    assert await beside_another_writer(clickhouse, bootstrap_servers) == PAID


async def test_without_the_rule_about_another_writer_paid_hours_would_wait_as_an_overlap(
    clickhouse: Client, bootstrap_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rounds, "_refuse_another_writer", lambda *given: None)
    spoilt = await beside_another_writer(clickhouse, bootstrap_servers)
    assert [status for _, status, _ in spoilt] == ["waiting", "waiting"]


async def test_a_round_goes_on_behind_the_other_writer(
    clickhouse: Client, bootstrap_servers: str
) -> None:
    behind = await rounds_at(ClickHouseStore(clickhouse, payout), bootstrap_servers)
    other = await rounds_at(ClickHouseStore(clickhouse, payout), bootstrap_servers)
    await other.put([fetch(0, *ALL[:5])], lambda: None)
    await other.settle()
    await behind.put([fetch(0, *ALL)], lambda: None)
    await behind.settle()
    assert lines(clickhouse) == PAID
    assert behind.positions[TOPIC, PARTITION].offset == 5
    other.close()
    behind.close()


async def test_records_that_are_included_already_are_left_out(
    clickhouse: Client, bootstrap_servers: str
) -> None:
    made = await rounds_at(ClickHouseStore(clickhouse, payout), bootstrap_servers)
    await made.put([fetch(0, *READY, entry(1))], lambda: None)
    await made.put([fetch(0, *READY, entry(1))], lambda: None)
    await made.put([fetch(5, entry(2))], lambda: None)
    await made.settle()
    assert lines(clickhouse) == PAID
    made.close()


async def test_a_handler_that_raises_names_the_event_and_writes_nothing(
    clickhouse: Client, bootstrap_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await rounds_at(ClickHouseStore(clickhouse, payout), bootstrap_servers)

    def raising(*arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("projections.payout.entries.reasons_to_wait", raising)
    with pytest.raises(FoldError, match=f"TimeEntryRecorded raised at {TOPIC}/{PARTITION}/4"):
        await made.put([fetch(0, *READY, entry(1))], lambda: None)
    assert rows(clickhouse, "SELECT count() FROM payout_applied_g1") == [(0,)]
    made.close()
