"""A key lies in the same partition whichever client asks."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner import murmur2 as kafka_python_murmur2

from schemas.partitioning import murmur2, partition_of

# Source: org.apache.kafka.common.utils.UtilsTest.testMurmur2, Kafka 4.1.
JAVA_HASHES = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "signed"), JAVA_HASHES.items())
def test_the_hash_is_the_one_that_java_computes(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


@given(st.one_of(st.binary(max_size=80), st.uuids().map(lambda value: str(value).encode())))
def test_the_hash_is_the_one_of_kafka_python_and_aiokafka(key: bytes) -> None:
    assert murmur2(key) == kafka_python_murmur2(key) % 2**32
    assert murmur2(key) == aiokafka_murmur2(key) % 2**32


@given(st.binary(max_size=40), st.integers(min_value=1, max_value=1000))
def test_a_partition_is_the_hash_without_its_sign_modulo_their_number(
    key: bytes, partitions: int
) -> None:
    assert partition_of(key, partitions) == (kafka_python_murmur2(key) & 0x7FFFFFFF) % partitions


def test_a_topic_without_partitions_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one partition"):
        partition_of(b"key", 0)


def test_remembering_keys_takes_bounded_memory() -> None:
    for number in range(70_000):
        partition_of(b"%d" % number)
    assert partition_of.cache_info().currsize == partition_of.cache_info().maxsize == 65_536
