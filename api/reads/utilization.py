"""`GET /v1/utilization`: an expert's own time against what they declared, and projects' hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from litestar.params import QueryParameter

from api.reads.grouping import START, ZONE, Period, Periods, Zone, grouped, period_start
from api.reads.resource import Resource
from projections.agents.state import DOMAINS, PROJECTS
from projections.tables import integer
from projections.utilization.day_view import BY_DAY, available_by_day
from projections.utilization.views import HOURS


class By(StrEnum):
    """What a row of hours may be of."""

    period = "period"
    project_id = "project_id"
    domain = "domain"
    expert_id = "expert_id"


OF_PROJECTS = frozenset({By.project_id, By.domain})
Groups = Annotated[
    Sequence[By] | None,
    QueryParameter(
        description="What a row is of, repeated for more than one; `period` if none is told. Where "
        "a project or a domain is named, here or as a filter, hours are those of entries."
    ),
]
DAY_BEGAN = f"toDateTime64(day, 6, {ZONE})"
OWN_DAYS = f"""SELECT expert_id, toDate(quarter_at, {ZONE}) AS day, tracked_ms AS tracked,
    billable_ms AS billable, CAST(NULL, 'Nullable(Int64)') AS available
  FROM utilization_overlap_free
  UNION ALL
  SELECT expert_id, toDate(day_number), 0, 0, available_ms FROM ({available_by_day(ZONE)})"""
OWN = {
    "tracked_ms": "sum(tracked)", "billable_ms": "sum(billable)",
    "available_ms": "sum(available)", "utilization": "billable_ms / nullIf(available_ms, 0)",
}  # fmt: skip
PROJECTS_DAYS = f"""SELECT expert_id, project_id, opened.domain AS domain,
    toDate(quarter_at, {ZONE}) AS day, tracked_ms AS tracked, billable_ms AS billable
  FROM utilization_hours LEFT JOIN ({DOMAINS}) AS opened USING (project_id)"""
ENTRIES = {"entries_tracked_ms": "sum(tracked)", "entries_billable_ms": "sum(billable)"}
UTILIZATION = Resource(
    name="utilization",
    projection="utilization",
    columns={
        "period_start": START,
        "project_id": HOURS.columns["project_id"],
        "domain": PROJECTS.columns["domain"],
        **{name: BY_DAY.columns[name] for name in ("expert_id", *OWN)},
        "entries_tracked_ms": integer("Milliseconds of entries; those that overlap count each."),
        "entries_billable_ms": integer("Of these, milliseconds of billable entries."),
    },
    source="",
    order=(),
    at=DAY_BEGAN,
    filters=dict.fromkeys(("expert_id", "project_id", "domain")),
)


@dataclass(frozen=True)
class Utilization:
    """The dependency `utilization`: how the hours are grouped; each field is a parameter."""

    group_by: Groups = None
    period: Periods = Period.day
    timezone: Zone = "UTC"

    def resource(self, filters: dict[str, Any]) -> Resource:
        """The rows that are asked for. Raises `AskedWronglyError` for a zone that there is not."""
        by = {By.period} if self.group_by is None else set(self.group_by)
        of_projects = by & OF_PROJECTS or any(filters[name] is not None for name in OF_PROJECTS)
        days, measures = (PROJECTS_DAYS, ENTRIES) if of_projects else (OWN_DAYS, OWN)
        return grouped(
            UTILIZATION,
            [one for one in By if one in by],
            measures,
            f"({days})",
            period_start(self.period, "day"),
            self.timezone,
        )
