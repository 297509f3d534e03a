"""The hours that analysts read, held against plain SQL over the archive."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

HOURS_SQL = (Path(__file__).parent / "utilization.sql").read_text(encoding="utf-8")
SHOWN_MAX = 20
"""Differences that are spelled out."""


def hours(rows: Callable[[str], list[tuple[Any, ...]]]) -> tuple[str, list[str]]:
    """How much was looked at, and where tracked or billable time differs by quarter-hour.

    By project, and overlap-free, which belongs to none.
    """
    [(count,)] = rows(f"{HOURS_SQL} SELECT count() FROM want")
    differing = rows(
        f"{HOURS_SQL} SELECT expert, project, toDateTime(quarter * 900, 'UTC'), "
        "(want_tracked_ms, want_billable_ms), (have_tracked_ms, have_billable_ms) "
        f"FROM differing ORDER BY ALL LIMIT {SHOWN_MAX}"
    )
    return f"{count:,} quarter-hours computed from the archive", [
        f"{expert}, {project or 'overlap-free'}, {at:%Y-%m-%d %H:%M}: expected {want} ms tracked "
        f"and billable, found {have}"
        for expert, project, at, want, have in differing
    ]
