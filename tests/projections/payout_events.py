"""Events for the tests of payout, written as literals: hours count from the start of a day."""

from typing import Any

from projections.payout.fold import payout
from projections.payout.rows import CLOSED, JOURNAL, LINES
from projections.payout.state import DAY_US
from tests.projections.histories import HOUR_US, History, Told

START = 20_000 * DAY_US
TERMS = b"t" * 32
HOUR_MS = 3_600_000


def at(hours: float) -> int:
    return START + int(hours * HOUR_US)


def hired(hours: float = 0) -> Told:
    return "ExpertHired", {"occurred_at": at(hours)}


def staffed(hours: float = 0) -> Told:
    return "ProjectStaffed", {"occurred_at": at(hours), "project_id": "p"}


def terms(hours: float = 0, sha256: bytes = TERMS) -> Told:
    fields = {"occurred_at": at(hours), "project_id": "p", "terms_sha256": sha256}
    return "TermsAccepted", fields


def rate(minor: int, hours: float = 0, currency: str = "USD") -> Told:
    fields = {"rate_minor_per_hour": minor, "effective_from": at(hours), "currency": currency}
    return "RateAgreed", fields | {"project_id": "p"}


def policy(**fields: Any) -> Told:
    chosen = {
        "project_id": "p", "increment_ms": 1, "review_window_ms": 0, "week_starts_on": "monday",
        "zone": "UTC", "weekly_cap_ms": None, "effective_from": at(0),
    }  # fmt: skip
    return "PayPolicyApplied", chosen | fields


def entry(start: float, end: float, entry_id: str = "e", **fields: Any) -> Told:
    times = {"started_at": at(start), "ended_at": at(end), "occurred_at": at(end)}
    return "TimeEntryRecorded", times | {
        "entry_id": entry_id, "project_id": "p", "billable": True
    } | fields  # fmt: skip


def about(event: str, entry_id: str = "e", **fields: Any) -> Told:
    return event, {"entry_id": entry_id} | fields


def adjusted(sign: str, start: float, end: float, entry_id: str = "e") -> Told:
    times = {"started_at": at(start), "ended_at": at(end)}
    return about("TimeEntryAdjusted", entry_id, sign=sign, **times)


READY = (hired(), staffed(), terms(), rate(25_000))


def opened(told: History) -> list[dict[str, Any]]:
    """Every line that was opened, in the order of the log."""
    return told.rows(LINES)


def standing(told: History) -> list[dict[str, Any]]:
    """The lines that nothing has closed."""
    closed = {row["line_id"] for row in told.rows(CLOSED)}
    return [row for row in told.rows(LINES) if row["line_id"] not in closed]


def lines(*events: Told) -> list[tuple[str, str, int, int]]:
    """status, reason, milliseconds and amount of each line that stands."""
    told = standing(History(payout).tell(*events))
    return [(r["status"], r["reason"], r["duration_ms"], r["amount_minor"]) for r in told]


def balance(told: History) -> dict[str, int]:
    """What is posted on each account."""
    accounts: dict[str, int] = {}
    for row in told.rows(JOURNAL):
        accounts[row["account"]] = accounts.get(row["account"], 0) + row["amount_minor"]
    return {account: amount for account, amount in accounts.items() if amount}
