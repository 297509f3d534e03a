"""Measures a job from inside its process: from the first fetch with events to the last durable one.

A row's time begins when Kafka's client first hands over a fetch that holds events, and ends when
the progress that includes the last of its events is durable in ClickHouse (for the limit, which
writes nothing: when the last event is decoded). The hooks cost microseconds a fetch and a round.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
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
    _started: tuple[float, float, float, float] | None = None
    _stopped: bool = False

    def start(self) -> None:
        """Events have been read; only the first call counts."""
        if self._started is None:
            self._started = self._now()

    def done(self, upto: dict[int, int]) -> bool:
        """Work up to these offsets is done; answers whether that is all, and then stops."""
        self.upto.update(upto)
        events = sum(offset + 1 for offset in self.upto.values())
        if events < self.order.events or self._stopped:
            return False
        self._stopped = True
        assert self._started is not None, "nothing can be done before events are read"
        wall, own, engine, broker = (
            now - then for now, then in zip(self._now(), self._started, strict=True)
        )
        measured = {
            "events": events,
            "seconds": wall,
            "cpu_seconds": own,
            "engine_cpu_seconds": engine,
            "broker_cpu_seconds": broker,
            "upto": self.upto,
            "steps": step_seconds(),
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


def watch_faust(order: Order) -> None:
    """Measure the Faust worker that is about to run in this process, and end it when it is done."""
    from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

    from projections.store.clickhouse import ClickHouseStore

    stopwatch = Stopwatch(order)
    fetch: Callable[..., Any] = AIOKafkaConsumerThread.getmany
    write_state = ClickHouseStore.write_state

    async def timed_fetch(self: Any, *arguments: Any, **named: Any) -> Any:
        fetched = await fetch(self, *arguments, **named)
        if fetched:
            stopwatch.start()
        return fetched

    def timed_write_state(self: ClickHouseStore, frame: pl.DataFrame) -> None:
        write_state(self, frame)
        progress = frame.filter(pl.col("key").str.starts_with("progress:"))
        if stopwatch.done(dict(progress.select("partition", "offset").iter_rows())):
            os.kill(os.getpid(), signal.SIGTERM)

    AIOKafkaConsumerThread.getmany = timed_fetch  # type: ignore[method-assign]
    ClickHouseStore.write_state = timed_write_state  # type: ignore[method-assign]


def step_seconds() -> dict[str, float]:
    """Seconds by step of a worker's rounds, from its own metrics; steps overlap."""
    from streams.metrics import STEP_SECONDS

    return {
        sample.labels["step"]: sample.value
        for metric in STEP_SECONDS.collect()
        for sample in metric.samples
        if sample.name.endswith("_sum")
    }
