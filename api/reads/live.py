"""`GET /v1/alerts/stream`: changes of alerts as they come, as server-sent events.

An event's id tells how far the stream has come in every partition, so that a client which comes
back with it gets exactly what it has not had, whatever partition that lies in.
"""

import asyncio
import logging
import re
import time
import weakref
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client
from litestar.concurrency import sync_to_thread

from api.errors import ProblemError
from api.reads.question import AskedWronglyError
from api.reads.rows import as_json
from projections.fraud.rows import CHANGES
from projections.fraud.state import fraud
from projections.looks import Look, Looks
from schemas.log_address import AddressError, parse_address

log = logging.getLogger(__name__)
RETRY_MS = 1_000
ROWS_MAX = 500
"""Changes that one question brings; where there are more, the next one is asked at once."""
ASKED_MAX = 32
"""Questions whose changes are kept for other streams that come to the same place."""
NUMBER = re.compile(r"[0-9]{1,5}")
START = "start"
"""The id of a stream that has come to nothing yet."""
Place = tuple[str, int]
Reached = dict[Place, tuple[int, int]]
"""The last offset and number that a stream has told, by topic and partition."""


class Live(NamedTuple):
    """How streams are served."""

    streams_max: int = 50
    """Streams at once, of one process."""
    poll_s: float = 1.0
    heartbeat_s: float = 15.0
    life_s: float = 900.0
    """After which a stream ends and the client comes again: a key that was revoked does not."""


