"""The API: one HTTP application for people and machines."""

from litestar import Litestar, Request
from litestar.datastructures import MutableScopeHeaders, State
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import Message, Scope

from api.errors import REQUEST_ID, answer, request_id_of
from api.health import Checks, Health
from api.registry import Registry


async def add_request_id(message: Message, scope: Scope) -> None:
    """Give every answer the id of its request."""
    if message["type"] == "http.response.start":
        MutableScopeHeaders.from_message(message)[REQUEST_ID] = request_id_of(Request(scope))


def create_app(checks: Checks) -> Litestar:
    """The application; `checks` say whether what it needs answers, by name."""
    return Litestar(
        route_handlers=[Registry, Health],
        before_send=[add_request_id],
        exception_handlers={Exception: answer},
        state=State({"checks": checks}),
        # As a document only: the pages that come with the framework load scripts from elsewhere.
        openapi_config=OpenAPIConfig(
            title="workledger",
            version="1",
            path="/schema",
            render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
        ),
        logging_config=None,
    )
