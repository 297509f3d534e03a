"""The question that analysts ask first: how much is worked in each domain, and offered."""

from __future__ import annotations

from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from projections.looks import Look

BY_DOMAIN = """
SELECT domain, toInt64(uniqExact(expert_id)) AS experts, sum(days.tracked_ms) AS tracked_ms,
  sum(days.billable_ms) AS billable_ms, sum(days.available_ms) AS available_ms,
  sum(days.billable_ms) / nullIf(sum(days.available_ms), 0) AS utilization
FROM utilization_by_day AS days
INNER JOIN (
  SELECT expert_id, argMax(told.domain, lines) AS domain
  FROM (
    SELECT expert_id, project_id, count() AS lines FROM payout_lines_opened
    GROUP BY expert_id, project_id
  ) AS worked
  LEFT JOIN opened_projects AS told USING (project_id) GROUP BY expert_id
) AS working USING (expert_id)
GROUP BY domain ORDER BY billable_ms DESC
"""


class DomainHours(NamedTuple):
    """A domain's hours, each instant of an expert once."""

    domain: str
    experts: int
    tracked_ms: int
    billable_ms: int
    available_ms: int | None
    """What its experts declared, by elapsed time; none where nobody declared anything."""
    utilization: float | None
    """billable_ms / available_ms."""


def by_domain(client: Client, look: Look) -> list[DomainHours]:
    """Hours and utilization of each domain, the busiest first."""
    return [DomainHours(**row) for row in look.bind(BY_DOMAIN).rows(client)]
