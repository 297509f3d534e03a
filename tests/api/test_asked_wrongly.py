"""Nonsense is the caller's mistake, whatever it is: 400 with the name of what is wrong."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest
from clickhouse_connect.driver.client import Client as ClickHouse
from litestar import Litestar
from litestar.testing import TestClient

from api.access.roles import Role
from api.app import Ledger, create_app
from projections.registry import PROJECTIONS
from tests.infra.kept_histories import keep
from tests.projections.payout_events import READY, entry

pytestmark = pytest.mark.stack
Client = TestClient[Litestar]
Headers = dict[Role, dict[str, str]]
LINES = "/v1/payouts/lines"


@pytest.fixture
def read(ledger: Ledger, clickhouse: ClickHouse, reader: ClickHouse) -> Iterator[Client]:
    keep(clickhouse, [*READY, entry(0, 1)], *PROJECTIONS.values())
    app = create_app({}, replace(ledger, reader=lambda: reader))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    "query",
    ["format=json&format=csv", "format=csv&expert_id=%01&expert_id=expert-1",
     "expert_id=nobody&expert_id=expert-1"],
)  # fmt: skip
def test_a_parameter_that_is_told_twice_is_refused(
    read: Client, as_role: Headers, query: str
) -> None:
    answer = read.get(f"{LINES}?{query}", headers=as_role[Role.finance])
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")


@pytest.mark.parametrize(
    "cursor",
    ['[1e999,"x"]', '[1.5,"x"]', '["1_0","x"]', '[" 1","x"]', '[true,"x"]', '["1","\\ud800"]',
     '["1",null]', '"ab"', "[" * 5000],
)  # fmt: skip
def test_a_made_up_cursor_is_refused(read: Client, as_role: Headers, cursor: str) -> None:
    text = base64.urlsafe_b64encode(cursor.encode()).decode().rstrip("=")
    answer = read.get(LINES, params={"cursor": text}, headers=as_role[Role.finance])
    assert (answer.status_code, answer.json()["field"]) == (400, "cursor")


@pytest.mark.parametrize(
    "path", [f"{LINES}?min_token=workforce.experts/3/{'9' * 5000}",
             f"/v1/events/workforce.experts/3/{'9' * 5000}/trace"],
)  # fmt: skip
def test_an_address_with_thousands_of_digits_is_refused(
    read: Client, as_role: Headers, path: str
) -> None:
    assert read.get(path, headers=as_role[Role.auditor]).status_code == 400


@pytest.mark.parametrize("at", ["workforce.experts/3000000/1/1", "workforce.experts/3/1/-5"])
def test_a_made_up_place_of_a_stream_is_refused(read: Client, as_role: Headers, at: str) -> None:
    headers = as_role[Role.auditor] | {"Last-Event-ID": at}
    assert read.get("/v1/alerts/stream", headers=headers).status_code == 400


@pytest.mark.parametrize("body", [b"[" * 5000 + b"]" * 5000, b'{"reason":"\xff"}'])
def test_a_body_that_is_no_json_is_refused(read: Client, as_role: Headers, body: bytes) -> None:
    headers = as_role[Role.admin] | {"Content-Type": "application/json"}
    for path in ("/v1/events", "/v1/requests", "/v1/requests/x/refusal"):
        assert read.post(path, content=body, headers=headers).status_code == 400


def test_a_misspelt_filter_of_requests_is_refused(read: Client, as_role: Headers) -> None:
    answer = read.get("/v1/requests?state=published", headers=as_role[Role.auditor])
    assert (answer.status_code, answer.json()["field"]) == (400, "state")


@pytest.mark.parametrize(
    "path", [f"{LINES}/a/explanation?as_of=now", "/v1/events/workforce.experts/3/4/trace?wait=5"]
)
def test_what_answers_about_one_thing_knows_its_parameters_too(
    read: Client, as_role: Headers, path: str
) -> None:
    answer = read.get(path, headers=as_role[Role.auditor])
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
