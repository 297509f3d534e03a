"""Who read whose data: a read is recorded before it is answered, and told to the ledger after.

The record waits in the operational store until the broker has it, so that a broker that is down
neither stops a read nor loses a record; the event's id is fixed with it, so that it is taken once.
"""

import logging
from typing import Any, NamedTuple

import sqlalchemy as sa
from litestar import Litestar, Request
from litestar.concurrency import sync_to_thread
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from sqlalchemy.exc import SQLAlchemyError

from api.access.caller import Caller
from api.access.guard import PERMISSION, caller_of
from api.access.roles import Permission, Role
from api.errors import ProblemError, answer
from api.ingest.bodies import Told
from api.ingest.gateway import OverloadedError, Way
from api.ingest.judging import Judged, Sender, judge
from api.operational.tables import ACCESS_RECORDS
from schemas.catalogue import catalogue
from schemas.json_form import time_text
from schemas.message import now_us

log = logging.getLogger(__name__)
EVENT = "AccessRecorded"
SOURCE = "workledger-api"
PURPOSE = "X-Purpose"
"""The header in which a caller may say what they read for."""
TEXT_CHARS_MAX = 1_000
SEND_EVERY_S = 1.0
ROUND_MAX = 500
WAITING_MAX = 100_000
"""So many records may wait for the broker; then people's data is not read until it answers."""
PERSONAL = frozenset(
    {
        Permission.read_payouts,
        Permission.read_alerts,
        Permission.read_utilization,
        Permission.read_traces,
        Permission.read_requests,
    }
)
"""What these open is people's data: what shows any person, and every export, is recorded."""
SUBJECTS = "subject_ids"


class Read(NamedTuple):
    """A read of people's data."""

    caller: Caller
    what: str
    subject_ids: list[str]
    """The experts whose data it was; empty where it was everybody's."""
    purpose: str | None


def is_about(request: Request[Any, Any, Any], *subject_ids: str) -> None:
    """A route tells whose data its answer is, where no parameter `expert_id` says so.

    Everybody's if it names nobody.
    """
    request.scope["state"][SUBJECTS] = list(subject_ids)


def read_of(request: Request[Any, Any, Any]) -> Read | None:
    """What is to be recorded of an answer: an export, or people's data, read by another."""
    handler: Any = request.scope["route_handler"]
    if handler.opt.get(PERMISSION) not in PERSONAL:
        return None
    caller = caller_of(request)
    query = request.query_params
    is_export = query.get("format", "json") != "json"
    told = {"expert_id": query.get("expert_id")} | request.path_params
    asked_of = [str(told["expert_id"])] if told["expert_id"] else []
    shown: list[str] | None = request.scope["state"].get(SUBJECTS)
    if caller.role is Role.expert or not (is_export or asked_of or shown is not None):
        return None
    asked = f"{request.url.path}?{request.url.query}".rstrip("?")
    what = f"{'export' if is_export else request.method} {asked}"[:TEXT_CHARS_MAX]
    purpose = request.headers.get(PURPOSE, "")[:TEXT_CHARS_MAX] or None
    return Read(caller, what, shown or asked_of, purpose)


class Audit:
    """The records of reads, on their way to the ledger."""

    def __init__(self, store: sa.Engine, way: Way, waiting_max: int = WAITING_MAX) -> None:
        self._store, self._way, self._waiting_max = store, way, waiting_max
        self._is_full = False

    def record(self, read: Read) -> None:
        """Keep a record. Raises 503 where that is impossible: then nothing is to be answered."""
        actor = read.caller.actor
        now = now_us()
        judged = _event(read, now)
        if judged.refusal:  # no expert has such an id: it stands in `what` alone
            judged = _event(read._replace(subject_ids=[]), now)
        if judged.refusal:
            log.error("a read of %s is not recorded, and refused: %s", actor, judged.refusal.detail)
            raise _unavailable()
        row = {
            "event_id": judged.event_id, "actor": actor, "value": judged.value, "recorded_at": now,
        }  # fmt: skip
        try:
            if self._is_full:
                raise _unavailable()
            with self._store.begin() as connection:
                connection.execute(sa.insert(ACCESS_RECORDS), row)
        except SQLAlchemyError:
            raise _unavailable() from None

    def send(self) -> None:
        """Send what waits, the oldest first, and forget what is on the log."""
        while rows := self._oldest():
            topic = catalogue().by_name[EVENT].topic
            judged = [Judged(row.value, topic, row.actor.encode(), row.event_id) for row in rows]
            try:
                outcomes = self._way.accept(judged)
            except OverloadedError:
                break
            sent = [one.event_id for one in outcomes if one.status == 201]
            with self._store.begin() as connection:
                connection.execute(
                    sa.delete(ACCESS_RECORDS).where(ACCESS_RECORDS.c.event_id.in_(sent))
                )
            if len(sent) < len(rows):
                break
        with self._store.connect() as connection:
            waiting = connection.scalar(sa.select(sa.func.count()).select_from(ACCESS_RECORDS))
        self._is_full = (waiting or 0) >= self._waiting_max

    def _oldest(self) -> list[Any]:
        question = sa.select(ACCESS_RECORDS).order_by(ACCESS_RECORDS.c.recorded_at)
        with self._store.connect() as connection:
            return list(connection.execute(question.limit(ROUND_MAX)))


def _event(read: Read, at_us: int) -> Judged:
    actor = read.caller.actor
    fields: dict[str, Any] = {
        "subject_id": actor, "actor": actor, "occurred_at": time_text(at_us), "what": read.what,
        "subject_ids": read.subject_ids, "purpose": read.purpose,
    }  # fmt: skip
    [judged] = judge([Told(EVENT, fields)], Sender(SOURCE, now_us=at_us))
    return judged


class RecordReads(ASGIMiddleware):
    """Has each answer that is a read of people's data recorded before its first byte is sent."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass everything on; an answer that cannot be recorded becomes a 503."""

        refused = False

        async def recorded(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == 200:
                try:
                    await _record(scope)
                except Exception as error:  # whatever it is, nothing was read
                    refused = True
                    request: Request[Any, Any, Any] = Request(scope)
                    answered = answer(request, error).to_asgi_response(None, request)
                    await answered(scope, receive, send)
            if not refused:
                await send(message)

        await next_app(scope, receive, recorded)


async def _record(scope: Scope) -> None:
    read = read_of(Request(scope))
    if read:
        audit: Audit = Litestar.from_scope(scope).state.audit
        await sync_to_thread(audit.record, read)


def _unavailable() -> ProblemError:
    detail = "Reads of people's data are recorded, and this one cannot be now: come again."
    return ProblemError(503, "audit_unavailable", detail, {"Retry-After": "5"})
