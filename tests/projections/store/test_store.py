"""The store against the real engine: what is written is read back, and readers see whole rounds."""

from typing import Any

import polars as pl
import pytest
from clickhouse_connect.driver.client import Client

from projections.payout.fold import payout
from projections.payout.rows import LINES
from projections.registry import PROJECTIONS
from projections.store.clickhouse import ClickHouseStore, create_tables
from projections.store.store import STATE, progress_key
from projections.tables import Table

pytestmark = pytest.mark.stack
TOPIC = "workforce.experts"
PLACES = pl.DataFrame(
    {"topic": [TOPIC, TOPIC], "partition": [3, 3], "offset": [10, 11]},
    schema={"topic": pl.String, "partition": pl.UInt16, "offset": pl.Int64},
)


@pytest.fixture
def store(clickhouse: Client) -> ClickHouseStore:
    return ClickHouseStore(clickhouse, payout)


def state_rows(*rows: tuple[str, int, bytes]) -> pl.DataFrame:
    """Parts or progress: key, offset and body."""
    columns = {
        "key": [key for key, _, _ in rows],
        "topic": [TOPIC] * len(rows),
        "partition": [3] * len(rows),
        "offset": [offset for _, offset, _ in rows],
        "occurred_at": [0] * len(rows),
        "appended_at": [0] * len(rows),
        "version": [1] * len(rows),
        "body": [body for _, _, body in rows],
    }
    return pl.DataFrame(columns).cast(STATE)  # type: ignore[arg-type]


def test_tables_are_created_once_and_again_without_harm(clickhouse: Client) -> None:
    create_tables(clickhouse, PROJECTIONS.values())
    create_tables(clickhouse, PROJECTIONS.values())


def lines(table: Table) -> pl.DataFrame:
    row: Any = table.row
    told = row(
        b"\x07" * 16, "expert-1", "p", "e", "payable", "", 1_700_000_000_123_000,
        1_700_003_600_123_000, 3_600_000, 25_000, 25_000, "USD", b"\xab" * 32,
    )  # fmt: skip
    return table.frame([told, told], [0, 1], PLACES)


def test_readers_see_only_rows_at_or_below_progress(
    store: ClickHouseStore, clickhouse: Client
) -> None:
    store.write(LINES.name, lines(LINES))
    store.write_state(state_rows((progress_key(TOPIC, 3), 10, b"")))
    seen: Any = clickhouse.query("SELECT * FROM payout_lines")
    [row] = seen.named_results()
    assert row["line_id"] == "07070707-0707-0707-0707-070707070707"
    assert row["terms_sha256"] == "ab" * 32
    assert row["offset"] == 10
    assert row["started_at"].isoformat() == "2023-11-14T22:13:20.123000"


def test_every_column_of_every_view_has_a_comment(clickhouse: Client) -> None:
    silent: Any = clickhouse.query(
        "SELECT table, name FROM system.columns WHERE comment = '' AND database = "
        "currentDatabase() AND table IN (SELECT name FROM system.tables WHERE engine = 'View')"
    )
    assert silent.result_rows == []
