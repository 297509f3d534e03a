"""Waiting until every projection includes what Kafka holds at this moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from projections.registry import PROJECTIONS
from streams.offsets import LogOffsets

POLL_S = 0.2
Ends = dict[tuple[str, str, int], int]


def ends_of(offsets: Callable[[str], list[LogOffsets]]) -> Ends:
    """The offset after the last one, by projection, topic and partition; empty ones left out."""
    return {
        (projection.name, log.topic, log.partition): log.end
        for projection in PROJECTIONS.values()
        for topic in projection.topics
        for log in offsets(topic)
        if log.end > log.start
    }


def lags(client: Client, ends: Ends) -> dict[tuple[str, str, int], int]:
    """How many offsets each projection is behind, for those that are."""
    answer: Any = client.query("SELECT projection, topic, partition, offset FROM watermarks")
    at = {(name, topic, part): offset for name, topic, part, offset in answer.result_rows}
    behind = {place: end - 1 - at.get(place, -1) for place, end in ends.items()}
    return {place: lag for place, lag in behind.items() if lag > 0}


class Freshness(NamedTuple):
    """How far a projection has come."""

    projection: str
    events: int
    """Offsets that it includes."""
    lag_events: int
    """Offsets that Kafka holds and it does not include yet."""
    last_appended_at: str | None
    """When the broker took the last event included, ISO 8601, UTC; none where there is none."""


def freshness(client: Client, offsets: Callable[[str], list[LogOffsets]]) -> list[Freshness]:
    """How far each projection has come, by name."""
    behind = lags(client, ends_of(offsets))
    answer: Any = client.query(
        "SELECT projection, sum(offset + 1), max(appended_at) FROM watermarks GROUP BY projection"
    )
    come = {name: (events, at) for name, events, at in answer.result_rows}
    found: list[Freshness] = []
    for name in PROJECTIONS:
        events, at = come.get(name, (0, None))
        lag = sum(count for place, count in behind.items() if place[0] == name)
        taken = f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None
        found.append(Freshness(name, events, lag, taken))
    return found


def wait_for(
    client: Client,
    ends: Ends,
    timeout_s: float,
    on_lag: Callable[[int], None] = lambda lag: None,
) -> int:
    """Wait until nothing is behind; answers with the lag in events that is left, 0 if none.

    The wait ends early where nothing moves for `timeout_s`.
    """
    last, deadline = -1, time.monotonic() + timeout_s
    while True:
        lag = sum(lags(client, ends).values())
        on_lag(lag)
        if lag != last:
            last, deadline = lag, time.monotonic() + timeout_s
        if lag == 0 or time.monotonic() > deadline:
            return lag
        time.sleep(POLL_S)
