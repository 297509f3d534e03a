"""The question that finance asks first: what is owed, what waits, and why."""

from __future__ import annotations

from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from projections.looks import Look

STANDINGS = """
SELECT status, reason, currency, toInt64(uniqExact(expert_id)) AS experts,
  toInt64(count()) AS lines, sum(told.duration_ms) AS duration_ms,
  sum(told.amount_minor) AS amount_minor
FROM payout_lines AS told GROUP BY status, reason, currency
ORDER BY status, amount_minor DESC, reason
"""


class Standing(NamedTuple):
    """Lines of one status, reason and currency together."""

    status: str
    reason: str
    currency: str
    experts: int
    lines: int
    duration_ms: int
    amount_minor: int


def standings(client: Client, look: Look) -> list[Standing]:
    """What is owed and what waits, by status and reason; the largest amount of each first."""
    return [Standing(**row) for row in look.bind(STANDINGS).rows(client)]
