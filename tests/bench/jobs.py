"""Runs one row of the benchmark once: a process of its own, a database of its own, from zero."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from infra.errors import CommandError
from infra.settings import ENV_PREFIX, Settings, variable
from infra.stack import Stack, processes
from projections.store.clickhouse import create_tables
from projections.store.client import Address, connect, run
from projections.store.layout import table_of
from schemas.catalogue import catalogue
from tests.bench.earlier import fill_earlier
from tests.bench.folds import FOLDS
from tests.bench.output_topic import LINE_SCHEMA, drop_topics_named_after, lines_in, make_topic
from tests.bench.rows import Output, Row
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
    events_per_second_warm: float
    """Over the second half, when a JVM is compiled; 0 where the last round did all of it."""
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
        self._schemas = self._settings.home / "schemas.json"
        schemas = {str(i): event_type.plain for i, (event_type, _) in catalogue().by_id.items()}
        self._schemas.write_text(json.dumps(schemas), encoding="utf-8")

    def make_place(self, row: Row, earlier_events: int) -> str:
        """A new database, and a topic of the same name where the row's lines go to one.

        With earlier events where the row asks for them. Returns the name.
        """
        name = f"bench_{uuid.uuid4().hex}"
        run(self._outside, f"CREATE DATABASE {name}")
        fold = FOLDS[row.job]
        inside = connect(self._address(name))
        create_tables(inside, [fold])
        if row.after_earlier_events:
            fill_earlier(inside, fold, earlier_events)
        inside.close()
        if row.output is Output.KAFKA:
            make_topic(self._settings.bootstrap_servers, name)
        return name

    def drop_place(self, name: str) -> None:
        """Remove what a run made: database and topics, those of its state included."""
        run(self._outside, f"DROP DATABASE {name}")
        drop_topics_named_after(self._settings.bootstrap_servers, name)

    def measure(self, row: Row, events: int, name: str) -> Measured:
        """Run a row once over the first `events` of the topic, or a few more.

        Raises BenchError with the end of the job's log where it fails.
        """
        folder = self._settings.home / "bench"
        folder.mkdir(exist_ok=True)
        result, log = folder / f"{uuid.uuid4().hex}.json", folder / f"{row.name}.log"
        order = self._order(row, events, name, result)
        command = [*row.command, json.dumps(asdict(order))]
        with log.open("ab") as output:
            try:
                ended = subprocess.run(
                    command,
                    env=_environment(self._settings, name),
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

    def _order(self, row: Row, events: int, name: str, result: Path) -> Order:
        fold, address = FOLDS[row.job], self._address(name)
        return Order(
            events=events,
            engine_pid=self._engine_pid,
            broker_pid=self._broker_pid,
            result=str(result),
            bootstrap_servers=self._settings.bootstrap_servers,
            topic=fold.topics[0],
            output_topic=name,
            clickhouse=asdict(address) | {"table": table_of(fold, fold.tables[0].name)},
            schemas=str(self._schemas),
            line_schema=str(LINE_SCHEMA),
            state_dir=str(result.with_suffix(".state")),
        )

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
            if row.output is Output.KAFKA:
                return totals_of_road(self._lines_in_kafka(database), upto)
            return totals_of_road(road_lines_in_clickhouse(inside), upto)
        finally:
            inside.close()

    def _lines_in_kafka(self, topic: str) -> pl.DataFrame:
        return lines_in(self._settings.bootstrap_servers, topic)

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
