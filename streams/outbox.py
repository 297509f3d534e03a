"""What a round sends to Kafka before its state is written: dead letters, and derived events."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from streams.publisher import Publisher


class Record(NamedTuple):
    """A record on its way to Kafka; its key decides its partition."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Outbox(Protocol):
    """Sends records and waits for them. Sent again, a record is there twice: readers know it."""

    def send(self, records: Sequence[Record]) -> None:
        """Return when each is on all in-sync replicas; raise where one is not."""
        ...

    def close(self) -> None:
        """Disconnect."""
        ...


class KafkaOutbox:
    """An outbox that connects when the first record comes."""

    def __init__(self, bootstrap_servers: str, client_id: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id
        self._publisher: Publisher | None = None

    def send(self, records: Iterable[Record]) -> None:
        """Send and wait until each is on all in-sync replicas; raises `PublishError` if not."""
        for record in records:
            if self._publisher is None:
                self._publisher = Publisher(self._bootstrap_servers, client_id=self._client_id)
            self._publisher.send(*record)
        if self._publisher is not None:
            self._publisher.flush()

    def close(self) -> None:
        """Disconnect."""
        if self._publisher is not None:
            self._publisher.close()
