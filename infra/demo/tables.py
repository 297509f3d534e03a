"""What the demo shows: what is owed, and what waits and why."""

from rich.table import Table

from api.payouts import Owed, Waiting
from infra.demo.history import PEOPLE
from schemas.currencies import format_minor

WHY = {
    "overlap": "another entry of the same expert has these minutes; they are paid once",
    "awaiting_terms": "worked before the project's terms were accepted",
    "not_hired": "worked before the hire",
    "not_staffed": "worked before being put on the project",
    "no_rate": "no rate was in force",
}
DOMAINS = {person.expert_id: person.domain for person in PEOPLE}


def hours(duration_ms: int) -> str:
    """Milliseconds as hours and minutes: `5 h 07`."""
    minutes = round(duration_ms / 60_000)
    return f"{minutes // 60} h {minutes % 60:02}" if minutes else "–"


def money(amount_minor: int, currency: str) -> str:
    """An amount with its currency; a dash for nothing."""
    return f"{format_minor(amount_minor, currency)} {currency}" if amount_minor else "–"


def owed_table(rows: list[Owed]) -> Table:
    """A row an expert, and the totals by currency."""
    table = Table(title="What is owed", title_justify="left", header_style="bold", box=None)
    for name in ("expert", "domain"):
        table.add_column(name, no_wrap=True)
    for name in ("payable", "owed", "waiting", "would be"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.expert_id,
            DOMAINS.get(row.expert_id, ""),
            hours(row.payable_ms),
            money(row.payable_minor, row.currency),
            hours(row.waiting_ms),
            money(row.waiting_minor, row.currency),
        )
    for currency in sorted({row.currency for row in rows}):
        of = [row for row in rows if row.currency == currency]
        table.add_row(
            f"[bold]total {currency}[/]",
            "",
            hours(sum(row.payable_ms for row in of)),
            f"[bold]{money(sum(row.payable_minor for row in of), currency)}[/]",
            hours(sum(row.waiting_ms for row in of)),
            money(sum(row.waiting_minor for row in of), currency),
        )
    return table


def waiting_table(rows: list[Waiting]) -> Table:
    """A row a line that waits for a person."""
    table = Table(title="What waits, and why", title_justify="left", header_style="bold", box=None)
    for name in ("expert", "from (UTC)", "time", "would be", "reason"):
        table.add_column(name, no_wrap=True)
    for row in rows:
        would = money(row.amount_minor, row.currency) if row.currency else "–"
        table.add_row(
            row.expert_id,
            f"{row.started_at:%a %d %b %H:%M}",
            hours(row.duration_ms),
            would,
            f"[yellow]{row.reason}[/]",
        )
    return table


def reasons(rows: list[Waiting]) -> list[str]:
    """What each reason in the table means, a line a reason."""
    return [f"  {code}: {WHY.get(code, '')}." for code in sorted({row.reason for row in rows})]
