"""What can be read: where it comes from, what orders its rows, and what may be asked of them."""

from dataclasses import dataclass, field, make_dataclass
from typing import Annotated, Any, NamedTuple

from litestar.di import Provide
from litestar.params import QueryParameter

from projections.fraud.rows import ALERTS as ALERTS_VIEW
from projections.payout.views import PAYOUT_LINES
from projections.tables import Column


class Key(NamedTuple):
    """What a cursor keeps of a column: it orders rows as the column does."""

    expression: str
    kind: str
    """Its type in ClickHouse."""


@dataclass(frozen=True)
class Resource:
    """Rows that have an order, so that a page can begin after any of them."""

    name: str
    projection: str
    """Whose watermark tells how fresh the rows are."""
    columns: dict[str, Column]
    """What a row holds, in this order."""
    source: str
    """What follows FROM; sums have `{where}` where the conditions go on what they are made of.

    `{lines}` and `{domains}` stand where it reads these: see `api.reads.as_of`.
    """
    order: tuple[str, ...]
    """The columns that order the rows: no two rows have the same values in all of them."""
    at: str
    """The column of the time that `since` and `until` bound, where the conditions go."""
    filters: dict[str, str | None]
    """The columns, texts all, that a value may be asked of; with the value if none is."""
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the statement is asked with besides."""

    def keys(self) -> list[Key]:
        """What a cursor keeps of each column of the order."""
        return [_key(name, self.columns[name].view_type) for name in self.order]

    def asked_by(self) -> Provide:
        """The dependency `filters`: a query parameter for each column that may be asked of."""
        fields: list[Any] = [
            (name, _text(self.columns[name].comment), default)
            for name, default in self.filters.items()
        ]
        return Provide(make_dataclass(f"{self.name}_filters", fields), sync_to_thread=False)


def _text(description: str) -> Any:
    return Annotated[str | None, QueryParameter(description=description)]


def _key(name: str, view_type: str) -> Key:
    if view_type.startswith("DateTime64"):
        return Key(f"toUnixTimestamp64Micro({name})", "Int64")
    return Key(f"toString({name})", "String")


LINES = Resource(
    "lines",
    "payout",
    PAYOUT_LINES.columns,
    "{lines}",
    ("started_at", "line_id"),
    "started_at",
    dict.fromkeys(
        ("expert_id", "project_id", "entry_id", "status", "reason", "currency", "hold_id")
    ),
)
ALERTS = Resource(
    "alerts",
    "fraud",
    ALERTS_VIEW.columns,
    "fraud_alerts",
    ("happened_at", "alert_id"),
    "happened_at",
    dict.fromkeys(("expert_id", "detector", "severity", "status")) | {"mode": "live"},
)
