"""Events come in over HTTP: on the log before the answer, refused with the field, taken once."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from litestar import Litestar
from litestar.testing import TestClient

from api.access.keys import Keys
from api.access.roles import Role
from api.app import Ledger, create_app
from api.ingest import routes as ingest_routes
from api.ingest.bodies import AVRO, CLOUD_EVENT, CLOUD_EVENTS, EVENTS_MAX
from api.ingest.gateway import Gateway
from api.ingest.idempotency import KEPT_US
from api.ingest.judging import Judged, needs_two_people
from api.operational.store import open_store
from api.operational.tables import ANSWERS
from schemas.catalogue import catalogue
from schemas.json_form import to_json
from schemas.log_address import parse_address
from schemas.message import now_us
from schemas.wire import decode, encode
from streams.offsets import log_reader
from streams.publish_error import PublishError
from streams.publisher import Publisher
from tests.api.conftest import nothing_to_read
from tests.api.logs import KnownLog
from tests.schemas.events import example_of

pytestmark = pytest.mark.stack
Client = TestClient[Litestar]
Headers = dict[Role, dict[str, str]]


def hired(**fields: Any) -> dict[str, Any]:
    """An event in JSON, of a subject of its own."""
    return {
        "event_type": "ExpertHired", "subject_id": f"expert-{uuid.uuid4()}",
        "occurred_at": "2026-10-05T09:00:00Z", "actor": "system:marketplace",
        "domains": ["poetry"], "country": "PT", "home_zone": "Europe/Lisbon",
    } | fields  # fmt: skip


def on_the_log(bootstrap_servers: str, outcome: dict[str, Any]) -> tuple[bytes, bytes]:
    """Key and value of the record that an outcome's token names."""
    with log_reader(bootstrap_servers) as log:
        found = log.record(*parse_address(outcome["token"]))
    assert found
    assert found.key
    assert found.value
    return found.key, found.value


def test_an_event_is_on_the_log_before_the_answer(
    api: Client, as_role: Headers, bootstrap_servers: str
) -> None:
    answer = api.post("/v1/events", json=hired(), headers=as_role[Role.ingest])
    assert answer.status_code == 201
    key, value = on_the_log(bootstrap_servers, answer.json())
    event_type, event = decode(value)
    assert (event_type.name, event["subject_id"].encode()) == ("ExpertHired", key)
    assert event["event_id"] == uuid.UUID(answer.json()["event_id"]).bytes
    assert event["source"] == "ingest"  # the name of the key


def test_of_a_list_each_event_has_an_outcome_of_its_own(
    api: Client, as_role: Headers, bootstrap_servers: str
) -> None:
    events = [hired(), hired(country="PRT"), hired(shoe_size=42), {"event_type": "Hired"}, 7]
    answer = api.post("/v1/events", json=events, headers=as_role[Role.ingest])
    assert answer.status_code == 207
    told = answer.json()
    assert (told["accepted"], told["refused"]) == (1, 4)
    first, *refused = told["outcomes"]
    assert on_the_log(bootstrap_servers, first)[0] == events[0]["subject_id"].encode()
    assert [(one["status"], one["code"], one["field"]) for one in refused] == [
        (422, "broken_rule", "country"),
        (422, "invalid_field", "shoe_size"),
        (422, "unknown_event_type", "event_type"),
        (422, "invalid_field", ""),
    ]


@pytest.mark.parametrize("wrong", ["yesterday", "2026-10-05T09:00:00", 0, None], ids=str)
def test_a_bad_event_alone_is_a_problem_that_names_its_field(
    api: Client, as_role: Headers, wrong: Any
) -> None:
    event = hired(occurred_at=wrong)
    answer = api.post("/v1/events", json=event, headers=as_role[Role.ingest])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["code"], told["field"]) == ("invalid_field", "occurred_at")
    assert wrong is None or "2026-10-05T09:00:00Z" in told["detail"]


