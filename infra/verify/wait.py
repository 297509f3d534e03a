"""Waiting until every projection includes what Kafka holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from infra.errors import CommandError, UsageError
from projections.registry import PROJECTIONS
from schemas.log_address import LogAddress
from streams.offsets import LogOffsets, LogReader

POLL_S = 0.2
Ends = dict[tuple[str, str, int], int]


def ends_of(
    offsets: Callable[[str], list[LogOffsets]], projections: Iterable[str] = PROJECTIONS
) -> Ends:
    """The offset after the last one, by projection, topic and partition; empty ones left out."""
    return {
        (name, log.topic, log.partition): log.end
        for name in projections
        for topic in PROJECTIONS[name].topics
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
    offsets: Callable[[str], list[LogOffsets]],
    timeout_s: float,
    on_lag: Callable[[int, int], None] = lambda lag, total: None,
    projections: Iterable[str] = PROJECTIONS,
) -> int:
    """Wait until nothing is behind; answers with the lag in events that is left, 0 if none.

    The log is asked each time, since agents add to it, and once more when nothing is behind: what
    they sent for the last events came after the ends that these are held against. `on_lag` is told
    the lag and the events of all projections. The wait ends early where nothing moves for
    `timeout_s`.
    """
    last, deadline = (-1, -1), time.monotonic() + timeout_s
    while True:
        ends = ends_of(offsets, projections)
        lag, total = sum(lags(client, ends).values()), sum(ends.values())
        on_lag(lag, total)
        if (lag, total) != last:
            last, deadline = (lag, total), time.monotonic() + timeout_s
        is_still = lag == 0 and ends_of(offsets, projections) == ends
        if is_still or time.monotonic() > deadline:
            return lag
        time.sleep(POLL_S)


def await_projections(
    client: Client,
    log: LogReader,
    timeout_s: float,
    projections: Iterable[str] = PROJECTIONS,
) -> None:
    """Wait until projections include what Kafka holds.

    Raises `CommandError` where they are behind and have not moved for `timeout_s`.
    """
    lag = wait_for(client, log.offsets, timeout_s, projections=projections)
    if lag:
        raise CommandError(f"The workers are {lag:,} events behind. Try: workledger status")


def wait_until_included(client: Client, token: LogAddress, limit_s: float) -> dict[str, int]:
    """Wait until every projection of the token's topic includes the event that it names.

    Answers with those that do not after `limit_s` seconds, and the last offset of the partition
    that each includes (-1 if none); with nothing where all do. Raises `UsageError` for a topic that
    no projection reads.
    """
    readers = [p.name for p in PROJECTIONS.values() if token.topic in p.topics]
    if not readers:
        raise UsageError(f"No projection reads {token.topic}.")
    deadline = time.monotonic() + limit_s
    while True:
        answer: Any = client.query(
            "SELECT projection, offset FROM watermarks "
            "WHERE topic = {topic:String} AND partition = {partition:UInt16}",
            parameters={"topic": token.topic, "partition": token.partition},
        )
        reached = dict(answer.result_rows)
        behind = {n: reached.get(n, -1) for n in readers if reached.get(n, -1) < token.offset}
        if not behind or time.monotonic() >= deadline:
            return behind
        time.sleep(POLL_S)
