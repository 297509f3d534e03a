"""The start page and the counts: what somebody sees first, and what a monitor reads."""

from dataclasses import replace

import pytest
from clickhouse_connect.driver.client import Client
from litestar import Litestar
from litestar.testing import TestClient

from api.access.roles import Role
from api.app import Ledger, create_app
from api.start import with_code
from projections.registry import PROJECTIONS
from projections.store.client import Address, connect
from schemas.catalogue import catalogue
from tests.api.logs import KnownLog

pytestmark = pytest.mark.stack


def test_the_start_page_says_how_fresh_each_projection_is_and_links_to_what_is_open(
    ledger: Ledger, clickhouse: Client
) -> None:
    log = KnownLog({(topic, 0): 2 for topic in catalogue().topics()})
    served = Ledger(ledger.store, ledger.way, lambda: clickhouse, log)
    with TestClient(create_app({}, served)) as client:
        page = client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert "No event is in yet" in page.text
        for name in PROJECTIONS:
            assert f'<th scope="row">{name}</th>' in page.text
        assert "catching up" in page.text
        links = [part.split('"')[0] for part in page.text.split('href="/')[1:]]
        assert {"schema", "health/ready", "metrics", "subjects"} <= set(links)
        for link in links:
            assert client.get(f"/{link}").status_code == 200, link
        assert "GET /v1/payouts/lines" in page.text
        assert "events <code>raised</code>, <code>updated</code>" in page.text
        assert "<script" not in page.text


def test_what_stands_between_backticks_is_code_and_nothing_else_becomes_markup() -> None:
    assert (
        str(with_code("`<b>` & more: `{}`")) == "<code>&lt;b&gt;</code> &amp; more: <code>{}</code>"
    )


def test_the_start_page_stands_when_nothing_can_be_read_and_says_so(
    api: TestClient[Litestar],
) -> None:
    page = api.get("/")
    assert page.status_code == 200
    assert "Not known now: ClickHouse does not answer." in page.text


def test_a_read_while_clickhouse_does_not_answer_is_to_be_asked_again(
    ledger: Ledger, as_role: dict[Role, dict[str, str]]
) -> None:
    nobody = Address("http://127.0.0.1:1", "reader", "", "workledger")
    with TestClient(create_app({}, replace(ledger, reader=lambda: connect(nobody)))) as client:
        answer = client.get("/v1/alerts", headers=as_role[Role.admin])
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert "/health/ready" in answer.json()["detail"]


def test_requests_are_counted_by_route_and_events_by_what_became_of_them(
    api: TestClient[Litestar], as_role: dict[Role, dict[str, str]]
) -> None:
    api.get("/v1/payouts/lines/nobodys/explanation")
    api.post("/v1/events", json={"event_type": "Nothing"}, headers=as_role[Role.ingest])
    told = api.get("/metrics").text
    assert 'path="/v1/payouts/lines/{line_id}/explanation",status_code="401"' in told
    assert "nobodys" not in told  # a path names people, a route does not
    assert 'workledger_api_events_total{outcome="unknown_event_type"}' in told
