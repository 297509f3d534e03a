"""What Kafka no longer holds, from the archive: a rebuild begins at offset 0 all the same.

The archive keeps the bytes of every record: of events, dead letters and conflicts. A duplicate is
what its first telling was, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator

from clickhouse_connect.driver.client import Client

from infra.errors import CommandError
from projections.archive import EVENTS, archive
from projections.store.client import read_frame
from projections.store.generations import pointer_of
from projections.store.layout import table_of
from projections.store.store import Place
from projections.tables import DEAD_LETTERS, REPEATS
from streams.batch import Fetch

FETCH_EVENTS_MAX = 20_000
"""Offsets that one fetch covers."""


class Archived:
    """Fetches from the rows of the archive's live generation."""

    def __init__(self, client: Client) -> None:
        self._client = client
        generation = pointer_of(client, archive).generation
        self._events, self._letters, self._repeats = (
            table_of(archive, table.name, generation) for table in (EVENTS, DEAD_LETTERS, REPEATS)
        )

    def fetches(self, place: Place, start: int, end: int) -> Iterator[Fetch]:
        """The records of a partition at offsets from `start` to `end` - 1, in their order.

        Raises `CommandError` where the archive does not reach so far.
        """
        if start >= end:  # Kafka holds it all, as it mostly does
            return
        self._check_reach(place, end)
        for first in range(start, end, FETCH_EVENTS_MAX):
            yield self._fetch(place, first, min(first + FETCH_EVENTS_MAX, end))

    def _check_reach(self, place: Place, end: int) -> None:
        frame = read_frame(
            self._client,
            "SELECT max(offset) AS last FROM watermarks WHERE projection = 'archive' "
            f"AND topic = '{place[0]}' AND partition = {place[1]}",
        )
        if frame.is_empty() or frame.item() < end - 1:
            raise CommandError(
                f"Kafka holds {place[0]}/{place[1]} from offset {end} on, and the archive does not "
                "include all that lies before it: there is nothing to rebuild from."
            )

    def _fetch(self, place: Place, start: int, end: int) -> Fetch:
        topic, partition = place
        at = f"topic = '{topic}' AND partition = {partition}"
        covered = f"{at} AND offset >= {start} AND offset < {end}"
        appended = "toUnixTimestamp64Milli(appended_at)"
        first = f"SELECT offset AS first_offset, appended_at, raw FROM {self._events} FINAL"
        frame = read_frame(
            self._client,
            f"SELECT offset, {appended} AS appended_ms, subject_id AS key, raw AS value "
            f"FROM {self._events} FINAL WHERE {covered} UNION ALL "
            f"SELECT offset, {appended}, event_key, value "
            f"FROM {self._letters} FINAL WHERE {covered} UNION ALL "
            f"SELECT offset, {appended}, subject_id, if(empty(value), raw, value) "
            f"FROM (SELECT * FROM {self._repeats} FINAL WHERE {covered}) AS again "
            f"JOIN ({first} WHERE {at}) AS first USING (first_offset)",
        ).sort("offset")
        return Fetch(
            topic, partition, start, end,
            frame["value"].to_list(), frame["key"].to_list(), frame["offset"].to_list(),
            frame["appended_ms"].to_list(),
        )  # fmt: skip
