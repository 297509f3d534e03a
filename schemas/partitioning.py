"""Which partition a key names: murmur2 as Kafka's Java clients, kafka-python and aiokafka do it."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct, unpack_from

PARTITIONS = 12
"""Partitions of every topic of ours. A topic's number of partitions is for life."""

REMEMBERED_KEYS_MAX = 65_536
"""Keys whose partition is remembered: hashing costs microseconds, remembering some megabytes."""

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_MASK = 0xFFFFFFFF
_WORDS_OF_A_UUID = Struct("<9I")  # the 36 characters of a UUID, the commonest key


def murmur2(data: bytes) -> int:
    """The 32-bit murmur2 hash of `data`, unsigned.

    Source: `org.apache.kafka.common.utils.Utils.murmur2` (which answers the same bits, signed).
    """
    length = len(data)
    hashed = _SEED ^ length
    words: tuple[int, ...]
    if length == _WORDS_OF_A_UUID.size:
        words = _WORDS_OF_A_UUID.unpack(data)
    else:
        words = unpack_from(f"<{length >> 2}I", data)
    for word in words:
        word = (word * _MULTIPLIER) & _MASK
        word = ((word ^ (word >> 24)) * _MULTIPLIER) & _MASK
        hashed = ((hashed * _MULTIPLIER) & _MASK) ^ word
    if length & 3:
        rest = int.from_bytes(data[length & ~3 :], "little")
        hashed = ((hashed ^ rest) * _MULTIPLIER) & _MASK
    hashed = ((hashed ^ (hashed >> 13)) * _MULTIPLIER) & _MASK
    return hashed ^ (hashed >> 15)


@lru_cache(maxsize=REMEMBERED_KEYS_MAX)
def partition_of(key: bytes, partitions: int = PARTITIONS) -> int:
    """The partition, 0 to `partitions` - 1, that Kafka's default partitioner gives to `key`.

    Raises ValueError where `partitions` is not positive.
    """
    if partitions < 1:
        raise ValueError(f"a topic has at least one partition, not {partitions}")
    return (murmur2(key) & 0x7FFFFFFF) % partitions
