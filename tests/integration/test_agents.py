"""The agents on the real broker: claims, policies and shared devices, through a kill -9."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from schemas.event import Event
from schemas.events import (
    DeviceSighted,
    ProjectPolicyPublished,
    ProjectStaffed,
    TaskClaimed,
    TaskPublished,
)
from schemas.message import envelope, message
from streams.publisher import Publisher
from tests.integration.workers import LEDGER, WorkerProcess, catch_up, rows, running, until
from tests.schemas.events import example_of

pytestmark = pytest.mark.stack
BRIEF_S = 15.0
"""A new broker may take seconds to append; the second claim must come before the first runs out."""


def told(event: Event, subject: str) -> tuple[str, bytes, bytes]:
    made = message(event, envelope(subject, actor="system:test", source="test"))
    return made.topic, made.key, made.value


def claim(claim_id: str, expert: str, seconds: float) -> TaskClaimed:
    expires_at = int((time.time() + seconds) * 1_000_000)
    return TaskClaimed(claim_id=claim_id, expert_id=expert, expires_at=expires_at)


def an_example(kind: type[Any], **fields: Any) -> Any:
    example = example_of(kind.event_type(), **fields)
    return kind(**{name: example[name] for name in kind.event_type().own_fields})


def answers(client: Client) -> dict[str, int]:
    """How often each kind of derived event stands in the log."""
    sql = "SELECT event_type, count() FROM events WHERE actor = 'system:agents' GROUP BY ALL"
    return dict(rows(client, sql))


def test_claims_policies_and_sightings_are_answered_once_under_each_expert(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    token = "ab" * 32
    with Publisher(own.bootstrap_servers) as publisher:
        for event, subject in (
            (TaskPublished(project_id="p", unit_id="u", kind="review", domain="poetry"), "task-1"),
            (claim("c1", "ann", BRIEF_S), "task-1"),
            (claim("c2", "bob", 3600), "task-1"),
            (an_example(ProjectPolicyPublished), "p"),
            (ProjectStaffed(project_id="p"), "ann"),
            (an_example(DeviceSighted, device_token=token), "ann"),
            (an_example(DeviceSighted, device_token=token), "bob"),
        ):
            publisher.send(*told(event, subject))
    first = WorkerProcess("agents", own, tmp_path / "first.log")
    until(lambda: bool(rows(clickhouse, "SELECT 1 FROM watermarks WHERE projection = 'agents'")))
    first.kill()
    with running(own, tmp_path, *LEDGER):
        until(lambda: answers(clickhouse).get("TaskClaimEnded", 0) == 1)  # the ticker
        catch_up(clickhouse, own, tmp_path, *LEDGER)
    assert answers(clickhouse) == {
        "TaskClaimGranted": 1,
        "TaskClaimRefused": 1,
        "TaskClaimEnded": 1,
        "ExpertStaffed": 1,
        "PayPolicyApplied": 1,
        "TokenSeen": 4,
        "TokenShared": 4,
    }
    policy = rows(
        clickhouse,
        "SELECT subject_id, fields.project_id FROM events WHERE event_type = 'PayPolicyApplied'",
    )
    assert policy == [("ann", "p")]
    assert rows(clickhouse, "SELECT count() FROM dead_letters") == [(0,)]
