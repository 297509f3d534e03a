"""What the road carries: the records of one partition's fetch as one message."""

from bisect import bisect_right
from dataclasses import dataclass, field


@dataclass(slots=True)
class Fetch:
    """Records of one partition that were fetched together, as lists of equal length."""

    topic: str
    partition: int
    start: int
    """The first offset that the fetch covers."""
    end: int
    """One more than the last offset it covers: where the next fetch starts."""
    values: list[bytes | None] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    """Ascending; control records and aborted transactions leave gaps."""
    timestamps: list[int] = field(default_factory=list)
    """When the broker appended each record, in milliseconds."""

    def after(self, offset: int) -> "Fetch":
        """What of the fetch lies behind an offset."""
        if offset < self.start:
            return self
        at = bisect_right(self.offsets, offset)
        return Fetch(
            self.topic, self.partition, offset + 1, self.end,
            self.values[at:], self.keys[at:], self.offsets[at:], self.timestamps[at:],
        )  # fmt: skip

    def upto(self, offset: int) -> "Fetch":
        """What of the fetch lies at or before an offset; empty where nothing does."""
        if offset >= self.end - 1:
            return self
        at = bisect_right(self.offsets, offset)
        return Fetch(
            self.topic, self.partition, self.start, max(offset + 1, self.start),
            self.values[:at], self.keys[:at], self.offsets[:at], self.timestamps[:at],
        )  # fmt: skip
