"""Sums over HTTP equal what they are sums of, in any zone, group by group and page by page."""

from __future__ import annotations

import io
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from clickhouse_connect.driver.client import Client as ClickHouse
from litestar import Litestar
from litestar.testing import TestClient

from api.access.roles import Role
from api.app import Ledger, create_app
from projections.agents.fold import agents
from projections.payout.fold import payout
from projections.utilization.fold import utilization
from tests.infra.kept_histories import keep
from tests.projections.histories import Told
from tests.projections.payout_events import HOUR_MS, READY, START, about, at, entry

pytestmark = pytest.mark.stack
Client = TestClient[Litestar]
Headers = dict[Role, dict[str, str]]
Row = dict[str, Any]
SUMMARY, UTILIZATION = "/v1/payouts/summary", "/v1/utilization"
PROJECTS = {"p": ("poetry", "USD"), "q": ("law", "JPY"), "r": ("law", "USD")}
LAST_DAY = 25  # the clocks of Lisbon and New York differ in when they went back
MINUTE_US = 60_000_000


def marketplace() -> list[Told]:
    """Three experts on three projects in two currencies, at any hour, some of it at once.

    The last declares no availability.
    """
    dice = random.Random(5)
    told: list[Told] = []
    for expert in ("ana", "bo", "cy"):
        theirs = list(READY[:1])
        for project_id, (_, currency) in PROJECTS.items():
            theirs += [
                (name, fields | {"project_id": project_id} | (
                    {"currency": currency} if name == "RateAgreed" else {}))
                for name, fields in READY[1:]
            ]  # fmt: skip
        for number in range(30):
            start = dice.randrange(24 * 4 * LAST_DAY) / 4
            hours = dice.randrange(1, 40) / 4
            billable = dice.random() < 0.9
            project = dice.choice([*PROJECTS])
            name = f"{expert}-{number}"
            theirs.append(entry(start, start + hours, name, project_id=project, billable=billable))
        theirs.append(about("TimeEntryRejected", f"{expert}-3"))
        declared = ((7, 40), (24 * 11 + 5, 15)) if expert != "cy" else ()
        for hour, weekly in declared:
            fields = {"project_id": None, "ms_per_week": weekly * HOUR_MS}
            theirs.append(("AvailabilityDeclared", fields | {"effective_from": at(hour)}))
        told += [(name, fields | {"subject_id": expert}) for name, fields in theirs]
    return told


@pytest.fixture
def read(ledger: Ledger, clickhouse: ClickHouse, reader: ClickHouse) -> Iterator[Client]:
    opened = [
        ("ProjectOpened", {"subject_id": project, "domain": domain})
        for project, (domain, _) in PROJECTS.items()
    ]
    keep(clickhouse, opened, agents)
    keep(clickhouse, marketplace(), payout, utilization, upto_hours=24 * LAST_DAY)
    with TestClient(create_app({}, replace(ledger, reader=lambda: reader))) as client:
        yield client


def every(read: Client, path: str, headers: dict[str, str], **asked: Any) -> list[Row]:
    """All rows, page after page."""
    found: list[Row] = []
    cursor: dict[str, str] = {}
    while True:
        answer = read.get(path, params=asked | cursor, headers=headers)
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        if not answer.json()["next_cursor"]:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}


def first_day(period: str, day: date) -> str:
    if period == "week":
        day -= timedelta(days=day.weekday())
    return (day.replace(day=1) if period == "month" else day).isoformat()


