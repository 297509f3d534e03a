"""`min_token=`: a read that waits for a write, and holds no thread meanwhile."""

import asyncio
import re
import time
from typing import Any

from litestar import Request
from litestar.concurrency import sync_to_thread

from api.errors import ProblemError
from api.reads.freshness import POLL_S, WAIT_MAX_S, NotYetError, included
from projections.looks import Looks
from schemas.log_address import AddressError

MIN_TOKEN, PROJECTION, LOOK = "min_token", "projection", "look"
"""The parameter; the option of a route that names what it reads; where the look is kept."""


async def wait_for_write(request: Request[Any, Any, Any]) -> None:
    """Before a read: go on once its projection includes the write of its `min_token`.

    Raises 503 where it does not, after the seconds of `Prefer: wait=`; 400 for no token.
    """
    token = request.query_params.get(MIN_TOKEN)
    projection: str | None = request.route_handler.opt.get(PROJECTION)
    if not token or projection is None:
        return
    asked = re.search(r"\bwait=(\d+)\b", request.headers.get("Prefer", ""))
    deadline = time.monotonic() + min(float(asked[1]) if asked else 0.0, WAIT_MAX_S)
    looks: Looks = request.app.state.looks
    take = looks
    while True:
        look = await sync_to_thread(take)
        try:
            included(look, projection, token)
        except NotYetError as error:
            # A look that others share is too old to refuse by.
            if take is not looks and time.monotonic() >= deadline:
                told = {"Retry-After": "1"}
                raise ProblemError(503, "not_yet_included", str(error), told) from None
            if take is not looks:
                await asyncio.sleep(POLL_S)
            take = looks.now
        except AddressError as error:
            raise ProblemError(400, "bad_parameter", str(error), field=MIN_TOKEN) from None
        else:
            request.scope["state"][LOOK] = look
            return
