"""Where a projection's rows lie: tables named by generation, and the views that readers see."""

from collections.abc import Iterable, Iterator

from projections.projection import Projection
from projections.store.store import APPLIED, IDENTITIES
from projections.tables import DEAD_LETTERS, REPEATS, Column, Table

GENERATION = 1
"""The generation that the views show."""

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


def kept_name(name: str, generation: int) -> str:
    """The table of a generation."""
    return f"{name}_g{generation}"


def state_table(projection: Projection, generation: int = GENERATION) -> str:
    """State parts and progress of a projection."""
    return kept_name(f"{projection.name}_state", generation)


def table_of(projection: Projection, name: str, generation: int = GENERATION) -> str:
    """The table in which a projection keeps its rows called `name`.

    What every projection keeps (repeats, dead letters, applied ids, identities) bears its name.
    """
    own = {table.name for table in projection.tables}
    return kept_name(name if name in own else f"{projection.name}_{name}", generation)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _facts(name: str, table: Table) -> str:
    columns = ",\n  ".join(
        f"`{column}` {spec.kept_as} COMMENT {_quoted(spec.comment)}"
        for column, spec in table.columns.items()
    )
    order = ", ".join(f"`{column}`" for column in table.order_by)
    return (
        f"CREATE TABLE IF NOT EXISTS {name} (\n  {columns}\n) ENGINE = ReplacingMergeTree "
        f"ORDER BY ({order}) COMMENT {_quoted(table.comment)}"
    )


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


def _progress_of(projection: Projection, generation: int) -> str:
    return (
        f"SELECT topic, partition, offset AS upto FROM {state_table(projection, generation)} FINAL "
        "WHERE startsWith(key, 'progress:')"
    )


def _columns(columns: dict[str, Column]) -> str:
    return ", ".join(
        f"`{name}` {spec.view_type} COMMENT {_quoted(spec.comment)}"
        for name, spec in columns.items()
    )


def _view(name: str, columns: dict[str, Column], select: str, comment: str) -> str:
    return (
        f"CREATE OR REPLACE VIEW {name} ({_columns(columns)})\nAS {select}\n"
        f"COMMENT {_quoted(comment)}"
    )


def _visible(projection: Projection, table: Table, name: str, generation: int) -> str:
    """The rows at or below the progress of their partition: nobody sees half a round."""
    seen = ", ".join(
        f"{spec.seen_by.format(name=f'facts.`{column}`')} AS `{column}`"
        for column, spec in table.columns.items()
    )
    return (
        f"SELECT {seen} FROM {name} AS facts FINAL\n"
        f"INNER JOIN ({_progress_of(projection, generation)}) AS progress\n"
        "ON facts.topic = progress.topic AND facts.partition = progress.partition\n"
        "WHERE facts.offset <= progress.upto"
    )


def table_statements(projection: Projection, generation: int = GENERATION) -> Iterator[str]:
    """The statements that create a projection's tables where they are missing."""
    yield _state(state_table(projection, generation))
    yield _known(table_of(projection, APPLIED, generation), "FixedString(16)")
    yield _known(table_of(projection, IDENTITIES, generation), "String")
    for table in (REPEATS, DEAD_LETTERS, *projection.tables):
        yield _facts(table_of(projection, table.name, generation), table)


def view_statements(projections: Iterable[Projection], generation: int = GENERATION) -> list[str]:
    """The statements that point the views at a generation of every projection."""
    every = list(projections)
    statements = [
        _view(
            table.name,
            table.columns,
            _visible(projection, table, table_of(projection, table.name, generation), generation),
            table.comment,
        )
        for projection in every
        for table in projection.tables
    ]
    for table in (REPEATS, DEAD_LETTERS):
        selects = [
            f"SELECT '{p.name}' AS projection, * FROM "
            f"({_visible(p, table, table_of(p, table.name, generation), generation)})"
            for p in every
        ]
        columns = {"projection": PROJECTION} | table.columns
        statements.append(_view(table.name, columns, "\nUNION ALL\n".join(selects), table.comment))
    selects = [
        f"SELECT '{p.name}' AS projection, topic, partition, offset, occurred_at, appended_at, "
        f"version FROM {state_table(p, generation)} FINAL WHERE startsWith(key, 'progress:')"
        for p in every
    ]
    comment = "How far each projection has come, per partition."
    statements.append(_view("watermarks", WATERMARKS, "\nUNION ALL\n".join(selects), comment))
    return statements
