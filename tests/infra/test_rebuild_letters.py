"""What the live generation refuses while another one is being built stays refused there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest
from clickhouse_connect.driver.client import Client

from infra.rebuild.build import Builder
from projections.payout.fold import payout
from projections.store.clickhouse import ClickHouseStore, create_generation
from projections.store.layout import table_of
from projections.tables import DEAD_LETTERS, DeadLetter
from schemas.partitioning import partition_of
from streams.admission import admit
from streams.batch import Fetch
from tests.integration.workers import rows
from tests.projections.histories import value_of
from tests.projections.payout_events import READY, entry

pytestmark = pytest.mark.stack
KEY = b"expert-1"
PLACE = ("workforce.experts", partition_of(KEY))
APPENDED_AT_MS = 1_900_000_000_000


class LiteralLog:
    """A log of one partition, a record a fetch."""

    def __init__(self, values: list[bytes]) -> None:
        self.values, self.at = values, 0

    async def starts(self, upto: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
        """Everything is held."""
        return dict.fromkeys(upto, 0)

    def start(self, at: Mapping[tuple[str, int], int]) -> None:
        """Go on from there."""
        self.at = at[PLACE]

    async def next(self) -> list[Fetch]:
        """The next record."""
        self.at += 1
        return [self.fetch(self.at - 1)]

    def fetch(self, offset: int) -> Fetch:
        """The record at an offset."""
        value: list[bytes | None] = [self.values[offset]]
        key: list[bytes | None] = [KEY]
        return Fetch(*PLACE, offset, offset + 1, value, key, [offset], [APPENDED_AT_MS])


def test_a_letter_that_comes_while_a_generation_is_built_stays_aside(clickhouse: Client) -> None:
    told = [*READY, entry(1, 2), entry(3, 4, "f")]
    log = LiteralLog([value_of(number, event) for number, event in enumerate(told)])
    create_generation(clickhouse, payout, 2)
    builder = Builder(clickhouse, payout, 1, 2)
    last = len(told) - 1
    asyncio.run(builder.build(cast(Any, log), {PLACE: last - 1}, lambda done, every: None))
    refused = DeadLetter("a rule of then", "rule", KEY, log.values[last], APPENDED_AT_MS * 1_000)
    places = admit([log.fetch(last)]).places
    live = ClickHouseStore(clickhouse, payout)
    live.write(DEAD_LETTERS.name, DEAD_LETTERS.frame([refused], [0], places))
    asyncio.run(builder.build(cast(Any, log), {PLACE: last}, lambda done, every: None))
    builder.close()
    opened = table_of(payout, "payout_lines_opened", 2)
    assert rows(clickhouse, f"SELECT entry_id FROM {opened}") == [("e",)]
