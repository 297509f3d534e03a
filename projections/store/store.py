"""What a worker asks of a store before a round, and gives it after; ClickHouse is the one in use.

`ClickHouseStore` keeps it, and the in-memory store of the simulation; one contract suite holds both
to the same behaviour. A store knows one projection and one generation of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import polars as pl

Place = tuple[str, int]
"""A topic and a partition."""

APPLIED, IDENTITIES = "applied", "identities"
"""The tables of what was told before: by event id, and by the identity of a thing."""

KNOWN = {"id": pl.Binary, "topic": pl.String, "partition": pl.UInt16, "offset": pl.Int64}
STATE = {
    "key": pl.String,
    "topic": pl.String,
    "partition": pl.UInt16,
    "offset": pl.Int64,
    "occurred_at": pl.Datetime("us"),
    "appended_at": pl.Datetime("us"),
    "version": pl.Int64,
    "body": pl.Binary,
}
STATE_ROWS_MAX = 1_000_000
"""A block larger than ClickHouse's `max_insert_block_size` could be there in part."""


class StoreError(Exception):
    """Rows that no store may take, however often it is tried."""


@dataclass(frozen=True)
class StoredPart:
    """A state part as it lies in the store."""

    topic: str
    partition: int
    offset: int
    """The last offset that it includes."""
    body: bytes


@dataclass(frozen=True)
class Progress:
    """What a projection includes of a partition."""

    offset: int = -1
    """The last offset included; -1 where there is none yet."""
    occurred_at: int = 0
    """The latest time of an event included, in microseconds."""
    appended_at: int = 0
    """When the broker took the last event included, in microseconds."""
    witness: bytes = b""
    """Which value stood where: see `streams.log_check.witness_of`. Empty where there is none."""
    version: int = 0
    """The version of the projection that wrote it."""


class Known(NamedTuple):
    """What of some candidates was told before: id, topic, partition, offset and content (MD5)."""

    events: pl.DataFrame
    things: pl.DataFrame


PROGRESS_PREFIX = "progress:"


def progress_key(topic: str, partition: int) -> str:
    """The key under which a partition's progress lies beside the state."""
    return f"{PROGRESS_PREFIX}{topic}:{partition}"


def nothing_known() -> pl.DataFrame:
    """The answer where nothing was asked, or nothing found."""
    return pl.DataFrame(schema=KNOWN | {"content": pl.Binary})


class Store(Protocol):
    """One projection's rows. Methods block; whatever they raise is tried again, `StoreError` not.

    A row written twice is there once, and of two parts of one key the one with the greater offset
    stands, whichever was written last.
    """

    def progress(self) -> Mapping[Place, Progress]:
        """How far the projection has come, by topic and partition."""
        ...

    def newest(self) -> pl.DataFrame:
        """The greatest id applied in each partition: topic, partition, newest (16 bytes).

        Ids follow time (UUIDv7), so most of a round's are greater: those need no look-up.
        """
        ...

    def known(self, events: pl.Series, things: pl.Series) -> Known:
        """Where events (ids of 16 bytes) and things (texts) were told before, in one query."""
        ...

    def parts(self, keys: Iterable[str]) -> Mapping[str, StoredPart]:
        """The parts that exist of those asked for, in one query."""
        ...

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """Rows of one table: of the projection's own, `repeats`, `dead_letters`, `APPLIED` (id,
        place and what was told) or `IDENTITIES` (the same, by text). One insert.
        """
        ...

    def write_state(self, frame: pl.DataFrame) -> None:
        """Parts and progress of a round, in the columns of `STATE`: one block, all or nothing.

        Raises `StoreError` where it has more than `STATE_ROWS_MAX` rows.
        """
        ...
