"""What sums are grouped by: columns, and the day, week or month that a zone's clocks tell."""

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from litestar.params import QueryParameter

from api.reads.question import AskedWronglyError
from api.reads.resource import Resource
from projections.tables import Column

ZONE = "{timezone:String}"


class Period(StrEnum):
    """How long a period is."""

    day = "day"
    week = "week"
    month = "month"


Periods = Annotated[
    Period, QueryParameter(description="How long a period is; a week begins on Monday.")
]
Zone = Annotated[
    str,
    QueryParameter(
        description="IANA name of the zone whose clocks decide the day, e.g. Asia/Tokyo."
    ),
]
START = Column("Date32", None, "First day of the period, by the clocks of `timezone`.")
STARTS = {
    Period.day: "{day}",
    Period.week: "toMonday({day})",
    Period.month: "toStartOfMonth({day})",
}


def grouped(
    resource: Resource, by: Iterable[str], measures: dict[str, str], source: str, first_day: str,
    timezone: str,
) -> Resource:  # fmt: skip
    """A resource's rows as sums: `measures` of `source`, a row for each value of what `by` names.

    Where `by` names `period`, `first_day` is the expression of `period_start`. Raises
    `AskedWronglyError` for a zone that there is not.
    """
    told = {"period_start" if one == "period" else str(one): str(one) for one in by}
    names = list(told)
    columns = [first_day if one == "period" else one for one in told.values()]
    columns += [f"{expression} AS {name}" for name, expression in measures.items()]
    return replace(
        resource,
        columns={name: resource.columns[name] for name in (*names, *measures)},
        source=f"(SELECT {', '.join(columns)} FROM {source}{{where}} GROUP BY {', '.join(names)})",
        order=tuple(names),
        given={"timezone": known_zone(timezone)},
    )


def period_start(period: Period, day: str) -> str:
    """The expression of a period's first day, of that of a day of it."""
    # Date32: a Date leaves as a number in Parquet and Arrow.
    return f"toDate32({STARTS[period].format(day=day)}) AS period_start"


@cache
def zones() -> frozenset[str]:
    """The names of all zones."""
    # What the machine calls its own zone is no name, and ClickHouse does not know it.
    return frozenset(available_timezones() - {"localtime"})


def known_zone(name: str) -> str:
    """The name of a zone. Raises `AskedWronglyError` where there is none."""
    if name not in zones():
        raise AskedWronglyError(f"timezone is {name!r}: an IANA name, as Europe/Lisbon or UTC.")
    return name
