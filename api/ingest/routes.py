"""`POST /v1/events`: the door through which a marketplace's systems write to the ledger."""

import hashlib
from typing import Any, NamedTuple

import msgspec
from litestar import Controller, Request, Response, post
from litestar.datastructures import State
from litestar.params import RawBody

from api.access.guard import caller_of
from api.access.roles import Permission
from api.errors import ProblemError
from api.ingest.bodies import CONTENT_TYPES, BodyError, read_body
from api.ingest.gateway import Outcome, OverloadedError, Way
from api.ingest.idempotency import (
    Answer,
    Idempotency,
    InFlightError,
    KeyReusedError,
    key_of,
)
from api.ingest.judging import Sender, judge
from schemas.message import now_us

RETRY = {"Retry-After": "1"}
HIT = "Idempotency-Hit"


class Ingest(Controller):
    """Events in."""

    path = "/v1/events"
    tags = ("ingest",)

    @post("/", permission=Permission.write_events, sync_to_thread=True, status_code=201)
    def publish(
        self, request: Request[Any, Any, Any], state: State, body: RawBody
    ) -> Response[bytes]:
        """Take one event or a list: JSON, CloudEvents (structured or batched) or Avro.

        201 once each is on all in-sync replicas, with topic, partition, offset and a token; 207
        where some of a list were refused, 422 where the one event was or all were. A bad event
        names its field. With `Idempotency-Key` a retry gets the first answer again.
        """
        content_type = request.content_type[0] or CONTENT_TYPES[0]
        if content_type not in CONTENT_TYPES:
            detail = f"{content_type} is not read here; send {', '.join(CONTENT_TYPES)}."
            raise ProblemError(415, "unsupported_media_type", detail)
        caller, key = caller_of(request), key_of(request)
        # With the body: a key is free again after a day, and another event must not get the old id.
        told = f"{caller.identity} {key} {hashlib.sha256(body).hexdigest()}" if key else ""
        sender = Sender(caller.name, told, now_us())
        if not key:
            return _response(_published(state.gateway, content_type, body, sender).answer)
        kept: Idempotency = state.idempotency
        first = _begun(kept, caller.identity, key, body, sender.now_us)
        if first:
            return _response(first, {HIT: "true"})
        try:
            answer, is_known = _published(state.gateway, content_type, body, sender)
        except Exception:
            kept.give_up(caller.identity, key)
            raise
        if is_known:
            kept.end(caller.identity, key, answer)
        else:
            kept.give_up(caller.identity, key)
        return _response(answer, {} if is_known else RETRY)


class _Published(NamedTuple):
    answer: Answer
    is_known: bool
    """Whether what became of each event is known: then the answer holds for a retry as well."""


def _begun(kept: Idempotency, caller: str, key: str, body: bytes, at_us: int) -> Answer | None:
    try:
        return kept.begin(caller, key, body, at_us)
    except KeyReusedError:
        detail = "This Idempotency-Key was used with another body."
        raise ProblemError(422, "idempotency_key_reused", detail) from None
    except InFlightError:
        detail = "A request with this Idempotency-Key is in flight; ask again for its answer."
        raise ProblemError(409, "in_flight", detail, RETRY) from None


def _published(way: Way, content_type: str, body: bytes, sender: Sender) -> _Published:
    try:
        held = read_body(content_type, body)
        outcomes = way.accept(judge(held.told, sender))
    except BodyError as error:
        raise ProblemError(400, "unreadable_body", str(error)) from None
    except OverloadedError:
        detail = "There is no room for these events now; none of them was sent."
        raise ProblemError(503, "overloaded", detail, RETRY) from None
    if not held.is_list:
        return _Published(_of_one(outcomes[0]), is_known=True)
    told = [_told(one) for one in outcomes]
    statuses = {one.status for one in outcomes}
    status = statuses.pop() if len(statuses) == 1 else 207
    accepted = sum(one.status == 201 for one in outcomes)
    answer = {"accepted": accepted, "refused": len(told) - accepted, "outcomes": told}
    is_known = all(one.status != 503 for one in outcomes)
    return _Published(Answer(status, msgspec.json.encode(answer)), is_known)


def _of_one(one: Outcome) -> Answer:
    if one.refusal:
        code, detail, field = one.refusal
        retry = RETRY if one.status == 503 else None
        raise ProblemError(one.status, code, detail, retry, **({"field": field} if field else {}))
    return Answer(one.status, msgspec.json.encode(_told(one)))


def _told(one: Outcome) -> dict[str, Any]:
    if one.refusal:
        return {"status": one.status, "event_id": one.event_id or None} | one.refusal._asdict()
    place = {"topic": one.topic, "partition": one.partition, "offset": one.offset}
    return {"status": one.status, "event_id": one.event_id, **place, "token": one.token}


def _response(answer: Answer, headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(
        answer.body, status_code=answer.status, headers=headers, media_type="application/json"
    )
