"""Rounds are bounded in events and in time, and what came before a rebalance is never given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from streams.batch import Fetch
from streams.gather import Gatherer


def event(number: int, events: int = 10) -> Any:
    """A Faust event whose value is a fetch of so many events."""
    return SimpleNamespace(number=number, value=Fetch("t", 0, 0, events, [b""] * events))


async def stream_of(*events: Any) -> AsyncIterator[Any]:
    for one in events:
        yield one
    await asyncio.Event().wait()


async def first_rounds(gatherer: Gatherer, count: int) -> list[list[int]]:
    found: list[list[int]] = []
    async for _, events in gatherer.rounds():
        found.append([e.number for e in events])
        if len(found) == count:
            break
    return found


async def test_a_round_ends_with_the_fetch_that_reaches_its_bound() -> None:
    gatherer = Gatherer(events_max=25, batch_time_s=5)
    reader = asyncio.create_task(gatherer.read(stream_of(*map(event, range(6)))))
    assert await first_rounds(gatherer, 2) == [[0, 1, 2], [3, 4, 5]]
    reader.cancel()


async def test_a_round_waits_only_so_long_for_more() -> None:
    gatherer = Gatherer(events_max=1_000, batch_time_s=0.02)
    reader = asyncio.create_task(gatherer.read(stream_of(event(0), event(1))))
    assert await asyncio.wait_for(first_rounds(gatherer, 1), 2) == [[0, 1]]
    reader.cancel()


async def test_what_arrived_before_a_drop_is_not_given() -> None:
    gatherer = Gatherer(events_max=1_000, batch_time_s=0.02)
    before = asyncio.create_task(gatherer.read(stream_of(event(0), event(1))))
    await asyncio.sleep(0.01)
    gatherer.drop()
    after = asyncio.create_task(gatherer.read(stream_of(event(2))))
    assert await asyncio.wait_for(first_rounds(gatherer, 1), 2) == [[2]]
    before.cancel()
    after.cancel()


async def test_reading_ahead_is_bounded() -> None:
    gatherer = Gatherer(events_max=10, batch_time_s=0.01)
    given: list[int] = []

    async def endless() -> AsyncIterator[Any]:
        for number in range(10_000):
            given.append(number)
            yield event(number)

    reader = asyncio.create_task(gatherer.read(endless()))
    await asyncio.sleep(0.05)
    assert len(given) < 30
    reader.cancel()
