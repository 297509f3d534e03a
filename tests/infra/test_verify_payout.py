"""`verify` agrees with every history of payout, and tells what was tampered with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.verify import payout as checks
from projections.archive import archive
from projections.payout.fold import payout
from projections.store.client import run
from tests.infra.kept_histories import history, keep
from tests.integration.workers import rows
from tests.projections.histories import Told
from tests.projections.payout_events import (
    HOUR_MS,
    READY,
    about,
    adjusted,
    at,
    entry,
    policy,
    rate,
)

pytestmark = pytest.mark.stack
Check = Callable[..., tuple[str, list[str]]]
CHECKS: tuple[Check, ...] = (
    checks.journal,
    checks.lines,
    checks.caps,
    checks.rates,
    checks.statuses,
    checks.decisions,
)


def differing(client: Client, *chosen: Check) -> list[str]:
    """What some checks say, or all of them."""

    def asked(sql: str) -> list[tuple[Any, ...]]:
        return rows(client, sql)

    return [sentence for check in chosen or CHECKS for sentence in check(asked)[1]]


@pytest.mark.parametrize("seed", range(2))
def test_verify_agrees_with_a_history_in_which_everything_happens(
    clickhouse: Client, seed: int
) -> None:
    keep(clickhouse, history(seed))
    assert differing(clickhouse) == []
    assert not checks.lines(lambda sql: rows(clickhouse, sql))[0].startswith("0 ")


PAID: dict[str, str] = {"status": "'payable'", "reason": "''"}


TAMPERED: list[tuple[str, dict[str, str], Check, str]] = [
    ("status = 'payable'", {"amount_minor": "amount_minor + 1"}, checks.journal, "posted"),
    ("kind = 'worked' AND reason = 'overlap'", PAID, checks.lines, "expected"),
    ("kind = 'repriced' AND reason = 'overlap'", PAID, checks.lines, "no line out of its wait"),
    ("kind = 'worked' AND reason = 'over_cap'", PAID, checks.caps, "do not fit the cap"),
    ("kind = 'rate_difference'", {"status": "'waiting'"}, checks.rates, "expected"),
    ("status = 'payable'", {"payable_from": "payable_from + toIntervalDay(90)"}, checks.statuses,
     "in_review"),
]  # fmt: skip
"""Which row is changed, to what, which check sees it, and what it says."""


def test_verify_tells_what_was_tampered_with(clickhouse: Client) -> None:
    keep(clickhouse, [
        *READY, policy(weekly_cap_ms=9 * HOUR_MS), entry(1, 3), entry(2, 4, "f"),
        entry(5, 12, "g"), rate(30_000, 1),
    ])  # fmt: skip
    table = "payout_lines_opened_g1"
    run(clickhouse, f"CREATE TABLE sound ENGINE = Memory AS SELECT * FROM {table}")
    for chosen, other, check, told in TAMPERED:
        changed = ", ".join(f"{value} AS {name}" for name, value in other.items())
        row = f"(SELECT * FROM sound WHERE {chosen} LIMIT 1)"
        run(clickhouse, f"INSERT INTO {table} SELECT * REPLACE ({changed}) FROM {row}")
        assert told in "\n".join(differing(clickhouse, check)), chosen
        run(clickhouse, f"INSERT INTO {table} SELECT * FROM sound")
    assert differing(clickhouse) == []


CAPPED = (*READY, policy(weekly_cap_ms=2 * HOUR_MS), entry(1, 4), entry(2, 3, "o"))
DISPUTE = about("TimeEntryDisputed", disputed_ms=HOUR_MS)
DECISIONS: dict[str, tuple[tuple[Told, ...], Told]] = {
    "a rejection": (CAPPED, about("TimeEntryRejected")),
    "an exception over the cap": (
        CAPPED, about("ExceptionApproved", kind="over_cap", approved_ms=HOUR_MS // 2),
    ),
    "an exception for an overlap": (
        CAPPED, about("ExceptionApproved", "o", kind="overlap", approved_ms=HOUR_MS // 2),
    ),
    "a dispute": (CAPPED, DISPUTE),
    "a resolution": (
        (*CAPPED, DISPUTE), about("DisputeResolved", approved_ms=HOUR_MS // 2),
    ),
    "time taken away": (CAPPED, adjusted("minus", 1, 2)),
    "time added": (CAPPED, adjusted("plus", 200, 201)),
    "a rate": (CAPPED, rate(30_000)),
    "an approval": (
        (*READY, policy(review_window_ms=3 * 10**9), entry(1, 4)), about("TimeEntryApproved"),
    ),
    "a hold": (
        CAPPED,
        ("PayoutHoldPlaced", {"hold_id": "h", "scope": "all", "scope_ids": [], "reason": "r",
                              "review_by": at(9_999), "placed_by": "staff:a"}),
    ),
}  # fmt: skip
"""What happened before, and what one side is not told."""


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("blind", ["payout", "archive"])
def test_verify_sees_a_decision_that_only_one_side_knows(
    clickhouse: Client, decision: str, blind: str
) -> None:
    before, decided = DECISIONS[decision]
    nothing: Told = ("ExpertNotified", {})
    told, untold = [*before, decided, nothing], [*before, nothing, nothing]
    keep(clickhouse, untold if blind == "payout" else told, payout)
    keep(clickhouse, untold if blind == "archive" else told, archive)
    assert differing(clickhouse) != []


@pytest.mark.parametrize(
    "name",
    ["2026-10-05", "2026-10-05 10:00:00", "2026-10-05T10:00:00Z", "true", "17", "1e5", "null"],
)
def test_an_id_that_looks_like_something_else_stays_a_text(clickhouse: Client, name: str) -> None:
    disputed = about("TimeEntryDisputed", name, disputed_ms=HOUR_MS)
    keep(clickhouse, [*READY, entry(1, 3, name), disputed, about("TimeEntryRejected", name)])
    kept = "SELECT DISTINCT fields.entry_id.:String FROM events WHERE event_type LIKE 'TimeEntry%'"
    assert rows(clickhouse, kept) == [(name,)]
    assert differing(clickhouse) == []
