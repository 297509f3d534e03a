"""Real processes, killed with kill -9: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from infra.connections import inspecting
from infra.importing.run import publish_events
from infra.settings import Settings
from infra.stack import Stack, processes
from projections.payout.fold import payout
from projections.store.client import connect
from streams.offsets import log_reader
from streams.publisher import Publisher
from tests.bench.history import history as bench_history
from tests.commands import environment_of, run_workledger
from tests.databases import fresh_database
from tests.faults.killing_worker import POINTS
from tests.faults.losses import Acknowledged
from tests.integration.workers import (
    LEDGER,
    VERIFY,
    WorkerProcess,
    catch_up,
    rows,
    running,
    settings_for,
    until,
)
from tests.local_stack import local_settings
from tests.two_weeks import history

pytestmark = pytest.mark.stack
EVENTS = list(history())
TABLES = (
    "payout_lines_opened", "payout_lines_closed", "payout_journal", "payout_state",
    "payout_applied", "payout_repeats",
)  # fmt: skip
TAKEN_OVER_WITHIN_S = 15.0
KILLED = ("broker", "clickhouse", "payout")
EVENTS_UNDER_KILLS = 6_000


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
    with running(own, tmp_path, *LEDGER):
        catch_up(clickhouse, own, tmp_path, *LEDGER)
    code, _, told = run_workledger(own, *VERIFY)
    assert code == 0, told
    assert undisturbed(own, stack.settings, tmp_path / "undisturbed", clickhouse) == []


@pytest.mark.long
def test_a_killed_worker_s_partitions_are_taken_over_and_a_stopped_one_s_at_once(
    own: Settings, clickhouse: Client, stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "undisturbed").mkdir()
    third = len(EVENTS) // 3
    publish(own, EVENTS[:third])
    first = WorkerProcess("payout", own, tmp_path / "first.log")
    until(lambda: len(progress(clickhouse)) > 1)
    with running(own, tmp_path, *LEDGER):
        catch_up(clickhouse, own, tmp_path, *LEDGER)
        publish(own, EVENTS[third : 2 * third])
        first.kill()
        killed = time.monotonic()
        catch_up(clickhouse, own, tmp_path, *LEDGER)
        assert time.monotonic() - killed < TAKEN_OVER_WITHIN_S + 5  # 5 s for the events themselves
        second = WorkerProcess("payout", own, tmp_path / "second.log")
        until(lambda: "payout reads workforce" in second.log.read_text())  # it has joined
        publish(own, EVENTS[2 * third :])
        assert second.terminate() == 0
        catch_up(clickhouse, own, tmp_path, *LEDGER)
    code, _, told = run_workledger(own, *VERIFY)
    assert code == 0, told
    assert undisturbed(own, stack.settings, tmp_path / "undisturbed", clickhouse) == []


@pytest.mark.long
def test_anything_killed_at_random_moments_while_progress_moves_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    dice = random.Random(seed)
    settings = local_settings(tmp_path)
    stack = Stack(settings)
    stack.up()
    told = ((one.key, one.value) for one in bench_history(EVENTS_UNDER_KILLS))
    records = [(payout.topics[0], *one) for one in told]
    share = len(records) // (len(KILLED) + 1)
    acknowledged = Acknowledged()
    try:
        with (
            running(settings, tmp_path, *LEDGER) as workers,
            inspecting(settings) as client,
        ):
            acknowledged.publish(settings.bootstrap_servers, records[:share])
            until(lambda: len(progress(client)) > 1)
            for number, name in enumerate(dice.sample(KILLED, len(KILLED)), 1):
                before = sum(progress(client).values())
                mine = records[number * share : (number + 1) * share]
                producing = Thread(
                    target=acknowledged.publish, args=(settings.bootstrap_servers, mine)
                )
                producing.start()
                until(lambda before=before: sum(progress(client).values()) > before)
                time.sleep(dice.random() / 2)
                if name == "payout":
                    workers[name].kill()
                    workers[name] = WorkerProcess(name, settings, tmp_path / "again.log")
                else:
                    process = processes.running(stack.part(name).pid_path)
                    assert process
                    process.send(signal.SIGKILL)
                    until(lambda process=process: not process.is_alive())
                    stack.up()
                producing.join()
            catch_up(client, settings, tmp_path, *LEDGER)
            with log_reader(settings.bootstrap_servers) as log:
                assert acknowledged.wrong(client, log) == [], f"seed {seed}"
            code, _, found = run_workledger(settings, *VERIFY)
            assert code == 0, f"seed {seed}: {found}"
            assert acknowledged.at
    finally:
        stack.down()
