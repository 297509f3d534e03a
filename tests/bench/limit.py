"""The rows `road.limit` and `payout.limit`: aiokafka and fastavro, event by event, nothing else."""

from __future__ import annotations

import io
import sys
from typing import Any

import fastavro
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.settings import load_settings
from schemas.catalogue import catalogue
from schemas.partitioning import PARTITIONS
from schemas.wire import HEADER_BYTES
from streams.collector import freeze_after_start
from tests.bench.road import road
from tests.bench.stopwatch import Order, Stopwatch

FETCH_BYTES = 1 << 20


async def read_all(bootstrap_servers: str, stopwatch: Stopwatch) -> None:
    """Read and decode until the stopwatch says that it is enough."""
    plain_by_id: dict[int, Any] = {i: v.plain for i, (_, v) in catalogue().by_id.items()}
    read = fastavro.schemaless_reader
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    await consumer.start()
    consumer.assign([TopicPartition(road.topics[0], number) for number in range(PARTITIONS)])
    await consumer.seek_to_beginning()
    freeze_after_start()
    try:
        while True:
            fetched: dict[Any, list[Any]] = await consumer.getmany(timeout_ms=1_000)
            if not fetched:
                continue
            stopwatch.start()
            for records in fetched.values():
                for record in records:
                    value = record.value
                    schema = plain_by_id[int.from_bytes(value[1:HEADER_BYTES], "big")]
                    read(io.BytesIO(value[HEADER_BYTES:]), schema, None)
            if stopwatch.done({tp.partition: r[-1].offset for tp, r in fetched.items()}):
                return
    finally:
        await consumer.stop()


if __name__ == "__main__":
    uvloop.run(read_all(load_settings().bootstrap_servers, Stopwatch(Order.parse(sys.argv[1]))))
