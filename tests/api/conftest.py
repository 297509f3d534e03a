"""The API over a real broker and a real store, with a key of each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from litestar import Litestar
from litestar.testing import TestClient

from api.access.keys import Keys
from api.access.roles import OF_PEOPLE, PERMITTED, Role
from api.app import Ledger, create_app
from api.ingest.gateway import Gateway
from api.operational.store import open_store
from infra.settings import Settings
from projections.store.client import Address, connect
from schemas.message import now_us
from streams.publisher import Publisher
from tests.api.logs import KnownLog
from tests.api.serving import serving

EXPERT = "ines-duarte"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """The keys of a fresh store."""
    return Keys(open_store(f"sqlite:///{tmp_path}/operational.sqlite"))


@pytest.fixture
def ledger(tmp_path: Path, bootstrap_servers: str) -> Iterator[Ledger]:
    """A real broker and a fresh store; nothing to be read."""
    store = open_store(f"sqlite:///{tmp_path}/operational.sqlite")
    gateway = Gateway(lambda: Publisher(bootstrap_servers))
    yield Ledger(store, gateway, nothing_to_read, KnownLog())
    gateway.close()
    store.dispose()


def nothing_to_read() -> Client:
    """Where a test is about writing."""
    raise AssertionError("nothing is read in this test")


@pytest.fixture
def api(ledger: Ledger) -> Iterator[TestClient[Litestar]]:
    """A client of the application."""
    with TestClient(create_app({}, ledger)) as client:
        yield client


@pytest.fixture
def as_role(keys: Keys) -> dict[Role, dict[str, str]]:
    """Headers with a good key, by role; those who may do what is for people are people."""
    made = {
        role: keys.create(
            role,
            role,
            now_us(),
            expert_id=EXPERT if role is Role.expert else "",
            person=role if OF_PEOPLE & PERMITTED[role] else "",
        )
        for role in Role
    }
    return {role: {"Authorization": f"Bearer {key}"} for role, key in made.items()}


@pytest.fixture
def mine(keys: Keys) -> Callable[[str], dict[str, str]]:
    """Headers with a good key of an expert."""

    def headers(expert_id: str) -> dict[str, str]:
        name = f"{expert_id} {now_us()}"
        key = keys.create(name, Role.expert, now_us(), expert_id=expert_id)
        return {"Authorization": f"Bearer {key}"}

    return headers


@pytest.fixture
def reader(clickhouse_address: Address, settings: Settings) -> Iterator[Client]:
    """The client of the test's own database that the API has: it may only read."""
    address = replace(
        clickhouse_address,
        user=settings.clickhouse_reader,
        password=settings.clickhouse_reader_password,
    )
    client = connect(address)
    yield client
    client.close()


@pytest.fixture
def served(ledger: Ledger, clickhouse: Client) -> Iterator[str]:
    """The address of the application, served over a socket as `workledger api` does."""
    with serving(create_app({}, replace(ledger, reader=lambda: clickhouse))) as address:
        yield f"http://{address}"
