"""The store against the real engine: what is written is read back, and readers see whole rounds."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from clickhouse_connect.driver.client import Client

from projections.payout.fold import payout
from projections.payout.rows import LINES
from projections.registry import PROJECTIONS
from projections.store.clickhouse import ClickHouseStore, create_generation, create_tables
from projections.store.client import read_frame, run
from projections.store.store import progress_key
from projections.tables import View, integer, text
from tests.integration.workers import rows
from tests.projections.store.rows import TOPIC, lines, state_rows

pytestmark = pytest.mark.stack


@pytest.fixture
def store(clickhouse: Client) -> ClickHouseStore:
    return ClickHouseStore(clickhouse, payout)


def identities(client: Client) -> dict[str, Any]:
    """The engine's own id of each table and view: another one each time it is made."""
    asked: Any = client.query(
        "SELECT name, uuid FROM system.tables WHERE database = currentDatabase() ORDER BY name"
    )
    return dict(asked.result_rows)


def test_tables_are_created_once_and_a_second_start_touches_none(clickhouse: Client) -> None:
    before = identities(clickhouse)
    create_tables(clickhouse, PROJECTIONS.values())
    assert identities(clickhouse) == before


@pytest.mark.parametrize("lost", ["TABLE payout_journal_g1", "VIEW payout_summary"])
def test_what_somebody_dropped_is_there_after_the_next_start(clickhouse: Client, lost: str) -> None:
    run(clickhouse, f"DROP {lost}")
    create_tables(clickhouse, PROJECTIONS.values())
    assert lost.split()[1] in identities(clickhouse)


def test_readers_see_only_rows_at_or_below_progress(
    store: ClickHouseStore, clickhouse: Client
) -> None:
    store.write(LINES.name, lines(""))
    store.write_state(state_rows((progress_key(TOPIC, 3), 10, b"")))
    seen: Any = clickhouse.query("SELECT * FROM payout_lines")
    [row] = seen.named_results()
    assert row["line_id"] == "07070707-0707-0707-0707-070707070707"
    assert row["terms_sha256"] == "ab" * 32
    assert row["offset"] == 10
    assert row["started_at"].isoformat() == "2023-11-14T22:13:20.123000"


def test_a_view_that_a_projection_declares_is_read_like_a_table_and_follows_progress(
    store: ClickHouseStore, clickhouse: Client
) -> None:
    columns = {"expert_id": text("Who worked."), "count": integer("How many lines.")}
    select = "SELECT expert_id, toInt64(count()) AS count FROM payout_lines GROUP BY expert_id"
    view = View("line_counts", "Lines of each expert.", columns, select)
    create_tables(clickhouse, [replace(payout, views=(view,))])
    store.write(LINES.name, lines(""))
    counted = "SELECT expert_id, count FROM line_counts"
    unseen: Any = clickhouse.query(counted)
    assert unseen.result_rows == []
    store.write_state(state_rows((progress_key(TOPIC, 3), 10, b"")))
    seen: Any = clickhouse.query(counted)
    assert seen.result_rows == [("expert-1", 1)]


def test_every_column_of_every_view_has_a_comment(clickhouse: Client) -> None:
    silent: Any = clickhouse.query(
        "SELECT table, name FROM system.columns WHERE comment = '' AND database = "
        "currentDatabase() AND table IN (SELECT name FROM system.tables WHERE engine = 'View')"
    )
    assert silent.result_rows == []


def test_what_is_given_is_what_the_statement_looks_for(clickhouse: Client) -> None:
    given = {"given": pl.Series(["a"])}
    for sql in ("SELECT 1 AS one WHERE 'a' IN given", "SELECT 1 AS one"):
        with pytest.raises(ValueError, match=r"looks for \[\], given are \['given'\]"):
            read_frame(clickhouse, sql, given)
    with pytest.raises(ValueError, match=r"looks for \['other'\], given are \[\]"):
        read_frame(clickhouse, "SELECT 1 AS one WHERE 'a' IN {other}")
    assert read_frame(clickhouse, "SELECT 1 AS one WHERE 'a' IN {given}", given).height == 1


def test_a_column_that_a_version_adds_is_empty_in_what_an_older_one_wrote(
    clickhouse: Client,
) -> None:
    ClickHouseStore(clickhouse, payout).write("payout_lines_opened", lines("no_rate"))
    kept = "payout_lines_opened_g1"
    run(clickhouse, f"ALTER TABLE {kept} DROP COLUMN policy_version")
    create_generation(clickhouse, payout, 1)
    asked = f"SELECT DISTINCT reason, policy_version FROM {kept}"
    assert rows(clickhouse, asked) == [("no_rate", "")]
