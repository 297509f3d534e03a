"""What each recomputation in plain SQL shares: where it begins, and how much is spelled out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from projections.archive import EVENTS, archive
from projections.store.generations import live_generation_sql
from projections.store.layout import table_of

Rows = Callable[[str], list[tuple[Any, ...]]]
"""Runs a query and answers with its rows."""
SHOWN_MAX = 20
"""Differences that are spelled out."""


def told_sql(rows: Rows, projection: str) -> str:
    """Events and entries up to where `projection` and the archive are: `told.sql`."""
    [(generation,)] = rows(f"SELECT {live_generation_sql(archive)}")
    events = table_of(archive, EVENTS.name, generation)
    return _read("told").replace("{projection}", projection).replace("{events}", events)


def sql_of(rows: Rows, name: str, projection: str) -> str:
    """The common table expressions of a recomputation: `told.sql`, then its own file."""
    return f"{told_sql(rows, projection).rstrip()},\n{_read(name)}"


def _read(name: str) -> str:
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
