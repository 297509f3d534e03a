"""The topics that a peer writes to: made, read back as lines, and removed with what is beside."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import polars as pl
from kafka import TopicPartition  # pyright: ignore  (the checker's stubs are of an older one)
from kafka.admin import NewTopic

from schemas.partitioning import PARTITIONS
from streams import kafka_clients
from tests.bench.road import ROAD_LINES

LINE_SCHEMA = Path(__file__).parent / "peers" / "kafka_streams" / "line.avsc"
POLL_MS = 1_000


def make_topic(bootstrap_servers: str, name: str) -> None:
    """A topic with as many partitions as the events' has."""
    admin = kafka_clients.admin(bootstrap_servers=bootstrap_servers)
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    admin.close()


def drop_topics_named_after(bootstrap_servers: str, name: str) -> None:
    """Remove a topic, and those of the state whose names contain its."""
    admin = kafka_clients.admin(bootstrap_servers=bootstrap_servers)
    found = [topic for topic in admin.list_topics() if name in topic]
    if found:
        admin.delete_topics(found)
    admin.close()


def lines_in(bootstrap_servers: str, topic: str) -> pl.DataFrame:
    """Every committed line of a topic, in the columns of `ROAD_LINES`; times as microseconds."""
    schema = fastavro.parse_schema(json.loads(LINE_SCHEMA.read_text(encoding="utf-8")))
    consumer = kafka_clients.consumer(
        bootstrap_servers=bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(places)
    ends: dict[Any, int] = consumer.end_offsets(places)
    rows: list[Any] = []
    while any(consumer.position(place) < end for place, end in ends.items()):
        for records in consumer.poll(timeout_ms=POLL_MS, max_records=50_000).values():
            rows += [
                fastavro.schemaless_reader(io.BytesIO(record.value), schema, None)
                for record in records
            ]
    consumer.close()
    dtypes = {
        name: pl.Int64 if column.dtype == pl.Datetime("us") else column.dtype
        for name, column in ROAD_LINES.columns.items()
    }
    return pl.DataFrame(rows, schema=dtypes)
