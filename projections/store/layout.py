"""Where a projection's rows lie: tables named by generation, and the views that readers see."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from projections.projection import Projection
from projections.store.client import quoted
from projections.store.generations import FIRST, live_generation_sql
from projections.store.store import APPLIED, IDENTITIES
from projections.tables import DEAD_LETTERS, REPEATS, Column, Table

WATERMARKS: dict[str, Column] = {
    "projection": Column("String", None, "The projection."),
    "topic": Column("String", None, "The Kafka topic."),
    "partition": Column("UInt16", None, "The partition."),
    "offset": Column("Int64", None, "The last offset that the projection includes."),
    "occurred_at": Column(
        "DateTime64(6, 'UTC')", None, "The latest time of an event that it includes, UTC."
    ),
    "appended_at": Column(
        "DateTime64(6, 'UTC')", None, "When the broker took the last event included, UTC."
    ),
    "version": Column("Int64", None, "The version of the projection that wrote it."),
}
PROJECTION = Column("String", None, "The projection that says so.")


def clock_of(projection: str, topic: str) -> str:
    """The scalar of the latest time of a topic's events that a projection includes; 1970 if none.

    A look puts what it knows in its place.
    """
    return (
        "(SELECT max(occurred_at) FROM watermarks "
        f"WHERE projection = '{projection}' AND topic = '{topic}')"
    )


def kept_name(name: str, generation: int) -> str:
    """The table of a generation."""
    return f"{name}_g{generation}"


def state_table(projection: Projection, generation: int = FIRST) -> str:
    """State parts and progress of a projection."""
    return kept_name(f"{projection.name}_state", generation)


def table_of(projection: Projection, name: str, generation: int = FIRST) -> str:
    """The table in which a projection keeps its rows called `name`.

    What every projection keeps (repeats, dead letters, applied ids, identities) bears its name.
    """
    own = {table.name for table in projection.tables}
    return kept_name(name if name in own else f"{projection.name}_{name}", generation)


def _facts(name: str, table: Table) -> Iterator[str]:
    columns = [
        f"`{column}` {spec.kept_as} COMMENT {quoted(spec.comment)}"
        for column, spec in table.columns.items()
    ]
    order = ", ".join(f"`{column}`" for column in table.order_by)
    told = ",\n  ".join(columns)
    yield (
        f"CREATE TABLE IF NOT EXISTS {name} (\n  {told}\n) ENGINE = ReplacingMergeTree "
        f"ORDER BY ({order}) COMMENT {quoted(table.comment)}"
    )
    # A column that is new since the table was made is empty in its rows: readers, and a rebuild
    # that compares, ask every generation for all of them.
    added = ", ".join(f"ADD COLUMN IF NOT EXISTS {column}" for column in columns)
    yield f"ALTER TABLE {name} {added}"


def _state(name: str) -> str:
    # No PARTITION BY, and one insert of one block a round: its rows are there wholly or not at all.
    return f"""CREATE TABLE IF NOT EXISTS {name} (
  key String COMMENT 'The part, as kind:key; progress:topic:partition is progress.',
  topic LowCardinality(String), partition UInt16,
  offset Int64 COMMENT 'The last offset that the part includes.',
  occurred_at DateTime64(6, 'UTC'), appended_at DateTime64(6, 'UTC'),
  version Int64 COMMENT 'The version of the projection that wrote it.',
  body String COMMENT 'The part as MessagePack.'
) ENGINE = ReplacingMergeTree(offset) ORDER BY key SETTINGS index_granularity = 256"""


def _known(name: str, kind: str) -> str:
    return f"""CREATE TABLE IF NOT EXISTS {name} (
  id {kind}, topic LowCardinality(String), partition UInt16, offset Int64,
  told String EPHEMERAL, content FixedString(16) DEFAULT MD5(told)
) ENGINE = ReplacingMergeTree ORDER BY (id, topic, partition, offset)
SETTINGS index_granularity = 256"""


def _ends_of(projection: Projection, generation: int) -> str:
    """The offset after the progress of each partition, by topic; 0 where there is none.

    A scalar instead of a join: it is computed once a query, however many views of the projection
    the query reads, so that all of them end at one point.
    """
    return (
        "(SELECT CAST(groupArray((topic, ends)), 'Map(String, Array(Int64))') FROM (SELECT "
        "toString(topic) AS topic, groupArrayInsertAt(0)(offset + 1, toUInt32(partition)) AS ends "
        f"FROM {state_table(projection, generation)} FINAL "
        "WHERE startsWith(key, 'progress:') GROUP BY topic))"
    )


def _columns(columns: dict[str, Column]) -> str:
    return ", ".join(
        f"`{name}` {spec.view_type} COMMENT {quoted(spec.comment)}"
        for name, spec in columns.items()
    )


def _view(name: str, columns: dict[str, Column], select: str, comment: str) -> str:
    return (
        f"CREATE OR REPLACE VIEW {name} ({_columns(columns)})\nAS {select}\n"
        f"COMMENT {quoted(comment)}"
    )


def at_or_below(ends: str) -> str:
    """The condition on `facts` that a row is at or below the progress of its partition.

    `ends` is the expression of what `_ends_of` tells.
    """
    return f"facts.offset < {ends}[toString(facts.topic)][facts.partition + 1]"


def seen(table: Table) -> str:
    """The columns of a table that is called `facts`, as readers see them."""
    return ", ".join(
        f"{spec.seen_by.format(name=f'facts.`{column}`')} AS `{column}`"
        for column, spec in table.columns.items()
    )


def json_as_text(table: Table) -> str:
    """The structure in which rows of a table with JSON come; empty for every other table."""
    kept = {name: spec.kept_as for name, spec in table.columns.items()}
    if "JSON" not in kept.values():
        return ""
    told = (f"`{name}` {'String' if kind == 'JSON' else kind}" for name, kind in kept.items())
    return ", ".join(told)


def visible(table: Table, name: str, condition: str) -> str:
    """The select of the rows of a generation's table that fulfil `at_or_below`.

    So nobody sees half a round.
    """
    return f"SELECT {seen(table)} FROM {name} AS facts FINAL\nWHERE {condition}"


def progress_of(projection: Projection, generation: int) -> str:
    """The select of how far a projection has come in each partition."""
    return (
        "SELECT topic, partition, offset, occurred_at, appended_at, version FROM "
        f"{state_table(projection, generation)} FINAL WHERE startsWith(key, 'progress:')"
    )


def table_statements(projection: Projection, generation: int = FIRST) -> Iterator[str]:
    """The statements that create a projection's tables where they are missing."""
    yield _state(state_table(projection, generation))
    yield _known(table_of(projection, APPLIED, generation), "FixedString(16)")
    yield _known(table_of(projection, IDENTITIES, generation), "String")
    for table in (REPEATS, DEAD_LETTERS, *projection.tables):
        yield from _facts(table_of(projection, table.name, generation), table)


