"""`verify` agrees with every history of payout, and tells what was tampered with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.verify import payout as checks
from projections.store.client import run
from tests.infra.kept_histories import history, keep
from tests.integration.workers import rows
from tests.projections.payout_events import (
    HOUR_MS,
    READY,
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
