"""Numbers over HTTP: pages and files of one question, fresh, and the caller's own alone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from clickhouse_connect.driver.client import Client as ClickHouse
from litestar import Litestar
from litestar.testing import TestClient

from api.access.keys import Keys
from api.access.roles import PERMITTED, Permission, Role
from api.app import Ledger, create_app
from infra.log_ends import LogEnds
from projections.archive import archive
from projections.fraud.fold import fraud
from projections.payout.fold import payout
from schemas.message import now_us
from tests.api.logs import KnownLog
from tests.infra.kept_histories import keep
from tests.projections.payout_events import READY, entry

pytestmark = pytest.mark.stack
Client = TestClient[Litestar]
Headers = dict[Role, dict[str, str]]
LINES, ALERTS = "/v1/payouts/lines", "/v1/alerts"
ENTRIES = [entry(hour, hour + 1, f"e{hour}") for hour in range(7)]
LAST = len(READY) + len(ENTRIES) - 1


@pytest.fixture
def read(ledger: Ledger, clickhouse: ClickHouse, reader: ClickHouse) -> Iterator[Client]:
    """A client over seven hours of one expert, and an eighth that overlaps the first."""
    events = [*READY, *ENTRIES, entry(0, 1, "=cmd|tab")]
    keep(clickhouse, events, payout, archive, fraud)
    ends = {("workforce.experts", 3): len(events) + 5}
    with TestClient(
        create_app({}, replace(ledger, reader=lambda: reader, log=KnownLog(ends)))
    ) as client:
        yield client


def test_pages_follow_each_other_until_nothing_is_left(read: Client, as_role: Headers) -> None:
    found: list[str] = []
    cursor, pages = "", 0
    while cursor is not None:
        asked = {"limit": 3, "status": "payable"} | ({"cursor": cursor} if cursor else {})
        told = read.get(LINES, params=asked, headers=as_role[Role.finance]).json()
        found += [line["entry_id"] for line in told["data"]]
        cursor, pages = told["next_cursor"], pages + 1
    assert found == [f"e{hour}" for hour in range(7)]
    assert pages == 3


def test_a_line_has_its_amount_in_minor_units_and_as_text(read: Client, as_role: Headers) -> None:
    told = read.get(LINES, params={"entry_id": "e1"}, headers=as_role[Role.finance]).json()
    [line] = told["data"]
    assert line["amount"] == f"{line['amount_minor'] / 100:.2f}"
    assert line["started_at"].endswith("Z")


def test_every_answer_says_how_fresh_it_is_and_an_unchanged_one_is_not_sent_again(
    read: Client, as_role: Headers
) -> None:
    first = read.get(LINES, headers=as_role[Role.finance])
    assert first.json()["watermark"]["lag_events"] == 5
    assert first.headers["Lag-Events"] == "5"
    headers = as_role[Role.finance] | {"If-None-Match": first.headers["ETag"]}
    again = read.get(LINES, headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    other = read.get(LINES, params={"limit": 2}, headers=headers)
    assert other.status_code == 200


def test_a_read_waits_for_a_write_to_be_included(read: Client, as_role: Headers) -> None:
    headers = as_role[Role.finance] | {"Prefer": "wait=0"}

    def asked(token: str) -> Any:
        return read.get(LINES, params={"min_token": token}, headers=headers)

    assert asked(f"workforce.experts/3/{LAST}").status_code == 200
    late = asked(f"workforce.experts/3/{LAST + 100}")
    assert (late.status_code, late.json()["code"]) == (503, "not_yet_included")
    for wrong in ("nonsense", "workforce.tasks/1/1"):
        assert (asked(wrong).status_code, asked(wrong).json()["field"]) == (400, "min_token")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("since", "yesterday"), ("until", "2026-10-05T09:00:00"), ("cursor", "!!"), ("limit", "0"),
     ("limit", "5000"), ("format", "xls")],
)  # fmt: skip
def test_a_wrong_parameter_is_named(
    read: Client, as_role: Headers, parameter: str, value: str
) -> None:
    answer = read.get(LINES, params={parameter: value}, headers=as_role[Role.finance])
    assert answer.status_code == 400
    assert parameter in answer.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("csv", "text/csv; charset=utf-8"), ("parquet", "application/vnd.apache.parquet"),
     ("arrow", "application/vnd.apache.arrow.stream")],
)  # fmt: skip
def test_a_file_says_what_it_is_and_its_name(
    read: Client, as_role: Headers, kind: str, media_type: str
) -> None:
    answer = read.get(LINES, params={"format": kind}, headers=as_role[Role.finance])
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Content-Disposition"] == f'attachment; filename="lines.{kind}"'


def test_a_file_holds_every_row_of_the_same_question(read: Client, as_role: Headers) -> None:
    def file(kind: str) -> bytes:
        asked = {"format": kind, "limit": 1}
        answer = read.get(LINES, params=asked, headers=as_role[Role.finance])
        assert answer.headers["Content-Disposition"] == f'attachment; filename="lines.{kind}"'
        assert answer.headers["ETag"]
        return answer.content

    page = read.get(LINES, headers=as_role[Role.finance]).json()["data"]
    ids = [line["line_id"] for line in page]
    assert len(ids) == 8
    assert pl.read_parquet(io.BytesIO(file("parquet")))["line_id"].to_list() == ids
    assert pl.read_ipc_stream(io.BytesIO(file("arrow")))["line_id"].to_list() == ids
    rows = list(csv.DictReader(io.StringIO(file("csv").decode())))
    assert [row["line_id"] for row in rows] == ids
    assert {row["entry_id"] for row in rows} >= {"'=cmd|tab", "e1"}  # no formula for a spreadsheet


def test_lists_and_sums_by_currency_come_through_every_kind_of_file(
    read: Client, as_role: Headers
) -> None:
    """An alert holds lists of texts and a map of money; each file has what the page has."""

    def file(kind: str) -> bytes:
        return read.get(ALERTS, params={"format": kind}, headers=headers).content

    headers = as_role[Role.trust_and_safety]
    [alert] = read.get(ALERTS, headers=headers).json()["data"]
    lines, stake = alert["line_ids"], alert["stake_minor"]
    assert (len(lines), list(stake)) == (2, ["USD"])
    for [row] in (
        pl.read_parquet(io.BytesIO(file("parquet"))).to_dicts(),
        pl.read_ipc_stream(io.BytesIO(file("arrow"))).to_dicts(),
    ):
        assert row["line_ids"] == lines
        assert row["stake_minor"] == stake, row
    [row] = csv.DictReader(io.StringIO(file("csv").decode()))
    assert json.loads(row["line_ids"].replace("'", '"')) == lines
    assert json.loads(row["stake_minor"].replace("'", '"')) == stake


def test_a_line_explains_itself(read: Client, as_role: Headers) -> None:
    asked = {"entry_id": "e1"}
    [line] = read.get(LINES, params=asked, headers=as_role[Role.finance]).json()["data"]
    told = read.get(f"{LINES}/{line['line_id']}/explanation", headers=as_role[Role.finance]).json()
    assert told["line"]["line_id"] == line["line_id"]
    assert any("It is payable." in sentence for sentence in told["words"])
    unknown = read.get(f"{LINES}/nothing/explanation", headers=as_role[Role.finance])
    assert unknown.status_code == 404


def test_alerts_are_told_with_what_is_at_stake(read: Client, as_role: Headers) -> None:
    told = read.get(ALERTS, headers=as_role[Role.trust_and_safety]).json()
    assert [(alert["detector"], alert["status"]) for alert in told["data"]] == [
        ("overlapping_sessions", "open")
    ]
    assert told["watermark"]["projection"] == "fraud"


def test_an_expert_reads_their_own_rows_alone(read: Client, keys: Keys) -> None:
    made = {
        name: keys.create(name, Role.expert, now_us(), expert_id=name)
        for name in ("expert-1", "expert-2")
    }
    mine, other = ({"Authorization": f"Bearer {made[name]}"} for name in ("expert-1", "expert-2"))
    lines = read.get(LINES, headers=mine).json()["data"]
    assert len(lines) == 8
    assert read.get(LINES, headers=other).json()["data"] == []
    assert read.get(LINES, params={"expert_id": "expert-1"}, headers=other).status_code == 403
    explained = f"{LINES}/{lines[0]['line_id']}/explanation"
    assert read.get(explained, headers=mine).status_code == 200
    assert read.get(explained, headers=other).status_code == 404


def test_each_role_reads_what_the_table_permits_and_nobody_without_a_key(
    read: Client, as_role: Headers
) -> None:
    for path, permission in ((LINES, Permission.read_payouts), (ALERTS, Permission.read_alerts)):
        assert read.get(path).status_code == 401
        for role, headers in as_role.items():
            wanted = 200 if permission in PERMITTED[role] else 403
            assert read.get(path, headers=headers).status_code == wanted, (path, role)


def test_every_list_of_rows_documents_each_of_its_parameters(read: Client) -> None:
    paths = read.get("/schema/openapi.json").json()["paths"]
    everywhere = {"since", "until", "cursor", "limit", "min_token", "format"}
    for path, own in ((LINES, "hold_id"), (ALERTS, "mode")):
        told = {one["name"]: one["description"] for one in paths[path]["get"]["parameters"]}
        assert everywhere | {own, "expert_id"} <= told.keys()
        assert all(told.values())


def test_an_unchanged_file_is_not_sent_again(read: Client, as_role: Headers) -> None:
    headers = as_role[Role.finance]
    first = read.get(f"{LINES}?format=csv", headers=headers)
    more = {"If-None-Match": first.headers["ETag"]}
    again = read.get(f"{LINES}?format=csv", headers=headers | more)
    assert (again.status_code, again.content) == (304, b"")
    assert read.get(f"{LINES}?format=parquet", headers=headers | more).status_code == 200


def test_a_lag_that_no_broker_tells_is_not_called_none(
    ledger: Ledger, clickhouse: ClickHouse, reader: ClickHouse, as_role: Headers
) -> None:
    keep(clickhouse, [*READY, *ENTRIES], payout)
    silent = replace(ledger, reader=lambda: reader, log=LogEnds("127.0.0.1:1"))
    with TestClient(create_app({}, silent)) as client:
        answer = client.get(LINES, headers=as_role[Role.finance])
        assert answer.json()["watermark"]["lag_events"] is None
        assert "Lag-Events" not in answer.headers
        assert "not known: no broker answers" in client.get("/").text
