"""Real processes, killed with kill -9: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.demo.history import history
from infra.importing.run import publish_events
from infra.settings import Settings
from infra.stack import Stack, processes
from projections.store.client import Address, connect
from streams.publisher import Publisher
from tests.commands import environment_of, run_workledger
from tests.databases import fresh_database
from tests.faults.killing_worker import POINTS
from tests.integration.workers import (
    WorkerProcess,
    catch_up,
    rows,
    running,
    settings_for,
    until,
)
from tests.local_stack import local_settings

pytestmark = pytest.mark.stack
EVENTS = list(history())
TABLES = ("payout_lines", "payout_journal", "payout_state", "payout_applied", "payout_repeats")
TAKEN_OVER_WITHIN_S = 15.0


def publish(settings: Settings, events: Sequence[Any]) -> None:
    with Publisher(settings.bootstrap_servers) as publisher:
        publish_events(events, publisher)


def progress(client: Client, projection: str = "payout") -> dict[int, int]:
    sql = f"SELECT partition, offset FROM watermarks WHERE projection = '{projection}'"
    return dict(rows(client, sql))


def differing(client: Client, one: Settings, other: Settings) -> list[str]:
    """Tables in which two databases do not hold the same rows, with one of them."""
    found: list[str] = []
    for table in TABLES:
        for here, there in ((one, other), (other, one)):
            names = [f"{s.clickhouse_database}.{table}_g1 FINAL" for s in (here, there)]
            sql = (
                f"SELECT * FROM (SELECT * FROM {names[0]} EXCEPT SELECT * FROM {names[1]}) LIMIT 1"
            )
            found += [f"{table}: {row}" for row in rows(client, sql)]
    return found


def undisturbed(own: Settings, stack_settings: Settings, folder: Path, client: Client) -> list[str]:
    """What differs from a worker that nobody killed, over the same log."""
    with fresh_database(stack_settings) as address:
        theirs = settings_for(own, address, folder)
        mine = connect(address)
        with running(theirs, folder, "payout"):
            until(lambda: progress(mine) == progress(client))
        mine.close()
        return differing(client, own, theirs)


def test_a_worker_killed_at_every_named_point_loses_nothing_and_doubles_nothing(
    own: Settings, clickhouse: Client, stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "undisturbed").mkdir()
    shares = len(POINTS) + 1
    for number, point in enumerate(POINTS):
        publish(own, EVENTS[number * len(EVENTS) // shares : (number + 1) * len(EVENTS) // shares])
        before = sum(progress(clickhouse).values())
        command = [sys.executable, "-m", "tests.faults.killing_worker", "payout", point, "1"]
        with (tmp_path / f"{point}.log").open("wb") as log:
            process = subprocess.Popen(
                command, env=environment_of(own), stdout=log, stderr=subprocess.STDOUT
            )
        if point == "in-revoke":
            until(lambda before=before: sum(progress(clickhouse).values()) > before)
            process.terminate()
        assert process.wait(60) == -signal.SIGKILL, point
    publish(own, EVENTS[len(POINTS) * len(EVENTS) // shares :])
    with running(own, tmp_path):
        catch_up(clickhouse, own, tmp_path)
    code, _, told = run_workledger(own, "verify")
    assert code == 0, told
    assert undisturbed(own, stack.settings, tmp_path / "undisturbed", clickhouse) == []


def test_a_killed_worker_s_partitions_are_taken_over_and_a_stopped_one_s_at_once(
    own: Settings, clickhouse: Client, stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "undisturbed").mkdir()
    third = len(EVENTS) // 3
    publish(own, EVENTS[:third])
    first = WorkerProcess("payout", own, tmp_path / "first.log")
    until(lambda: len(progress(clickhouse)) > 1)
    with running(own, tmp_path):
        catch_up(clickhouse, own, tmp_path)
        publish(own, EVENTS[third : 2 * third])
        first.kill()
        killed = time.monotonic()
        catch_up(clickhouse, own, tmp_path)
        assert time.monotonic() - killed < TAKEN_OVER_WITHIN_S + 5  # 5 s for the events themselves
        second = WorkerProcess("payout", own, tmp_path / "second.log")
        until(lambda: "payout reads workforce" in second.log.read_text())  # it has joined
        publish(own, EVENTS[2 * third :])
        assert second.terminate() == 0
        catch_up(clickhouse, own, tmp_path)
    code, _, told = run_workledger(own, "verify")
    assert code == 0, told
    assert undisturbed(own, stack.settings, tmp_path / "undisturbed", clickhouse) == []


def test_broker_and_clickhouse_killed_under_running_workers_are_waited_for(tmp_path: Path) -> None:
    settings = local_settings(tmp_path)
    stack = Stack(settings)
    stack.up()
    try:
        address = Address(
            settings.clickhouse_http_url, settings.clickhouse_writer,
            settings.clickhouse_writer_password, settings.clickhouse_database,
        )  # fmt: skip
        with running(settings, tmp_path):
            publish(settings, EVENTS[:100])
            client = connect(address)
            catch_up(client, settings, tmp_path)
            for number, part in enumerate(("clickhouse", "broker", "clickhouse")):
                publish(
                    settings, EVENTS[number * len(EVENTS) // 3 : (number + 1) * len(EVENTS) // 3]
                )
                process = processes.running(stack.part(part).pid_path)
                assert process
                process.send(signal.SIGKILL)
                until(lambda process=process: not process.is_alive())
                stack.up()
            catch_up(client, settings, tmp_path)
            code, _, told = run_workledger(settings, "verify")
            assert code == 0, told
            client.close()
    finally:
        stack.down()