def cloud_event() -> dict[str, Any]:
    """The same as a CloudEvent, with an id that is no UUID."""
    event = hired()
    return {
        "specversion": "1.0", "id": "hire-17", "source": "recruiting",
        "type": event.pop("event_type"), "subject": event.pop("subject_id"),
        "time": event.pop("occurred_at"), "actor": event.pop("actor"), "data": event,
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"specversion": "0.3"}, {"specversion": 1.0}, {"time": 0}, {"id": 17}, {"subject": ["one"]},
        {"id": ""}, {"id": None}, {"source": ""}, {"type": None}, {"correlationid": ""},
    ],
    ids=str,
)  # fmt: skip
def test_an_attribute_that_is_none_of_a_cloud_event_is_named(
    api: Client, as_role: Headers, wrong: dict[str, Any]
) -> None:
    headers = as_role[Role.ingest] | {"Content-Type": CLOUD_EVENT}
    answer = api.post("/v1/events", json=cloud_event() | wrong, headers=headers)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "invalid_field")
    assert [told["field"]] == [*wrong]


def test_a_cloud_event_of_any_id_is_the_same_event_each_time(
    api: Client, as_role: Headers, bootstrap_servers: str
) -> None:
    cloud = cloud_event() | {"correlationid": None}
    headers = as_role[Role.ingest] | {"Content-Type": CLOUD_EVENT}
    first, again = (api.post("/v1/events", json=cloud, headers=headers).json() for _ in range(2))
    assert first["event_id"] == again["event_id"]
    _, told = decode(on_the_log(bootstrap_servers, first)[1])
    assert (told["source"], told["home_zone"]) == ("recruiting", "Europe/Lisbon")
    many = api.post(
        "/v1/events", json=[cloud, cloud], headers=headers | {"Content-Type": CLOUD_EVENTS}
    )
    assert [one["event_id"] for one in many.json()["outcomes"]] == [first["event_id"]] * 2


def test_avro_bytes_go_to_the_log_as_they_are(
    api: Client, as_role: Headers, bootstrap_servers: str
) -> None:
    event_type = catalogue().by_name["ExpertHired"]
    value = encode(event_type, example_of(event_type))
    headers = as_role[Role.ingest] | {"Content-Type": AVRO}
    answer = api.post("/v1/events", content=value, headers=headers)
    assert answer.status_code == 201
    assert on_the_log(bootstrap_servers, answer.json())[1] == value
    cut = api.post("/v1/events", content=value[:-1], headers=headers)
    assert (cut.status_code, cut.json()["code"]) == (422, "undecodable")


def test_every_event_type_is_taken_in_json(api: Client, as_role: Headers) -> None:
    events = [
        {"event_type": t.name} | to_json(t.schema, example_of(t))
        for t in catalogue().by_name.values()
        if not needs_two_people(t)
    ]
    told = api.post("/v1/events", json=events, headers=as_role[Role.ingest]).json()
    assert [one for one in told["outcomes"] if one["status"] != 201] == []


