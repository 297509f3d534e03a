"""The fraud alerts that are open, held against plain SQL over the archive."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

ALERTS_SQL = (Path(__file__).parent / "fraud.sql").read_text(encoding="utf-8")
SHOWN_MAX = 20
"""Differences that are spelled out."""


def alerts(rows: Callable[[str], list[tuple[Any, ...]]]) -> tuple[str, list[str]]:
    """How much was looked at, and which alerts are open and should not be, or the other way."""
    # One query: what it joins costs more than what it answers.
    [(count, differing)] = rows(
        f"{ALERTS_SQL} SELECT countIf(want.facts.1 != ''), arraySort(groupArrayIf({SHOWN_MAX})("
        "(expert, detector, about, want.facts, have.facts), want.facts != have.facts)) "
        "FROM want FULL OUTER JOIN have USING (expert, detector, about) "
        "SETTINGS join_use_nulls = 0"
    )
    return f"{count:,} open alerts computed from the archive", [
        f"{expert}, {detector}, {about}: expected {_said(want)}, found {_said(have)}"
        for expert, detector, about, want, have in differing
    ]


def _said(facts: tuple[str, int, list[str]]) -> str:
    severity, score_bp, entries = facts
    if not severity:
        return "no open alert"
    return f"{severity} at {score_bp} bp on {', '.join(entries) or 'no entry'}"
