"""The operational store is the same on SQLite and PostgreSQL, and migrates with its rows kept."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from api.access.keys import KeyRefusedError, Keys
from api.access.roles import Role
from api.ingest.idempotency import (
    LEASE_S,
    Answer,
    Idempotency,
    InFlightError,
    KeyReusedError,
)
from api.operational.store import answers, migrate, open_store
from api.operational.tables import metadata
from api.requests.store import LIFE_US, Request, RequestStore
from tests.api.postgres import programs, server

NOW = 1_790_000_000_000_000
EXPIRED = NOW + int(LEASE_S * 1_000_000)
ANSWER = Answer(201, b'{"status": 201}')


@pytest.fixture(scope="module")
def postgres() -> Iterator[Callable[[], str]]:
    """What makes a fresh database on a PostgreSQL server of this module."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed. Try: apt-get install postgresql")
    with server(found) as fresh:
        yield fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/operational.sqlite"
    return request.getfixturevalue("postgres")()


@pytest.fixture
def store(url: str) -> Iterator[sa.Engine]:
    """A fresh store, open."""
    engine = open_store(url)
    yield engine
    engine.dispose()


def test_a_key_lives_and_ends(store: sa.Engine) -> None:
    keys = Keys(store)
    key = keys.create("payroll", Role.finance, NOW)
    assert keys.caller(key, NOW).identity == "key:payroll"
    with pytest.raises(KeyRefusedError, match="already"):
        keys.create("payroll", Role.finance, NOW)
    keys.revoke("payroll", NOW + 1)
    with pytest.raises(KeyRefusedError, match="revoked"):
        keys.caller(key, NOW + 2)
    again = keys.create("payroll", Role.finance, NOW + 3)
    assert keys.caller(again, NOW + 4).identity == "key:payroll"
    assert [one.state_at(NOW + 4) for one in keys.every()] == ["active", "revoked"]


def test_an_answer_is_given_again(store: sa.Engine) -> None:
    kept = Idempotency(store)
    assert kept.begin("key:tracker", "batch-1", b"body", NOW) is None
    with pytest.raises(InFlightError):
        kept.begin("key:tracker", "batch-1", b"body", NOW + 1)
    assert kept.begin("key:tracker", "batch-1", b"body", EXPIRED) is None  # the first died
    kept.end("key:tracker", "batch-1", ANSWER)
    assert kept.begin("key:tracker", "batch-1", b"body", EXPIRED) == ANSWER
    with pytest.raises(KeyReusedError):
        kept.begin("key:tracker", "batch-1", b"other", NOW)
    assert kept.begin("key:payroll", "batch-1", b"body", NOW) is None
    kept.give_up("key:payroll", "batch-1")
    assert kept.begin("key:payroll", "batch-1", b"other", NOW) is None


def test_a_request_is_decided_once_and_pages_follow_each_other(store: sa.Engine) -> None:
    requests = RequestStore(store)
    made = [
        Request(f"{n:036}", "BonusGranted", "{}", "user:ana", NOW + n // 2, NOW + LIFE_US)
        for n in range(5)
    ]
    assert [requests.add(one) for one in (*made, made[0])] == [True] * 5 + [False]
    first = requests.page("pending", None, 2, NOW)
    rest = requests.page("pending", (first[1].requested_at, first[1].event_id), 9, NOW)
    assert [*first, *rest] == made[::-1]
    decision = {"state": "approved", "decided_by": "user:ben", "value": b"bytes"}
    assert requests.decide(made[0].event_id, NOW, **decision)
    assert not requests.decide(made[0].event_id, NOW, **decision | {"state": "refused"})
    assert not requests.decide(made[1].event_id, NOW + LIFE_US, **decision)
    [approved] = requests.approved(NOW + 1)
    assert (approved.event_id, approved.value) == (made[0].event_id, b"bytes")


def test_the_migrations_make_what_the_tables_say(store: sa.Engine) -> None:
    with store.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_store_of_the_first_revision_keeps_its_rows(url: str) -> None:
    first = sa.create_engine(url)
    migrate(first, "0001")
    key = _fill(first)
    first.dispose()
    _keeps_its_rows(url, key)


def test_a_store_from_before_there_were_revisions_is_adopted(url: str) -> None:
    first = sa.create_engine(url)
    migrate(first, "0001")
    key = _fill(first)
    with first.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    first.dispose()
    _keeps_its_rows(url, key)


def _fill(store: sa.Engine) -> str:
    """A key and an answer, as the first revision kept them; answers with the key."""
    with store.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO api_keys VALUES "
                "('a1b2', 'payroll', 'finance', '', :hash, :now, :end, NULL)"
            ),
            {"hash": hashlib.sha256(b"secret").digest(), "now": NOW, "end": NOW + 10},
        )
        connection.execute(
            sa.text("INSERT INTO idempotent_answers VALUES "
                    "('a1b2', 'batch-1', :hash, :end, 201, :answer)"),
            {"hash": hashlib.sha256(b"body").digest(), "end": NOW + 10, "answer": ANSWER.body},
        )  # fmt: skip
    return "wl_a1b2_secret"


def _keeps_its_rows(url: str, key: str) -> None:
    store = open_store(url)
    caller = Keys(store).caller(key, NOW)
    assert (caller.identity, caller.role) == ("key:payroll", Role.finance)
    assert Idempotency(store).begin(caller.identity, "batch-1", b"body", NOW) == ANSWER
    with pytest.raises(KeyRefusedError, match="already"):
        Keys(store).create("payroll", Role.analyst, NOW)
    store.dispose()


def test_processes_that_open_a_store_at_once_all_find_it_migrated(url: str) -> None:
    code = f"from api.operational.store import open_store; open_store({url!r})"
    opening = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)
    ]
    said = [process.communicate()[1] for process in opening]
    assert [process.returncode for process in opening] == [0] * 4, said
    store = open_store(url)
    assert Keys(store).every() == []
    store.dispose()


def test_ready_names_the_operational_store(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/operational.sqlite")
    assert answers(store)
    store.dispose()
    nowhere = sa.create_engine("sqlite:////nowhere/at/all.sqlite")
    assert not answers(nowhere)
