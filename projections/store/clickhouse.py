"""The store in ClickHouse: tables named by generation, columns as Arrow streams."""

import hashlib
from collections.abc import Iterable, Mapping

import polars as pl
from clickhouse_connect.driver.client import Client

from projections.projection import Projection
from projections.store.client import insert_frame, read_frame, run
from projections.store.generations import FIRST, POINTERS, POINTERS_ARE, generations_of, pointer_of
from projections.store.layout import (
    drop_statements,
    json_as_text,
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
"""What a query looks for."""
NO_EVENT = "toFixedString('', 16) AS event"


def create_tables(client: Client, projections: Iterable[Projection]) -> None:
    """Create what is missing of the live generations, and the views over all. Idempotent.

    Nothing is run where tables and statements are those that the last call left behind: it signs
    the comment of `pointers` with a digest of both, since some sixty statements take a second of
    the engine's time, and every worker's start begins here.
    """
    every = list(projections)
    statements = [s for projection in every for s in table_statements(projection)]
    statements += view_statements(every, {projection.name: [FIRST] for projection in every})
    names, comment = _tables(client)
    if comment == _signature(statements, names):
        return
    run(client, POINTERS)
    for projection in every:
        create_generation(client, projection, pointer_of(client, projection).generation)
    create_views(client, every)
    names, _ = _tables(client)
    run(client, f"ALTER TABLE pointers MODIFY COMMENT '{_signature(statements, names)}'")


def _tables(client: Client) -> tuple[list[str], str]:
    """The names of all tables and views, and the comment of `pointers`."""
    frame = read_frame(
        client, "SELECT name, comment FROM system.tables WHERE database = currentDatabase()"
    )
    comments = {name.decode(): comment.decode() for name, comment in frame.iter_rows()}
    return sorted(comments), comments.get("pointers", "")


def _signature(statements: Iterable[str], names: Iterable[str]) -> str:
    laid_out = "\n".join((*statements, *names)).encode()
    return f"{POINTERS_ARE} Layout {hashlib.sha256(laid_out).hexdigest()}."


def create_generation(client: Client, projection: Projection, generation: int) -> None:
    """Create the tables of one generation where they are missing."""
    for statement in table_statements(projection, generation):
        run(client, statement)


def create_views(
    client: Client,
    projections: Iterable[Projection],
    without: tuple[Projection, int] | None = None,
) -> None:
    """Make the views over every generation that there is, `without` one that is to go."""
    every = list(projections)
    numbers = {projection.name: generations_of(client, projection) for projection in every}
    if without:
        numbers[without[0].name].remove(without[1])
    for statement in view_statements(every, numbers):
        run(client, statement)


def drop_generation(
    client: Client, projections: Iterable[Projection], projection: Projection, generation: int
) -> None:
    """Drop one generation of a projection; `projections` are all that have views."""
    create_views(client, projections, without=(projection, generation))
    for statement in drop_statements(projection, generation):
        run(client, statement)


class ClickHouseStore:
    """What one projection keeps, for one worker. Methods block, and raise what the client does."""

    def __init__(self, client: Client, projection: Projection, generation: int = FIRST):
        self._client = client
        self._projection = projection
        self._generation = generation
        self._state = state_table(projection, generation)
        self._structures = {table.name: json_as_text(table) for table in projection.tables}

    def applied(self, ids: pl.Series) -> pl.DataFrame:
        """Where events with these ids (16 bytes) were applied."""
        return self.known(ids, pl.Series(dtype=pl.String)).events

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
                    f"FROM {self._table(table)} WHERE id IN {{{name}}}"
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
            f"WHERE key IN {{{GIVEN_KEYS}}}",
            {GIVEN_KEYS: given},
        )
        rows = frame.cast({"key": pl.String, "topic": pl.String}).iter_rows()
        return {key: StoredPart(*part) for key, *part in rows}

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """Rows of one table, as one insert."""
        insert_frame(self._client, self._table(table), frame, self._structures.get(table, ""))

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


def live_store(client: Client, projection: Projection) -> ClickHouseStore:
    """The store of the generation that is live now."""
    return ClickHouseStore(client, projection, pointer_of(client, projection).generation)
