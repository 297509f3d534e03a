"""The publisher against the real broker: durable, placed by key, bounded, and never silent."""

from __future__ import annotations

from uuid import uuid4

import pytest
from kafka.structs import TopicPartition

from schemas.partitioning import partition_of
from streams import kafka_clients
from streams.publisher import Publisher
from streams.topics import Topic, ensure_topics

pytestmark = pytest.mark.stack
KEYS = [f"expert-{number}".encode() for number in range(100)]


@pytest.fixture
def topic(bootstrap_servers: str) -> str:
    """The name of a fresh topic with 12 partitions."""
    name = f"test-{uuid4()}"
    ensure_topics(bootstrap_servers, topics=[Topic(name, key="expert_id")])
    return name


def read_all(bootstrap_servers: str, topic: str) -> dict[tuple[int, int], tuple[bytes, bytes]]:
    """What the topic holds: (partition, offset) to (key, value)."""
    with kafka_clients.consumer(bootstrap_servers=bootstrap_servers) as consumer:
        partitions = [TopicPartition(topic, number) for number in range(12)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.seek_to_beginning()
        found: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for records in consumer.poll(timeout_ms=200).values():
                for record in records:
                    found[record.partition, record.offset] = (record.key, record.value)
        return found


def test_each_answer_names_where_the_event_is_read_back(bootstrap_servers: str, topic: str) -> None:
    events = [(KEYS[number % 100], b"value %d" % number) for number in range(2_000)]
    with Publisher(bootstrap_servers) as publisher:
        answers = [publisher.send(topic, key, value) for key, value in events]
    places = [answer.get(timeout=0) for answer in answers]
    found = read_all(bootstrap_servers, topic)
    assert len(found) == len(events)
    assert [found[place.partition, place.offset] for place in places] == events


def test_an_event_lies_in_the_partition_that_its_key_names(
    bootstrap_servers: str, topic: str
) -> None:
    with Publisher(bootstrap_servers) as publisher:
        for key in KEYS:
            publisher.send(topic, key, b"value")
    found = read_all(bootstrap_servers, topic)
    assert {partition for partition, _ in found} == set(range(12))
    assert all(partition == partition_of(key) for (partition, _), (key, _) in found.items())
