"""What is told of events that could not be published."""

from __future__ import annotations

from dataclasses import dataclass

FAILURES_SHOWN = 3


@dataclass(frozen=True)
class PublishFailure:
    """An event that the broker did not acknowledge, and why. It may have been written or not."""

    topic: str
    key: bytes
    reason: str

    @classmethod
    def of(cls, topic: str, key: bytes, error: BaseException) -> PublishFailure:
        """The failure of an event by `error`, in the client's or the broker's own words."""
        text, name = str(error), type(error).__name__
        said = text if text.startswith((name, "[Error")) else f"{name}: {text}".removesuffix(": ")
        return cls(topic, key, said)

    def __str__(self) -> str:
        return f"{self.topic} {self.key.decode('utf-8', 'backslashreplace')}: {self.reason}"


class PublishError(Exception):
    """Events were not acknowledged, or the broker cannot be reached at all.

    `failures` lists each event; every failure is reported by exactly one PublishError.
    """

    def __init__(self, message: str, failures: list[PublishFailure] | None = None) -> None:
        super().__init__(message)
        self.failures = failures or []

    @classmethod
    def of(cls, failures: list[PublishFailure]) -> PublishError:
        """The error that reports `failures`, naming the first few."""
        first = "; ".join(map(str, failures[:FAILURES_SHOWN]))
        more = len(failures) - FAILURES_SHOWN
        rest = f"; and {more:,} more" if more > 0 else ""
        return cls(f"{len(failures):,} events were not acknowledged: {first}{rest}", failures)
