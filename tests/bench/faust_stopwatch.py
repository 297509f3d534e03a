"""Measures a Faust worker from inside its process, and ends it when it is done."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import polars as pl
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from projections.store.clickhouse import ClickHouseStore
from streams.metrics import STEP_SECONDS
from tests.bench.stopwatch import Order, Stopwatch


def watch_faust(order: Order) -> None:
    """Measure the Faust worker that is about to run in this process, and end it when it is done."""
    stopwatch = Stopwatch(order, steps=step_seconds)
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
    return {
        sample.labels["step"]: sample.value
        for metric in STEP_SECONDS.collect()
        for sample in metric.samples
        if sample.name.endswith("_sum")
    }
