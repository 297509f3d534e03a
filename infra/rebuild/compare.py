"""Two generations row by row, at a progress that both have reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from projections.projection import Projection
from projections.store.layout import table_of
from projections.store.store import APPLIED, IDENTITIES, Place
from projections.tables import DEAD_LETTERS, REPEATS

SAMPLES_MAX = 5
"""Differing rows that are shown of each table and side."""
KNOWN_COLUMNS = ("id", "topic", "partition", "offset", "content")
STATE_COLUMNS = ["key", "topic", "partition", "offset", "hex(body) AS body"]


class Difference(NamedTuple):
    """What one table holds in one generation and not in the other."""

    table: str
    rows: int
    """Rows of the live generation that were compared."""
    only_live: int
    only_new: int
    samples_live: list[dict[str, Any]]
    samples_new: list[dict[str, Any]]

    @property
    def is_none(self) -> bool:
        """Whether the two hold the same rows."""
        return not (self.only_live or self.only_new)


def compare(
    client: Client, projection: Projection, live: int, new: int, upto: Mapping[Place, int]
) -> list[Difference]:
    """Compare every table of a projection and its state, up to an offset of each partition."""
    columns = {
        table.name: [
            f"toString(`{name}`) AS `{name}`" if column.kept_as == "JSON" else f"`{name}`"
            for name, column in table.columns.items()
        ]
        for table in (*projection.tables, REPEATS, DEAD_LETTERS)
    }
    columns |= {APPLIED: [*KNOWN_COLUMNS], IDENTITIES: [*KNOWN_COLUMNS], "state": STATE_COLUMNS}
    return [
        _compare_table(client, projection, (live, new), upto, name, ", ".join(kept))
        for name, kept in columns.items()
    ]


def _compare_table(
    client: Client,
    projection: Projection,
    generations: tuple[int, int],
    upto: Mapping[Place, int],
    name: str,
    columns: str,
) -> Difference:
    tables = [table_of(projection, name, generation) for generation in generations]
    rows = 0
    only, samples = [0, 0], [list[dict[str, Any]](), list[dict[str, Any]]()]
    for (topic, partition), offset in sorted(upto.items()):
        where = f"topic = '{topic}' AND partition = {partition} AND offset <= {offset}"
        selects = [f"SELECT {columns} FROM {table} FINAL WHERE {where}" for table in tables]
        sums = [_rows(client, f"SELECT count(), sum(cityHash64(*)) FROM ({s})")[0] for s in selects]
        rows += int(sums[0]["count()"])
        if sums[0] == sums[1]:  # the commonest case, and cheap
            continue
        for side in (0, 1):
            missing = f"({selects[side]}) EXCEPT ({selects[1 - side]})"
            only[side] += int(_rows(client, f"SELECT count() AS n FROM ({missing})")[0]["n"])
            wanted = SAMPLES_MAX - len(samples[side])
            if wanted > 0:
                samples[side] += _rows(
                    client, f"SELECT * FROM ({missing}) ORDER BY offset LIMIT {wanted}"
                )
    return Difference(name, rows, only[0], only[1], samples[0], samples[1])


def _rows(client: Client, sql: str) -> list[dict[str, Any]]:
    answer: Any = client.query(sql)
    return list(answer.named_results())
