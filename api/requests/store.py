"""Requests in the operational store: each changes its state once, whoever decides at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from api.operational.tables import REQUESTS
from schemas.json_form import time_text

LIFE_US = 7 * 24 * 3_600_000_000
"""What nobody decided within a week is over; it can be asked for anew."""
PENDING, APPROVED, PUBLISHED, REFUSED, EXPIRED = (
    "pending", "approved", "published", "refused", "expired",
)  # fmt: skip
"""`approved`: decided, and on its way to the log. `expired` is never stored: see `Request.at`."""
STATES = (PENDING, APPROVED, PUBLISHED, REFUSED, EXPIRED)


class Request(NamedTuple):
    """An event that needs two people. Times are microseconds since 1970."""

    event_id: str
    """The event's id, from the start: it names the request as well."""
    event_type: str
    event: str
    """The event's fields as JSON tells them, without `approved_by`."""
    requested_by: str
    """The identity of who asked (`Caller.identity`)."""
    requested_at: int
    expires_at: int
    state: str = PENDING
    decided_by: str | None = None
    decided_at: int | None = None
    reason: str | None = None
    value: bytes | None = None
    """The bytes for the log, once approved: each attempt to publish sends these."""
    token: str | None = None

    def at(self, now_us: int) -> Request:
        """As it stands now: what nobody decided in time has expired."""
        is_over = self.state == PENDING and self.expires_at <= now_us
        return self._replace(state=EXPIRED) if is_over else self

    @property
    def fields(self) -> dict[str, Any]:
        """The event's fields."""
        return msgspec.json.decode(self.event, type=dict[str, Any])

    def as_json(self) -> dict[str, Any]:
        """For the body of an answer."""
        return {
            "request_id": self.event_id,
            "state": self.state,
            "event": {"event_type": self.event_type} | self.fields,
            "requested_by": self.requested_by,
            "requested_at": time_text(self.requested_at),
            "expires_at": time_text(self.expires_at),
            "decided_by": self.decided_by,
            "decided_at": time_text(self.decided_at) if self.decided_at is not None else None,
            "reason": self.reason,
            "token": self.token,
        }


COLUMNS = [REQUESTS.c[name] for name in Request._fields]


class RequestStore:
    """The rows; a change of state is one statement that fails where the state is another."""

    def __init__(self, store: sa.Engine) -> None:
        self._store = store

    def add(self, request: Request) -> bool:
        """Keep a request; whether there was none of its id."""
        try:
            with self._store.begin() as connection:
                connection.execute(sa.insert(REQUESTS), request._asdict())
        except IntegrityError:
            return False
        return True

    def one(self, event_id: str) -> Request | None:
        """The request of an id."""
        question = sa.select(*COLUMNS).where(REQUESTS.c.event_id == event_id)
        with self._store.connect() as connection:
            row = connection.execute(question).one_or_none()
        return Request(*row) if row else None

    def page(
        self, state: str | None, before: tuple[int, str] | None, limit: int, now_us: int
    ) -> list[Request]:
        """The latest requests, those before a time and an id alone where they are given."""
        at, key = REQUESTS.c.requested_at, REQUESTS.c.event_id
        question = sa.select(*COLUMNS).order_by(at.desc(), key.desc()).limit(limit)
        if state:
            question = question.where(_is(state, now_us))
        if before:
            question = question.where(sa.tuple_(at, key) < sa.tuple_(*map(sa.literal, before)))
        with self._store.connect() as connection:
            return [Request(*row).at(now_us) for row in connection.execute(question)]

    def approved(self, decided_before_us: int) -> list[Request]:
        """What was approved before a time and is not known to be on the log."""
        question = sa.select(*COLUMNS).where(
            REQUESTS.c.state == APPROVED, REQUESTS.c.decided_at < decided_before_us
        )
        with self._store.connect() as connection:
            return [Request(*row) for row in connection.execute(question)]

    def decide(self, event_id: str, now_us: int, **decision: Any) -> bool:
        """Decide a request that waits; whether it still waited."""
        return self._change(event_id, _is(PENDING, now_us), decided_at=now_us, **decision)

    def published(self, event_id: str, token: str) -> None:
        """An approved request is on the log."""
        self._change(event_id, REQUESTS.c.state == APPROVED, state=PUBLISHED, token=token)

    def _change(self, event_id: str, only: sa.ColumnElement[bool], **values: Any) -> bool:
        change = sa.update(REQUESTS).where(REQUESTS.c.event_id == event_id, only).values(**values)
        with self._store.begin() as connection:
            return connection.execute(change).rowcount == 1


def _is(state: str, now_us: int) -> sa.ColumnElement[bool]:
    if state == PENDING:
        return (REQUESTS.c.state == PENDING) & (REQUESTS.c.expires_at > now_us)
    if state == EXPIRED:
        return (REQUESTS.c.state == PENDING) & (REQUESTS.c.expires_at <= now_us)
    return REQUESTS.c.state == state
