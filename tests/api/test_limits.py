"""A caller may ask so often and no more; bad keys from one address are as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from api.access import limits as limits_module
from api.access.keys import Keys
from api.access.limits import FAILURES_BURST, Buckets, Limits, counted_as
from api.access.roles import Role
from api.app import Ledger, create_app
from api.operational.store import open_store
from schemas.message import now_us
from tests.api.logs import KnownLog


class Clock:
    """A clock that goes when told."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@given(
    st.sampled_from([0.5, 1.0, 3.0, 50.0]),
    st.integers(1, 20),
    st.lists(st.floats(0, 5), max_size=60),
)
def test_a_bucket_grants_what_a_full_one_and_the_time_since_hold(
    per_s: float, burst: int, pauses_s: list[float]
) -> None:
    clock = Clock()
    buckets = Buckets(per_s, burst, clock)
    tokens = float(burst)
    for pause_s in pauses_s:
        clock.now_s += pause_s
        tokens = min(burst, tokens + pause_s * per_s)
        allowance = buckets.take("ana")
        if abs(tokens - 1) > 1e-6:
            assert (allowance.wait_s == 0) == (tokens > 1)
        if allowance.wait_s == 0:
            tokens -= 1
        else:
            assert allowance.wait_s == pytest.approx((1 - tokens) / per_s, abs=1e-6)


def test_who_waits_as_long_as_told_is_granted() -> None:
    clock = Clock()
    buckets = Buckets(3.0, 5, clock)
    for _ in range(100):
        if wait_s := buckets.take("ana").wait_s:
            clock.now_s += wait_s
            assert buckets.take("ana").wait_s == 0


def test_callers_do_not_take_from_each_other() -> None:
    buckets = Buckets(1.0, 1, Clock())
    assert buckets.take("ana").wait_s == 0
    assert buckets.take("ana").wait_s > 0
    assert buckets.take("ben").wait_s == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "BUCKETS_MAX", 3)
    buckets = Buckets(1.0, 1, Clock())
    for name in ("a", "b", "a", "c", "d", "e"):
        buckets.take(name)
    assert len(buckets._full_at) == 3
    assert buckets.take("e").wait_s > 0
    assert buckets.take("a").wait_s == 0  # forgotten


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_counts_as_its_network(host: str, name: str) -> None:
    assert counted_as(host) == name


@pytest.fixture
def clock() -> Clock:
    """The clock of the buckets."""
    return Clock()


@pytest.fixture
def client(tmp_path: Path, clock: Clock) -> Iterator[TestClient[Litestar]]:
    """An application that grants three requests at once, one more every two seconds."""
    store = open_store(f"sqlite:///{tmp_path}/operational.sqlite")
    nothing = cast(Any, None)
    limited = Limits(Buckets(0.5, 3, clock), Buckets(1.0, FAILURES_BURST, clock))
    ledger = Ledger(store, nothing, nothing, KnownLog(), limits=limited)
    with TestClient(create_app({}, ledger)) as client:
        yield client
    store.dispose()


def test_too_many_requests_are_told_when_to_come_again(
    client: TestClient[Litestar], clock: Clock, keys: Keys
) -> None:
    key = keys.create("payroll", Role.analyst, now_us())
    other = keys.create("other", Role.analyst, now_us())

    def ask(key: str) -> Any:
        return client.get("/v1/alerts", headers={"Authorization": f"Bearer {key}"})

    granted = [ask(key) for _ in range(3)]
    assert [answer.status_code for answer in granted] == [403] * 3  # an analyst reads no alerts
    assert [answer.headers["RateLimit"] for answer in granted] == [
        '"caller";r=2;t=2', '"caller";r=1;t=4', '"caller";r=0;t=6',
    ]  # fmt: skip
    refused = ask(key)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["Retry-After"] == "2"
    assert refused.headers["RateLimit-Policy"] == '"caller";q=3;w=6'
    assert ask(other).status_code == 403
    clock.now_s += 2
    assert ask(key).status_code == 403


def test_an_address_that_comes_with_bad_keys_waits_and_a_good_key_from_there_passes(
    client: TestClient[Litestar], clock: Clock, keys: Keys
) -> None:
    bad = {"Authorization": "Bearer wl_00_00"}
    tried = [client.get("/v1/alerts", headers=bad).status_code for _ in range(FAILURES_BURST)]
    assert set(tried) == {401}
    good = {"Authorization": f"Bearer {keys.create('payroll', Role.analyst, now_us())}"}
    refused = client.get("/v1/alerts", headers=bad)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert refused.headers["Retry-After"] == "1"
    assert client.get("/v1/alerts", headers=good).status_code == 403
    clock.now_s += 1
    assert client.get("/v1/alerts", headers=bad).status_code == 401
