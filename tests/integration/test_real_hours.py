"""Hours of the real file's 751 workers, with and without overlaps, through fold and views."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from clickhouse_connect.driver.client import Client

from projections.store.clickhouse import ClickHouseStore
from projections.store.store import progress_key
from projections.utilization.fold import utilization
from projections.utilization.rows import INTERVALS, PIECES
from schemas.events import TimeEntryRecorded
from schemas.message import Message, import_envelope, message
from tests.integration.test_real_file import FILE, Page, pages_of_the_file
from tests.integration.workers import rows
from tests.projections.histories import History
from tests.projections.store.rows import TOPIC, state_rows

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(not FILE.exists(), reason=f"the real file {FILE.name} is not here"),
]
BATCH, RECORDED_AT = 20_000, 1_790_000_000_000_000
LATE = 1_000_000
"""An offset behind all others."""


def entry_of(number: int, page: Page) -> Message:
    entry = TimeEntryRecorded(
        entry_id=f"page-{number}", project_id=page.task_type, activity_kind="review",
        billable=True, started_at=page.start_s * 1_000_000, ended_at=page.end_s * 1_000_000,
        entry_method="import",
    )  # fmt: skip
    told = import_envelope(
        TimeEntryRecorded, page.worker, occurred_at=entry.ended_at, recorded_at=RECORDED_AT,
        actor="system:import", source="test", key=entry.entry_id,
    )  # fmt: skip
    return message(entry, told)


def fold_the_file(pages: list[Page]) -> History:
    history = History(utilization)
    entries = [entry_of(number, page) for number, page in enumerate(pages)]
    for at in range(0, len(entries), BATCH):
        history.tell_values([one.value for one in entries[at : at + BATCH]])
    return history


def plain_hours(pages: list[Page]) -> tuple[dict[str, int], dict[str, int]]:
    """Milliseconds of each worker's pages, and of the seconds that at least one of them covers."""
    every: dict[str, int] = {}
    seconds: dict[str, set[int]] = {}
    for page in pages:
        every[page.worker] = every.get(page.worker, 0) + (page.end_s - page.start_s) * 1000
        seconds.setdefault(page.worker, set()).update(range(page.start_s, page.end_s))
    return every, {worker: len(mine) * 1000 for worker, mine in seconds.items()}


def test_hours_of_the_real_file_with_and_without_overlaps_equal_a_plain_computation(
    clickhouse: Client,
) -> None:
    pages = pages_of_the_file()
    history, store = fold_the_file(pages), ClickHouseStore(clickhouse, utilization)
    for table in (INTERVALS, PIECES):
        store.write(table.name, pl.concat(history.frames[table]))
    store.write_state(state_rows((progress_key(TOPIC, 3), LATE, b"")))

    def hours(view: str) -> dict[Any, Any]:
        sql = f"SELECT expert_id, sum(tracked_ms) FROM {view} GROUP BY expert_id"
        return dict(rows(clickhouse, sql))

    every, overlap_free = plain_hours(pages)
    assert hours("utilization_hours") == every
    assert hours("utilization_overlap_free") == overlap_free
    assert len(every) == 751
    assert round(sum(every.values()) / 3.6e6, 2) == 886.13
    assert round(sum(overlap_free.values()) / 3.6e6, 2) == 858.86
