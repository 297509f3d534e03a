"""The row `road.limit_columns`: fetches as lists, decoded by columns, and nothing else."""

from __future__ import annotations

import sys
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.settings import load_settings
from schemas.columns import decode_columns
from schemas.partitioning import PARTITIONS
from streams.collector import freeze_after_start
from streams.fetch import fetch_in_batches
from streams.worker_options import WorkerOptions
from tests.bench.road import road
from tests.bench.stopwatch import Order, Stopwatch


async def read_all(bootstrap_servers: str, stopwatch: Stopwatch) -> None:
    """Read and decode until the stopwatch says that it is enough."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=WorkerOptions.fetch_bytes_max,
    )
    await consumer.start()
    fetch_in_batches(consumer)
    consumer.assign([TopicPartition(road.topics[0], number) for number in range(PARTITIONS)])
    await consumer.seek_to_beginning()
    freeze_after_start()
    try:
        while True:
            fetched: dict[Any, list[Any]] = await consumer.getmany(timeout_ms=1_000)
            if not fetched:
                continue
            stopwatch.start()
            fetches = [message.value for messages in fetched.values() for message in messages]
            decode_columns([value for fetch in fetches for value in fetch.values])
            if stopwatch.done({fetch.partition: fetch.end - 1 for fetch in fetches}):
                return
    finally:
        await consumer.stop()


if __name__ == "__main__":
    uvloop.run(read_all(load_settings().bootstrap_servers, Stopwatch(Order.parse(sys.argv[1]))))
