"""`GET /v1/payouts/…` and `/v1/alerts`: rows in pages, or all of them as a file."""

from typing import Any

from litestar import Request, Response, Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from api.access.roles import Permission
from api.errors import ProblemError
from api.explanation import explain
from api.reads.asked import Asked
from api.reads.reading import Reading
from api.reads.resource import ALERTS, LINES, Resource


def list_of(
    resource: Resource, path: str, permission: Permission, description: str
) -> HTTPRouteHandler:
    """The route of a resource's rows; its parameters are those of `Asked` and its filters."""

    @get(
        path,
        permission=permission,
        sync_to_thread=True,
        operation_id=resource.name,
        description=description,
        dependencies={"filters": resource.asked_by()},
    )
    def rows(asked: NamedDependency[Asked], filters: NamedDependency[Any]) -> Response[Any]:
        return asked.rows(resource, vars(filters))

    return rows


@get("/lines/{line_id:str}/explanation", permission=Permission.read_payouts, sync_to_thread=True)
def explanation(
    request: Request[Any, Any, Any], state: State, line_id: FromPath[str]
) -> Response[Any]:
    """Which events made a line, at which rate and terms, and how its number came about."""
    reading = Reading(request, state, LINES.projection)
    mark = reading.watermark()
    found = explain(reading.client, line_id.lower())
    if found is None or reading.own not in ("", found.line["expert_id"]):
        raise ProblemError(404, "not_found", f"There is no line {line_id}.")
    return reading.fresh(mark, found.as_json(), line_id)


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
        )
    ],
)
READS = Router(
    "/",
    route_handlers=[PAYOUTS, ALERT],
    dependencies={"asked": Provide(Asked, sync_to_thread=False)},
)
"""Every route of numbers."""
