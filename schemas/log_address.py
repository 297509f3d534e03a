"""Where a record stands in the log, as people write it: topic/partition/offset."""

import re
from typing import NamedTuple

ADDRESS = re.compile(r"[^/]+/[0-9]{1,5}/[0-9]{1,18}")
"""No partition or offset of ours has more digits: the columns that keep them could not hold it."""


class AddressError(ValueError):
    """A text that is no address; the message says how one is written."""


class LogAddress(NamedTuple):
    """A record's place in the log."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def is_address(text: str) -> bool:
    """Whether a text is written as an address."""
    return bool(ADDRESS.fullmatch(text))


def parse_address(text: str) -> LogAddress:
    """The address that a text writes. Raises `AddressError`."""
    if not is_address(text):
        raise AddressError(f"{text} is no address; it is written topic/partition/offset.")
    topic, partition, offset = text.split("/")
    return LogAddress(topic, int(partition), int(offset))
