"""What finance reads of a history: statuses at the watermark, holds, and sums by domain."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from clickhouse_connect.driver.client import Client

from projections.payout.fold import payout
from projections.store.clickhouse import ClickHouseStore
from projections.store.store import STATE, progress_key
from tests.integration.workers import rows
from tests.projections.histories import History, Told
from tests.projections.payout_events import HOUR_MS, READY, about, at, entry, policy, rate
from tests.projections.store.rows import state_rows

pytestmark = pytest.mark.stack
HELD = {"hold_id": "h", "reason": "two devices", "review_by": at(99), "placed_by": "staff:kim"}


def kept(client: Client, *events: Told, upto_hours: float = 30) -> None:
    """Fold the events and write what comes of them; event time has come to `upto_hours`."""
    told = History(payout).tell(*events)
    store = ClickHouseStore(client, payout)
    for table, frames in told.frames.items():
        for frame in frames:
            if not frame.is_empty():
                store.write(table.name, frame)
    progress = state_rows((progress_key("workforce.experts", 3), 1_000, b""))
    store.write_state(
        progress.with_columns(
            pl.lit(at(upto_hours)).cast(STATE["occurred_at"]).alias("occurred_at")
        )
    )


def statuses(client: Client) -> list[tuple[Any, ...]]:
    sql = "SELECT entry_id, status, reason, hold_id, amount_minor FROM payout_lines"
    return rows(client, f"{sql} ORDER BY offset, number")


def test_a_line_is_in_review_until_its_window_has_passed_or_a_person_approves(
    clickhouse: Client,
) -> None:
    window = policy(review_window_ms=24 * HOUR_MS)
    kept(
        clickhouse, *READY, window, entry(1, 2), entry(10, 11, "late"),
        entry(11, 12, "approved"), about("TimeEntryApproved", "approved"),
    )  # fmt: skip
    assert statuses(clickhouse) == [
        ("e", "payable", "", "", 25_000),
        ("late", "in_review", "", "", 25_000),
        ("approved", "payable", "", "", 25_000),
    ]


@pytest.mark.parametrize(
    ("scope", "scope_ids", "held"),
    [
        ("entry", ["f"], ["f"]),
        ("session", ["s1"], ["e"]),
        ("task", ["t2", "t9"], ["f"]),
        ("project", ["p"], ["e", "f"]),
        ("all", [], ["e", "f"]),
        ("project", ["q"], []),
    ],
)
def test_a_hold_covers_the_lines_in_its_scope_recorded_before_or_after_it(
    clickhouse: Client, scope: str, scope_ids: list[str], held: list[str]
) -> None:
    placed: dict[str, Any] = HELD | {"scope": scope, "scope_ids": scope_ids}
    kept(
        clickhouse, *READY, entry(1, 2, session_id="s1", task_id="t1"),
        ("PayoutHoldPlaced", placed), entry(4, 5, "f", session_id="s2", task_id="t2"),
    )  # fmt: skip
    told = statuses(clickhouse)
    assert [one[0] for one in told if one[1] == "held"] == held
    assert all(one[3] == ("h" if one[0] in held else "") for one in told)


def test_a_hold_ends_when_it_is_released_or_nobody_extends_it(clickhouse: Client) -> None:
    def placed(hold_id: str, entry_id: str, until: float) -> Told:
        scope = {"scope": "entry", "scope_ids": [entry_id]}
        fields: dict[str, Any] = HELD | {"hold_id": hold_id, "review_by": at(until)} | scope
        return "PayoutHoldPlaced", fields

    kept(
        clickhouse, *READY, entry(1, 2, "released"), entry(3, 4, "expired"),
        entry(5, 6, "extended"), placed("h1", "released", 99), placed("h2", "expired", 20),
        placed("h3", "extended", 20),
        ("PayoutHoldReleased", {"hold_id": "h1", "released_by": "staff:lee"}),
        ("PayoutHoldExtended", {
            "hold_id": "h3", "review_by": at(40), "reason": "asked", "extended_by": "staff:lee",
        }),
    )  # fmt: skip
    assert [one[:2] for one in statuses(clickhouse)] == [
        ("released", "payable"), ("expired", "payable"), ("extended", "held"),
    ]  # fmt: skip
    sql = "SELECT hold_id, status, reason, scope_ids FROM payout_holds ORDER BY hold_id"
    assert rows(clickhouse, sql) == [
        ("h1", "released", "two devices", ["released"]),
        ("h2", "expired", "two devices", ["expired"]),
        ("h3", "in_force", "asked", ["extended"]),
    ]


def test_what_is_replaced_is_not_seen_and_what_is_rejected_nets_to_zero(
    clickhouse: Client,
) -> None:
    kept(
        clickhouse, *READY, entry(1, 3), rate(30_000), about("TimeEntryRejected"),
        entry(5, 7, "f"), about("TimeEntryDisputed", "f", disputed_ms=HOUR_MS),
    )  # fmt: skip
    sql = "SELECT status, sum(amount_minor) FROM payout_lines GROUP BY status ORDER BY status"
    assert rows(clickhouse, sql) == [("disputed", 30_000), ("payable", 30_000), ("rejected", 0)]


def test_the_summary_adds_up_by_day_and_status(clickhouse: Client) -> None:
    kept(clickhouse, *READY, entry(1, 2), entry(3, 5, "f"), entry(25, 26, "g"))
    sql = "SELECT day, status, lines, duration_ms, amount_minor FROM payout_summary ORDER BY day"
    assert [(str(day), *rest) for day, *rest in rows(clickhouse, sql)] == [
        ("2024-10-04", "payable", 2, 3 * HOUR_MS, 75_000),
        ("2024-10-05", "payable", 1, HOUR_MS, 25_000),
    ]
