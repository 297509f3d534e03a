"""How fresh an answer is: the watermark, the lag; and waiting until a write is in it."""

from typing import Any, NamedTuple

from api.log import EndsOf
from projections.looks import Look
from projections.registry import PROJECTIONS
from schemas.json_form import time_text
from schemas.log_address import AddressError, LogAddress, parse_address

POLL_S = 0.05
WAIT_MAX_S = 60.0


class Watermark(NamedTuple):
    """What a projection includes at the moment of an answer."""

    projection: str
    occurred_at: str | None
    """The latest time of an event that it includes, ISO 8601; none where it includes none."""
    appended_at: str | None
    """When the broker took the last event that it includes."""
    lag_events: int | None
    """Events on the log that it does not include yet; none where no broker has told how many."""

    def as_json(self) -> dict[str, Any]:
        """For the body of an answer."""
        return self._asdict()


def watermark(look: Look, projection: str, ends: EndsOf) -> Watermark:
    """How far a projection had come at a look."""
    rows = look.progress[projection]
    at = {(row.topic, row.partition): row.offset for row in rows}
    known = [ends(topic) for topic in PROJECTIONS[projection].topics]
    behind = [
        max(0, end - 1 - at.get(place, -1)) for told in known for place, end in (told or {}).items()
    ]
    return Watermark(
        projection,
        time_text(max(row.occurred_at_us for row in rows)) if rows else None,
        time_text(max(row.appended_at_us for row in rows)) if rows else None,
        None if None in known else sum(behind),
    )


def least(look: Look, ends: EndsOf) -> Watermark:
    """How far every projection had come: the earliest of their watermarks, the longest lag."""
    marks = [watermark(look, projection, ends) for projection in PROJECTIONS]
    lags = [mark.lag_events for mark in marks]
    return Watermark(
        "all",
        min((mark.occurred_at for mark in marks), key=lambda at: at or "", default=None),
        min((mark.appended_at for mark in marks), key=lambda at: at or "", default=None),
        None if None in lags else max(filter(None, lags), default=0),
    )


def not_yet(look: Look, projection: str, token: str) -> str:
    """How far a projection is, where it does not include the event that a token names; else empty.

    Raises `AddressError` for what is no token, or one of a topic that the projection does not read.
    """
    asked = parse_address(token)
    if asked.topic not in PROJECTIONS[projection].topics:
        raise AddressError(f"{asked.topic} is not what {projection} reads.")
    reached = _reached(look, projection, asked)
    return f"{projection} is at offset {reached} of {asked}." if reached < asked.offset else ""


def _reached(look: Look, projection: str, asked: LogAddress) -> int:
    places = {(row.topic, row.partition): row.offset for row in look.progress[projection]}
    return places.get((asked.topic, asked.partition), -1)
