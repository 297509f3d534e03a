"""Money that needs two people: asked for by one, approved by another, on the log once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from litestar import Litestar
from litestar.testing import TestClient

from api.access.caller import Caller
from api.access.keys import Keys
from api.access.roles import Role
from api.app import Ledger
from api.errors import ProblemError
from api.ingest.bodies import AVRO, Told
from api.ingest.gateway import Outcome, OverloadedError
from api.ingest.judging import Judged, needs_two_people
from api.operational.tables import REQUESTS
from api.requests.deciding import RETRY_AFTER_US, Requests
from api.requests.store import LIFE_US, RequestStore
from schemas.catalogue import catalogue
from schemas.json_form import to_json
from schemas.log_address import parse_address
from schemas.message import now_us
from schemas.wire import decode, encode
from streams.offsets import log_reader
from tests.schemas.events import example_of

pytestmark = pytest.mark.stack
Client = TestClient[Litestar]
Headers = dict[Role, dict[str, str]]
TWO_PEOPLE = [t for t in catalogue().by_name.values() if needs_two_people(t)]
ANA, BEN = Caller("user:ana", Role.finance), Caller("user:ben", Role.finance)
NOW = now_us()


def bonus(**fields: Any) -> dict[str, Any]:
    """An event that needs two people, of a subject of its own."""
    return {
        "event_type": "BonusGranted", "subject_id": f"expert-{uuid.uuid4()}",
        "occurred_at": "2026-10-05T09:00:00Z", "bonus_id": "b-1", "amount_minor": 5_000,
        "currency": "USD", "reason": "Reference work.",
    } | fields  # fmt: skip


def told(**fields: Any) -> Told:
    """The same, as it is read from a body."""
    event = bonus(**fields)
    return Told(event.pop("event_type"), event)


@pytest.fixture
def requests(ledger: Ledger) -> Requests:
    """Requests that go to the real broker."""
    return Requests(RequestStore(ledger.store), ledger.way)


def values_at(bootstrap_servers: str, subject_id: str, token: str) -> list[bytes]:
    """The values of a subject on the log, up to a token."""
    topic, partition, last = parse_address(token)
    with log_reader(bootstrap_servers) as log:
        found = [log.record(topic, partition, offset) for offset in range(last + 1)]
    return [one.value for one in found if one and one.value and one.key == subject_id.encode()]


def test_a_second_person_approves_in_a_call_of_their_own(
    api: Client, as_role: Headers, bootstrap_servers: str
) -> None:
    event = bonus()
    asked = api.post("/v1/requests", json=event, headers=as_role[Role.finance])
    assert (asked.status_code, asked.json()["state"]) == (201, "pending")
    path = f"/v1/requests/{asked.json()['request_id']}"
    own = api.post(f"{path}/approval", headers=as_role[Role.finance])
    assert (own.status_code, own.json()["code"]) == (403, "second_person_needed")
    decided = api.post(f"{path}/approval", headers=as_role[Role.trust_and_safety])
    assert decided.status_code == 200
    assert decided.json() == api.get(path, headers=as_role[Role.auditor]).json()
    assert decided.json()["state"] == "published"
    [value] = values_at(bootstrap_servers, event["subject_id"], decided.json()["token"])
    _, on_log = decode(value)
    assert (on_log["actor"], on_log["approved_by"]) == (
        "staff:finance", "staff:trust-and-safety",
    )  # fmt: skip
    assert str(uuid.UUID(bytes=on_log["event_id"])) == asked.json()["request_id"]
    again = api.post(f"{path}/approval", headers=as_role[Role.trust_and_safety])
    assert again.json() == decided.json()


def test_a_persons_key_and_token_are_one_person_and_a_programs_key_is_none(
    api: Client, as_role: Headers, keys: Keys
) -> None:
    """`as_role` holds keys of people: another key of the same person is no second one."""

    def approve(key: str) -> tuple[int, str]:
        answer = api.post(path, headers={"Authorization": f"Bearer {key}"})
        return answer.status_code, answer.json().get("code", "")

    program = keys.create("payroll", Role.finance, now_us())
    as_program = {"Authorization": f"Bearer {program}"}
    asked = api.post("/v1/requests", json=bonus(), headers=as_program)
    assert (asked.status_code, asked.json()["code"]) == (403, "person_needed")
    asked = api.post("/v1/requests", json=bonus(), headers=as_role[Role.finance])
    path = f"/v1/requests/{asked.json()['request_id']}/approval"
    assert approve(program) == (403, "person_needed")
    same = keys.create("second key", Role.admin, now_us(), person="finance")
    assert approve(same) == (403, "second_person_needed")
    other = keys.create("third key", Role.admin, now_us(), person="carla")
    assert approve(other) == (200, "")


@pytest.mark.parametrize("event_type", TWO_PEOPLE, ids=lambda event_type: event_type.name)
def test_what_needs_two_people_goes_this_way_alone(
    api: Client, as_role: Headers, event_type: Any
) -> None:
    example = example_of(event_type)
    event = {"event_type": event_type.name} | to_json(event_type.schema, example)
    avro = {"Content-Type": AVRO}
    for role in (Role.ingest, Role.admin):
        for answer in (
            api.post("/v1/events", json=event, headers=as_role[role]),
            api.post("/v1/events", content=encode(event_type, example),
                     headers=as_role[role] | avro),
        ):  # fmt: skip
            assert (answer.status_code, answer.json()["code"]) == (422, "second_person_needed")
            assert "/v1/requests" in answer.json()["detail"]
    del event["approved_by"], event["actor"]
    event["event_id"] = str(uuid.uuid4())
    asked = api.post("/v1/requests", json=event, headers=as_role[Role.finance]).json()
    path = f"/v1/requests/{asked['request_id']}/approval"
    assert api.post(path, headers=as_role[Role.admin]).json()["state"] == "published"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"approved_by": "staff:ben"}, "approved_by"),
        ({"actor": "staff:ben"}, "actor"),
        ({"event_type": "ExpertHired"}, "event_type"),
        ({"event_type": "Nothing"}, "event_type"),
        ({"amount_minor": "much"}, "amount_minor"),
        ({"reason": " "}, "reason"),
    ],
)
def test_a_request_that_is_wrong_names_its_field(
    api: Client, as_role: Headers, fields: dict[str, Any], field: str
) -> None:
    answer = api.post("/v1/requests", json=bonus(**fields), headers=as_role[Role.finance])
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_request_told_again_is_the_same_request(api: Client, as_role: Headers) -> None:
    event, headers = bonus(), as_role[Role.finance] | {"Idempotency-Key": "bonus-1"}
    first, again = (api.post("/v1/requests", json=event, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = api.post("/v1/requests", json=event | {"amount_minor": 9}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "already_requested")
    theirs = api.post("/v1/requests", json=event | {"event_id": first.json()["request_id"]},
                      headers=as_role[Role.admin])  # fmt: skip
    assert (theirs.status_code, theirs.json()["code"]) == (409, "already_requested")


def test_a_refused_request_stays_refused_and_one_may_withdraw_ones_own(
    api: Client, as_role: Headers
) -> None:
    for decider in (Role.admin, Role.finance):
        asked = api.post("/v1/requests", json=bonus(), headers=as_role[Role.finance]).json()
        path = f"/v1/requests/{asked['request_id']}"
        silent = api.post(f"{path}/refusal", json={"reason": ""}, headers=as_role[decider])
        assert (silent.status_code, silent.json()["field"]) == (422, "reason")
        why = {"reason": "Not agreed."}
        refused = api.post(f"{path}/refusal", json=why, headers=as_role[decider])
        assert (refused.status_code, refused.json()["state"]) == (200, "refused")
        assert refused.json()["decided_by"] == f"user:{decider}"
        late = api.post(f"{path}/approval", headers=as_role[Role.trust_and_safety])
        assert (late.status_code, late.json()["code"]) == (409, "already_decided")


def test_requests_are_listed_in_pages_by_what_became_of_them(api: Client, as_role: Headers) -> None:
    ids = [
        api.post("/v1/requests", json=bonus(), headers=as_role[Role.finance]).json()["request_id"]
        for _ in range(5)
    ]
    api.post(f"/v1/requests/{ids[0]}/refusal", json={"reason": "No."}, headers=as_role[Role.admin])
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        asked = {"limit": 2, "which": "pending"} | ({"cursor": cursor} if cursor else {})
        page = api.get("/v1/requests", params=asked, headers=as_role[Role.auditor]).json()
        found += [one["request_id"] for one in page["data"]]
        cursor = page["next_cursor"]
    assert found == ids[:0:-1]
    for wrong in ({"which": "lost"}, {"cursor": "x"}):
        answer = api.get("/v1/requests", params=wrong, headers=as_role[Role.auditor])
        assert (answer.status_code, answer.json()["field"]) == (400, next(iter(wrong)))


def test_nobody_decides_what_has_expired(requests: Requests) -> None:
    asked = requests.ask(told(), ANA, "", NOW).request
    assert requests.one(asked.event_id, NOW + LIFE_US).state == "expired"
    for decide in (
        lambda at: requests.approve(asked.event_id, BEN, at),
        lambda at: requests.refuse(asked.event_id, BEN, "No.", at),
    ):
        with pytest.raises(ProblemError, match="is expired"):
            decide(NOW + LIFE_US)
    assert [one.state for one in requests.page("expired", None, 9, NOW + LIFE_US)] == ["expired"]
    assert requests.page("pending", None, 9, NOW + LIFE_US) == []


@pytest.mark.parametrize(
    "second", [ANA, ANA._replace(role=Role.admin)], ids=["the same person", "in another role"]
)
def test_who_asked_is_no_second_person(requests: Requests, second: Caller) -> None:
    asked = requests.ask(told(), ANA, "", NOW).request
    with pytest.raises(ProblemError, match="Who asked cannot approve"):
        requests.approve(asked.event_id, second, NOW)


class Way:
    """The real way to the log, on which something happens after each time."""

    def __init__(self, way: Any, after: Callable[[], None]) -> None:
        self._way, self._after = way, after
        self.sent: list[Judged] = []

    def accept(self, judged: list[Judged]) -> list[Outcome]:
        """Send, and then have it happen."""
        outcomes = self._way.accept(judged)
        self.sent += judged
        self._after()
        return outcomes


def test_of_many_who_approve_at_once_one_is_the_second_person(ledger: Ledger) -> None:
    way = Way(ledger.way, lambda: None)
    requests = Requests(RequestStore(ledger.store), way)
    asked = requests.ask(told(), ANA, "", NOW).request

    def approve(number: int) -> str:
        try:
            caller = Caller(f"user:second-{number}", Role.finance)
            return requests.approve(asked.event_id, caller, NOW).state
        except ProblemError as refused:
            return refused.code

    with ThreadPoolExecutor(6) as pool:
        said = sorted(pool.map(approve, range(6)))
    assert said == ["already_decided"] * 5 + ["published"]
    assert len(way.sent) == 1


def test_a_process_that_dies_between_publishing_and_saying_so_leaves_one_event(
    ledger: Ledger, bootstrap_servers: str
) -> None:
    def dies() -> None:
        raise KeyboardInterrupt

    store = RequestStore(ledger.store)
    event = told()
    dying = Requests(store, Way(ledger.way, dies))
    asked = dying.ask(event, ANA, "", NOW).request
    with pytest.raises(KeyboardInterrupt):
        dying.approve(asked.event_id, BEN, NOW)
    after = Requests(store, ledger.way)
    assert after.one(asked.event_id, NOW).state == "approved"
    after.publish_approved(NOW + RETRY_AFTER_US)  # it may be on its way still
    assert after.one(asked.event_id, NOW).state == "approved"
    after.publish_approved(NOW + RETRY_AFTER_US + 1)
    published = after.one(asked.event_id, NOW)
    assert (published.state, published.decided_by) == ("published", "user:ben")
    assert published.token
    assert event.fields
    values = values_at(bootstrap_servers, event.fields["subject_id"], published.token)
    assert values == [published.value] * 2  # the same event, byte for byte: taken once
    after.publish_approved(NOW + 2 * RETRY_AFTER_US)
    assert after.one(asked.event_id, NOW) == published


def test_where_no_broker_answers_an_approved_event_goes_out_later(
    ledger: Ledger, api: Client, as_role: Headers
) -> None:
    class Nowhere:
        def accept(self, judged: list[Judged]) -> list[Outcome]:
            raise OverloadedError

    store = RequestStore(ledger.store)
    asked = Requests(store, Nowhere()).ask(told(), ANA, "", NOW).request
    assert Requests(store, Nowhere()).approve(asked.event_id, BEN, NOW).state == "approved"
    Requests(store, ledger.way).publish_approved(NOW + RETRY_AFTER_US + 1)
    path = f"/v1/requests/{asked.event_id}"
    assert api.get(path, headers=as_role[Role.finance]).json()["state"] == "published"


def test_what_was_judged_when_asked_is_judged_again_when_approved(
    requests: Requests, ledger: Ledger
) -> None:
    asked = requests.ask(told(), ANA, "", NOW).request
    with ledger.store.begin() as connection:  # as if a rule had come in between
        spoilt = asked.event.replace('"USD"', '"???"')
        connection.execute(sa.update(REQUESTS).values(event=spoilt))
    with pytest.raises(ProblemError, match="currency"):
        requests.approve(asked.event_id, BEN, NOW)
    assert requests.one(asked.event_id, NOW).state == "pending"
