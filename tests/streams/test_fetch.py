"""Fetches as messages of lists: what aiokafka would give, without an object an event."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from streams import fetch as fetching
from streams.batch import Fetch
from streams.fetch import fetch_in_batches, unpack
from streams.topics import Topic, ensure_topics

PLACE = TopicPartition("t", 0)


def a_batch(first: int, count: int) -> bytes:
    """A record batch as the broker keeps it: values v0, v1, … from an offset on."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 20)
    for i in range(count):
        value = b"v%d" % (first + i)
        assert builder.append(i, timestamp=1_000 + i, key=b"k", value=value, headers=[])
    batch = bytearray(builder.build())
    batch[0:8] = first.to_bytes(8, "big")  # the base offset is outside the checksum
    return bytes(batch)


def records(raw: bytes, fetch_offset: int = 0) -> PartitionRecords:
    return PartitionRecords(
        PLACE, MemoryRecords(raw), [], fetch_offset, None, None, True, READ_COMMITTED
    )


def test_a_fetch_is_one_message_with_values_keys_offsets_and_times() -> None:
    [message] = unpack(records(a_batch(0, 3) + a_batch(3, 2)))
    assert message.offset == 4
    assert message.value == Fetch(
        "t", 0, 0, 5,
        [b"v0", b"v1", b"v2", b"v3", b"v4"],
        [b"k"] * 5,
        [0, 1, 2, 3, 4],
        [1_000, 1_001, 1_002, 1_000, 1_001],
    )  # fmt: skip


def test_a_fetch_that_begins_within_a_batch_leaves_out_what_lies_before() -> None:
    [message] = unpack(records(a_batch(0, 5), fetch_offset=3))
    assert message.value.offsets == [3, 4]


def test_a_large_fetch_becomes_several_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "EVENTS_PER_FETCH_MAX", 4)
    found = [m.value for m in unpack(records(b"".join(a_batch(i * 3, 3) for i in range(4))))]
    assert [len(fetch.values) for fetch in found] == [6, 6]
    assert [(fetch.start, fetch.end) for fetch in found] == [(0, 6), (6, 12)]


def test_a_wrong_checksum_is_an_error_and_no_message() -> None:
    raw = bytearray(a_batch(0, 3))
    raw[-2] ^= 1
    with pytest.raises(CorruptRecordException):
        list(unpack(records(bytes(raw))))


@pytest.mark.stack
async def test_aborted_transactions_and_their_markers_are_left_out(bootstrap_servers: str) -> None:
    topic = Topic("test-aborted", key="none", partitions=1)
    ensure_topics(bootstrap_servers, topics=[topic])
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, transactional_id="test")
    await producer.start()
    for outcome in (True, False, True):
        await producer.begin_transaction()
        for i in range(3):
            await producer.send_and_wait(topic.name, b"%d kept %d" % (i, outcome))
        await (producer.commit_transaction() if outcome else producer.abort_transaction())
    await producer.stop()

    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    fetch_in_batches(consumer)
    place = TopicPartition(topic.name, 0)
    consumer.assign([place])
    await consumer.seek_to_beginning(place)
    fetches: list[Fetch] = []
    while not fetches or fetches[-1].offsets[-1] < 10:
        got: Any = await consumer.getmany(timeout_ms=5_000)
        assert got, "nothing came"
        fetches += [message.value for message in got[place]]
    await consumer.stop()
    assert [o for fetch in fetches for o in fetch.offsets] == [0, 1, 2, 8, 9, 10]
    assert all(b"kept 1" in (v or b"") for fetch in fetches for v in fetch.values)
    assert fetches[0].start == 0
    assert all(a.end == b.start for a, b in pairwise(fetches))
