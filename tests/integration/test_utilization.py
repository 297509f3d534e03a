"""What analysts read of a simulated marketplace, against plain computations on the same events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from infra.simulation.run import Simulation
from infra.simulation.told import Told
from infra.verify.utilization import hours
from schemas.events import TimeEntryAdjusted, TimeEntryRecorded, TimeEntryRejected
from streams.publisher import Publisher
from tests.integration.workers import catch_up, rows, running

pytestmark = pytest.mark.stack
EXPERTS, WEEKS, SEED = 4, 1, 7
REJECTED_EVERY = 10
PROJECTIONS = ("archive", "agents", "utilization")
INDIA = timezone(timedelta(hours=5, minutes=30))
MINUTE_US = 60_000_000
PAGE = Path(__file__).parent.parent.parent / "docs" / "utilization.md"


def marketplace() -> list[Told]:
    """The simulation without what its trackers see; one entry in ten is rejected in the end."""
    simulation = Simulation(EXPERTS, WEEKS, SEED)
    told = [one for one in simulation.events() if "activity" not in one.event.event_type().topic]
    entries = [(one, one.event) for one in told if isinstance(one.event, TimeEntryRecorded)]
    last = max(one.recorded_at for one in told)
    for one, entry in entries[::REJECTED_EVERY]:
        rejected = TimeEntryRejected(entry_id=entry.entry_id, reason="not the task")
        told.append(one._replace(event=rejected, recorded_at=last, occurred_at=last))
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


def test_views_of_a_marketplace_equal_plain_computations(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    told = marketplace()
    with Publisher(own.bootstrap_servers) as publisher:
        for message in (one.message() for one in told):
            publisher.send(message.topic, message.key, message.value)
    with running(own, tmp_path, *PROJECTIONS):
        catch_up(clickhouse, own, tmp_path, *PROJECTIONS)
    hours_add_up_by_project(clickhouse, told)
    an_experts_own_time_counts_each_minute_once(clickhouse, told)
    the_proof_holds_and_finds_what_is_altered(clickhouse)
    every_question_of_the_page_has_an_answer(clickhouse)


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
