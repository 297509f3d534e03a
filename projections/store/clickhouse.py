"""The store in ClickHouse: tables named by generation, columns as Arrow streams."""

from collections.abc import Iterable, Mapping

import polars as pl
from clickhouse_connect.driver.client import Client

from projections.projection import Projection
from projections.store.client import insert_frame, read_frame, run
from projections.store.layout import (
    GENERATION,
    state_table,
    table_of,
    table_statements,
    view_statements,
)
from projections.store.store import (
    APPLIED,
    IDENTITIES,
    PROGRESS_PREFIX,
    STATE_ROWS_MAX,
    Known,
    Place,
    Progress,
    StoredPart,
    StoreError,
    nothing_known,
)

GIVEN_KEYS, GIVEN_EVENTS, GIVEN_THINGS = "given_keys", "given_events", "given_things"
"""Tables of one column that come with a query."""
NO_EVENT = "toFixedString('', 16) AS event"


def create_tables(client: Client, projections: Iterable[Projection]) -> None:
    """Create what is missing and point the views at the current generation. Idempotent."""
    every = list(projections)
    for projection in every:
        for statement in table_statements(projection):
            run(client, statement)
    for statement in view_statements(every):
        run(client, statement)


class ClickHouseStore:
    """What one projection keeps, for one worker. Methods block, and raise what the client does."""

    def __init__(self, client: Client, projection: Projection, generation: int = GENERATION):
        self._client = client
        self._projection = projection
        self._generation = generation
        self._state = state_table(projection, generation)

    def progress(self) -> Mapping[Place, Progress]:
        """How far the projection has come, by topic and partition."""
        frame = read_frame(
            self._client,
            "SELECT topic, partition, offset, toUnixTimestamp64Micro(occurred_at) AS occurred_at, "
            "toUnixTimestamp64Micro(appended_at) AS appended_at, body AS witness, version "
            f"FROM {self._state} FINAL WHERE startsWith(key, '{PROGRESS_PREFIX}')",
        )
        rows = frame.with_columns(pl.col("topic").cast(pl.String)).iter_rows()
        return {(topic, partition): Progress(*rest) for topic, partition, *rest in rows}

    def newest(self) -> pl.DataFrame:
        """The greatest id applied in each partition."""
        frame = read_frame(
            self._client,
            "SELECT topic, partition, max(id) AS newest FROM "
            f"{self._table(APPLIED)} GROUP BY topic, partition",
        )
        return frame.cast({"topic": pl.String})

    def known(self, events: pl.Series, things: pl.Series) -> Known:
        """Where events and things were told before: content is the MD5 of what was told."""
        # Without FINAL: a row that was written twice is the same row, and distinct below. An id of
        # 16 bytes has a column of its own: ClickHouse cuts zeros at its end off in a String.
        asked: list[str] = []
        given: dict[str, pl.Series] = {}
        for table, name, ids, columns in (
            (APPLIED, GIVEN_EVENTS, events, "id AS event, '' AS thing"),
            (IDENTITIES, GIVEN_THINGS, things.cast(pl.String), NO_EVENT + ", id AS thing"),
        ):
            if not ids.is_empty():
                given[name] = ids
                asked.append(
                    f"SELECT {columns}, topic, partition, offset, content "
                    f"FROM {self._table(table)} WHERE id IN {name}"
                )
        if not asked:
            return Known(nothing_known(), nothing_known())
        frame = read_frame(self._client, " UNION ALL ".join(asked), given)
        frame = frame.cast({"topic": pl.String}).unique()
        is_thing = pl.col("thing") != b""
        return Known(
            frame.filter(~is_thing).drop("thing").rename({"event": "id"}),
            frame.filter(is_thing)
            .drop("event")
            .rename({"thing": "id"})
            .select(*nothing_known().columns),
        )

    def parts(self, keys: Iterable[str]) -> Mapping[str, StoredPart]:
        """The parts that exist of those asked for, in one query."""
        given = pl.Series(list(keys), dtype=pl.String)
        if given.is_empty():
            return {}
        frame = read_frame(
            self._client,
            f"SELECT key, topic, partition, offset, body FROM {self._state} FINAL "
            f"WHERE key IN {GIVEN_KEYS}",
            {GIVEN_KEYS: given},
        )
        rows = frame.cast({"key": pl.String, "topic": pl.String}).iter_rows()
        return {key: StoredPart(*part) for key, *part in rows}

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """Rows of one table, as one insert."""
        insert_frame(self._client, self._table(table), frame)

    def write_state(self, frame: pl.DataFrame) -> None:
        """Parts and progress of a round: one insert of one block."""
        if frame.height > STATE_ROWS_MAX:
            raise StoreError(
                f"{frame.height:,} rows of state do not fit one block of {STATE_ROWS_MAX:,}; "
                "lower WORKLEDGER_BATCH_EVENTS_MAX"
            )
        insert_frame(self._client, self._state, frame, max_insert_block_size=STATE_ROWS_MAX)

    def _table(self, name: str) -> str:
        return table_of(self._projection, name, self._generation)
