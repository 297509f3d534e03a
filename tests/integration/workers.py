"""Real workers for tests: processes on a database of the test's own, with logs to read."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from clickhouse_connect.driver.client import Client

from infra.cli.main import main
from infra.settings import Settings
from infra.stack.worker import Worker
from infra.verify.wait import wait_for
from projections.registry import PROJECTIONS
from projections.store.client import Address
from streams.offsets import log_reader
from tests.commands import environment_of

PATIENCE_S = 60.0
STOPPED_WITHIN_S = 30.0
PROGRAM = ("-m", "infra.cli.main")
LEDGER = ("archive", "payout", "agents")
"""Whose workers suffice where the test is about the road: each worker costs a start."""
VERIFY = ("verify", *(word for name in LEDGER for word in ("--projection", name)))


class WorkerProcess:
    """`workledger worker PROJECTION` as a process."""

    def __init__(
        self, projection: str, settings: Settings, log: Path, program: Sequence[str] = PROGRAM
    ) -> None:
        self.log = log
        part = Worker(settings, projection)
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *program, "worker", projection],
                env=os.environ | part.environment(),
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, timeout_s: float = STOPPED_WITHIN_S) -> int:
        """SIGTERM; answers with the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)


@contextmanager
def running(
    settings: Settings, log_dir: Path, *projections: str, program: Sequence[str] = PROGRAM
) -> Iterator[dict[str, WorkerProcess]]:
    """Workers of some projections (all, if none is named), ended at the end whatever happens."""
    workers = {
        name: WorkerProcess(name, settings, log_dir / f"{name}.log", program)
        for name in projections or tuple(PROJECTIONS)
    }
    try:
        yield workers
    finally:
        left = [worker for worker in workers.values() if worker.process.poll() is None]
        for worker in left:
            worker.process.terminate()
        try:
            for worker in left:
                worker.process.wait(STOPPED_WITHIN_S)
        finally:
            for worker in left:
                worker.kill()


def workledger(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, not on a terminal, with what it wrote.

    In this process: in one of its own three quarters of its time would be imports. That commands
    start as processes is for `tests/infra` to show.
    """
    output, errors, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.dict(os.environ, environment_of(settings), clear=True),
        patch.object(sys, "argv", ["workledger", *arguments]),
        patch.object(sys, "stdin", io.StringIO()),
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return subprocess.CompletedProcess(arguments, code, output.getvalue(), errors.getvalue())


def settings_for(settings: Settings, address: Address, home: Path) -> Settings:
    """The session's stack, with a database of the test's own."""
    return settings.model_copy(update={"clickhouse_database": address.database, "home": home})


def catch_up(client: Client, settings: Settings, log_dir: Path, *projections: str) -> None:
    """Wait until the projections (all, if none is named) include what Kafka holds.

    Fails with the workers' logs.
    """
    with log_reader(settings.bootstrap_servers) as log:
        lag = wait_for(
            client, log.offsets, PATIENCE_S, projections=projections or tuple(PROJECTIONS)
        )
    logs = "\n".join(path.read_text()[-3000:] for path in log_dir.glob("*.log"))
    assert lag == 0, f"{lag} events behind\n{logs}"


def until(condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def rows(client: Client, sql: str) -> list[tuple[Any, ...]]:
    """A query's rows."""
    answer: Any = client.query(sql)
    return list(answer.result_rows)
