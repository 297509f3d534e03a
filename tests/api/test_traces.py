"""Where an event is and what became of it, over HTTP: for those who may, no more than they may."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client as ClickHouse
from litestar import Litestar
from litestar.testing import TestClient

from api.access.roles import PERMITTED, Permission, Role
from api.app import Ledger, create_app
from projections.registry import PROJECTIONS
from schemas.identity import uuid_text
from tests.api.logs import KnownLog, Record
from tests.infra.kept_histories import keep
from tests.projections.histories import event_id_of, value_of
from tests.projections.payout_events import READY, entry

pytestmark = pytest.mark.stack
Client = TestClient[Litestar]
Headers = dict[Role, dict[str, str]]
TOPIC = "workforce.experts"
EVENTS = [*READY, entry(1, 2)]
LAST = len(EVENTS) - 1


@pytest.fixture
def read(ledger: Ledger, clickhouse: ClickHouse, reader: ClickHouse) -> Iterator[Client]:
    """Every projection has five events; a sixth lies on Kafka alone."""
    keep(clickhouse, EVENTS, *PROJECTIONS.values())
    waiting = Record(1_700_000_000_000_000, value_of(LAST + 1, entry(3, 4, "late")))
    log = KnownLog({(TOPIC, 3): LAST + 2}, {(TOPIC, 3, LAST + 1): waiting})
    with TestClient(create_app({}, replace(ledger, reader=lambda: reader, log=log))) as client:
        yield client


def outcome(told: Any, projection: str) -> Any:
    [delivery] = told["deliveries"]
    return next(one for one in delivery["projections"] if one["projection"] == projection)


def test_an_event_is_followed_to_the_rows_it_made(read: Client, as_role: Headers) -> None:
    path = f"/v1/events/{uuid_text(event_id_of(LAST))}/trace"
    told = read.get(path, headers=as_role[Role.admin]).json()
    assert told["deliveries"][0]["address"] == f"{TOPIC}/3/{LAST}"
    assert told["deliveries"][0]["event"]["entry_id"] == "e"
    payout = outcome(told, "payout")
    assert (payout["verdict"], payout["lag_events"]) == ("applied", 1)
    [line] = payout["rows"]["payout_lines_opened"]
    assert line["amount_minor"] == 25_000
    assert told["watermark"]["lag_events"] == 1


def test_the_token_of_a_write_finds_it_before_any_projection_has_it(
    read: Client, as_role: Headers
) -> None:
    token = f"{TOPIC}/3/{LAST + 1}"
    told = read.get(f"/v1/events/{token}/trace", headers=as_role[Role.ingest]).json()
    assert told["event_id"] == uuid_text(event_id_of(LAST + 1))
    assert outcome(told, "payout")["verdict"] == "not yet"
    late = read.get(f"/v1/events/{token}/trace", params={"min_token": token},
                    headers=as_role[Role.ingest])  # fmt: skip
    assert (late.status_code, late.json()["code"]) == (503, "not_yet_included")


def test_rows_are_shown_to_those_who_may_read_them_elsewhere(
    read: Client, as_role: Headers
) -> None:
    path = f"/v1/events/{TOPIC}/3/{LAST}/trace"
    needs = {
        "payout": Permission.read_payouts, "utilization": Permission.read_utilization,
        "fraud": Permission.read_alerts, "archive": Permission.read_traces,
    }  # fmt: skip
    for role, permitted in PERMITTED.items():
        answer = read.get(path, headers=as_role[role])
        if Permission.read_traces not in permitted:
            assert answer.status_code == 403
            continue
        for projection, permission in needs.items():
            shown = outcome(answer.json(), projection)["rows"] is not None
            assert shown == (permission in permitted), (role, projection)
    assert read.get(path).status_code == 401


def test_a_trace_says_what_is_nowhere_and_what_is_no_name(read: Client, as_role: Headers) -> None:
    nowhere = "/v1/events/019b2f6e-8a40-7c15-9d2e-000000000000/trace"
    for path in (nowhere, f"/v1/events/{TOPIC}/3/99/trace", "/v1/events/no.topic/1/1/trace"):
        answer = read.get(path, headers=as_role[Role.auditor])
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert answer.json()["watermark"]["lag_events"] == 1
    for path in ("/v1/events/nonsense/trace", "/v1/events/no.topic/one/1/trace"):
        answer = read.get(path, headers=as_role[Role.auditor])
        assert (answer.status_code, answer.json()["field"]) == (400, "event_id")


def test_an_unchanged_trace_is_not_sent_again(read: Client, as_role: Headers) -> None:
    path = f"/v1/events/{TOPIC}/3/{LAST}/trace"
    first = read.get(path, headers=as_role[Role.admin])
    known = {"If-None-Match": first.headers["ETag"]}
    assert read.get(path, headers=as_role[Role.admin] | known).status_code == 304
    assert read.get(path, headers=as_role[Role.ingest] | known).status_code == 200


def test_every_time_of_a_trace_says_that_it_is_of_utc(read: Client, as_role: Headers) -> None:
    answer = read.get("/v1/events/workforce.experts/3/4/trace", headers=as_role[Role.auditor])
    assert re.findall(r'"(\w+)":"\d{4}-\d\d-\d\dT[\d:.]+"', answer.text) == []
    [lines] = answer.json()["deliveries"][0]["projections"][1]["rows"]["payout_lines_opened"]
    assert lines["started_at"] == "2024-10-04T01:00:00.000000Z"