class Streams:
    """The streams that are open."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._open = 0
        self._asked: dict[object, asyncio.Task[list[dict[str, Any]]]] = {}

    def enter(self) -> Callable[[], None]:
        """Open one; answers with what closes it, once. Raises 503 where there are too many."""
        if self._open >= self.live.streams_max:
            raise ProblemError(
                503, "too_many_streams", f"{self._open} streams are open.", {"Retry-After": "10"}
            )
        self._open += 1
        is_open = [True]

        def leave() -> None:
            if is_open:
                is_open.clear()
                self._open -= 1

        return leave

    def open(
        self, client: Client, looks: Looks, filters: dict[str, str | None], reached: Reached | None
    ) -> AsyncIterator[bytes]:
        """A stream from where one had come to, or from now on. Raises 503: see `enter`."""
        leave = self.enter()
        told = _told(Asking(self, client, looks, filters), reached, self.live, leave)
        weakref.finalize(told, leave)  # a client may be gone before the first line
        return told

    async def once(
        self, key: object, ask: Callable[[], list[dict[str, Any]]]
    ) -> list[dict[str, Any]]:
        """What `ask` answers, in a thread; asked once, however many streams have the same key.

        An error is told to who waits for it, and not kept.
        """
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(sync_to_thread(ask))
            asked.add_done_callback(lambda done: self._forget(key, done))
            if len(self._asked) > ASKED_MAX:
                del self._asked[next(iter(self._asked))]
        # A stream whose client goes away does not take the answer from the others.
        return await asyncio.shield(asked)

    def _forget(self, key: object, done: asyncio.Task[list[dict[str, Any]]]) -> None:
        if done.cancelled() or done.exception():
            self._asked.pop(key, None)


class Asking(NamedTuple):
    """What a stream asks, of whom."""

    streams: Streams
    client: Client
    looks: Looks
    filters: dict[str, str | None]

    async def changes(self, look: Look, reached: Reached) -> list[dict[str, Any]]:
        """The first changes beyond what is reached, up to a look; other streams share them."""
        key = (id_of(reached), id_of(_progress(look)), tuple(self.filters.items()))
        # The stream goes on from what it has reached while others may still wait.
        beyond = partial(_changes, self.client, look, self.filters, dict(reached))
        return await self.streams.once(key, beyond)


def parse_reached(text: str) -> Reached:
    """How far the stream of an id had come. Raises `AskedWronglyError`."""
    reached: Reached = {}
    try:
        for place in text.split(",") if text != START else ():
            address, _, number = place.rpartition("/")
            at = parse_address(address)
            if not NUMBER.fullmatch(number):
                raise ValueError(number)
            reached[at.topic, at.partition] = (at.offset, int(number))
    except (AddressError, ValueError):
        raise AskedWronglyError("Last-Event-ID is none of ours: send the last id back.") from None
    return reached


def id_of(reached: Reached) -> str:
    """The id of a stream that has come so far."""
    places = (f"{t}/{p}/{offset}/{number}" for (t, p), (offset, number) in sorted(reached.items()))
    return ",".join(places) or START


async def _told(
    asking: Asking, reached: Reached | None, live: Live, leave: Callable[[], None]
) -> AsyncIterator[bytes]:
    ends_at = time.monotonic() + live.life_s
    seen: Reached | None = None
    try:
        now = _progress(await sync_to_thread(asking.looks))
        reached = now if reached is None else reached
        yield f"retry: {RETRY_MS}\nid: {id_of(reached)}\n\n".encode()
        spoke_at = time.monotonic()
        while time.monotonic() < ends_at:
            look = await sync_to_thread(asking.looks)
            now, rows = _progress(look), list[dict[str, Any]]()
            if now != seen:
                rows = await asking.changes(look, reached)
            for row in rows:
                reached[row["topic"], row["partition"]] = (row["offset"], row["number"])
                yield _event(row, reached)
            if rows:
                spoke_at = time.monotonic()
            if len(rows) == ROWS_MAX:
                continue
            # What lies below this progress and was not told is not asked for.
            seen, reached = now, reached | {
                place: max(at, reached.get(place, at)) for place, at in now.items()
            }  # fmt: skip
            if time.monotonic() - spoke_at >= live.heartbeat_s:
                yield f": heartbeat\nid: {id_of(reached)}\n\n".encode()
                spoke_at = time.monotonic()
            # All streams look at the same instants, so that they come to the same places.
            pause_s = live.poll_s - time.monotonic() % live.poll_s
            await asyncio.sleep(max(0.0, min(pause_s, ends_at - time.monotonic())))
    except Exception:
        log.exception("a stream of alerts ends early")
    finally:
        leave()
    yield f"retry: {RETRY_MS}\n\n".encode()


def _event(row: dict[str, Any], reached: Reached) -> bytes:
    data = msgspec.json.encode(as_json(row)).decode()
    return f"id: {id_of(reached)}\nevent: {row['change']}\ndata: {data}\n\n".encode()


def _progress(look: Look) -> Reached:
    """How far the projection has come: whatever lies there is told, or is not asked for."""
    last_number = 2**16 - 1
    rows = look.progress[fraud.name]
    return {(row.topic, row.partition): (row.offset, last_number) for row in rows}


SEVERITY = """argMaxIf(severity, (offset, number), change != 'withdrawn') OVER (
    PARTITION BY alert_id ORDER BY offset, number
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"""
"""What was said last: the row of a withdrawal says none."""
STATUS = "if(change = 'withdrawn', 'withdrawn', 'open')"


def _changes(
    client: Client, look: Look, filters: dict[str, str | None], reached: Reached
) -> list[dict[str, Any]]:
    """The first changes beyond what is reached, in each partition in the order of the log."""
    given: dict[str, Any] = {name: value for name, value in filters.items() if value is not None}
    where = [f"{name} = {{{name}:String}}" for name in given]
    beyond: list[str] = []
    for number, topic in enumerate(fraud.topics):
        last = max((part for name, part in reached if name == topic), default=-1)
        places = [reached.get((topic, part), (-1, 0)) for part in range(last + 1)]
        given |= {f"topic{number}": topic, f"offsets{number}": [at[0] for at in places]}
        given |= {f"numbers{number}": [at[1] for at in places]}
        beyond.append(
            f"topic = {{topic{number}:String}} AND (partition > {last} OR (offset, number) > "
            f"({{offsets{number}:Array(Int64)}}[partition + 1], "
            f"{{numbers{number}:Array(Int64)}}[partition + 1]))"
        )
    where.append(f"({' OR '.join(f'({one})' for one in beyond)})")
    columns = ", ".join(name for name in CHANGES.columns if name != "severity")
    bound = look.bind(
        f"SELECT * FROM (SELECT {columns}, {SEVERITY} AS severity, {STATUS} AS status "
        f"FROM fraud_alert_changes) WHERE {' AND '.join(where)} "
        f"ORDER BY topic, partition, offset, number LIMIT {ROWS_MAX}"
    )
    return bound.rows(client, given)
