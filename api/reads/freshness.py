"""How fresh an answer is: the watermark, the lag; and waiting until a write is in it."""

import time
from typing import Any, NamedTuple

from api.log import Ends
from projections.looks import Look, Looks
from projections.registry import PROJECTIONS
from schemas.json_form import time_text
from schemas.log_address import AddressError, LogAddress, parse_address

POLL_S = 0.05
WAIT_MAX_S = 60.0


class NotYetError(Exception):
    """A projection does not include a write yet; the message says how far it is."""


class Watermark(NamedTuple):
    """What a projection includes at the moment of an answer."""

    projection: str
    occurred_at: str | None
    """The latest time of an event that it includes, ISO 8601; none where it includes none."""
    appended_at: str | None
    """When the broker took the last event that it includes."""
    lag_events: int
    """Events on the log that it does not include yet."""

    def as_json(self) -> dict[str, Any]:
        """For the body of an answer."""
        return self._asdict()


def watermark(look: Look, projection: str, ends: Ends) -> Watermark:
    """How far a projection had come at a look."""
    rows = look.progress[projection]
    at = {(row.topic, row.partition): row.offset for row in rows}
    behind = (
        max(0, end - 1 - at.get(place, -1))
        for topic in PROJECTIONS[projection].topics
        for place, end in ends(topic).items()
    )
    return Watermark(
        projection,
        time_text(max(row.occurred_at_us for row in rows)) if rows else None,
        time_text(max(row.appended_at_us for row in rows)) if rows else None,
        sum(behind),
    )


def least(look: Look, ends: Ends) -> Watermark:
    """How far every projection had come: the earliest of their watermarks, the longest lag."""
    marks = [watermark(look, projection, ends) for projection in PROJECTIONS]
    return Watermark(
        "all",
        min((mark.occurred_at for mark in marks), key=lambda at: at or "", default=None),
        min((mark.appended_at for mark in marks), key=lambda at: at or "", default=None),
        max(mark.lag_events for mark in marks),
    )


def wait_for(looks: Looks, projection: str, token: str, wait_s: float) -> Look:
    """The first look at which a projection includes the event that a token names.

    Raises `NotYetError` after `wait_s` (at most `WAIT_MAX_S`), `AddressError` for what is no token,
    or one of a topic that the projection does not read.
    """
    asked = parse_address(token)
    if asked.topic not in PROJECTIONS[projection].topics:
        raise AddressError(f"{asked.topic} is not what {projection} reads.")
    deadline = time.monotonic() + min(wait_s, WAIT_MAX_S)
    look = looks()
    while _reached(look, projection, asked) < asked.offset:
        # A look that others share is too old to refuse by.
        look = looks.now()
        reached = _reached(look, projection, asked)
        if reached < asked.offset and time.monotonic() >= deadline:
            raise NotYetError(f"{projection} is at offset {reached} of {asked}.")
        time.sleep(POLL_S if reached < asked.offset else 0)
    return look


def _reached(look: Look, projection: str, asked: LogAddress) -> int:
    places = {(row.topic, row.partition): row.offset for row in look.progress[projection]}
    return places.get((asked.topic, asked.partition), -1)
