"""Every route below /v1 asks who calls: a cell for each role and route, and each bad credential.

The routes are the application's own, so one that is added is held to the same, or fails here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from litestar import Litestar, Router, get
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from api.access import tokens as made_of
from api.access.guard import PERMISSION, allow
from api.access.keys import Keys
from api.access.limits import Buckets, Limits
from api.access.roles import PERMITTED, Permission, Role
from api.access.signing_keys import SigningKeys
from api.access.tokens import Tokens
from api.app import Ledger, create_app
from api.ingest.gateway import Gateway
from api.operational.store import open_store
from schemas.message import now_us
from streams.publish_error import PublishError
from streams.publisher import Publisher
from tests.api.conftest import EXPERT
from tests.api.issuer import AUDIENCE, Issuer, issuing, rsa_key
from tests.api.logs import KnownLog

Headers = dict[str, str]
SIGNING, FOREIGN = rsa_key(), rsa_key()
OPEN = re.compile(r"/(health|metrics|schema|schemas|subjects|config|mode)(/.*)?|/")
"""What may be read without a key: health, counts, the language, and the start page."""


class Cell(NamedTuple):
    """A route and what it asks for."""

    method: str
    path: str
    permission: Permission | None
    takes: frozenset[str]
    """The parameters of its query."""


def routes_of(app: Litestar) -> list[Cell]:
    """Every route that the application serves to clients, but those that are open to all."""
    return [
        Cell(method, re.sub(r"{\w+:\w+}", "x", route.path), permission, parameters)
        for route in map(_Route, app.routes)
        for method, permission, parameters in route.methods()
        if not OPEN.fullmatch(route.path)
    ]


class _Route:
    def __init__(self, route: Any) -> None:
        self._route = route
        self.path: str = route.path

    def methods(self) -> Iterator[tuple[str, Permission | None, frozenset[str]]]:
        if not isinstance(self._route, HTTPRoute):
            yield "GET", None, frozenset()
            return
        for method, (handler, _) in self._route.route_handler_map.items():
            if method != "OPTIONS":
                yield str(method), handler.opt.get(PERMISSION), _query_of(handler)


def _query_of(handler: Any) -> frozenset[str]:
    filters = handler.resolve_dependencies().get("filters")
    names = set(filters.parsed_fn_signature.parameters) if filters else set()
    return frozenset(names | set(handler.parsed_fn_signature.parameters))


def _nobody() -> Publisher:
    raise PublishError("No broker answers.")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer with one key."""
    with issuing() as running:
        running.add_key("one", SIGNING)
        yield running


@pytest.fixture
def app(tmp_path: Path, issuer: Issuer) -> Iterator[Litestar]:
    """The application without broker and engine: who passes the guard finds nothing behind it."""
    store = open_store(f"sqlite:///{tmp_path}/operational.sqlite")
    tokens = Tokens(made_of.Issuer(issuer.url, AUDIENCE), SigningKeys(issuer.url))
    nothing = cast(Any, lambda: None)
    often = Limits(Buckets(1.0, 10_000), Buckets(1.0, 10_000))
    ledger = Ledger(store, Gateway(_nobody), nothing, KnownLog(), tokens, often)
    yield create_app({}, ledger)
    store.dispose()


