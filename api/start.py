"""The start page: what is fresh, and the way to everything else."""

import logging
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar import Litestar, MediaType, Request, Response, get
from litestar.datastructures import State
from markupsafe import Markup, escape

from api.openapi.document import METHODS
from api.reads.freshness import Watermark, watermark
from api.registry import MEDIA_TYPE
from projections.registry import PROJECTIONS
from schemas.json_form import time_text
from schemas.message import now_us

log = logging.getLogger(__name__)


def with_code(text: str) -> Markup:
    """A text in which what stands between backticks is code."""
    parts = [escape(part) for part in text.split("`")]
    return Markup().join(
        Markup("<code>{}</code>").format(part) if place % 2 else part
        for place, part in enumerate(parts)
    )


def to_the_second(time: str) -> str:
    """An ISO 8601 time in UTC as a person reads it."""
    return time[:19].replace("T", " ")


PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
)
PAGES.filters |= {"with_code": with_code, "to_the_second": to_the_second}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "Cache-Control": "no-store",
}


class Route(NamedTuple):
    """A route, as the page tells it."""

    path: str
    method: str
    said: str
    link: str
    """Where a browser can go without a key; empty where it cannot."""


@get("/", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=True)
def start(request: Request[Any, Any, Any], state: State) -> Response[Any]:
    """What is fresh, and links to everything.

    A registry's client asks here, for JSON, whether a registry is there.
    """
    if "json" in request.headers.get("Accept", ""):
        return Response({}, media_type=MEDIA_TYPE)
    marks, error = _freshness(state)
    page = PAGES.get_template("start.html").render(
        projections=marks,
        any_events=any(mark.occurred_at for mark in marks),
        error=error,
        now=time_text(now_us()),
        groups=_groups(request.app),
        base=str(request.base_url).rstrip("/"),
    )
    return Response(page, headers=HEADERS)


def _freshness(state: State) -> tuple[list[Watermark], str]:
    """How far each projection is, or why that is not known."""
    if "looks" not in state:
        return [], "this process serves the schemas alone."
    try:
        look = state.looks()
        return [watermark(look, name, state.log) for name in PROJECTIONS], ""
    except Exception as error:  # the page stands whatever is down, and says so
        log.warning("the start page does not know how fresh the projections are: %s", error)
        return [], "ClickHouse does not answer."


def _groups(app: Litestar) -> dict[str, list[Route]]:
    """The routes of the OpenAPI document by what they are about, the ledger's own first."""
    groups: dict[str, list[Route]] = {}
    paths: dict[str, dict[str, Any]] = app.openapi_schema.to_schema()["paths"]
    for path in sorted(paths, key=lambda path: (not path.startswith("/v1"), path)):
        for method in METHODS:
            if told := paths[path].get(method):
                is_open = method == "get" and "{" not in path and not path.startswith("/v1")
                said = str(told.get("description", "")).split("\n\n")[0]
                route = Route(path, method.upper(), said, path if is_open else "")
                groups.setdefault(told["tags"][0], []).append(route)
    return groups
