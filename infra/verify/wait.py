"""Waiting until every projection includes what Kafka holds at this moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

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
