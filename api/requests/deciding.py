"""What two people must do for an event, and its way to the log: exactly once, whatever dies."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from api.access.caller import Caller
from api.errors import ProblemError
from api.ingest.bodies import Told
from api.ingest.gateway import OverloadedError, Way
from api.ingest.judging import Judged, Sender, judge, needs_two_people
from api.requests.store import APPROVED, LIFE_US, PUBLISHED, REFUSED, Request, RequestStore
from schemas.catalogue import catalogue

EXPERTS = "workforce.experts"
SOMEBODY = "staff:the-second-person"
"""Stands for who will approve while an event is judged that nobody has approved yet."""
SEND_EVERY_S = 5.0
RETRY_AFTER_US = 30_000_000
"""An approval's own call publishes; what is not on the log so long after it is sent again."""
REASON_CHARS_MAX = 1_000


class Asked(NamedTuple):
    """A request, and whether it is a new one or was made already."""

    request: Request
    is_new: bool


class Requests:
    """Requests from the asking to the log. Who may ask and decide at all, the guard has said."""

    def __init__(self, store: RequestStore, way: Way) -> None:
        self._store, self._way = store, way

    def ask(self, told: Told, caller: Caller, idempotency: str, at_us: int) -> Asked:
        """Keep an event until a second person decides.

        Raises `ProblemError`: 422 that names the field, 409 where its id was asked for otherwise.
        """
        fields = dict(told.fields or {})
        _refuse(told, fields, caller)
        fields["actor"] = caller.actor
        sender = Sender(caller.name, idempotency, at_us, approved_by=SOMEBODY)
        judged = _sound(Told(told.event_type, fields), sender)
        fields |= {"event_id": judged.event_id, "source": fields.get("source", caller.name)}
        event = msgspec.json.encode(fields, order="sorted").decode()
        request = Request(
            judged.event_id, told.event_type, event, caller.identity, at_us, at_us + LIFE_US
        )
        if self._store.add(request):
            return Asked(request, True)
        first = self.one(judged.event_id, at_us)
        if (first.event, first.requested_by) != (event, caller.identity):
            detail = f"There is another request of the event {judged.event_id}."
            raise ProblemError(409, "already_requested", detail)
        return Asked(first, False)

    def one(self, event_id: str, at_us: int) -> Request:
        """A request as it stands. Raises 404."""
        found = self._store.one(event_id)
        if found is None:
            raise ProblemError(404, "not_found", f"There is no request {event_id}.")
        return found.at(at_us)

    def page(
        self, which: str | None, before: tuple[int, str] | None, limit: int, at_us: int
    ) -> list[Request]:
        """The latest requests of a state, those before a time and an id where they are given."""
        return self._store.page(which, before, limit, at_us)

    def approve(self, event_id: str, caller: Caller, at_us: int) -> Request:
        """Approve as a second person, and publish; said twice by the same person it is once.

        The decision is written before anything is sent: whoever dies, the event goes out, and
        under its one id. Raises 403 for who asked, 409 where it is decided otherwise or over.
        """
        request = self.one(event_id, at_us)
        if caller.identity == request.requested_by:
            detail = "Who asked cannot approve: a second person does, in a call of their own."
            raise ProblemError(403, "second_person_needed", detail)
        told = Told(request.event_type, request.fields)
        judged = _sound(told, Sender("", now_us=at_us, approved_by=caller.actor))
        decision = {"state": APPROVED, "decided_by": caller.identity, "value": judged.value}
        if not self._store.decide(event_id, at_us, **decision):
            _refuse_decided(self.one(event_id, at_us), (APPROVED, PUBLISHED), caller)
        return self._publish(self.one(event_id, at_us))

    def refuse(self, event_id: str, caller: Caller, reason: str, at_us: int) -> Request:
        """Refuse, or withdraw what one asked for. Raises 409 where it is decided or over."""
        if not 1 <= len(reason.strip()) <= REASON_CHARS_MAX:
            detail = f"reason: say why, in at most {REASON_CHARS_MAX:,} characters"
            raise ProblemError(422, "invalid_field", detail, field="reason")
        self.one(event_id, at_us)
        decision = {"state": REFUSED, "decided_by": caller.identity, "reason": reason}
        if not self._store.decide(event_id, at_us, **decision):
            _refuse_decided(self.one(event_id, at_us), (REFUSED,), caller)
        return self.one(event_id, at_us)

    def publish_approved(self, at_us: int) -> None:
        """Send what was approved and is not known to be on the log."""
        for request in self._store.approved(at_us - RETRY_AFTER_US):
            self._publish(request)

    def _publish(self, request: Request) -> Request:
        """Send an approved request; the ledger takes it once, however often it is sent."""
        if request.state != APPROVED or request.value is None:
            return request
        topic = catalogue().by_name[request.event_type].topic
        key = str(request.fields["subject_id"]).encode()
        try:
            [outcome] = self._way.accept([Judged(request.value, topic, key, request.event_id)])
        except OverloadedError:
            return request
        if outcome.status != 201:
            return request
        self._store.published(request.event_id, outcome.token)
        return request._replace(state=PUBLISHED, token=outcome.token)


def experts_of(requests: Iterable[Request]) -> list[str]:
    """The experts whose data some requests show: those whose ledger their events are for."""
    known = catalogue().by_name
    of_experts = (one for one in requests if known[one.event_type].topic == EXPERTS)
    return sorted({str(one.fields["subject_id"]) for one in of_experts})


def _refuse(told: Told, fields: dict[str, object], caller: Caller) -> None:
    event_type = catalogue().by_name.get(told.event_type)
    if event_type and not needs_two_people(event_type):
        detail = f"event_type: {told.event_type} needs no second person: POST /v1/events"
        raise ProblemError(422, "needs_one_person", detail, field="event_type")
    if "approved_by" in fields:
        detail = "approved_by: it is filled from who approves; leave it out"
        raise ProblemError(422, "invalid_field", detail, field="approved_by")
    if fields.get("actor", caller.actor) != caller.actor:
        detail = f"actor: it is who asks, {caller.actor}; leave it out"
        raise ProblemError(422, "invalid_field", detail, field="actor")


def _sound(told: Told, sender: Sender) -> Judged:
    [judged] = judge([told], sender)
    if judged.refusal:
        code, detail, field = judged.refusal
        raise ProblemError(422, code, detail, field=field)
    return judged


def _refuse_decided(request: Request, wanted: tuple[str, ...], caller: Caller) -> None:
    """Raises 409, unless it is the caller's own decision, told once more."""
    if request.state in wanted and request.decided_by == caller.identity:
        return
    by = f" by {request.decided_by}" if request.decided_by else ""
    raise ProblemError(409, "already_decided", f"The request is {request.state}{by}.")
