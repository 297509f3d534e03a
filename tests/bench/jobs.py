"""Runs one row of the benchmark once: a process of its own, a database of its own, from zero."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.errors import CommandError
from infra.settings import ENV_PREFIX, Settings, variable
from infra.stack import Stack, processes
from projections.payout.rows import JOURNAL, LINES
from projections.store.client import Address, connect, read_frame, run
from tests.bench.stopwatch import Order

JOB_TIMEOUT_S = 240.0
LOG_BYTES_SHOWN = 2_000
WORKER, STOCK, LIMIT = "payout.worker", "payout.stock_faust", "payout.limit"
MODULES = {
    WORKER: "tests.bench.job_worker",
    STOCK: "tests.bench.job_stock_faust",
    LIMIT: "tests.bench.job_limit",
}


class BenchError(CommandError):
    """The benchmark cannot be trusted; the message says why."""


@dataclass(frozen=True)
class Measured:
    """One run of one row."""

    events: int
    seconds: float
    cpu_seconds: float
    """Of the job's own process, user and system, all threads."""
    engine_cpu_seconds: float
    upto: dict[int, int]
    """Partition to the last offset that the run includes."""
    steps: dict[str, float]
    """Seconds by step of a worker's rounds; they overlap."""

    @property
    def events_per_second(self) -> float:
        """The rate of the run."""
        return self.events / self.seconds


Totals = dict[str, tuple[int, ...]]
"""Table to its count of rows, sum of amounts, and a hash of everything in them."""


class Bench:
    """A stack that runs, and the jobs that are run on it."""

    def __init__(self, stack: Stack) -> None:
        self._settings = stack.settings
        engine = processes.running(stack.part("clickhouse").pid_path)
        if engine is None:
            raise BenchError("The engine of the benchmark does not run.")
        self._engine_pid = engine.pid
        self._outside = connect(self._address(self._settings.clickhouse_database))

    def make_database(self) -> str:
        """A new, empty database."""
        name = f"bench_{uuid.uuid4().hex}"
        run(self._outside, f"CREATE DATABASE {name}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database and all that is in it."""
        run(self._outside, f"DROP DATABASE {name}")

    def measure(self, row: str, events: int, database: str) -> Measured:
        """Run a row once over the first `events` of the topic, or a few more.

        Raises BenchError with the end of the job's log where it fails.
        """
        folder = self._settings.home / "bench"
        folder.mkdir(exist_ok=True)
        result, log = folder / f"{uuid.uuid4().hex}.json", folder / f"{row}.log"
        order = Order(events, self._engine_pid, str(result))
        command = [sys.executable, "-m", MODULES[row], json.dumps(asdict(order))]
        with log.open("ab") as output:
            try:
                ended = subprocess.run(
                    command,
                    env=_environment(self._settings, database),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=JOB_TIMEOUT_S,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise BenchError(f"{row} took over {JOB_TIMEOUT_S:g} s. {_tail(log)}") from None
        if ended.returncode or not result.exists():
            raise BenchError(f"{row} ended with {ended.returncode}. {_tail(log)}")
        measured: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        upto = {int(partition): offset for partition, offset in measured.pop("upto").items()}
        return Measured(upto=upto, **measured)

    def totals(self, database: str, upto: dict[int, int]) -> Totals:
        """What a job made of the events up to these offsets."""
        client = connect(self._address(database))
        partitions, offsets = list(upto), list(upto.values())
        totals: Totals = {}
        for table in (LINES, JOURNAL):
            frame = read_frame(
                client,
                "SELECT count(), sum(amount_minor), groupBitXor(cityHash64(*)) "
                f"FROM {table.name} "
                f"WHERE `offset` <= transform(partition, {partitions}, {offsets}, -1)",
            )
            totals[table.name] = frame.row(0)
        refused = read_frame(client, "SELECT count() FROM dead_letters").item()
        client.close()
        if refused or not totals[LINES.name][0]:
            raise BenchError(f"{refused} events were refused; {totals} came of the others.")
        return totals

    def close(self) -> None:
        """Let the connection go."""
        self._outside.close()

    def _address(self, database: str) -> Address:
        settings = self._settings
        return Address(
            settings.clickhouse_http_url,
            settings.clickhouse_writer,
            settings.clickhouse_writer_password,
            database,
        )


def _environment(settings: Settings, database: str) -> dict[str, str]:
    chosen = {
        "home": settings.home,
        "broker_port": settings.broker_port,
        "broker_controller_port": settings.broker_controller_port,
        "clickhouse_port": settings.clickhouse_port,
        "clickhouse_database": database,
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(ENV_PREFIX)}
    named = {variable(name): str(value) for name, value in chosen.items()}
    # One thread for columns, as the worker's command chooses for itself.
    return inherited | named | {"POLARS_MAX_THREADS": "1"}


def _tail(log: Path) -> str:
    end = log.read_bytes()[-LOG_BYTES_SHOWN:].decode("utf-8", "replace")
    return f"The end of its log:\n{end}"
