"""`GET /v1/events/…/trace`: where an event lies in the log, and what has become of it."""

from typing import Any

from kafka.errors import KafkaError
from litestar import Request, Response, Router, get
from litestar.datastructures import State
from litestar.params import FromPath

from api.access.audit import is_about
from api.access.guard import caller_of
from api.access.roles import PERMITTED, Permission
from api.errors import ProblemError
from api.reads.answers import Told
from api.reads.asked import Token, refuse_unknown
from api.reads.freshness import least
from api.reads.reading import Reading
from api.reads.waiting import MIN_TOKEN
from api.trace.told import as_json
from api.trace.trace import NoNameError, Trace, experts_of, trace_of
from projections.registry import PROJECTIONS

ROWS_OF = {
    "payout": Permission.read_payouts,
    "fraud": Permission.read_alerts,
    "utilization": Permission.read_utilization,
}
"""What a role needs to see a projection's rows in a trace, besides the permission to trace."""


@get(
    "/{event_id:str}/trace",
    permission=Permission.read_traces,
    projection="archive",
    sync_to_thread=True,
)
def trace_of_event(
    request: Request[Any, Any, Any], state: State, event_id: FromPath[str], min_token: Token = None
) -> Response[Any]:
    """The life of an event: each record of it, and what every projection made of each."""
    return _answer(request, state, event_id)


@get(
    "/{topic:str}/{partition:str}/{offset:str}/trace",
    permission=Permission.read_traces,
    projection="archive",
    sync_to_thread=True,
)
def trace_of_record(
    request: Request[Any, Any, Any],
    state: State,
    topic: FromPath[str],
    partition: FromPath[str],
    offset: FromPath[str],
    min_token: Token = None,
) -> Response[Any]:
    """The same of the event whose record lies there: the token of a write is its path."""
    return _answer(request, state, f"{topic}/{partition}/{offset}")


TRACES = Router("/v1/events", tags=["events"], route_handlers=[trace_of_event, trace_of_record])


def _answer(request: Request[Any, Any, Any], state: State, named: str) -> Response[Any]:
    refuse_unknown(request, (MIN_TOKEN,))
    reading = Reading(request, state, "archive")
    mark = least(reading.look, reading.log)
    permitted = PERMITTED[caller_of(request).role]
    shown = {name for name in PROJECTIONS if ROWS_OF.get(name, Permission.read_traces) in permitted}
    found = _found(reading, named)
    told = as_json(found, shown)
    is_about(request, *experts_of(found))  # every trace is recorded, also one that names nobody
    return reading.fresh(f"trace {named} {sorted(shown)}", PROJECTIONS, lambda: Told(told), mark)


def _found(reading: Reading, named: str) -> Trace:
    try:
        found = trace_of(reading.client, reading.log, named)
    except NoNameError as error:
        raise ProblemError(400, "bad_parameter", str(error), field="event_id") from None
    except KafkaError as error:
        raise ProblemError(503, "no_broker", f"No broker answers: {error}") from None
    if found is None:
        raise ProblemError(
            404, "not_found", f"Nothing that is included yet is named {named}.", **_behind(reading)
        )
    return found


def _behind(reading: Reading) -> dict[str, Any]:
    """How fresh it is to say that there is no such event."""
    return {"watermark": least(reading.look, reading.log).as_json()}
