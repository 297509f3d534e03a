"""The question that trust and safety asks first: which alerts are open, and what is at stake."""

from __future__ import annotations

from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from projections.looks import Look

SEVERITIES = ("critical", "high", "medium", "low")

QUEUE = """
SELECT severity, score_bp, detector, expert_id, reason, happened_at, stake_minor,
  length(line_ids) AS lines, toInt64(count() OVER ()) AS open_alerts
FROM fraud_alerts WHERE status = 'open' AND mode = 'live'
ORDER BY indexOf(['critical', 'high', 'medium', 'low'], severity),
  arraySum(mapValues(stake_minor)) DESC, happened_at, alert_id LIMIT {limit:UInt32}
"""


class Alert(NamedTuple):
    """An open alert, as it stands in the queue."""

    severity: str
    score_bp: int
    detector: str
    expert_id: str
    reason: str
    happened_at: object
    stake_minor: dict[str, int]
    """What the lines at stake come to, by currency."""
    lines: int
    open_alerts: int
    """How many are open in all, this one and those that were not asked for included."""


def queue(client: Client, look: Look, limit: int) -> list[Alert]:
    """The open alerts: by severity, then by the money at stake; at most `limit`."""
    return [Alert(**row) for row in look.bind(QUEUE).rows(client, {"limit": limit})]
