"""Reads of people's data and exports are events of their own, whatever the broker does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from clickhouse_connect.driver.client import Client as ClickHouse
from litestar import Litestar
from litestar.testing import TestClient

from api.access import audit as audit_module
from api.access.audit import Audit, Read
from api.access.caller import Caller
from api.access.keys import KeyRefusedError, Keys
from api.access.roles import Role
from api.app import Ledger, create_app
from api.errors import ProblemError
from api.ingest.bodies import Told
from api.ingest.gateway import Outcome, OverloadedError
from api.ingest.judging import Judged, Sender, judge
from api.operational.tables import ACCESS_RECORDS, API_KEYS
from api.reads.live import Live
from projections.registry import PROJECTIONS
from schemas.identity import uuid_text
from schemas.message import now_us
from schemas.wire import decode
from streams.offsets import log_reader
from tests.api.logs import KnownLog, Record
from tests.infra.kept_histories import keep
from tests.projections.histories import event_id_of
from tests.projections.payout_events import READY, entry

pytestmark = pytest.mark.stack
Client = TestClient[Litestar]
Headers = dict[Role, dict[str, str]]
LINES, EXPERT = "/v1/payouts/lines", "expert-1"
ANA = Caller("user:ana", Role.finance)
BONUS = {
    "event_type": "BonusGranted", "subject_id": EXPERT, "occurred_at": "2026-10-05T09:00:00Z",
    "bonus_id": "b-17", "amount_minor": 5000, "currency": "USD", "reason": "Reference work.",
}  # fmt: skip
READ = Read(ANA, f"GET {LINES}?expert_id={EXPERT}", [EXPERT], None)


class Nowhere:
    """A way on which no broker answers."""

    def accept(self, judged: list[Judged]) -> list[Outcome]:
        """Nothing is taken."""
        raise OverloadedError


@pytest.fixture
def held(ledger: Ledger, clickhouse: ClickHouse) -> Ledger:
    """Two hours of one expert; records of reads stay in the store."""
    events = [*READY, entry(0, 1, "e0"), entry(1, 2, "e1")]
    keep(clickhouse, events, *PROJECTIONS.values())
    log = KnownLog({("workforce.experts", 3): len(events)})
    live = Live(life_s=0.2)
    return replace(ledger, reader=lambda: clickhouse, way=Nowhere(), log=log, live=live)


@pytest.fixture
def read(held: Ledger) -> Iterator[Client]:
    """A client of it."""
    with TestClient(create_app({}, held)) as client:
        yield client


def recorded(store: sa.Engine) -> list[tuple[str, list[str]]]:
    """What was read, and whose data, in order; then it is forgotten."""
    with store.begin() as connection:
        rows = connection.execute(
            sa.select(ACCESS_RECORDS.c.value).order_by(ACCESS_RECORDS.c.event_id)
        )
        events = [decode(row.value)[1] for row in rows]
        connection.execute(sa.delete(ACCESS_RECORDS))
    return [(event["what"], event["subject_ids"]) for event in events]


def test_a_read_of_one_person_and_every_export_is_recorded(
    read: Client, as_role: Headers, ledger: Ledger
) -> None:
    headers = as_role[Role.finance]
    lines = read.get(LINES, params={"expert_id": EXPERT, "limit": 1}, headers=headers).json()
    assert recorded(ledger.store) == [(f"GET {LINES}?expert_id={EXPERT}&limit=1", [EXPERT])]
    for chosen in ("csv", "parquet", "arrow"):
        answer = read.get(LINES, params={"format": chosen}, headers=headers)
        assert (answer.status_code, bool(answer.content)) == (200, True)
    assert recorded(ledger.store) == [
        (f"export {LINES}?format={chosen}", []) for chosen in ("csv", "parquet", "arrow")
    ]
    read.get(LINES, params={"format": "csv", "expert_id": EXPERT}, headers=headers)
    assert recorded(ledger.store) == [(f"export {LINES}?format=csv&expert_id={EXPERT}", [EXPERT])]
    path = f"{LINES}/{lines['data'][0]['line_id']}/explanation"
    read.get(path, headers=headers)
    assert recorded(ledger.store) == [(f"GET {path}", [EXPERT])]
    event_id = uuid_text(event_id_of(len(READY)))
    assert read.get(f"/v1/events/{event_id}/trace", headers=headers).status_code == 200
    assert [subjects for _, subjects in recorded(ledger.store)] == [[EXPERT]]
    read.get("/v1/utilization", params={"expert_id": EXPERT}, headers=headers)
    assert [subjects for _, subjects in recorded(ledger.store)] == [[EXPERT]]


def test_a_page_is_recorded_with_every_expert_that_it_shows(
    read: Client, as_role: Headers, ledger: Ledger
) -> None:
    headers = as_role[Role.auditor]
    for path in (LINES, f"{LINES}?limit=1", "/v1/payouts/summary?group_by=expert_id"):
        for _ in range(2):  # a page that is answered from what is kept is read as well
            assert read.get(path, headers=headers).json()["data"]
            assert recorded(ledger.store) == [(f"GET {path}", [EXPERT])]


def test_a_stream_of_alerts_is_recorded_as_a_read_of_everybody(
    read: Client, as_role: Headers, ledger: Ledger
) -> None:
    headers = as_role[Role.trust_and_safety]
    assert read.get("/v1/alerts/stream", headers=headers).status_code == 200
    assert recorded(ledger.store) == [("GET /v1/alerts/stream", [])]


def test_what_reads_nobodys_data_or_ones_own_is_not_recorded(
    read: Client, as_role: Headers, keys: Keys, ledger: Ledger
) -> None:
    headers = as_role[Role.finance]
    answer = read.get(LINES, params={"expert_id": EXPERT}, headers=headers)
    recorded(ledger.store)
    own = {"Authorization": f"Bearer {keys.create('own', Role.expert, now_us(), expert_id=EXPERT)}"}
    not_read = [
        read.get("/v1/payouts/summary", headers=headers),
        read.get(LINES, params={"since": "2999-01-01T00:00:00Z"}, headers=headers),
        read.get(LINES, params={"expert_id": EXPERT}, headers=own),
        read.get(LINES, params={"format": "csv"}, headers=own),
        read.get(LINES, params={"expert_id": EXPERT, "limit": 0}, headers=headers),
        read.get(LINES, params={"expert_id": EXPERT}, headers=as_role[Role.ingest]),
        read.get(f"{LINES}/nothing/explanation", headers=headers),
        read.get(LINES, params={"expert_id": EXPERT},
                 headers=headers | {"If-None-Match": answer.headers["ETag"]}),
    ]  # fmt: skip
    assert [one.status_code for one in not_read] == [
        200, 200, 200, 200, 400, 403, 404, 304,
    ]  # fmt: skip
    assert recorded(ledger.store) == []


def test_a_read_that_cannot_be_recorded_is_not_answered(
    read: Client, as_role: Headers, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise sa.exc.OperationalError("", None, Exception("disk full"))  # type: ignore[attr-defined]

    monkeypatch.setattr(audit_module.sa, "insert", fails)
    headers = as_role[Role.finance]
    for asked in ({"expert_id": EXPERT}, {"format": "csv"}, {}):
        answer = read.get(LINES, params=asked, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable")
        assert answer.headers["content-type"] == "application/problem+json"
        assert EXPERT not in answer.text
    assert read.get("/v1/payouts/summary", headers=headers).status_code == 200


def test_records_wait_for_the_broker_and_are_on_the_log_once(
    ledger: Ledger, bootstrap_servers: str
) -> None:
    ana = Caller(f"user:ana-{now_us()}", Role.finance)
    for number in range(3):
        audit = Audit(ledger.store, Nowhere())
        audit.record(READ._replace(caller=ana, purpose=f"month {number}"))
        audit.send()
    audit = Audit(ledger.store, ledger.way)
    audit.send()
    audit.send()
    assert recorded(ledger.store) == []
    found = [event for event in on_the_log(bootstrap_servers) if event["actor"] == ana.actor]
    assert [(event["what"], event["purpose"]) for event in found] == [
        (READ.what, f"month {number}") for number in range(3)
    ]
    assert {event["subject_id"] for event in found} == {ana.actor}


def test_where_too_many_wait_nothing_more_is_read_until_the_broker_answers(
    ledger: Ledger,
) -> None:
    audit = Audit(ledger.store, Nowhere(), waiting_max=2)
    for _ in range(2):
        audit.record(READ)
    audit.send()
    with pytest.raises(ProblemError, match="cannot be now"):
        audit.record(READ)
    back = Audit(ledger.store, ledger.way, waiting_max=2)
    back.send()
    back.record(READ)


def on_the_log(bootstrap_servers: str) -> list[dict[str, Any]]:
    """Every record of a read."""
    topic = "workforce.audit"
    with log_reader(bootstrap_servers) as log:
        places = [
            (one.partition, offset)
            for one in log.offsets(topic)
            for offset in range(one.start, one.end)
        ]
        found = [log.record(topic, *place) for place in places]
    return [decode(one.value)[1] for one in found if one and one.value]


def test_who_has_no_name_in_the_ledger_reads_nothing(
    read: Client, keys: Keys, ledger: Ledger
) -> None:
    for name, person in (("n" * 101, ""), ("a\nb", ""), ("", ""), ("ana", "s" * 195)):
        with pytest.raises(KeyRefusedError):
            keys.create(name, Role.finance, now_us(), person=person)
    key = keys.create("old", Role.finance, now_us())
    with ledger.store.begin() as connection:  # one that was made before
        connection.execute(API_KEYS.update().values(person="s" * 200))
    answer = read.get(f"{LINES}?format=csv", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable")


def test_an_id_that_nobody_can_have_is_recorded_as_asked(
    read: Client, as_role: Headers, ledger: Ledger
) -> None:
    answer = read.get(f"{LINES}?expert_id=%01&format=csv", headers=as_role[Role.finance])
    assert answer.status_code == 200
    assert recorded(ledger.store) == [(f"export {LINES}?expert_id=%01&format=csv", [])]


def test_pages_of_requests_are_recorded(read: Client, as_role: Headers, ledger: Ledger) -> None:
    asked = read.post("/v1/requests", json=BONUS, headers=as_role[Role.finance])
    assert asked.status_code == 201
    for path in ("/v1/requests", f"/v1/requests/{asked.json()['request_id']}"):
        assert read.get(path, headers=as_role[Role.auditor]).status_code == 200
        assert recorded(ledger.store) == [(f"GET {path}", [EXPERT])]
    nothing = read.get("/v1/requests?which=refused", headers=as_role[Role.auditor])
    assert nothing.json()["data"] == []
    assert recorded(ledger.store) == []


def test_a_trace_is_recorded_whomever_its_event_names(
    held: Ledger, as_role: Headers, ledger: Ledger
) -> None:
    told = {"occurred_at": "2026-10-05T09:00:00Z", "actor": "system:marketplace"}
    released = Told("TaskReleased", told | {"subject_id": "t-1", "claim_id": "c-1"})
    shared = Told(
        "TokenShared",
        told
        | {"subject_id": "ana", "expert_ids": ["ana", "bo"], "kind": "device", "token": "0" * 64},
    )
    sent = judge([released, shared], Sender("tests", now_us=now_us()))
    assert [one.refusal for one in sent] == [None, None]
    records = {(one.topic, 0, 0): Record(1, one.value) for one in sent}
    log = KnownLog({(one.topic, 0): 1 for one in sent}, records)
    with TestClient(create_app({}, replace(held, log=log))) as client:
        for one, experts in zip(sent, ([], ["ana", "bo"]), strict=True):
            path = f"/v1/events/{one.topic}/0/0/trace"
            assert client.get(path, headers=as_role[Role.finance]).status_code == 200
            assert recorded(ledger.store) == [(f"GET {path}", experts)]
