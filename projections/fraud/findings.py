"""A finding: what a detector says about one matter, and how numbers become words."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, TypeVar

from projections.intervals import DAY_US

Severity = Literal["low", "medium", "high", "critical"]
Mode = Literal["shadow", "live"]
Id = TypeVar("Id", str, bytes)

NAMED_MAX = 100
"""Entries, and events, that a finding names at most: its first. The sentence counts them all."""
BP = 10_000
"""Basis points in a whole."""


class Finding(NamedTuple):
    """What a detector finds about a matter as its evidence stands. None at all is no finding."""

    severity: Severity
    score_bp: int
    """How sure it is, 0 to 10,000."""
    reason: str
    """What was found, in a sentence with the numbers."""
    happened_at: int
    """When it began in the world, microseconds."""
    entry_ids: list[str]
    """The time entries at stake, sorted."""
    evidence_event_ids: list[bytes]
    """The events that it rests on, sorted."""


def first_of(values: Iterable[Id]) -> list[Id]:
    """The first of some ids in their own order, each once, as many as a finding names."""
    return sorted(set(values))[:NAMED_MAX]


def duration(us: int) -> str:
    """A length of time in words: 2 h 5 min, 45 min, 50 s."""
    seconds = us // 1_000_000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def moment(us: int) -> str:
    """An instant in words, UTC."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us):%Y-%m-%d %H:%M} UTC"


def date(day: int) -> str:
    """A UTC day by its number since 1970-01-01."""
    return moment(day * DAY_US)[:10]


def counted(count: int, one: str, several: str) -> str:
    """`1 pair`, `3 pairs`."""
    return f"{count:,} {one if count == 1 else several}"
