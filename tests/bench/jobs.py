"""Runs one row of the benchmark once: a process of its own, a database of its own, from zero."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.errors import CommandError
from infra.settings import ENV_PREFIX, Settings, variable
from infra.stack import Stack, processes
from projections.store.client import Address, connect, run
from tests.bench.earlier import fill_earlier
from tests.bench.road import road
from tests.bench.rows import Row
from tests.bench.stopwatch import Order
from tests.bench.totals import (
    Totals,
    Upto,
    WorkError,
    road_lines_in_clickhouse,
    totals_of_payout,
    totals_of_road,
)

JOB_TIMEOUT_S = 240.0
LOG_BYTES_SHOWN = 2_000


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
    """Of ClickHouse."""
    broker_cpu_seconds: float
    """Of Kafka, where Kafka Streams and Quix Streams keep their changes of state."""
    upto: Upto
    """Partition to the last offset that the run includes."""
    steps: dict[str, float]
    """Seconds by step of a worker's rounds; they overlap."""

    @property
    def events_per_second(self) -> float:
        """The rate of the run."""
        return self.events / self.seconds


class Bench:
    """A stack that runs, and the rows that are run on it."""

    def __init__(self, stack: Stack) -> None:
        self._settings = stack.settings
        self._engine_pid, self._broker_pid = (_pid(stack, n) for n in ("clickhouse", "broker"))
        self._outside = connect(self._address(self._settings.clickhouse_database))

    def make_database(self, row: Row, earlier_events: int) -> str:
        """A new database for a run; with earlier events where the row asks for them."""
        name = f"bench_{uuid.uuid4().hex}"
        run(self._outside, f"CREATE DATABASE {name}")
        if row.after_earlier_events:
            inside = connect(self._address(name))
            fill_earlier(inside, road, earlier_events)
            inside.close()
        return name

    def drop_database(self, database: str) -> None:
        """Remove what a run made."""
        run(self._outside, f"DROP DATABASE {database}")

    def measure(self, row: Row, events: int, database: str) -> Measured:
        """Run a row once over the first `events` of the topic, or a few more.

        Raises BenchError with the end of the job's log where it fails.
        """
        folder = self._settings.home / "bench"
        folder.mkdir(exist_ok=True)
        result, log = folder / f"{uuid.uuid4().hex}.json", folder / f"{row.name}.log"
        order = Order(events, self._engine_pid, self._broker_pid, str(result))
        command = [*row.command, json.dumps(asdict(order))]
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
            except FileNotFoundError as error:
                raise BenchError(f"{row.name} is not built ({error}). Try: make bench") from None
            except subprocess.TimeoutExpired:
                raise BenchError(
                    f"{row.name} took over {JOB_TIMEOUT_S:g} s. {_tail(log)}"
                ) from None
        if ended.returncode or not result.exists():
            raise BenchError(f"{row.name} ended with {ended.returncode}. {_tail(log)}")
        measured: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        upto = {int(partition): offset for partition, offset in measured.pop("upto").items()}
        return Measured(upto=upto, **measured)

    def check(self, worker: Row, ours: str, row: Row, theirs: str, upto: Upto) -> None:
        """Hold what a row made of the events up to these offsets to what the worker made of them.

        Raises BenchError where the two differ, or where events were refused.
        """
        try:
            expected, made = self._totals(worker, ours, upto), self._totals(row, theirs, upto)
        except WorkError as error:
            raise BenchError(f"{worker.name} and {row.name}: {error}") from error
        if made != expected:
            raise BenchError(
                f"Over the same events {worker.name} made {expected}, {row.name} {made}."
            )

    def _totals(self, row: Row, database: str, upto: Upto) -> Totals:
        inside = connect(self._address(database))
        try:
            if row.job == "payout":
                return totals_of_payout(inside, upto)
            return totals_of_road(road_lines_in_clickhouse(inside), upto)
        finally:
            inside.close()

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


def _pid(stack: Stack, part: str) -> int:
    process = processes.running(stack.part(part).pid_path)
    if process is None:
        raise BenchError(f"The {part} of the benchmark does not run.")
    return process.pid


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
