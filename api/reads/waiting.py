"""`min_token=`: a read that waits for a write, and holds no thread meanwhile."""

import asyncio
import re
import time
from typing import Any

from litestar import Request
from litestar.concurrency import sync_to_thread

from api.errors import ProblemError
from api.reads.freshness import POLL_S, WAIT_MAX_S, not_yet
from projections.looks import Look, Looks
from schemas.log_address import AddressError

MIN_TOKEN, PROJECTION, LOOK = "min_token", "projection", "look"
"""The parameter; the option of a route that names what it reads; where the look is kept."""


class NextLook:
    """The next look at the progress: one for everybody who waits for it."""

    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self._next: asyncio.Task[Look] | None = None

    async def __call__(self) -> Look:
        """A look that begins after this call, `POLL_S` later at most."""
        if self._next is None:
            self._next = asyncio.create_task(self._look())
        # One who goes away leaves the look to the others.
        return await asyncio.shield(self._next)

    async def _look(self) -> Look:
        await asyncio.sleep(POLL_S)
        self._next = None  # who comes from here on waits for the one after
        return await sync_to_thread(self._looks.now)


async def wait_for_write(request: Request[Any, Any, Any]) -> None:
    """Before a read: go on once its projection includes the write of its `min_token`.

    Raises 503 where it does not, after the seconds of `Prefer: wait=`; 400 for no token.
    """
    token = request.query_params.get(MIN_TOKEN)
    projection: str | None = request.route_handler.opt.get(PROJECTION)
    if not token or projection is None:
        return
    asked = re.search(r"\bwait=(\d+)\b", request.headers.get("Prefer", ""))
    deadline_s = time.monotonic() + min(float(asked[1]) if asked else 0.0, WAIT_MAX_S)
    state = request.app.state
    # A look that others share is too old to refuse by: the first one alone ends no waiting.
    look, is_last = await sync_to_thread(state.looks), False
    try:
        while (late := not_yet(look, projection, token)) and not is_last:
            is_last = time.monotonic() >= deadline_s
            look = await state.next_look()
    except AddressError as error:
        raise ProblemError(400, "bad_parameter", str(error), field=MIN_TOKEN) from None
    if late:
        raise ProblemError(503, "not_yet_included", late, {"Retry-After": "1"})
    request.scope["state"][LOOK] = look
