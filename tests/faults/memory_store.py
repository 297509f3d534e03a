"""A ClickHouse in memory that behaves as the real one does; a contract suite holds both to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from projections.projection import Projection
from projections.store.store import (
    APPLIED,
    IDENTITIES,
    KNOWN,
    PROGRESS_PREFIX,
    STATE,
    STATE_ROWS_MAX,
    Known,
    Place,
    Progress,
    StoredPart,
    StoreError,
    nothing_known,
)
from projections.tables import DEAD_LETTERS, REPEATS

Row = dict[str, Any]
EPOCH = datetime(1970, 1, 1)
KNOWN_KEY = ("id", "topic", "partition", "offset")


@dataclass
class MemoryTables:
    """What is durable: the rows of every table by their key, and the parts of the state."""

    rows: dict[str, dict[tuple[Any, ...], Row]] = field(default_factory=dict)
    state: dict[str, Row] = field(default_factory=dict)
    writes: int = 0
    """How often something was written."""

    def insert(self, table: str, key: tuple[str, ...], rows: Iterable[Row]) -> None:
        """Of two rows of one key, the one that was inserted last stands."""
        self.writes += 1
        kept = self.rows.setdefault(table, {})
        for row in rows:
            kept[tuple(row[name] for name in key)] = row

    def insert_state(self, rows: Iterable[Row], keeps: Callable[[Row, Row], bool]) -> None:
        """Of two rows of one key, the new one stands unless `keeps(old, new)`."""
        self.writes += 1
        for row in rows:
            old = self.state.get(row["key"])
            if old is None or not keeps(old, row):
                self.state[row["key"]] = row


def is_newer(old: Row, new: Row) -> bool:
    """ReplacingMergeTree(offset): the greatest offset stands, and of equal ones the last."""
    return old["offset"] > new["offset"]


class MemoryStore:
    """A `Store` on tables in memory."""

    keeps: Callable[[Row, Row], bool] = staticmethod(is_newer)

    def __init__(self, tables: MemoryTables, projection: Projection) -> None:
        self.tables = tables
        kept = (*projection.tables, REPEATS, DEAD_LETTERS)
        self._keys = {table.name: table.order_by for table in kept} | {
            APPLIED: KNOWN_KEY,
            IDENTITIES: KNOWN_KEY,
        }

    def progress(self) -> Mapping[Place, Progress]:
        """How far the projection has come."""
        return {
            (row["topic"], row["partition"]): Progress(
                row["offset"], _us(row["occurred_at"]), _us(row["appended_at"]), row["body"],
                row["version"],
            )
            for key, row in self.tables.state.items()
            if key.startswith(PROGRESS_PREFIX)
        }  # fmt: skip

    def newest(self) -> pl.DataFrame:
        """The greatest id applied in each partition."""
        rows = [
            {name: row[name] for name in KNOWN_KEY}
            for row in self.tables.rows.get(APPLIED, {}).values()
        ]
        frame = pl.DataFrame(rows, schema=KNOWN)
        return frame.group_by("topic", "partition").agg(newest=pl.col("id").max())

    def known(self, events: pl.Series, things: pl.Series) -> Known:
        """Where events and things were told before."""
        return Known(
            self._known(APPLIED, set(events.to_list())),
            self._known(IDENTITIES, set(things.cast(pl.String).to_list())),
        )

    def _known(self, table: str, ids: set[Any]) -> pl.DataFrame:
        rows = [
            (_bytes(row["id"]), row["topic"], row["partition"], row["offset"], row["content"])
            for row in self.tables.rows.get(table, {}).values()
            if row["id"] in ids
        ]
        return pl.DataFrame(rows, schema=nothing_known().schema, orient="row")

    def parts(self, keys: Iterable[str]) -> Mapping[str, StoredPart]:
        """The parts that exist of those asked for."""
        found = {key: self.tables.state[key] for key in keys if key in self.tables.state}
        return {
            key: StoredPart(row["topic"], row["partition"], row["offset"], row["body"])
            for key, row in found.items()
        }

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """Rows of one table."""
        rows = frame.to_dicts()
        if "told" in frame.columns:
            rows = [
                {**row, "content": hashlib.md5(row["told"], usedforsecurity=False).digest()}
                for row in rows
            ]
        self.tables.insert(table, self._keys[table], rows)

    def write_state(self, frame: pl.DataFrame) -> None:
        """Parts and progress of a round, all or nothing."""
        if frame.height > STATE_ROWS_MAX:
            raise StoreError(f"{frame.height:,} rows of state do not fit one block")
        assert frame.columns == list(STATE)
        self.tables.insert_state(frame.to_dicts(), self.keeps)

    def visible(self, table: str) -> list[Row]:
        """What a reader sees: the rows at or below the progress of their partition."""
        upto = {place: at.offset for place, at in self.progress().items()}
        return [
            row
            for row in self.tables.rows.get(table, {}).values()
            if row["offset"] <= upto.get((row["topic"], row["partition"]), -1)
        ]


def _us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
