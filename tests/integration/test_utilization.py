"""What analysts read of a simulated marketplace, against plain computations on the same events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from infra.simulation.run import Simulation
from infra.simulation.told import Told
from infra.verify.utilization import hours
from schemas.events import (
    ApplicationSubmitted,
    AvailabilityDeclared,
    CandidateSourced,
    ExpertHired,
    HoursReported,
    InterviewCompleted,
    InterviewDecided,
    OfferExtended,
    OfferForfeited,
    TaskClaimed,
    TaskPublished,
    TermsAccepted,
    TimeEntryAdjusted,
    TimeEntryRecorded,
    TimeEntryRejected,
)
from streams.publisher import Publisher
from tests.integration.workers import catch_up, rows, running, workledger

pytestmark = pytest.mark.stack
EXPERTS, WEEKS, SEED = 4, 1, 7
REJECTED_EVERY = 10
PROJECTIONS = ("archive", "agents", "utilization")
INDIA = timezone(timedelta(hours=5, minutes=30))
MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US
PAGE = Path(__file__).parent.parent.parent / "docs" / "utilization.md"
TIMECARDS = PAGE.parents[2] / "shared" / "data" / "tock_timecards.json.gz"


def marketplace() -> list[Told]:
    """The simulation without what its trackers see; one entry in ten is rejected in the end, and
    somebody works elsewhere.
    """
    simulation = Simulation(EXPERTS, WEEKS, SEED)
    told = [one for one in simulation.events() if "activity" not in one.event.event_type().topic]
    entries = [(one, one.event) for one in told if isinstance(one.event, TimeEntryRecorded)]
    last = max(one.recorded_at for one in told)
    for one, entry in entries[::REJECTED_EVERY]:
        rejected = TimeEntryRejected(entry_id=entry.entry_id, reason="not the task")
        told.append(one._replace(event=rejected, recorded_at=last, occurred_at=last))
    idle = AvailabilityDeclared(ms_per_week=20 * 3_600_000, effective_from=last - 3 * DAY_US)
    card = HoursReported(
        report_id="card", project_id="p", period_start=last - 7 * DAY_US, period_end=last,
        duration_ms=36 * 3_600_000, billable=True,
    )  # fmt: skip
    told += [
        Told(last, n, "idle", last, event, "expert:idle") for n, event in enumerate((idle, card))
    ]
    return told


def entries_of(told: list[Told]) -> Iterator[tuple[str, TimeEntryRecorded, set[int]]]:
    """Each entry with the minutes that it holds in the end."""
    held: dict[str, tuple[str, TimeEntryRecorded, set[int]]] = {}
    for one in told:
        event = one.event
        if isinstance(event, TimeEntryRecorded):
            held[event.entry_id] = (one.subject_id, event, minutes(event))
        elif isinstance(event, TimeEntryAdjusted):
            assert event.sign == "minus"
            held[event.entry_id][2].difference_update(minutes(event))
        elif isinstance(event, TimeEntryRejected):
            held[event.entry_id][2].clear()
    return iter(held.values())


def minutes(event: Any) -> set[int]:
    assert event.started_at % MINUTE_US == event.ended_at % MINUTE_US == 0
    return set(range(event.started_at // MINUTE_US, event.ended_at // MINUTE_US))


@pytest.mark.long
def test_views_of_a_marketplace_equal_plain_computations(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    told = marketplace()
    with Publisher(own.bootstrap_servers) as publisher:
        for message in (one.message() for one in told):
            publisher.send(message.topic, message.key, message.value)
    imports = [import_timecards(own) for _ in range(2)] if TIMECARDS.exists() else []
    with running(own, tmp_path, *PROJECTIONS):
        catch_up(clickhouse, own, tmp_path, *PROJECTIONS)
    timecards_count_once(clickhouse, imports)
    hours_add_up_by_project(clickhouse, told)
    an_experts_own_time_counts_each_minute_once(clickhouse, told)
    days_are_held_against_what_was_declared(clickhouse, told)
    the_funnel_counts_each_candidate_where_they_came_to(clickhouse, told)
    claims_are_counted_and_waits_measured(clickhouse, told)
    the_proof_holds_and_finds_what_is_altered(clickhouse)
    every_question_of_the_page_has_an_answer(clickhouse)


def import_timecards(settings: Settings) -> dict[str, Any]:
    mapping = PAGE.parent / "examples" / "tock.toml"
    done = workledger(settings, "import", str(TIMECARDS), "--mapping", str(mapping), "--json")
    assert done.returncode == 1, done.stderr  # there are bad rows
    return json.loads(done.stdout)


def timecards_count_once(client: Client, imports: list[dict[str, Any]]) -> None:
    for report in imports:
        assert report["published"] == {"HoursReported": 11_032}
        assert [row["reason"] for row in report["bad_rows"]] == [
            "HoursReported: duration_ms is 0: it lies above 0"
        ] * 15
        assert len({row["line"] for row in report["bad_rows"]}) == 15
    sql = "SELECT count() FROM reported_hours WHERE startsWith(report_id, 'tock-')"
    assert rows(client, sql) == [(11_032 if imports else 0,)]
    sql = "SELECT verdict, count() FROM repeats WHERE projection = 'utilization' GROUP BY verdict"
    assert rows(client, sql) == ([("duplicate", 11_032)] if imports else [])


def hours_add_up_by_project(client: Client, told: list[Told]) -> None:
    plain: dict[tuple[str, str, str], int] = {}
    for expert, entry, held in entries_of(told):
        for minute in held:
            day = datetime.fromtimestamp(minute * 60, INDIA).date().isoformat()
            key = (expert, entry.project_id, day)
            plain[key] = plain.get(key, 0) + 60_000
    found = rows(
        client,
        "SELECT expert_id, project_id, toString(toDate(quarter_at, 'Asia/Kolkata')) AS day, "
        "sum(tracked_ms), sum(billable_ms) FROM utilization_hours GROUP BY ALL",
    )
    assert {tuple(row[:3]): row[3] for row in found} == plain
    assert all(row[3] == row[4] for row in found)  # the simulation bills everything


def an_experts_own_time_counts_each_minute_once(client: Client, told: list[Told]) -> None:
    plain: dict[tuple[str, datetime], int] = {}
    own: dict[str, set[int]] = {}
    for expert, _, held in entries_of(told):
        own.setdefault(expert, set()).update(held)
    for expert, held in own.items():
        for minute in held:
            quarter = datetime.fromtimestamp(minute // 15 * 900, UTC)
            plain[expert, quarter] = plain.get((expert, quarter), 0) + 60_000
    found = rows(
        client,
        "SELECT expert_id, quarter_at, tracked_ms, billable_ms FROM utilization_overlap_free",
    )
    assert {(row[0], row[1].replace(tzinfo=UTC)): row[2] for row in found} == plain
    assert all(row[2] == row[3] for row in found)
    assert sum(plain.values()) < sum(
        row[0] for row in rows(client, "SELECT tracked_ms FROM utilization_hours")
    )  # there are overlaps


def days_are_held_against_what_was_declared(client: Client, told: list[Told]) -> None:
    last = max(one.occurred_at for one in told)
    declared: dict[str, list[AvailabilityDeclared]] = {}
    for one in told:
        if isinstance(one.event, AvailabilityDeclared):
            declared.setdefault(one.subject_id, []).append(one.event)
    plain: dict[tuple[str, int], Fraction] = {}
    for expert, events in declared.items():
        events.sort(key=lambda event: event.effective_from)
        ends = [*(event.effective_from for event in events[1:]), last]
        for event, end in zip(events, ends, strict=True):
            for day in range(event.effective_from // DAY_US, end // DAY_US + 1):
                us = min(end, (day + 1) * DAY_US) - max(event.effective_from, day * DAY_US)
                share = event.ms_per_week * Fraction(us, 7 * DAY_US)
                plain[expert, day] = plain.get((expert, day), Fraction()) + share
    found = rows(
        client,
        "SELECT expert_id, toInt64(toUInt16(day)), available_ms, tracked_ms, billable_ms, "
        "utilization FROM utilization_by_day",
    )
    available = {(row[0], row[1]): row[2] for row in found if row[2] is not None}
    assert available == {key: floor(ms + Fraction(1, 2)) for key, ms in plain.items() if ms}
    assert sum(row[3] for row in found) == sum(
        row[0] for row in rows(client, "SELECT tracked_ms FROM utilization_overlap_free")
    )
    assert all(row[5] == (row[4] / row[2] if row[2] else None) for row in found)


STEPS = {
    CandidateSourced: "sourced", ApplicationSubmitted: "applied",
    InterviewCompleted: "interviewed", InterviewDecided: "passed", OfferExtended: "offered",
    TermsAccepted: "terms_accepted", ExpertHired: "hired", OfferForfeited: "forfeited",
}  # fmt: skip
WAY = [*STEPS.values()][:-1]
PREVIOUS = dict(zip(WAY[1:], WAY, strict=False)) | {
    "forfeited": "offered", "first_paid_hour": "hired"
}  # fmt: skip


def the_funnel_counts_each_candidate_where_they_came_to(client: Client, told: list[Told]) -> None:
    domains: dict[str, str] = {}
    reached: dict[str, dict[str, int]] = {}
    for one in told:
        if isinstance(one.event, CandidateSourced):
            [domains[one.subject_id]] = one.event.domains
        if type(one.event) in STEPS and getattr(one.event, "outcome", "passed") == "passed":
            reached.setdefault(one.subject_id, {})[STEPS[type(one.event)]] = one.occurred_at
    for expert, entry, held in entries_of(told):
        if entry.billable and held:
            quarter = min(held) // 15 * 15 * MINUTE_US
            first = reached[expert].get("first_paid_hour", quarter)
            reached[expert]["first_paid_hour"] = min(first, quarter)
    counts: dict[tuple[str, str], int] = {}
    waits: dict[tuple[str, str], list[int]] = {}
    for expert, steps in reached.items():
        for step, at in steps.items():
            key = domains[expert], step
            counts[key] = counts.get(key, 0) + 1
            if (before := PREVIOUS.get(step)) in steps:
                waits.setdefault(key, []).append((at - steps[before]) // 1000)
    found = rows(client, "SELECT domain, step, candidates, wait_median_ms FROM hiring_funnel")
    assert {(row[0], row[1]): row[2] for row in found if row[2]} == counts
    assert {(row[0], row[1]): row[3] for row in found if row[3] is not None} == {
        key: sorted(of)[len(of) // 2] for key, of in waits.items()
    }


def claims_are_counted_and_waits_measured(client: Client, told: list[Told]) -> None:
    answers = rows(
        client,
        "SELECT countIf(event_type = 'TaskClaimGranted'), countIf(event_type = 'TaskClaimRefused'),"
        " countIf(fields.reason = 'expired'), countIf(fields.reason = 'released'), "
        "countIf(fields.reason = 'submitted') FROM events WHERE startsWith(event_type, 'TaskClaim')"
        " AND topic = 'workforce.experts'",
    )
    summed = rows(
        client,
        "SELECT sum(granted), sum(refused), sum(expired), sum(released), sum(submitted) "
        "FROM claim_health",
    )
    assert summed == answers
    published: dict[str, tuple[int, str]] = {}
    waits: dict[tuple[int, str], list[int]] = {}
    for one in told:
        if isinstance(one.event, TaskPublished):
            published[one.subject_id] = one.occurred_at, one.event.project_id
        elif isinstance(one.event, TaskClaimed):
            at, project = published[one.subject_id]
            waits.setdefault((one.occurred_at // DAY_US, project), []).append(
                (one.occurred_at - at) // 1000
            )
    found = rows(
        client,
        "SELECT toInt64(toUInt16(day)), project_id, publish_to_claim_median_ms FROM claim_health "
        "WHERE granted > 0",
    )
    assert {(row[0], row[1]): row[2] for row in found} == {
        key: sorted(of)[len(of) // 2] for key, of in waits.items()
    }


def the_proof_holds_and_finds_what_is_altered(client: Client) -> None:
    looked_at, differences = hours(lambda sql: rows(client, sql))
    count = "SELECT (SELECT count() FROM utilization_hours) + count() FROM utilization_overlap_free"
    assert looked_at == f"{rows(client, count)[0][0]:,} quarter-hours computed from the archive"
    assert differences == []
    alter(client, sign=1)
    _, differences = hours(lambda sql: rows(client, sql))
    assert [", overlap-free, 2099" in told for told in differences] == [True, False]
    alter(client, sign=0)


def alter(client: Client, sign: int) -> None:
    """Put a piece of work into a year in which nobody worked, or take it out again."""
    client.command(
        f"INSERT INTO utilization_pieces_g1 SELECT * REPLACE ({sign} AS sign, "
        "toDateTime64('2099-01-01', 6, 'UTC') AS quarter_at, quarter_at AS started_at, "
        "quarter_at + toIntervalMinute(5) AS ended_at) FROM utilization_pieces_g1 FINAL "
        "ORDER BY ALL LIMIT 1"
    )


def every_question_of_the_page_has_an_answer(client: Client) -> None:
    questions = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert questions
    assert [question for question in questions if not rows(client, question)] == []
