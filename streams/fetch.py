"""Fetched records without an object each: a partition's fetch becomes a few messages of lists.

aiokafka makes a `ConsumerRecord` an event, which costs more than decoding it. Its fetcher keeps
what it fetched in a dictionary of `FetchResult`; `BatchedResults` takes that dictionary's place in
one consumer and swaps each result's iterator. CRCs, control batches and aborted transactions are
treated as aiokafka does. These names are private to aiokafka: its version is pinned.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import AIOKafkaConsumer
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException

from streams.batch import Fetch

EVENTS_PER_FETCH_MAX = 10_000
"""A fetch larger than this becomes several messages, so that a round can be bounded in events."""


class BatchRecord:
    """A message in the shape of aiokafka's record, whose value is a `Fetch`."""

    __slots__ = ("offset", "partition", "timestamp", "topic", "value")
    timestamp_type = 1
    headers = ()
    key = None
    checksum = None
    serialized_key_size = 0
    serialized_value_size = 0

    def __init__(self, fetch: Fetch) -> None:
        self.topic = fetch.topic
        self.partition = fetch.partition
        self.offset = fetch.end - 1
        self.timestamp = fetch.timestamps[-1] if fetch.timestamps else -1
        self.value = fetch


class BatchedResults(OrderedDict[Any, Any]):
    """The fetcher's results by partition; each result iterates over `BatchRecord`."""

    def __setitem__(self, key: Any, result: Any) -> None:
        if isinstance(result, FetchResult):
            records: Any = getattr(result, "_partition_records", None)
            if records is not None:
                records._records_iterator = unpack(records)
        super().__setitem__(key, result)


def fetch_in_batches(consumer: AIOKafkaConsumer) -> None:
    """Make a started consumer, to which nothing is assigned yet, fetch messages of lists."""
    fetcher: Any = consumer._fetcher
    fetcher._records = BatchedResults(fetcher._records)


def unpack(records: PartitionRecords) -> Iterator[BatchRecord]:
    """The records of a fetch, at most `EVENTS_PER_FETCH_MAX` a message.

    Raises `CorruptRecordException` where a CRC is wrong: aiokafka fetches those records again.
    """
    source: Any = records
    topic, partition = source._tp.topic, source._tp.partition
    fetch = Fetch(topic, partition, source.next_fetch_offset, source.next_fetch_offset)
    while source._records.has_next():
        batch = source._records.next_batch()
        if source._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {source._tp}")
        if not (_is_aborted(source, batch) or batch.is_control_batch):
            start = source.next_fetch_offset
            for record in batch:
                if record.offset >= start:  # a fetch may begin in the middle of a batch
                    fetch.values.append(record.value)
                    fetch.keys.append(record.key)
                    fetch.offsets.append(record.offset)
                    fetch.timestamps.append(record.timestamp)
        source.next_fetch_offset = fetch.end = batch.next_offset
        if len(fetch.offsets) >= EVENTS_PER_FETCH_MAX:
            yield BatchRecord(fetch)
            fetch = Fetch(topic, partition, fetch.end, fetch.end)
    if fetch.end > fetch.start:  # without a value, too: it says that nothing is missing there
        yield BatchRecord(fetch)


def _is_aborted(source: Any, batch: Any) -> bool:
    """Whether a batch belongs to a transaction that was aborted; keeps aiokafka's account of it."""
    if source._isolation_level != READ_COMMITTED or batch.producer_id is None:
        return False
    source._consume_aborted_up_to(batch.base_offset)
    if batch.is_control_batch and source._contains_abort_marker(batch):
        source._aborted_producers.discard(batch.producer_id)
    return bool(batch.is_transactional) and batch.producer_id in source._aborted_producers
