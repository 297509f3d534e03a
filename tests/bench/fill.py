"""Fills the topic once, fast: whole record batches, as a busy gateway's producers leave them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiokafka import AIOKafkaProducer

from schemas.partitioning import PARTITIONS, partition_of
from tests.bench.history import history

BATCH_BYTES = 64 << 10


def fill(bootstrap_servers: str, topic: str, events: int) -> None:
    """Publish the first `events` of the history, lz4, each where its key belongs; blocks."""
    # A broker that has just started sends some batches back, which the producer sends again.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    asyncio.run(_fill(bootstrap_servers, topic, events))


async def _fill(bootstrap_servers: str, topic: str, events: int) -> None:
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=BATCH_BYTES,
    )
    await producer.start()
    batches = [producer.create_batch() for _ in range(PARTITIONS)]
    on_their_way: list[asyncio.Future[Any] | None] = [None] * PARTITIONS

    async def send(partition: int) -> None:
        if (before := on_their_way[partition]) is not None:
            await before  # in order: a partition has one batch on its way
        batch, batches[partition] = batches[partition], producer.create_batch()
        batch.close()
        on_their_way[partition] = await producer.send_batch(batch, topic, partition=partition)

    try:
        for record in history(events):
            partition = partition_of(record.key)
            while batches[partition].append(timestamp=None, **record._asdict()) is None:
                await send(partition)
        for partition, batch in enumerate(batches):
            if batch.record_count():
                await send(partition)
        await asyncio.gather(*(future for future in on_their_way if future is not None))
    finally:
        await producer.stop()
