"""Each group of people that the demo is for gets an answer to read."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.client import Client
from rich.console import Console

from api.alerts import queue
from api.payouts import standings
from api.utilization import by_domain
from infra.demo.tables import alert_table, hours_table, owed_table
from projections.agents.fold import agents
from projections.archive import archive
from projections.fraud.fold import fraud
from projections.looks import look
from projections.payout.fold import payout
from projections.utilization.fold import utilization
from tests.infra.kept_histories import history, keep
from tests.projections.histories import Told
from tests.projections.payout_events import at


@pytest.mark.stack
def test_finance_trust_and_safety_and_analysts_read_the_same_history(clickhouse: Client) -> None:
    declared: Told = (
        "AvailabilityDeclared",
        {"project_id": None, "ms_per_week": 40 * 3_600_000, "effective_from": at(0)},
    )
    opened: Told = ("ProjectOpened", {"subject_id": "p", "domain": "poetry"})
    keep(clickhouse, [declared, *history(0)], payout, archive, fraud, utilization)
    keep(clickhouse, [opened], agents)
    now = look(clickhouse)
    owed, alerts = standings(clickhouse, now), queue(clickhouse, now, 5)
    [poetry] = by_domain(clickhouse, now)
    told = {(row.status, row.reason) for row in owed}
    assert {("payable", ""), ("waiting", "overlap"), ("unbilled", "not_billable")} <= told
    assert len(alerts) == 5
    assert alerts[0].reason
    assert {alert.open_alerts for alert in alerts} == {alerts[0].open_alerts}
    assert alerts[0].open_alerts > len(alerts)
    assert (poetry.domain, poetry.experts) == ("poetry", 1)
    assert poetry.utilization == pytest.approx(poetry.billable_ms / (poetry.available_ms or 1))
    console = Console(width=200, record=True)
    for table in (owed_table(owed), alert_table(alerts), hours_table([poetry])):
        console.print(table)
    shown = console.export_text()
    assert "paid once" in shown
    assert alerts[0].reason[:40] in shown
    assert "poetry" in shown
