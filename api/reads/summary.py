"""`GET /v1/payouts/summary`: time and money of the lines that stand, by what is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from litestar.params import QueryParameter

from api.reads.grouping import START, ZONE, Period, Periods, Zone, grouped, period_start
from api.reads.resource import Resource
from projections.payout.views import PAYOUT_SUMMARY

OF = PAYOUT_SUMMARY.columns


class By(StrEnum):
    """What a row of the summary may be of."""

    period = "period"
    project_id = "project_id"
    domain = "domain"
    expert_id = "expert_id"
    currency = "currency"
    status = "status"
    reason = "reason"


ALWAYS = frozenset({By.currency, By.status})
"""Amounts of two currencies or two statuses have no sum."""
Groups = Annotated[
    Sequence[By] | None,
    QueryParameter(
        description="What a row is of, repeated for more than one; `period` if none is told. Rows "
        "are always of one currency and one status."
    ),
]
SUMMARY = Resource(
    name="summary",
    projection="payout",
    columns={"period_start": START}
    | {name: OF[name] for name in OF if name != "day"},
    source="",
    order=(),
    at="started_at",
    filters=dict.fromkeys(
        ("expert_id", "project_id", "domain", "currency", "status", "reason")
    ),
)  # fmt: skip
MEASURES = {
    "lines": "toInt64(count())", "duration_ms": "sum(duration_ms)",
    "amount_minor": "sum(amount_minor)",
}  # fmt: skip


@dataclass(frozen=True)
class Summary:
    """The dependency `summary`: how the lines are grouped; each field is a parameter."""

    group_by: Groups = None
    period: Periods = Period.day
    timezone: Zone = "UTC"

    def resource(self) -> Resource:
        """The rows that are asked for. Raises `AskedWronglyError` for a zone that there is not."""
        by = {By.period} if self.group_by is None else set(self.group_by)
        return grouped(
            SUMMARY,
            [one for one in By if one in by | ALWAYS],
            MEASURES,
            "{lines} AS told LEFT JOIN {domains} AS opened USING (project_id)",
            period_start(self.period, f"toDate(started_at, {ZONE})"),
            self.timezone,
        )
