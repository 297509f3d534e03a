"""Dead letters on Kafka: the bytes as they came, with where they stood and what is wrong."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.outbox import Record
from streams.topics import DEAD_LETTERS
from streams.worker_options import SHARE_MAX_BP

WINDOW_EVENTS = 10_000
LETTERS_MIN = 100
"""Fewer dead letters than this in the window never stop a worker."""


class Letter(NamedTuple):
    """A record that is no event."""

    topic: str
    partition: int
    offset: int
    cause: str
    reason: str
    key: bytes | None
    value: bytes | None


def record_of(letter: Letter, projection: str) -> Record:
    """A dead letter as a record of its topic, keyed by the address of what is wrong."""
    headers = (
        ("projection", projection.encode()),
        ("topic", letter.topic.encode()),
        ("partition", str(letter.partition).encode()),
        ("offset", str(letter.offset).encode()),
        ("cause", letter.cause.encode()),
        ("reason", letter.reason.encode()),
        *([("key", letter.key)] if letter.key is not None else []),
    )
    place = f"{letter.topic}/{letter.partition}/{letter.offset}".encode()
    return Record(DEAD_LETTERS.name, place, letter.value or b"", headers)


@dataclass
class LetterShare:
    """The share of dead letters among the latest events: a wrong deployment shows here first."""

    share_max_bp: int = SHARE_MAX_BP
    _rounds: deque[tuple[int, int]] = field(default_factory=deque[tuple[int, int]])

    def excess(self, events: int, letters: list[Letter]) -> str:
        """Count a round in; the sentence to stop with where the share is too high, else nothing."""
        self._rounds.append((events, len(letters)))
        while len(self._rounds) > 1 and self._events() - self._rounds[0][0] >= WINDOW_EVENTS:
            self._rounds.popleft()
        refused = sum(count for _, count in self._rounds)
        if refused < LETTERS_MIN or refused * 10_000 <= self._events() * self.share_max_bp:
            return ""
        first = f", such as {letters[0].reason}" if letters else ""
        return (
            f"{refused:,} of the last {self._events():,} events are no events{first}: is the right "
            "version deployed? Nothing of this round is written; "
            "WORKLEDGER_DEAD_LETTER_SHARE_MAX_BP is the limit"
        )

    def _events(self) -> int:
        return sum(count for count, _ in self._rounds)