@pytest.fixture
def client(app: Litestar) -> Iterator[TestClient[Litestar]]:
    """A client of it."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(params=["key", "token"])
def by_role(
    request: pytest.FixtureRequest, as_role: dict[Role, Headers], issuer: Issuer
) -> dict[Role, Headers]:
    """Good credentials of each role, of both kinds."""
    if request.param == "key":
        return as_role
    return {role: _bearer(issuer.token("one", role=role, expert_id=EXPERT)) for role in Role}


def _bearer(credential: str) -> Headers:
    return {"Authorization": f"Bearer {credential}"}


def test_every_route_names_its_permission(app: Litestar) -> None:
    cells = routes_of(app)
    assert {"/v1/events", "/v1/payouts/lines", "/v1/alerts"} <= {cell.path for cell in cells}
    assert [cell for cell in cells if cell.permission not in list(Permission)] == []
    assert [cell for cell in cells if not cell.path.startswith("/v1/")] == []


def test_every_permission_is_asked_for_and_given_to_somebody() -> None:
    assert frozenset[Permission]().union(*PERMITTED.values()) == set(Permission)
    assert set(PERMITTED) == set(Role)


def test_each_role_passes_where_the_table_permits_and_nowhere_else(
    app: Litestar, client: TestClient[Litestar], by_role: dict[Role, Headers]
) -> None:
    wrong: list[Any] = []
    for cell in routes_of(app):
        for role, headers in by_role.items():
            answer = client.request(cell.method, cell.path, headers=headers)
            may = cell.permission in PERMITTED[role]
            if may == (answer.status_code in (401, 403)) or (not may and answer.status_code != 403):
                wrong.append((cell, role, answer.status_code))
            elif not may:
                assert f"The role {role} may not" in answer.json()["detail"]
    assert wrong == []


def test_nobody_passes_without_a_good_credential(
    app: Litestar, client: TestClient[Litestar], keys: Keys, issuer: Issuer, tmp_path: Path
) -> None:
    expired = keys.create("expired", Role.admin, now_us() - 2 * 86_400_000_000, days=1)
    revoked = keys.create("revoked", Role.admin, now_us())
    keys.revoke("revoked", now_us())
    good = keys.create("good", Role.admin, now_us())
    elsewhere = open_store(f"sqlite:///{tmp_path}/elsewhere.sqlite")
    foreign = Keys(elsewhere).create("foreign", Role.admin, now_us())
    elsewhere.dispose()
    token = issuer.token("one", role="admin")
    issuer.add_key("not published", FOREIGN)
    other = issuer.token("not published", role="admin")
    del issuer.keys["not published"]
    bad = {
        "missing": {},
        "empty": {"Authorization": ""},
        "no credential": {"Authorization": "Bearer"},
        "another scheme": {"Authorization": f"Basic {good}"},
        "a key without its scheme": {"Authorization": good},
        "expired key": _bearer(expired),
        "revoked key": _bearer(revoked),
        "unknown key": _bearer("wl_0011_secret"),
        "wrong secret": _bearer(f"{good}x"),
        "foreign key": _bearer(foreign),
        "expired token": _bearer(issuer.token("one", role="admin", exp=1)),
        "foreign token": _bearer(other),
        "token for another": _bearer(issuer.token("one", role="admin", aud="payroll")),
        "broken token": _bearer(f"{token}x"),
    }
    passed: list[Any] = []
    for cell in routes_of(app):
        for name, headers in bad.items():
            answer = client.request(cell.method, cell.path, headers=headers)
            if answer.status_code != 401:
                passed.append((cell, name, answer.status_code))
                continue
            assert answer.headers["content-type"] == "application/problem+json"
            assert (answer.json()["code"], answer.headers["WWW-Authenticate"]) == (
                "unauthorized", "Bearer",
            )  # fmt: skip
    assert passed == []
    assert client.post("/v1/events", headers=_bearer(good)).status_code not in (401, 403)
    assert client.post("/v1/events", headers=_bearer(token)).status_code not in (401, 403)


def test_an_expert_may_not_ask_for_anothers_rows_anywhere(
    app: Litestar, client: TestClient[Litestar], by_role: dict[Role, Headers]
) -> None:
    asked = [
        cell for cell in routes_of(app)
        if cell.permission in PERMITTED[Role.expert] and "expert_id" in cell.takes
    ]  # fmt: skip
    assert "/v1/payouts/lines" in {cell.path for cell in asked}
    for cell in asked:
        answer = client.request(
            cell.method, cell.path, params={"expert_id": "another"}, headers=by_role[Role.expert]
        )
        assert answer.status_code == 403, cell


def test_a_route_without_a_permission_is_closed_to_all(
    app: Litestar, client: TestClient[Litestar], by_role: dict[Role, Headers]
) -> None:
    @get("/v1/unnamed")
    async def unnamed() -> None:
        """Somebody forgot its permission."""

    app.register(Router("/", route_handlers=[unnamed], guards=[allow]))
    assert [cell.path for cell in routes_of(app) if cell.permission is None] == ["/v1/unnamed"]
    for headers in by_role.values():
        assert client.get("/v1/unnamed", headers=headers).status_code == 403


def test_a_person_without_a_role_is_told_so(client: TestClient[Litestar], issuer: Issuer) -> None:
    answer = client.get("/v1/alerts", headers=_bearer(issuer.token("one", role="janitor")))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "one role" in answer.json()["detail"]


def test_where_the_issuer_is_down_people_wait_and_keys_open(
    client: TestClient[Litestar], issuer: Issuer, as_role: dict[Role, Headers]
) -> None:
    issuer.is_down = True
    answer = client.post("/v1/events", headers=_bearer(issuer.token("one", role="admin")))
    assert (answer.status_code, answer.json()["code"]) == (503, "issuer_unavailable")
    assert answer.headers["Retry-After"] == "10"
    opened = client.post("/v1/events", headers=as_role[Role.admin])
    assert opened.json()["code"] != "issuer_unavailable"
