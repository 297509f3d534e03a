"""One projection's rows in ClickHouse: what a worker reads before a round and writes after it."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
from clickhouse_connect.driver.client import Client

from projections.projection import Projection
from projections.store.client import GIVEN, insert_frame, read_frame, run
from projections.store.layout import (
    GENERATION,
    applied_table,
    identities_table,
    kept_name,
    own_name,
    state_table,
    table_statements,
    view_statements,
)
from projections.tables import DEAD_LETTERS, REPEATS, Table

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


@dataclass(frozen=True)
class StoredPart:
    """A state part as it lies in ClickHouse."""

    partition: int
    offset: int
    """The last offset that it includes."""
    body: bytes


@dataclass(frozen=True)
class Progress:
    """What a projection includes of a partition."""

    offset: int
    """The last offset included; -1 where there is none yet."""
    occurred_at: int
    """The latest time of an event included, in microseconds."""


def progress_key(topic: str, partition: int) -> str:
    """The key under which a partition's progress lies beside the state."""
    return f"progress:{topic}:{partition}"


def create_tables(client: Client, projections: Iterable[Projection]) -> None:
    """Create what is missing and point the views at the current generation. Idempotent."""
    every = list(projections)
    for projection in every:
        for statement in table_statements(projection):
            run(client, statement)
    for statement in view_statements(every):
        run(client, statement)


class Store:
    """What one projection keeps, for one worker. Methods block, and raise what the client does."""

    def __init__(self, client: Client, projection: Projection, generation: int = GENERATION):
        self._client = client
        self._projection = projection
        self._generation = generation

    def progress(self) -> dict[tuple[str, int], Progress]:
        """How far the projection has come, by topic and partition."""
        frame = read_frame(
            self._client,
            "SELECT topic, partition, offset, toUnixTimestamp64Micro(occurred_at) FROM "
            f"{state_table(self._projection, self._generation)} FINAL "
            "WHERE startsWith(key, 'progress:')",
        )
        rows = frame.with_columns(pl.col("topic").cast(pl.String)).iter_rows()
        return {(topic, partition): Progress(*rest) for topic, partition, *rest in rows}

    def parts(self, keys: Iterable[str]) -> dict[str, StoredPart]:
        """The parts that exist of those asked for, in one query."""
        given = pl.Series(list(keys), dtype=pl.String)
        if given.is_empty():
            return {}
        frame = read_frame(
            self._client,
            "SELECT key, partition, offset, body FROM "
            f"{state_table(self._projection, self._generation)} FINAL WHERE key IN {GIVEN}",
            given,
        )
        rows = frame.with_columns(pl.col("key").cast(pl.String)).iter_rows()
        return {key: StoredPart(*part) for key, *part in rows}

    def applied(self, ids: pl.Series) -> pl.DataFrame:
        """Where the events with these ids (16 bytes each) were applied: id, place, content."""
        return self._known(applied_table(self._projection, self._generation), ids)

    def newest(self) -> pl.DataFrame:
        """The greatest id applied in each partition: topic, partition, newest (16 bytes).

        Ids follow time (UUIDv7), so most of a round's are greater: those need no look-up.
        """
        frame = read_frame(
            self._client,
            "SELECT topic, partition, max(id) AS newest FROM "
            f"{applied_table(self._projection, self._generation)} GROUP BY topic, partition",
        )
        return frame.cast({"topic": pl.String})

    def identities(self, keys: pl.Series) -> pl.DataFrame:
        """Where the things with these keys were told first: id, place, content."""
        table = identities_table(self._projection, self._generation)
        return self._known(table, keys.cast(pl.String))

    def _known(self, table: str, ids: pl.Series) -> pl.DataFrame:
        if ids.is_empty():
            return pl.DataFrame(schema=KNOWN | {"content": pl.Binary})
        # Without FINAL: a row that was written twice is the same row, and distinct below.
        frame = read_frame(
            self._client,
            f"SELECT id, topic, partition, offset, content FROM {table} WHERE id IN {GIVEN}",
            ids,
        )
        return frame.cast({"topic": pl.String}).unique()

    def write_facts(self, table: Table, frame: pl.DataFrame) -> None:
        """Rows of one of the projection's tables."""
        insert_frame(self._client, kept_name(table.name, self._generation), frame)

    def write_repeats(self, frame: pl.DataFrame) -> None:
        """Events that came again."""
        insert_frame(self._client, own_name(self._projection, REPEATS, self._generation), frame)

    def write_dead_letters(self, frame: pl.DataFrame) -> None:
        """Values that are no events."""
        name = own_name(self._projection, DEAD_LETTERS, self._generation)
        insert_frame(self._client, name, frame)

    def write_applied(self, frame: pl.DataFrame) -> None:
        """Ids of applied events: id, topic, partition, offset and what was told."""
        insert_frame(self._client, applied_table(self._projection, self._generation), frame)

    def write_identities(self, frame: pl.DataFrame) -> None:
        """Identities of things told: id, topic, partition, offset and what was told."""
        insert_frame(self._client, identities_table(self._projection, self._generation), frame)

    def write_state(self, frame: pl.DataFrame) -> None:
        """Parts and progress of a round, in the columns of `STATE`: one block, all or nothing."""
        insert_frame(self._client, state_table(self._projection, self._generation), frame)