def drop_statements(projection: Projection, generation: int) -> Iterator[str]:
    """The statements that drop a generation's tables."""
    names = (REPEATS.name, DEAD_LETTERS.name, *(table.name for table in projection.tables))
    for name in (*names, APPLIED, IDENTITIES):
        yield f"DROP TABLE IF EXISTS {table_of(projection, name, generation)}"
    yield f"DROP TABLE IF EXISTS {state_table(projection, generation)}"


def _live(projection: Projection, generations: list[int], select: Callable[[int], str]) -> str:
    """A select over the live generation; the pointer chooses where there are several."""
    if len(generations) == 1:
        return select(generations[0])
    pointer = live_generation_sql(projection)
    return "\nUNION ALL\n".join(
        f"SELECT * FROM ({select(number)}) WHERE {pointer} = {number}" for number in generations
    )


def view_statements(
    projections: Iterable[Projection], generations: Mapping[str, list[int]]
) -> list[str]:
    """The statements that make the views over the generations that each projection has, by name."""
    every = list(projections)

    def facts(projection: Projection, table: Table) -> str:
        return _live(
            projection,
            generations[projection.name],
            lambda number: visible(
                table,
                table_of(projection, table.name, number),
                at_or_below(_ends_of(projection, number)),
            ),
        )

    def progress(projection: Projection) -> str:
        return _live(
            projection,
            generations[projection.name],
            lambda number: progress_of(projection, number),
        )

    statements = [
        _view(table.name, table.columns, facts(projection, table), table.comment)
        for projection in every
        for table in projection.tables
    ]
    for table in (REPEATS, DEAD_LETTERS):
        selects = [f"SELECT '{p.name}' AS projection, * FROM ({facts(p, table)})" for p in every]
        columns = {"projection": PROJECTION} | table.columns
        statements.append(_view(table.name, columns, "\nUNION ALL\n".join(selects), table.comment))
    selects = [f"SELECT '{p.name}' AS projection, * FROM ({progress(p)})" for p in every]
    comment = "How far each projection has come, per partition."
    statements.append(_view("watermarks", WATERMARKS, "\nUNION ALL\n".join(selects), comment))
    # After everything that they may read, whichever projection's it is.
    declared = (view for projection in every for view in projection.views)
    statements += [_view(v.name, v.columns, v.select, v.comment) for v in declared]
    return statements
