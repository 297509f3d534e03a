"""make soak: events without end, and kill -9 of workers, broker and ClickHouse at random moments.

    python -m tests.faults.soak --minutes 10 [--seed 1]

Every event that the broker acknowledged must be applied once. A line of the table is a kind of
kill: how often, and how long until the projections included everything acknowledged before it.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from infra.connections import client, ensure_tables, writer_address
from infra.settings import Settings
from infra.stack import Stack, processes
from infra.verify.wait import wait_for
from projections.payout.fold import payout
from projections.registry import PROJECTIONS
from streams.offsets import log_reader
from tests.bench.history import history
from tests.commands import run_workledger
from tests.faults.losses import Acknowledged
from tests.integration.workers import WorkerProcess
from tests.local_stack import local_settings

KINDS = ("worker", "broker", "clickhouse")
EVENTS_A_KILL = 2_000
EVENTS_MAX = 5_000_000
PATIENCE_S = 120.0
console = Console(soft_wrap=True, highlight=False)


class Soak:
    """A stack of its own, with two workers of payout, one of archive and one of agents."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self._settings = settings
        self._stack = Stack(settings)
        self._dice = random.Random(seed)
        self._told = history(EVENTS_MAX)
        self._workers: list[tuple[str, WorkerProcess]] = []
        self.acknowledged = Acknowledged()
        self.recovered_s: dict[str, list[float]] = defaultdict(list)

    def run(self, minutes: float) -> list[str]:
        """Kill until the time is over; what is wrong afterwards, a sentence each."""
        self._stack.up()
        ensure_tables(self._settings)
        with ExitStack() as cleanup:
            cleanup.callback(self._stack.down)
            cleanup.callback(self._stop)
            for name in (*PROJECTIONS, "payout"):
                self._start(name)
            deadline = time.monotonic() + minutes * 60
            while time.monotonic() < deadline:
                self._once(self._dice.choice(KINDS))
            return self._wrong()

    def _once(self, kind: str) -> None:
        self._publish(EVENTS_A_KILL // 2)
        time.sleep(self._dice.random() * 3)
        killed = time.monotonic()
        self._kill(kind)
        self._publish(EVENTS_A_KILL // 2)
        lag = self._catch_up()
        self.recovered_s[kind].append(time.monotonic() - killed)
        console.print(f"{kind} killed, {lag} behind after {self.recovered_s[kind][-1]:.1f} s")

    def _publish(self, count: int) -> None:
        told = ((payout.topics[0], one.key, one.value) for one in islice(self._told, count))
        wrong = self.acknowledged.publish(self._settings.bootstrap_servers, told)
        if wrong:
            console.print(f"not all were acknowledged: {wrong[:200]}")

    def _kill(self, kind: str) -> None:
        if kind == "worker":
            at = self._dice.randrange(len(self._workers))
            name, worker = self._workers.pop(at)
            worker.kill()
            self._start(name)
            return
        process = processes.running(self._stack.part(kind).pid_path)
        assert process, f"{kind} does not run"
        process.send(signal.SIGKILL)
        while process.is_alive():
            time.sleep(0.01)
        self._stack.up()

    def _start(self, name: str) -> None:
        log = self._settings.home / f"{name}-{len(self._workers)}.log"
        self._workers.append((name, WorkerProcess(name, self._settings, log)))

    def _stop(self) -> None:
        for _, worker in self._workers:
            if worker.process.poll() is None:
                worker.terminate()

    def _catch_up(self) -> int:
        connection = client(writer_address(self._settings))
        with log_reader(self._settings.bootstrap_servers) as log:
            lag = wait_for(connection, log.offsets, PATIENCE_S)
        connection.close()
        return lag

    def _wrong(self) -> list[str]:
        found = [
            f"a worker of {name} ended with {worker.process.returncode}: see {worker.log}"
            for name, worker in self._workers
            if worker.process.poll() is not None
        ]
        connection = client(writer_address(self._settings))
        with log_reader(self._settings.bootstrap_servers) as log:
            found += self.acknowledged.wrong(connection, log)
        connection.close()
        code, _, told = run_workledger(self._settings, "verify")
        return found + ([told] if code else [])


def main() -> int:
    """Soak, and print the table; 1 where something was lost, twice or wrong."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workledger-soak-") as folder:
        soak = Soak(local_settings(Path(folder)), given.seed)
        wrong = soak.run(given.minutes)
    table = Table("kill -9 of", "times", "until included, median s", "most s")
    for kind, seconds in soak.recovered_s.items():
        table.add_row(kind, str(len(seconds)), f"{median(seconds):.1f}", f"{max(seconds):.1f}")
    console.print(table)
    console.print(f"{len(soak.acknowledged.at):,} events acknowledged, seed {given.seed}")
    for sentence in wrong:
        console.print(f"[red]{sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
