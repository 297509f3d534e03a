"""What the demo shows: what is owed and what waits, the alert queue, and hours by domain."""

from collections.abc import Sequence

from rich.table import Table

from api.alerts import Alert
from api.explanation import REASONS
from api.payouts import Standing
from api.utilization import DomainHours
from schemas.currencies import format_minor

STATUSES = {
    "payable": "to be paid with the next batch",
    "in_review": "until a person approves it or the review window has passed",
    "held": "a person holds it, with a reason that the expert can read",
    "rejected": "what was posted and its reverse: nothing is owed",
    "unbilled": "on record, never paid",
}
COLORS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}


def hours(duration_ms: int) -> str:
    """Milliseconds as hours and minutes: `5 h 07`."""
    minutes = round(duration_ms / 60_000)
    return f"{minutes // 60:,} h {minutes % 60:02}" if minutes else "–"


def money(amount_minor: int, currency: str) -> str:
    """An amount with its currency; a dash for nothing."""
    return f"{format_minor(amount_minor, currency)} {currency}" if amount_minor else "–"


def _table(title: str, left: Sequence[str], right: Sequence[str], last: str = "") -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=None)
    for name in left:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    if last:
        table.add_column(last)
    return table


def owed_table(rows: Sequence[Standing]) -> Table:
    """A row a status and reason: what finance owes, what waits, and why."""
    table = _table("Finance: what is owed, what waits, and why", ["status"],
                   ["experts", "lines", "time", "money"], "why")  # fmt: skip
    order = ["payable", "in_review", "held", "disputed", "waiting", "rejected", "unbilled"]
    for row in sorted(rows, key=lambda row: (order.index(row.status), -row.amount_minor)):
        why = REASONS.get(row.reason) or STATUSES.get(row.status, "")
        is_told = row.reason in ("", row.status, "not_billable")
        status = row.status if is_told else f"{row.status}, {row.reason}"
        table.add_row(
            f"[bold]{status}[/]" if row.status == "payable" else status, f"{row.experts:,}",
            f"{row.lines:,}", hours(row.duration_ms), money(row.amount_minor, row.currency), why,
        )  # fmt: skip
    return table


def alert_table(rows: Sequence[Alert]) -> Table:
    """A row an open alert, the gravest first."""
    open_count = rows[0].open_alerts if rows else 0
    title = f"Trust and safety: the first {len(rows)} of {open_count:,} open alerts"
    table = _table(title, ["severity", "detector", "expert"], ["at stake"], "what was seen")
    for row in rows:
        stake = ", ".join(money(minor, code) for code, minor in sorted(row.stake_minor.items()))
        severity = f"[{COLORS.get(row.severity, '')}]{row.severity}[/]"
        table.add_row(severity, row.detector, row.expert_id, stake or "–", row.reason)
    return table


def hours_table(rows: Sequence[DomainHours]) -> Table:
    """A row a domain: hours worked against hours offered."""
    table = _table("Analysts: hours by domain, each instant once", ["domain"],
                   ["experts", "tracked", "billable", "available", "utilization"])  # fmt: skip
    for row in rows:
        share = f"{row.utilization:.0%}" if row.utilization is not None else "–"
        table.add_row(
            row.domain.replace("_", " "), str(row.experts), hours(row.tracked_ms),
            hours(row.billable_ms), hours(row.available_ms or 0), share,
        )  # fmt: skip
    return table
