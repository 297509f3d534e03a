"""One read of one caller: whose rows may be seen, and how fresh the answer is."""

import re
from typing import Any

from clickhouse_connect.driver.client import Client
from litestar import Request, Response
from litestar.datastructures import State

from api.access.guard import caller_of
from api.access.roles import Role
from api.errors import ProblemError
from api.log import Log
from api.reads.freshness import NotYetError, Watermark, wait_for, watermark
from schemas.log_address import AddressError


class Reading:
    """A request for what a projection tells."""

    def __init__(self, request: Request[Any, Any, Any], state: State, projection: str) -> None:
        self._request, self.projection = request, projection
        self.client: Client = state.reader()
        self.log: Log = state.log
        caller = caller_of(request)
        self.own = caller.expert_id if caller.role is Role.expert else ""
        """The expert whose rows alone may be seen; empty where all may."""

    def include(self, token: str) -> None:
        """Go on once the projection includes the write of a token.

        Raises 503 where it does not, after the seconds of `Prefer: wait=`; 400 for no token.
        """
        asked = re.search(r"\bwait=(\d+)\b", self._request.headers.get("Prefer", ""))
        try:
            wait_for(self.client, self.projection, token, float(asked[1]) if asked else 0.0)
        except NotYetError as error:
            raise ProblemError(503, "not_yet_included", str(error), {"Retry-After": "1"}) from None
        except AddressError as error:
            raise ProblemError(400, "bad_parameter", str(error), field="min_token") from None

    def watermark(self) -> Watermark:
        """How far the projection has come.

        To be asked before the rows: what comes meanwhile makes them newer than they say, never
        older.
        """
        return watermark(self.client, self.projection, self.log)

    def fresh(self, mark: Watermark, body: dict[str, Any], question: str) -> Response[Any]:
        """A body with its watermark; 304 where the client has it already."""
        headers = self.headers(mark, question)
        if headers["ETag"] in self._request.headers.get("If-None-Match", ""):
            return Response(None, status_code=304, headers=headers)
        return Response(body | {"watermark": mark.as_json()}, headers=headers)

    def headers(self, mark: Watermark, question: str) -> dict[str, str]:
        """What every answer says of how fresh it is."""
        return {
            "ETag": mark.etag(f"{question} {self.own}"), "Lag-Events": str(mark.lag_events),
            "Watermark": mark.occurred_at or "", "Cache-Control": "private, no-cache",
        }  # fmt: skip
