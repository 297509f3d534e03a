"""What each recomputation in plain SQL shares: where its file lies, and how much is spelled out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Rows = Callable[[str], list[tuple[Any, ...]]]
"""Runs a query and answers with its rows."""
SHOWN_MAX = 20
"""Differences that are spelled out."""


def sql_of(name: str) -> str:
    """The common table expressions of a recomputation, by the name of its file."""
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
