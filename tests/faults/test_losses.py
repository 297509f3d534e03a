"""A loss is told with the place on the road where it happened."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from clickhouse_connect.driver.client import Client

from streams.offsets import LogReader
from tests.faults.losses import Acknowledged, At

LOST, APPLIED, TWICE = (bytes([number]) * 16 for number in range(3))


def wrong(held: bool, reached: int, applied: list[tuple[bytes, int]]) -> list[str]:
    def query(sql: str) -> Any:
        rows = [(reached,)] if "watermarks" in sql else applied
        return SimpleNamespace(result_rows=rows)

    acknowledged = Acknowledged()
    acknowledged.at = {
        LOST: At("workforce.experts", 3, 17),
        APPLIED: At("workforce.experts", 3, 18),
    }
    log = SimpleNamespace(exists=lambda topic, partition, offsets: offsets if held else [])
    return acknowledged.wrong(cast(Client, SimpleNamespace(query=query)), cast(LogReader, log))


@pytest.mark.parametrize(
    ("held", "reached", "told"),
    [
        (False, 20, "the broker lost it"),
        (True, 20, "progress 20 is past it: the worker or ClickHouse lost it"),
        (True, 16, "progress is 16: the worker never came to it"),
    ],
)
def test_a_lost_event_is_told_with_where_it_was_lost(held: bool, reached: int, told: str) -> None:
    found = wrong(held, reached, [(APPLIED, 1)])
    assert f"{LOST.hex()} at workforce.experts/3/17" in found[0]
    assert found[0].endswith(told)
    assert found[1] == "1 acknowledged events are not applied"


def test_an_event_that_is_applied_twice_is_told() -> None:
    found = wrong(True, 20, [(LOST, 1), (APPLIED, 1), (TWICE, 2)])
    assert found == [f"1 events are applied twice, the first is {TWICE.hex()}"]


def test_nothing_is_said_where_all_is_well() -> None:
    assert wrong(True, 20, [(LOST, 1), (APPLIED, 1)]) == []
