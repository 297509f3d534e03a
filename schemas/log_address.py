"""Where a record stands in the log, as people write it: topic/partition/offset."""

from typing import NamedTuple


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
    topic, _, place = text.partition("/")
    partition, _, offset = place.partition("/")
    return bool(topic) and all(n.isascii() and n.isdigit() for n in (partition, offset))


def parse_address(text: str) -> LogAddress:
    """The address that a text writes. Raises `AddressError`."""
    if not is_address(text):
        raise AddressError(f"{text} is no address; it is written topic/partition/offset.")
    topic, partition, offset = text.split("/")
    return LogAddress(topic, int(partition), int(offset))
