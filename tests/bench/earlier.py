"""Fills the ids of earlier events into a fold's tables, as years of applied events leave them."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client

from projections.fold import Fold
from projections.store.client import run
from projections.store.layout import table_of
from projections.store.store import APPLIED
from schemas.partitioning import PARTITIONS
from tests.bench.history import START_US

BLOCK_EVENTS = 1_000_000
APART_MS = 3
"""Between two of them: ten million are a year's."""


def fill_earlier(client: Client, fold: Fold, events: int) -> None:
    """Put this many ids into the fold's tables (UUIDv7) from before the history; blocks."""
    table, start_ms = table_of(fold, APPLIED), START_US // 1000 - events * APART_MS
    for first in range(0, events, BLOCK_EVENTS):
        count = min(BLOCK_EVENTS, events - first)
        milliseconds = f"leftPad(hex(toUInt64({start_ms} + number * {APART_MS})), 12, '0')"
        random = "leftPad(hex(rand64(number)), 16, '0')"
        more = "leftPad(hex(rand(number + 1)), 8, '0')"
        run(
            client,
            # Offsets below zero: of the same partitions, before all that the topic holds.
            f"INSERT INTO {table} (id, topic, partition, offset) SELECT "
            f"unhex(concat({milliseconds}, '7', substring({random}, 1, 3), "
            f"'8', substring({random}, 4, 13), substring({more}, 1, 2))), "
            f"'{fold.topics[0]}', number % {PARTITIONS}, toInt64(number) - {events} "
            f"FROM numbers({first}, {count})",
        )
    # What lies there for a year is merged; a merge of it beside the measurement would be noise.
    run(client, f"OPTIMIZE TABLE {table} FINAL")
