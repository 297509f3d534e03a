"""With a registry that gives the ids: its ids are written and read, and a mismatch is refused."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import CHECKOUT, Settings
from schemas.catalogue import catalogue
from schemas.message import Message, fields_of
from schemas.registry_client import RegistryMismatchError, with_ids_of
from schemas.wire import encode
from streams.publisher import Publisher
from tests.integration.other_registry import FIRST_ID
from tests.integration.test_registry_clients import told_by
from tests.integration.workers import LEDGER, WorkerProcess, catch_up, running
from tests.local_stack import free_ports


@contextmanager
def registry(lacks: str = "", alters: str = "") -> Iterator[str]:
    """The address of a registry with other ids."""
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.integration.other_registry", str(port), lacks, alters]
    process = subprocess.Popen(command, cwd=CHECKOUT)
    try:
        for _ in range(300):
            try:
                httpx.get(f"{url}/health/live").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def test_ids_are_the_registrys_and_everything_else_is_ours() -> None:
    with registry() as url:
        known = with_ids_of(url, catalogue())
    assert set(known.by_id) == {FIRST_ID + schema_id for schema_id in catalogue().by_id}
    for name, event_type in catalogue().by_name.items():
        assert known.by_name[name].schema_id == FIRST_ID + event_type.schema_id
        assert known.by_name[name].schema == event_type.schema


def test_a_subject_that_the_registry_lacks_is_named() -> None:
    with (
        registry(lacks="TokenSeen") as url,
        pytest.raises(RegistryMismatchError, match=r"does not know workforce.tokens.TokenSeen"),
    ):
        with_ids_of(url, catalogue())


def test_a_schema_that_differs_is_named_with_its_version() -> None:
    with (
        registry(alters="ExpertHired") as url,
        pytest.raises(
            RegistryMismatchError, match=r"workforce.experts.ExpertHired, but not version 1 as"
        ),
    ):
        with_ids_of(url, catalogue())


def test_a_registry_that_does_not_answer_is_named() -> None:
    [port] = free_ports(1)
    with pytest.raises(RegistryMismatchError, match=rf"127.0.0.1:{port} cannot be read"):
        with_ids_of(f"http://127.0.0.1:{port}", catalogue())


def with_registrys_id(one: Message) -> bytes:
    """The bytes of a message under the registry's id."""
    value = encode(one.event.event_type(), fields_of(one.event, one.envelope))
    schema_id = int.from_bytes(value[1:5], "big")
    return b"\0" + (FIRST_ID + schema_id).to_bytes(4, "big") + value[5:]


@pytest.mark.stack
def test_workers_read_the_registrys_ids_and_no_others(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    hired, entry = told_by("ines-duarte")
    with registry() as url, Publisher(own.bootstrap_servers) as publisher:
        for value in (with_registrys_id(hired), with_registrys_id(entry), entry.value):
            publisher.send(hired.topic, hired.key, value)
        publisher.flush()
        chosen = own.model_copy(update={"schema_registry_url": url})
        with running(chosen, tmp_path, *LEDGER):
            catch_up(clickhouse, own, tmp_path, *LEDGER)
    lines = clickhouse.query("SELECT entry_id FROM payout_lines").result_rows
    ids = clickhouse.query(
        "SELECT schema_id FROM events WHERE actor != 'system:agents' ORDER BY offset"
    ).result_rows
    letters = clickhouse.query("SELECT DISTINCT reason FROM dead_letters").result_rows
    assert [tuple(row) for row in lines] == [("e1",)]
    assert [tuple(row) for row in ids] == [(FIRST_ID + 1,), (FIRST_ID + 6,)]
    assert [tuple(row) for row in letters] == [("schema id 6 is unknown",)]


@pytest.mark.stack
def test_a_worker_does_not_start_beside_a_registry_that_differs(
    own: Settings, clickhouse: Client, tmp_path: Path
) -> None:
    with registry(alters="ExpertHired") as url:
        chosen = own.model_copy(update={"schema_registry_url": url})
        worker = WorkerProcess("payout", chosen, tmp_path / "payout.log")
        assert worker.process.wait(60) == 1
    said = worker.log.read_text()
    assert "has workforce.experts.ExpertHired, but not version 1 as it was shipped" in said
    assert "Traceback" not in said