@pytest.mark.parametrize(
    ("groups", "period", "zone"),
    [
        (("period",), "day", "UTC"),
        (("period", "project_id", "expert_id"), "day", "Asia/Kolkata"),
        (("period", "domain", "currency"), "week", "America/New_York"),
        (("domain", "reason"), "month", "Pacific/Kiritimati"),
        (("period", "domain"), "month", "Europe/Lisbon"),
        (("currency",), "day", "UTC"),
    ],
)
def test_a_summary_equals_its_lines_to_the_minor_unit(
    read: Client, as_role: Headers, groups: tuple[str, ...], period: str, zone: str
) -> None:
    headers = as_role[Role.finance]
    lines = every(read, "/v1/payouts/lines", headers, limit=1000)
    names = [name for name in groups if name != "period"] + ["status"] + (
        [] if "currency" in groups else ["currency"])  # fmt: skip
    plain: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for line in lines:
        line["domain"] = PROJECTS[line["project_id"]][0]
        local = datetime.fromisoformat(line["started_at"]).astimezone(ZoneInfo(zone))
        key = [first_day(period, local.date())] if "period" in groups else []
        plain[(*key, *(line[name] for name in names))].update(
            lines=1, duration_ms=line["duration_ms"], amount_minor=line["amount_minor"]
        )
    asked = {"group_by": groups, "period": period, "timezone": zone, "limit": 7}
    found = every(read, SUMMARY, headers, **asked)
    dimensions = (["period_start"] if "period" in groups else []) + names
    measures = ("lines", "duration_ms", "amount_minor")
    assert {
        tuple(row[name] for name in dimensions): {name: row[name] for name in measures}
        for row in found
    } == {key: {name: sums[name] for name in measures} for key, sums in plain.items()}
    assert len(found) == len(plain)


def minutes_of(
    told: Iterable[Told], project: str = ""
) -> Iterator[tuple[str, str, bool, set[int]]]:
    """Expert, project, billable and the minutes of each entry that was not rejected."""
    rejected = {fields["entry_id"] for name, fields in told if name == "TimeEntryRejected"}
    for name, fields in told:
        if name == "TimeEntryRecorded" and fields["entry_id"] not in rejected:
            span = range(fields["started_at"] // MINUTE_US, fields["ended_at"] // MINUTE_US)
            yield fields["subject_id"], fields["project_id"], fields["billable"], set(span)


def local_day(zone: str) -> Callable[[int], date]:
    return lambda minute: datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).date()


