"""Dead letters on Kafka: the bytes as they came, with where they stood and what is wrong."""

from collections.abc import Sequence
from typing import NamedTuple

from streams.publisher import Publisher
from streams.topics import DEAD_LETTERS


class Letter(NamedTuple):
    """A record that is no event."""

    topic: str
    partition: int
    offset: int
    cause: str
    reason: str
    key: bytes | None
    value: bytes | None


class DeadLetterOffice:
    """Sends dead letters; connects when the first one comes."""

    def __init__(self, bootstrap_servers: str, projection: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._projection = projection
        self._publisher: Publisher | None = None

    def send(self, letters: Sequence[Letter]) -> None:
        """Send and wait until each is on all in-sync replicas; raises `PublishError` if not."""
        if not letters:
            return
        if self._publisher is None:
            self._publisher = Publisher(self._bootstrap_servers, client_id="workledger-letters")
        for letter in letters:
            headers = [
                ("projection", self._projection.encode()),
                ("topic", letter.topic.encode()),
                ("partition", str(letter.partition).encode()),
                ("offset", str(letter.offset).encode()),
                ("cause", letter.cause.encode()),
                ("reason", letter.reason.encode()),
                *([("key", letter.key)] if letter.key is not None else []),
            ]
            place = f"{letter.topic}/{letter.partition}/{letter.offset}".encode()
            self._publisher.send(DEAD_LETTERS.name, place, letter.value or b"", headers)
        self._publisher.flush()

    def close(self) -> None:
        """Disconnect."""
        if self._publisher is not None:
            self._publisher.close()
