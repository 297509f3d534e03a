"""`GET /v1/payouts/…`, `/v1/alerts`, `/v1/utilization`: rows in pages, or all of them as a file."""

from typing import Any

from litestar import Request, Response, Router, get
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream

from api.access.audit import is_about
from api.access.roles import Permission
from api.errors import ProblemError
from api.explanation import EXPLAINED_BY, explain
from api.reads.answers import Told
from api.reads.asked import Asked, Token, refuse_unknown
from api.reads.live import parse_reached
from api.reads.reading import Reading
from api.reads.resource import ALERTS, LINES, Resource
from api.reads.summary import SUMMARY, Summary
from api.reads.traces import TRACES
from api.reads.utilization import UTILIZATION, Utilization
from api.reads.waiting import MIN_TOKEN, wait_for_write
from projections.payout.fold import payout

UNBUFFERED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def list_of(
    resource: Resource, path: str, permission: Permission, description: str
) -> HTTPRouteHandler:
    """The route of a resource's rows; its parameters are those of `Asked` and its filters."""

    @get(
        path,
        permission=permission,
        projection=resource.projection,
        sync_to_thread=True,
        operation_id=resource.name,
        description=description,
        dependencies={"filters": resource.asked_by()},
    )
    def rows(asked: NamedDependency[Asked], filters: NamedDependency[Any]) -> Response[Any]:
        return asked.rows(resource, vars(filters))

    return rows


@get(
    "/lines/{line_id:str}/explanation",
    permission=Permission.read_payouts,
    projection=LINES.projection,
    sync_to_thread=True,
)
def explanation(
    request: Request[Any, Any, Any], state: State, line_id: FromPath[str], min_token: Token = None
) -> Response[Any]:
    """Which events made a line, at which rate and terms, and how its number came about."""
    refuse_unknown(request, (MIN_TOKEN,))
    reading = Reading(request, state, LINES.projection)

    def told() -> Told:
        found = explain(reading.client, reading.look, line_id.lower())
        if found is None or reading.own not in ("", found.line["expert_id"]):
            raise ProblemError(404, "not_found", f"There is no line {line_id}.")
        return Told(found.as_json(), (found.line["expert_id"],))

    # The archive also takes the records of reads: those leave an explanation as it was.
    return reading.fresh(f"explanation {line_id}", EXPLAINED_BY, told, topics=payout.topics)


@get(
    "/summary",
    permission=Permission.read_payouts,
    projection=SUMMARY.projection,
    sync_to_thread=True,
    operation_id=SUMMARY.name,
    dependencies={
        "filters": SUMMARY.asked_by(),
        "summary": Provide(Summary, sync_to_thread=False),
    },
)
def summary(
    asked: NamedDependency[Asked],
    filters: NamedDependency[Any],
    summary: NamedDependency[Summary],
) -> Response[Any]:
    """Sums over the lines that stand: they equal those of `/v1/payouts/lines` to the minor unit."""
    return asked.rows(summary.resource(), vars(filters), vars(summary))


@get(
    "/",
    permission=Permission.read_utilization,
    projection=UTILIZATION.projection,
    sync_to_thread=True,
    operation_id=UTILIZATION.name,
    dependencies={
        "filters": UTILIZATION.asked_by(),
        "utilization": Provide(Utilization, sync_to_thread=False),
    },
)
def utilization(
    asked: NamedDependency[Asked],
    filters: NamedDependency[Any],
    utilization: NamedDependency[Utilization],
) -> Response[Any]:
    """Experts' own time, each instant once, against what they declared; or the hours of entries.

    `since` and `until` take or leave whole days: a day counts where it begins within them.
    """
    return asked.rows(utilization.resource(vars(filters)), vars(filters), vars(utilization))


@get(
    "/stream",
    permission=Permission.read_alerts,
    media_type="text/event-stream",
    dependencies={"filters": ALERTS.asked_by()},
)
async def alerts_stream(
    request: Request[Any, Any, Any], state: State, filters: NamedDependency[Any]
) -> Stream:
    """Changes of alerts as they come: events `raised`, `updated` and `withdrawn`.

    With `Last-Event-ID` from there on, else from now on. A parameter that is not known is 400.
    """
    refuse_unknown(request, vars(filters))
    told = request.headers.get("Last-Event-ID")
    reached = parse_reached(told) if told else None
    client = await sync_to_thread(state.reader)
    stream = state.streams.open(client, state.looks, vars(filters), reached)
    is_about(request)
    return Stream(stream, media_type="text/event-stream", headers=UNBUFFERED)


PAYOUTS = Router(
    "/v1/payouts",
    tags=["payouts"],
    route_handlers=[
        list_of(
            LINES,
            "/lines",
            Permission.read_payouts,
            "The lines that stand, in the order in which the work was done.",
        ),
        explanation,
        summary,
    ],
)
ALERT = Router(
    "/v1/alerts",
    tags=["alerts"],
    route_handlers=[
        list_of(
            ALERTS,
            "/",
            Permission.read_alerts,
            "The alerts as they stand, by when what they tell of began.",
        ),
        alerts_stream,
    ],
)
WORK = Router("/v1/utilization", tags=["utilization"], route_handlers=[utilization])
READS = Router(
    "/",
    route_handlers=[PAYOUTS, ALERT, WORK, TRACES],
    dependencies={"asked": Provide(Asked, sync_to_thread=False)},
    before_request=wait_for_write,
)
"""Every route of numbers."""
