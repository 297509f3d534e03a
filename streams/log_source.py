"""The log from given offsets on, without a group: how a rebuild reads what workers have read."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from projections.store.store import Place
from streams.batch import Fetch
from streams.fetch import fetch_in_batches

FETCH_BYTES_MAX = 1 << 20
WAIT_MS = 500


class LogSource:
    """Fetches of some partitions, each from an offset of its own."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def starts(self, places: Iterable[Place]) -> dict[Place, int]:
        """The first offset that Kafka still holds of each partition."""
        asked = [TopicPartition(*place) for place in places]
        found: dict[Any, int] = await self._consumer.beginning_offsets(asked) if asked else {}
        return {(at.topic, at.partition): offset for at, offset in found.items()}

    def start(self, offsets: Mapping[Place, int]) -> None:
        """Read these partitions from these offsets on, and no others."""
        places = {TopicPartition(*place): offset for place, offset in offsets.items()}
        self._consumer.assign(list(places))
        for place, offset in places.items():
            self._consumer.seek(place, offset)

    async def next(self) -> list[Fetch]:
        """What has been fetched; nothing where nothing came for half a second."""
        fetched: dict[Any, list[Any]] = await self._consumer.getmany(timeout_ms=WAIT_MS)
        return [record.value for records in fetched.values() for record in records]


@asynccontextmanager
async def log_source(bootstrap_servers: str) -> AsyncIterator[LogSource]:
    """A source on a broker; raises `KafkaConnectionError` where none answers."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        fetch_in_batches(consumer)
        yield LogSource(consumer)
    finally:
        await consumer.stop()
