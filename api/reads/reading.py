"""One read of one caller: whose rows may be seen, and how fresh the answer is."""

import hashlib
from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client
from litestar import MediaType, Request, Response
from litestar.datastructures import State

from api.access.audit import is_about
from api.access.guard import caller_of
from api.access.roles import Role
from api.log import Log
from api.reads.answers import Answers, Told
from api.reads.freshness import Watermark, watermark
from api.reads.waiting import LOOK
from projections.looks import Look, Looks


class Reading:
    """A request for what a projection tells."""

    def __init__(self, request: Request[Any, Any, Any], state: State, projection: str) -> None:
        self._request, self.projection = request, projection
        self.client: Client = state.reader()
        self.log: Log = state.log
        self._looks: Looks = state.looks
        self._answers: Answers = state.answers
        self._look: Look | None = request.scope["state"].get(LOOK)
        caller = caller_of(request)
        self.own = caller.expert_id if caller.role is Role.expert else ""
        """The expert whose rows alone may be seen; empty where all may."""

    @property
    def look(self) -> Look:
        """Where the rows of the answer end: one look for all that it reads."""
        self._look = self._look or self._looks()
        return self._look

    def fresh(
        self,
        question: str,
        projections: Iterable[str],
        make: Callable[[], Told],
        mark: Watermark | None = None,
        topics: Collection[str] | None = None,
    ) -> Response[Any]:
        """What `make` answers to a question of the rows of some projections, with its watermark.

        304, before anything is made, where the client has it already. `mark` is the watermark
        where it is not that of the one projection, `topics` what the rows come from where it is
        not all that the projections read.
        """
        headers = self.headers(question, projections, mark, topics)
        if self.is_known(headers):
            return Response(None, status_code=304, headers=headers)
        answer = self._answers.get(headers["ETag"], make)
        if answer.about:
            is_about(self._request, *answer.about)
        told = msgspec.json.encode({"watermark": (mark or self._mark()).as_json()})
        body = answer.json[:-1] + b"," + told[1:]
        return Response(body, headers=headers, media_type=MediaType.JSON)

    def is_known(self, headers: dict[str, str]) -> bool:
        """Whether the client has the answer of these headers already."""
        return headers["ETag"] in self._request.headers.get("If-None-Match", "")

    def headers(
        self,
        question: str,
        projections: Iterable[str],
        mark: Watermark | None = None,
        topics: Collection[str] | None = None,
    ) -> dict[str, str]:
        """What every answer says of how fresh it is."""
        mark = mark or self._mark()
        state = f"{self.look.digest(projections, topics)} {question} {self.own}"
        headers = {
            "ETag": f'"{hashlib.sha256(state.encode()).hexdigest()[:32]}"',
            "Watermark": mark.occurred_at or "", "Cache-Control": "private, no-cache",
        }  # fmt: skip
        if mark.lag_events is not None:
            headers["Lag-Events"] = str(mark.lag_events)
        return headers

    def _mark(self) -> Watermark:
        return watermark(self.look, self.projection, self.log)
