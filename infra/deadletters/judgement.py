"""What would become of a dead letter if it were appended now: today's code says, as a worker would.

Bytes are decoded and held against the rules by the functions that workers use. The address is not
judged: a letter is published to the topic of its type under its subject, where it belongs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import polars as pl
from clickhouse_connect.driver.client import Client

from projections.projection import Projection
from projections.registry import PROJECTIONS
from projections.store.clickhouse import live_store
from projections.store.client import read_frame
from schemas.columns import Group, decode_columns
from schemas.identity import uuid_text
from schemas.partitioning import partition_of
from schemas.rules import broken_rules, without
from schemas.wire import content
from streams.dead_letters import Letter


class Verdict(StrEnum):
    """What would become of a letter."""

    would_be_applied = "would be applied"
    applied_already = "applied already"
    still_refused = "still refused"


class Judgement(NamedTuple):
    """A letter, what would become of it and why, and where it belongs."""

    letter: Letter
    verdict: Verdict
    reason: str
    topic: str = ""
    """The topic of its event type; empty where it is no event."""
    key: bytes = b""


class _Event(NamedTuple):
    """A letter that is an event by today's code."""

    position: int
    event_id: bytes
    topic: str
    key: bytes


def judge(client: Client, letters: list[Letter], now_us: int) -> list[Judgement]:
    """Each letter's judgement, in their order; `now_us` is the time of appending (µs)."""
    groups, failures = decode_columns([letter.value for letter in letters])
    events: list[_Event] = []
    for group in groups:
        appended_at = pl.Series([now_us] * len(group.positions), dtype=pl.Int64)
        broken = broken_rules(group, appended_at)
        failures += broken
        events += _events(without(group, {failure.position for failure in broken}))
    found = {
        failure.position: Judgement(
            letters[failure.position], Verdict.still_refused, failure.reason
        )
        for failure in failures
    }
    known = _Known(client, events)
    for event in events:
        letter = letters[event.position]
        verdict, reason = known.verdict(event, letter.value or b"")
        found[event.position] = Judgement(letter, verdict, reason, event.topic, event.key)
    return [found[position] for position in range(len(letters))]


def _events(group: Group) -> list[_Event]:
    rows = group.frame.select("event_id", "subject_id").iter_rows()
    topic = group.event_type.topic
    return [
        _Event(position, event_id, topic, subject.encode())
        for position, (event_id, subject) in zip(group.positions, rows, strict=True)
    ]


class _Known:
    """What each projection has made of some event ids already: applied them, or set them aside."""

    def __init__(self, client: Client, events: list[_Event]) -> None:
        ids = pl.Series([event.event_id for event in events], dtype=pl.Binary).unique()
        topics = {event.topic for event in events}
        self._readers = [p for p in PROJECTIONS.values() if not topics.isdisjoint(p.topics)]
        self._applied = {p.name: _applied(client, p, ids) for p in self._readers}
        self._aside = _set_aside(client, ids)

    def verdict(self, event: _Event, value: bytes) -> tuple[Verdict, str]:
        """Whether every projection that reads the event's topic has dealt with it."""
        place = (event.event_id, event.topic, partition_of(event.key))
        told = hashlib.md5(content(value), usedforsecurity=False).digest()
        is_missing = False
        for projection in self._readers:
            if event.topic not in projection.topics:
                continue
            applied = self._applied[projection.name].get(place)
            if applied is None:
                is_missing |= (projection.name, *place) not in self._aside
            elif applied[1] != told:
                at = f"{event.topic}/{place[2]}/{applied[0]}"
                reason = f"its event id was applied at {at} with other content"
                return Verdict.still_refused, reason
        return (Verdict.would_be_applied if is_missing else Verdict.applied_already), ""


def _applied(
    client: Client, projection: Projection, ids: pl.Series
) -> dict[tuple[bytes, str, int], tuple[int, bytes]]:
    """Id, topic and partition to the lowest offset at which it was applied, and its content."""
    frame = live_store(client, projection).applied(ids).sort("offset", descending=True)
    columns = frame.select("id", "topic", "partition", "offset", "content")
    return {(*place, part): (at, told) for *place, part, at, told in columns.iter_rows()}


def _set_aside(client: Client, ids: Iterable[bytes]) -> set[tuple[str, bytes, str, int]]:
    """Projection, id, topic and partition of the events that came as repeats of something."""
    texts = {uuid_text(event_id): event_id for event_id in ids}
    if not texts:
        return set()
    frame = read_frame(
        client,
        "SELECT projection, event_id, topic, partition FROM repeats WHERE event_id IN {given}",
        {"given": pl.Series(list(texts), dtype=pl.String)},
    ).cast(dict.fromkeys(("projection", "event_id", "topic"), pl.String))
    return {(name, texts[one], topic, part) for name, one, topic, part in frame.iter_rows()}
