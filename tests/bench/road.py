"""The fold `road`: what every system of the benchmark can express, and every row of it must make.

A rate by expert and project, an amount a time entry, a running balance an expert, one line of 14
columns a time entry; the other events are read and left out. Events told again change nothing.
"""

from typing import Annotated, NamedTuple

import msgspec

from projections.emit import Emit
from projections.fold import Fold
from projections.parts import Part
from projections.payout.pricing import amount_minor
from projections.tables import code, integer, moment, table_of, text, uuid_id


class RoadLine(NamedTuple):
    """What a time entry comes to, and what its expert has earned with it."""

    event_id: Annotated[bytes, uuid_id("The time entry's event.")]
    expert_id: Annotated[str, text("Who worked.")]
    project_id: Annotated[str, text("For which project.")]
    entry_id: Annotated[str, text("The time entry.")]
    occurred_at: Annotated[int, moment("When the entry was told of, UTC.")]
    duration_ms: Annotated[int, integer("Length of the entry in milliseconds.")]
    rate_minor_per_hour: Annotated[int, integer("The last rate told before it; 0 where none is.")]
    amount_minor: Annotated[int, integer("Duration times rate, rounded once, half up.")]
    currency: Annotated[str, code("ISO 4217 code; empty where there is no rate.")]
    balance_minor: Annotated[int, integer("The sum of the expert's amounts up to this one.")]


ROAD_LINES = table_of(RoadLine, "road_lines", ("expert_id",))

road = Fold(name="road", topics=("workforce.experts",), version=1, tables=(ROAD_LINES,))

NO_RATE = (0, "")


@road.part("expert")
class Expert(Part):
    """What the fold keeps of an expert."""

    balance_minor: int = 0
    rates: dict[str, tuple[int, str]] = msgspec.field(default_factory=dict[str, tuple[int, str]])
    """Project to minor units an hour and currency."""


@road.on("RateAgreed")
def rate_agreed(expert: Expert, project_id: str, rate_minor_per_hour: int, currency: str) -> None:
    """The rate holds for the entries that stand later in the log."""
    expert.rates[project_id] = rate_minor_per_hour, currency


road.on("RateChanged")(rate_agreed)


@road.on("TimeEntryRecorded")
def time_entry_recorded(
    expert: Expert,
    emit: Emit,
    event_id: bytes,
    subject_id: str,
    entry_id: str,
    project_id: str,
    occurred_at: int,
    started_at: int,
    ended_at: int,
) -> None:
    """A line an entry."""
    rate, currency = expert.rates.get(project_id, NO_RATE)
    duration_ms = (ended_at - started_at) // 1000
    amount = amount_minor(duration_ms, rate)
    expert.balance_minor += amount
    emit(
        RoadLine(
            event_id, subject_id, project_id, entry_id, occurred_at, duration_ms, rate, amount,
            currency, expert.balance_minor,
        )
    )  # fmt: skip
