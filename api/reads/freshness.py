"""How fresh an answer is: the watermark, the lag, the ETag; and waiting until a write is in it."""

import hashlib
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from api.log import Ends
from projections.registry import PROJECTIONS
from schemas.json_form import time_text
from schemas.log_address import AddressError, LogAddress, parse_address

POLL_S = 0.05
WAIT_MAX_S = 60.0


class NotYetError(Exception):
    """A projection does not include a write yet; the message says how far it is."""


class Reached(NamedTuple):
    """How far a projection has come in a partition: the last event that it includes."""

    topic: str
    partition: int
    offset: int
    occurred_at_us: int
    """The latest of all that it includes."""
    appended_at_us: int
    version: int


class Watermark(NamedTuple):
    """What a projection includes at the moment of an answer."""

    projection: str
    occurred_at: str | None
    """The latest time of an event that it includes, ISO 8601; none where it includes none."""
    appended_at: str | None
    """When the broker took the last event that it includes."""
    lag_events: int
    """Events on the log that it does not include yet."""
    digest: str
    """What changes whenever it includes more."""

    def as_json(self) -> dict[str, Any]:
        """For the body of an answer."""
        return {name: value for name, value in self._asdict().items() if name != "digest"}

    def etag(self, question: str) -> str:
        """The ETag of an answer to a question at this watermark."""
        return f'"{hashlib.sha256(f"{self.digest} {question}".encode()).hexdigest()[:32]}"'


def watermark(client: Client, projection: str, ends: Ends) -> Watermark:
    """How far a projection has come."""
    [mark] = watermarks(client, (projection,), ends)
    return mark


def watermarks(client: Client, projections: Iterable[str], ends: Ends) -> list[Watermark]:
    """How far each of some projections has come, in their order."""
    found = progress(client, projections)
    return [_watermark(projection, rows, ends) for projection, rows in found.items()]


def least(client: Client, ends: Ends) -> Watermark:
    """How far every projection has come: the earliest of their watermarks, the longest lag."""
    marks = watermarks(client, PROJECTIONS, ends)
    return Watermark(
        "all",
        min((mark.occurred_at for mark in marks), key=lambda at: at or "", default=None),
        min((mark.appended_at for mark in marks), key=lambda at: at or "", default=None),
        max(mark.lag_events for mark in marks),
        " ".join(mark.digest for mark in marks),
    )


def wait_for(client: Client, projection: str, token: str, wait_s: float) -> None:
    """Return once a projection includes the event that a token names.

    Raises `NotYetError` after `wait_s` (at most `WAIT_MAX_S`), `AddressError` for what is no token,
    or one of a topic that the projection does not read.
    """
    asked = parse_address(token)
    if asked.topic not in PROJECTIONS[projection].topics:
        raise AddressError(f"{asked.topic} is not what {projection} reads.")
    deadline = time.monotonic() + min(wait_s, WAIT_MAX_S)
    while (reached := _reached(client, projection, asked)) < asked.offset:
        if time.monotonic() >= deadline:
            raise NotYetError(f"{projection} is at offset {reached} of {asked}.")
        time.sleep(POLL_S)


def progress(client: Client, projections: Iterable[str]) -> dict[str, list[Reached]]:
    """By projection, in their order: how far it has come in each partition."""
    found: dict[str, list[Reached]] = {projection: [] for projection in projections}
    answer: Any = client.query(
        "SELECT projection, topic, partition, offset, toUnixTimestamp64Micro(occurred_at), "
        "toUnixTimestamp64Micro(appended_at), version FROM watermarks "
        "WHERE projection IN {projections:Array(String)}",
        parameters={"projections": list(found)},
    )
    for projection, *row in answer.result_rows:
        found[projection].append(Reached(*row))
    return found


def _watermark(projection: str, rows: list[Reached], ends: Ends) -> Watermark:
    at = {(row.topic, row.partition): row.offset for row in rows}
    behind = (
        max(0, end - 1 - at.get(place, -1))
        for topic in PROJECTIONS[projection].topics
        for place, end in ends(topic).items()
    )
    digest = hashlib.sha256(repr(sorted(rows)).encode()).hexdigest()
    return Watermark(
        projection,
        time_text(max(row.occurred_at_us for row in rows)) if rows else None,
        time_text(max(row.appended_at_us for row in rows)) if rows else None,
        sum(behind),
        digest,
    )


def _reached(client: Client, projection: str, asked: LogAddress) -> int:
    rows = progress(client, (projection,))[projection]
    places = {(row.topic, row.partition): row.offset for row in rows}
    return places.get((asked.topic, asked.partition), -1)
