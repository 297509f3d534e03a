"""The publisher against the real broker: durable, placed by key, bounded, and never silent."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from kafka.structs import TopicPartition

from schemas.partitioning import partition_of
from streams import kafka_clients
from streams.publisher import Publisher, PublishError
from streams.topics import Topic, ensure_topics

pytestmark = pytest.mark.stack
MEGABYTE = 1024 * 1024
KEYS = [f"expert-{number}".encode() for number in range(100)]


@pytest.fixture
def topic(bootstrap_servers: str) -> str:
    """The name of a fresh topic with 12 partitions."""
    name = f"test-{uuid4()}"
    ensure_topics(bootstrap_servers, topics=[Topic(name, key="expert_id")])
    return name


def read_records(bootstrap_servers: str, topic: str) -> list[Any]:
    """All records of the topic, those of a partition in order."""
    with kafka_clients.consumer(bootstrap_servers=bootstrap_servers) as consumer:
        partitions = [TopicPartition(topic, number) for number in range(12)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.seek_to_beginning()
        found: list[Any] = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for records in consumer.poll(timeout_ms=200).values():
                found += records
        return found


def read_all(bootstrap_servers: str, topic: str) -> dict[tuple[int, int], tuple[bytes, bytes]]:
    """What the topic holds: (partition, offset) to (key, value)."""
    return {
        (record.partition, record.offset): (record.key, record.value)
        for record in read_records(bootstrap_servers, topic)
    }


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


def test_headers_arrive_with_the_event(bootstrap_servers: str, topic: str) -> None:
    with Publisher(bootstrap_servers) as publisher:
        publisher.send(topic, b"expert-1", b"value", headers=[("cause", b"bytes")])
    assert [record.headers for record in read_records(bootstrap_servers, topic)] == [
        [("cause", b"bytes")]
    ]


def test_events_of_one_key_keep_their_order(bootstrap_servers: str, topic: str) -> None:
    values = [b"%d" % number for number in range(3_000)]
    with Publisher(bootstrap_servers, in_flight_events_max=100) as publisher:
        for value in values:
            publisher.send(topic, b"expert-1", value)
    assert [record.value for record in read_records(bootstrap_servers, topic)] == values


def test_several_threads_publish_at_once(bootstrap_servers: str, topic: str) -> None:
    with Publisher(bootstrap_servers, in_flight_events_max=50) as publisher:

        def publish(key: bytes) -> None:
            for number in range(300):
                publisher.send(topic, key, b"%d" % number)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(publish, KEYS[:4]))
    found = read_all(bootstrap_servers, topic)
    for key in KEYS[:4]:
        values = [value for _, (found_key, value) in sorted(found.items()) if found_key == key]
        assert values == [b"%d" % number for number in range(300)]


def test_an_event_that_is_too_large_is_reported(bootstrap_servers: str, topic: str) -> None:
    publisher = Publisher(bootstrap_servers)
    refused = publisher.send(topic, b"expert-1", bytes(MEGABYTE))
    publisher.send(topic, b"expert-2", b"small")
    with pytest.raises(PublishError, match=r"1 events were not acknowledged: .* expert-1: ") as it:
        publisher.close()
    assert [(failure.topic, failure.key) for failure in it.value.failures] == [(topic, b"expert-1")]
    assert refused.failed()
    assert list(read_all(bootstrap_servers, topic).values()) == [(b"expert-2", b"small")]


def test_an_event_that_the_broker_refuses_does_not_stop_those_after_it(
    bootstrap_servers: str,
) -> None:
    narrow = Topic(f"test-{uuid4()}", key="expert_id", message_bytes_max=1_000)
    ensure_topics(bootstrap_servers, topics=[narrow])
    with Publisher(bootstrap_servers) as publisher:
        for round_number in range(3):
            refused = publisher.send(narrow.name, b"expert-1", random.randbytes(2_000))
            with pytest.raises(PublishError) as raised:
                publisher.flush()
            assert refused.failed()
            assert [failure.key for failure in raised.value.failures] == [b"expert-1"]
            publisher.send(narrow.name, b"expert-1", b"small %d" % round_number)
            publisher.flush()
    values = [record.value for record in read_records(bootstrap_servers, narrow.name)]
    assert values == [b"small 0", b"small 1", b"small 2"]


def test_a_topic_that_does_not_exist_is_reported_and_not_made(bootstrap_servers: str) -> None:
    name = f"test-{uuid4()}"
    publisher = Publisher(bootstrap_servers, block_ms=500)
    publisher.send(name, b"expert-1", b"value")
    with pytest.raises(PublishError, match=name):
        publisher.close()
    with kafka_clients.admin(bootstrap_servers=bootstrap_servers) as admin:
        assert name not in admin.list_topics()


def test_a_failure_is_reported_once(bootstrap_servers: str, topic: str) -> None:
    with Publisher(bootstrap_servers) as publisher:
        publisher.send(topic, b"expert-1", bytes(MEGABYTE))
        with pytest.raises(PublishError):
            publisher.flush()
        publisher.flush()


def test_failures_are_noted_on_the_error_that_ended_the_work(
    bootstrap_servers: str, topic: str
) -> None:
    with pytest.raises(RuntimeError, match="other trouble") as raised:  # noqa: PT012, SIM117
        with Publisher(bootstrap_servers) as publisher:
            publisher.send(topic, b"expert-1", bytes(MEGABYTE))
            raise RuntimeError("other trouble")
    assert [note.split(":")[0] for note in raised.value.__notes__] == [
        "1 events were not acknowledged"
    ]


def test_a_publisher_with_many_failures_takes_no_more_events(
    bootstrap_servers: str, topic: str
) -> None:
    publisher = Publisher(bootstrap_servers, failures_max=5, in_flight_events_max=2)
    taken = 0

    def send_twenty() -> None:
        nonlocal taken
        for _ in range(20):
            publisher.send(topic, b"expert-1", bytes(MEGABYTE))
            taken += 1

    with pytest.raises(PublishError) as raised:
        send_twenty()
    publisher.close()
    assert 5 <= len(raised.value.failures) == taken <= 7


def test_a_closed_publisher_refuses_events(bootstrap_servers: str, topic: str) -> None:
    publisher = Publisher(bootstrap_servers)
    publisher.close()
    publisher.close()
    with pytest.raises(PublishError, match="closed"):
        publisher.send(topic, b"expert-1", b"value")


def test_a_broker_that_does_not_answer_is_said_at_once() -> None:
    with pytest.raises(PublishError, match=r"No broker answers at 127\.0\.0\.1:1"):
        Publisher("127.0.0.1:1", block_ms=300)