def test_the_same_idempotency_key_gives_the_first_answer_again(
    api: Client, as_role: Headers
) -> None:
    body, headers = [hired(), hired()], as_role[Role.ingest] | {"Idempotency-Key": "batch-1"}
    first, again = (api.post("/v1/events", json=body, headers=headers) for _ in range(2))
    assert again.json() == first.json()
    assert (first.headers.get("Idempotency-Hit"), again.headers["Idempotency-Hit"]) == (
        None, "true",
    )  # fmt: skip
    other = api.post("/v1/events", json=[hired()], headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_retry_after_a_crash_before_the_answer_tells_the_same_events(
    api: Client, as_role: Headers, tmp_path: Path
) -> None:
    body, headers = [hired(), hired()], as_role[Role.ingest] | {"Idempotency-Key": "batch-2"}
    first = api.post("/v1/events", json=body, headers=headers).json()
    store = open_store(f"sqlite:///{tmp_path}/operational.sqlite")
    with store.begin() as connection:  # as a process leaves it that dies before it has answered
        connection.execute(sa.update(ANSWERS).values(status=None, answer=None))
    waiting = api.post("/v1/events", json=body, headers=headers)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "in_flight")
    with store.begin() as connection:
        connection.execute(sa.update(ANSWERS).values(lease_until=now_us()))
    again = api.post("/v1/events", json=body, headers=headers).json()
    ids = [[one["event_id"] for one in told["outcomes"]] for told in (first, again)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("content_type", "body", "status", "said"),
    [
        ("application/json", b"{", 400, "not JSON"),
        ("application/json", b"[]", 400, f"1 to {EVENTS_MAX:,}"),
        (CLOUD_EVENTS, b"{}", 400, "is a list"),
        (CLOUD_EVENT, b"[{}]", 400, "is one event"),
        ("text/plain", b"hello", 415, "application/json"),
    ],
)
def test_a_body_that_is_no_event_is_refused_whole(
    api: Client, as_role: Headers, content_type: str, body: bytes, status: int, said: str
) -> None:
    headers = as_role[Role.ingest] | {"Content-Type": content_type}
    answer = api.post("/v1/events", content=body, headers=headers)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_where_there_is_no_room_the_answer_says_when_to_come_again(
    keys: Keys, as_role: Headers, tmp_path: Path
) -> None:
    def nobody() -> Publisher:
        raise PublishError("No broker answers.")

    store = open_store(f"sqlite:///{tmp_path}/operational.sqlite")
    ledger = Ledger(store, Gateway(nobody), nothing_to_read, KnownLog())
    with TestClient(create_app({}, ledger)) as client:
        answer = client.post("/v1/events", json=hired(), headers=as_role[Role.ingest])
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["code"] == "overloaded"


@pytest.mark.parametrize("role", Role)
def test_only_those_who_may_write_events_write_them(
    api: Client, as_role: Headers, role: Role
) -> None:
    answer = api.post("/v1/events", json=hired(), headers=as_role[role])
    assert answer.status_code == (201 if role in (Role.ingest, Role.admin) else 403)


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wl_00_00", "Basic dXNlcjpw"])
def test_without_a_good_key_nobody_gets_in(api: Client, given: str) -> None:
    answer = api.post("/v1/events", json=hired(), headers={"Authorization": given})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_key_of_yesterday_with_another_body_is_another_event(
    api: Client, as_role: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = as_role[Role.ingest] | {"Idempotency-Key": "nightly"}
    told = hired()
    first = api.post("/v1/events", json=told, headers=headers).json()
    later = now_us() + KEPT_US + 60_000_000
    monkeypatch.setattr(ingest_routes, "now_us", lambda: later)
    second = api.post("/v1/events", json=hired(), headers=headers)
    assert second.status_code == 201
    assert second.json()["event_id"] != first["event_id"]
    monkeypatch.setattr(ingest_routes, "now_us", lambda: later + KEPT_US + 60_000_000)
    again = api.post("/v1/events", json=told, headers=headers).json()
    assert again["event_id"] == first["event_id"]


def test_an_event_that_no_topic_takes_is_refused_for_good(api: Client, as_role: Headers) -> None:
    large = hired(domains=["a" * 3_000_000])
    answer = api.post("/v1/events", json=large, headers=as_role[Role.ingest])
    assert (answer.status_code, answer.json()["code"]) == (422, "too_large")
    both = api.post("/v1/events", json=[hired(), large], headers=as_role[Role.ingest]).json()
    assert [one["status"] for one in both["outcomes"]] == [201, 422]
    asked = {
        "event_type": "BonusGranted", "subject_id": "ines", "occurred_at": "2026-10-05T09:00:00Z",
        "bonus_id": "b", "amount_minor": 1, "currency": "USD", "reason": "a" * 3_000_000,
    }  # fmt: skip
    answer = api.post("/v1/requests", json=asked, headers=as_role[Role.finance])
    assert (answer.status_code, answer.json()["code"]) == (422, "too_large")


def test_a_gateway_whose_events_failed_once_ends_like_any_other(bootstrap_servers: str) -> None:
    gateway = Gateway(lambda: Publisher(bootstrap_servers))
    lost = Judged(b"a" * 3_000_000, "workforce.experts", b"key", "id")
    assert [one.status for one in gateway.accept([lost])] == [503]
    gateway.close()
