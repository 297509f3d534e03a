"""`/v1/requests`: ask for what needs two people, and decide what others asked for."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath, QueryParameter, RawBody

from api.access.audit import is_about
from api.access.guard import caller_of
from api.access.roles import Permission
from api.errors import ProblemError
from api.ingest.bodies import JSON, BodyError, Told, read_body
from api.ingest.idempotency import key_of
from api.reads.asked import ROWS, Limit, Page, refuse_unknown
from api.requests.deciding import Requests, experts_of
from api.requests.store import APPROVED, STATES
from schemas.message import now_us

Which = Annotated[str | None, QueryParameter(description=f"One of {', '.join(STATES)}.")]


class TwoPeople(Controller):
    """What needs two people."""

    path = "/v1/requests"
    tags = ("requests",)

    @post("/", permission=Permission.decide_requests, sync_to_thread=True, status_code=201)
    def ask(self, request: Request[Any, Any, Any], state: State, body: RawBody) -> Response[Any]:
        """Ask for an event that needs two people; it is kept, not published.

        The event as `POST /v1/events` takes it in JSON, without `approved_by` and `actor`, which
        are filled from who calls. 201 with the request; with the same `event_id` or
        `Idempotency-Key` a retry gets it again as 200.
        """
        requests: Requests = state.requests
        caller, key = caller_of(request), key_of(request)
        idempotency = f"request {caller.identity} {key}" if key else ""
        asked = requests.ask(_one_event(body), caller, idempotency, now_us())
        status = 201 if asked.is_new else 200
        return Response(asked.request.as_json(), status_code=status)

    @get("/", permission=Permission.read_requests, sync_to_thread=True)
    def every(
        self,
        request: Request[Any, Any, Any],
        state: State,
        which: Which = None,
        cursor: Page = None,
        limit: Limit = ROWS,
    ) -> dict[str, Any]:
        """The requests, the latest first."""
        refuse_unknown(request, ("which", "cursor", "limit"))
        if which is not None and which not in STATES:
            detail = f"which is one of {', '.join(STATES)}."
            raise ProblemError(400, "bad_parameter", detail, field="which")
        requests: Requests = state.requests
        found = requests.page(which, _before(cursor), limit + 1, now_us())
        more = found[limit - 1] if len(found) > limit else None
        if found:
            is_about(request, *experts_of(found[:limit]))
        return {
            "data": [one.as_json() for one in found[:limit]],
            "next_cursor": f"{more.requested_at}.{more.event_id}" if more else None,
        }

    @get("/{request_id:str}", permission=Permission.read_requests, sync_to_thread=True)
    def one(
        self, request: Request[Any, Any, Any], state: State, request_id: FromPath[str]
    ) -> dict[str, Any]:
        """A request as it stands."""
        requests: Requests = state.requests
        found = requests.one(request_id.lower(), now_us())
        is_about(request, *experts_of([found]))
        return found.as_json()

    @post("/{request_id:str}/approval", permission=Permission.decide_requests, sync_to_thread=True)
    def approve(
        self, request: Request[Any, Any, Any], state: State, request_id: FromPath[str]
    ) -> Response[Any]:
        """Approve what another asked for, and publish it, `approved_by` filled from who calls.

        200 once it is on the log, with its token; 202 where the broker has not said yet: it is
        approved, and goes out by itself.
        """
        requests: Requests = state.requests
        decided = requests.approve(request_id.lower(), caller_of(request), now_us())
        status = 202 if decided.state == APPROVED else 200
        return Response(decided.as_json(), status_code=status)

    @post("/{request_id:str}/refusal", permission=Permission.decide_requests, sync_to_thread=True,
          status_code=200)  # fmt: skip
    def refuse(
        self, request: Request[Any, Any, Any], state: State, request_id: FromPath[str],
        body: RawBody,
    ) -> dict[str, Any]:  # fmt: skip
        """Refuse what another asked for, or withdraw one's own: `{"reason": "…"}`."""
        try:
            told = msgspec.json.decode(body, type=Why)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ProblemError(400, "unreadable_body", f"{error}.", field="reason") from None
        requests: Requests = state.requests
        caller = caller_of(request)
        return requests.refuse(request_id.lower(), caller, told.reason, now_us()).as_json()


class Why(msgspec.Struct):
    """The body of a refusal."""

    reason: str


def _one_event(body: bytes) -> Told:
    try:
        held = read_body(JSON, body)
    except BodyError as error:
        raise ProblemError(400, "unreadable_body", str(error)) from None
    if held.is_list:
        raise ProblemError(400, "unreadable_body", "A request is for one event.")
    return held.told[0]


def _before(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    at, _, key = cursor.partition(".")
    if not at.isdecimal() or len(at) > 18:
        detail = "cursor is none of ours: take next_cursor as it came."
        raise ProblemError(400, "bad_parameter", detail, field="cursor")
    return int(at), key
