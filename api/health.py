"""Whether this process lives, and whether what it needs answers."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from litestar import Controller, Response, get
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State

Checks = Mapping[str, Callable[[], bool]]
"""By the name of what is needed: whether it answers now, within about a second."""


class Health(Controller):
    """For whoever runs the process."""

    path = "/health"
    tags = ("health",)

    @get("/live")
    async def live(self) -> dict[str, str]:
        """The process answers."""
        return {"status": "live"}

    @get("/ready")
    async def ready(self, state: State) -> Response[dict[str, Any]]:
        """All that the process needs answers; 503 names what does not."""
        checks: Checks = state.checks
        missing = await sync_to_thread(_missing, checks)
        body = {"status": "not ready" if missing else "ready", "missing": missing}
        return Response(body, status_code=503 if missing else 200)


def _missing(checks: Checks) -> list[str]:
    if not checks:
        return []
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        answers = pool.map(lambda check: check(), checks.values())
        return [name for name, answered in zip(checks, answers, strict=True) if not answered]