@pytest.mark.parametrize(
    ("period", "zone"),
    [("day", "UTC"), ("day", "Asia/Kolkata"), ("day", "Europe/Lisbon"), ("week", "Asia/Kathmandu")],
)
def test_utilization_is_each_experts_own_time_against_what_they_declared_in_any_zone(
    read: Client, as_role: Headers, period: str, zone: str
) -> None:
    own: dict[tuple[str, bool], set[int]] = defaultdict(set)
    for expert, _, billable, minutes in minutes_of(marketplace()):
        for kind in {False, billable}:
            own[expert, kind] |= minutes
    day_of = local_day(zone)
    plain: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (expert, billable), minutes in own.items():
        for minute in minutes:
            key = (first_day(period, day_of(minute)), expert)
            plain[key].update({"billable_ms" if billable else "tracked_ms": 60_000})
    days: dict[tuple[date, str], float] = defaultdict(float)
    start, change, end = (
        (START // MINUTE_US) + minutes for minutes in (7 * 60, (24 * 11 + 5) * 60, LAST_DAY * 1440)
    )
    for minute in range(start, end):
        for expert in ("ana", "bo"):
            days[day_of(minute), expert] += (40 if minute < change else 15) * HOUR_MS / 10_080
    for (day, expert), available in days.items():
        plain[first_day(period, day), expert].update(available_ms=round(available))
    asked = {"group_by": ["period", "expert_id"], "period": period, "timezone": zone, "limit": 9}
    found = every(read, UTILIZATION, as_role[Role.analyst], **asked)
    told = {(row["period_start"], row["expert_id"]): row for row in found}
    assert told.keys() == plain.keys()
    for key, sums in plain.items():
        row = told[key]
        for name in ("tracked_ms", "billable_ms"):
            assert row[name] == sums[name], key
        if "available_ms" in sums:  # hours after the watermark have none
            assert abs(row["available_ms"] - sums["available_ms"]) <= 7, key  # a rounding a day
            assert row["utilization"] == row["billable_ms"] / row["available_ms"]
        else:
            assert row["available_ms"] is row["utilization"] is None


def test_hours_of_projects_count_each_entry_and_are_filtered_by_domain(
    read: Client, as_role: Headers
) -> None:
    zone, day_of = "Asia/Kolkata", local_day("Asia/Kolkata")
    plain: Counter[tuple[str, str]] = Counter()
    for _, project, _, minutes in minutes_of(marketplace()):
        if PROJECTS[project][0] == "law":
            for minute in minutes:
                plain[day_of(minute).isoformat(), project] += 60_000
    asked = {"group_by": ["period", "project_id"], "domain": "law", "timezone": zone}
    found = every(read, UTILIZATION, as_role[Role.analyst], **asked)
    told = {(row["period_start"], row["project_id"]): row["entries_tracked_ms"] for row in found}
    assert told == plain
    # A day is in or out as a whole, by when it begins.
    half = asked | {"since": "2024-10-10T18:30:00Z", "until": "2024-10-12T18:30:00Z"}
    found = every(read, UTILIZATION, as_role[Role.analyst], **half)
    assert {row["period_start"] for row in found} == {
        day for day, _ in plain if "2024-10-11" <= day <= "2024-10-12"
    }


def test_sums_leave_as_files_with_their_days_and_nulls(read: Client, as_role: Headers) -> None:
    def file(kind: str) -> io.BytesIO:
        asked = {"group_by": ["period", "expert_id"], "format": kind}
        return io.BytesIO(
            read.get(UTILIZATION, params=asked, headers=as_role[Role.analyst]).content
        )

    asked = {"group_by": ["period", "expert_id"]}
    page = every(read, UTILIZATION, as_role[Role.analyst], **asked)
    assert any(row["utilization"] is None for row in page)
    for frame in (pl.read_parquet(file("parquet")), pl.read_ipc_stream(file("arrow"))):
        assert frame.schema["period_start"] == pl.Date
        days = frame.with_columns(pl.col("period_start").cast(pl.String)).to_dicts()
        assert days == page
    csv = pl.read_csv(file("csv"), null_values="\\N", infer_schema_length=None).to_dicts()
    assert csv == page


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        (SUMMARY, {"timezone": "Mars/Olympus"}, "timezone"),
        (UTILIZATION, {"timezone": "localtime"}, "timezone"),
        (SUMMARY, {"group_by": "entry_id"}, "group_by"),
        (UTILIZATION, {"period": "year"}, "period"),
        (SUMMARY, {"cursor": "WyJhIl0"}, "cursor"),
    ],
)
def test_what_cannot_be_grouped_is_named(
    read: Client, as_role: Headers, path: str, asked: dict[str, str], field: str
) -> None:
    answer = read.get(path, params=asked, headers=as_role[Role.auditor])
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert field in answer.json()["detail"]


def test_an_expert_sums_their_own_rows_alone(read: Client, mine: Callable[[str], Any]) -> None:
    for path in (SUMMARY, UTILIZATION):
        found = every(read, path, mine("ana"), group_by=["expert_id"])
        assert {row["expert_id"] for row in found} == {"ana"}
        refused = read.get(path, params={"expert_id": "bo"}, headers=mine("ana"))
        assert refused.status_code == 403
    assert every(read, SUMMARY, mine("carol")) == []


def test_an_unchanged_sum_is_not_sent_again(read: Client, as_role: Headers) -> None:
    for path in (SUMMARY, UTILIZATION):
        first = read.get(path, headers=as_role[Role.auditor])
        headers = as_role[Role.auditor] | {"If-None-Match": first.headers["ETag"]}
        assert read.get(path, headers=headers).status_code == 304
        zoned = read.get(path, params={"timezone": "Asia/Tokyo"}, headers=headers)
        assert zoned.status_code == 200
