"""Measures a job from inside its process: from the first fetch with events to the last durable one.

A row's time begins when Kafka's client first hands over a fetch that holds events, and ends when
the progress that includes the last of its events is durable in ClickHouse (for the limit, which
writes nothing: when the last event is decoded). The hooks cost microseconds a fetch and a round.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Order:
    """What a job is to do, as its only argument: a JSON object of these."""

    events: int
    """It ends with the round that reaches this many."""
    engine_pid: int
    broker_pid: int
    result: str
    """The file that its measurements go to."""
    bootstrap_servers: str
    topic: str
    output_topic: str
    """Where a row puts its lines that has no table; a name of its own, for a group as well."""
    clickhouse: dict[str, str]
    """url, user, password, database, and the table of the lines."""
    schemas: str
    """A file: schema id to the event's schema, for a peer that cannot import the catalogue."""
    line_schema: str
    state_dir: str

    @classmethod
    def parse(cls, argument: str) -> Order:
        """The order that a command line holds."""
        return cls(**json.loads(argument))


@dataclass
class Stopwatch:
    """Runs once; writes its measurements where the order says."""

    order: Order
    upto: dict[int, int] = field(default_factory=dict[int, int])
    """Partition to the last offset that is done."""
    steps: Callable[[], dict[str, float]] = dict
    """Seconds by step, asked for at the end."""
    _started: tuple[float, float, float, float] | None = None
    _half: tuple[float, int] | None = None
    """When half of the events were done, and how many were."""
    _stopped: bool = False

    def start(self) -> None:
        """Events have been read; only the first call counts."""
        if self._started is None:
            self._started = self._now()

    def done(self, upto: dict[int, int]) -> bool:
        """Work up to these offsets is done; answers whether that is all, and then stops."""
        self.upto.update(upto)
        events = sum(offset + 1 for offset in self.upto.values())
        if self._half is None and 2 * events >= self.order.events:
            self._half = time.perf_counter(), events
        if events < self.order.events or self._stopped:
            return False
        self._stopped = True
        assert self._started is not None, "nothing can be done before events are read"
        wall, own, engine, broker = (
            now - then for now, then in zip(self._now(), self._started, strict=True)
        )
        assert self._half is not None
        rest_s = time.perf_counter() - self._half[0]
        measured = {
            "events": events,
            "seconds": wall,
            "events_per_second_warm": (events - self._half[1]) / rest_s,
            "cpu_seconds": own,
            "engine_cpu_seconds": engine,
            "broker_cpu_seconds": broker,
            "upto": self.upto,
            "steps": self.steps(),
        }
        Path(self.order.result).write_text(json.dumps(measured), encoding="utf-8")
        return True

    def _now(self) -> tuple[float, float, float, float]:
        """Seconds on the wall, and of the processors for this process, ClickHouse and Kafka."""
        pids = (self.order.engine_pid, self.order.broker_pid)
        engine, broker = (psutil.Process(pid).cpu_times() for pid in pids)
        return (
            time.perf_counter(),
            time.process_time(),
            engine.user + engine.system,
            broker.user + broker.system,
        )
