"""`GET /v1/payouts/…` and `/v1/alerts`: rows in pages, or all of them as a file."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, cast

from clickhouse_connect.driver.client import Client
from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from api.access.guard import caller_of
from api.access.roles import Permission, Role
from api.errors import ProblemError
from api.explanation import explain
from api.reads.freshness import NotYetError, Watermark, wait_for, watermark
from api.reads.resource import (
    ALERTS,
    LINES,
    AskedWronglyError,
    Cursor,
    Question,
    Resource,
    parse_cursor,
    parse_time,
)
from api.reads.rows import as_json
from schemas.json_form import EPOCH
from schemas.log_address import AddressError

ROWS_MAX, ROWS = 1_000, 100
CHUNK_BYTES = 64 * 1024


class Format(StrEnum):
    """How rows come: a page of JSON, or a file of all of them."""

    json = "json"
    csv = "csv"
    parquet = "parquet"
    arrow = "arrow"


FILES = {
    Format.csv: ("CSVWithNames", "text/csv; charset=utf-8"),
    Format.parquet: ("Parquet", "application/vnd.apache.parquet"),
    Format.arrow: ("ArrowStream", "application/vnd.apache.arrow.stream"),
}
Text = FromQuery[str | None]
Since = Annotated[
    str | None, QueryParameter(description="From this instant on, ISO 8601 with its offset.")
]
Until = Annotated[
    str | None, QueryParameter(description="Before this instant, ISO 8601 with its offset.")
]
Page = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")]
File = Annotated[
    Format, QueryParameter(name="format", description="A page, or a file of all rows.")
]
Limit = Annotated[int, QueryParameter(ge=1, le=ROWS_MAX, description="Rows of a page.")]
Token = Annotated[
    str | None,
    QueryParameter(
        description="topic/partition/offset that the answer must include; with `Prefer: wait=5` "
        "it is waited for."
    ),
]


class Payouts(Controller):
    """What each expert is owed, and why."""

    path = "/v1/payouts"
    tags = ("payouts",)

    @get("/lines", permission=Permission.read_payouts, sync_to_thread=True)
    def lines(
        self,
        request: Request[Any, Any, Any],
        state: State,
        expert_id: Text = None,
        project_id: Text = None,
        entry_id: Text = None,
        status: Text = None,
        reason: Text = None,
        currency: Text = None,
        hold_id: Text = None,
        since: Since = None,
        until: Until = None,
        cursor: Page = None,
        limit: Limit = ROWS,
        min_token: Token = None,
        chosen: File = Format.json,
    ) -> Response[Any]:
        """The lines that stand, in the order in which the work was done."""
        given = {
            "expert_id": expert_id, "project_id": project_id, "entry_id": entry_id,
            "status": status, "reason": reason, "currency": currency, "hold_id": hold_id,
        }  # fmt: skip
        asked = _Asked(request, state, LINES, min_token)
        return asked.answer(given, since, until, cursor, limit, chosen)

    @get("/lines/{line_id:str}/explanation", permission=Permission.read_payouts,
         sync_to_thread=True)  # fmt: skip
    def explanation(
        self, request: Request[Any, Any, Any], state: State, line_id: FromPath[str]
    ) -> Response[Any]:
        """Which events made a line, at which rate and terms, and how its number came about."""
        asked = _Asked(request, state, LINES, None)
        found = explain(asked.client, line_id.lower())
        if found is None or asked.own not in ("", found.line["expert_id"]):
            raise ProblemError(404, "not_found", f"There is no line {line_id}.")
        return asked.fresh(found.as_json(), line_id)


class Alerts(Controller):
    """What the detectors found."""

    path = "/v1/alerts"
    tags = ("alerts",)

    @get("/", permission=Permission.read_alerts, sync_to_thread=True)
    def alerts(
        self,
        request: Request[Any, Any, Any],
        state: State,
        expert_id: Text = None,
        detector: Text = None,
        severity: Text = None,
        status: Text = None,
        mode: Text = "live",
        since: Since = None,
        until: Until = None,
        cursor: Page = None,
        limit: Limit = ROWS,
        min_token: Token = None,
        chosen: File = Format.json,
    ) -> Response[Any]:
        """The alerts as they stand, by when what they tell of began."""
        given = {
            "expert_id": expert_id, "detector": detector, "severity": severity,
            "status": status, "mode": mode,
        }  # fmt: skip
        asked = _Asked(request, state, ALERTS, min_token)
        return asked.answer(given, since, until, cursor, limit, chosen)


class _Asked:
    """A request for rows of a resource, once its caller may and its token is included."""

    def __init__(
        self, request: Request[Any, Any, Any], state: State, resource: Resource, token: str | None
    ) -> None:
        self._request, self._state, self._resource = request, state, resource
        self.client: Client = state.reader()
        caller = caller_of(request)
        self.own = caller.expert_id if caller.role is Role.expert else ""
        """The expert whose rows alone may be seen; empty where all may."""
        if token:
            _include(self.client, resource, token, request.headers.get("Prefer", ""))

    def answer(
        self,
        given: dict[str, str | None],
        since: str | None,
        until: str | None,
        cursor: str | None,
        limit: int,
        chosen: Format,
    ) -> Response[Any]:
        """A page, or a file of everything."""
        fixed = {name: value for name, value in given.items() if value is not None}
        if self.own and fixed.setdefault("expert_id", self.own) != self.own:
            raise ProblemError(403, "forbidden", "A key of an expert reads their own rows.")
        try:
            question = Question(
                self._resource,
                fixed,
                parse_time("since", since) if since else None,
                parse_time("until", until) if until else None,
                parse_cursor(cursor) if cursor else None,
            )
        except AskedWronglyError as error:
            raise ProblemError(
                400, "bad_parameter", str(error), field=str(error).split()[0]
            ) from None
        return (
            self._page(question, limit) if chosen is Format.json else self._file(question, chosen)
        )

    def fresh(self, body: dict[str, Any], question: str) -> Response[Any]:
        """A body with how fresh it is; 304 where the client has it already."""
        return self._with_freshness(self._watermark(), body, question)

    def _page(self, question: Question, limit: int) -> Response[Any]:
        # Before the rows: what comes meanwhile makes them newer than they say, never older.
        mark = self._watermark()
        found: Any = self.client.query(question.sql(limit + 1), parameters=question.parameters())
        rows = list(found.named_results())
        more = None
        if len(rows) > limit:
            last = rows[limit - 1]
            at_us = _us(last[question.resource.at])
            more = Cursor(at_us, str(last[question.resource.key])).text()
        data = [as_json(row) for row in rows[:limit]]
        body = {"data": data, "next_cursor": more}
        return self._with_freshness(mark, body, f"{question.text()} {limit}")

    def _file(self, question: Question, chosen: Format) -> Response[Any]:
        kind, media_type = FILES[chosen]
        mark = self._watermark()
        sql = question.sql(for_spreadsheets=chosen is Format.csv)
        source = cast(Any, self.client).raw_stream(sql, parameters=question.parameters(), fmt=kind)
        name = f"{question.resource.name}.{chosen}"
        headers = _headers(mark, mark.etag(f"{question.text()} {chosen}")) | {
            "Content-Disposition": f'attachment; filename="{name}"'
        }
        return Stream(_chunks(source), media_type=media_type, headers=headers)

    def _watermark(self) -> Watermark:
        return watermark(self.client, self._resource.projection, self._state.ends)

    def _with_freshness(
        self, mark: Watermark, body: dict[str, Any], question: str
    ) -> Response[Any]:
        etag = mark.etag(f"{question} {self.own}")
        headers = _headers(mark, etag)
        if etag in self._request.headers.get("If-None-Match", ""):
            return Response(None, status_code=304, headers=headers)
        return Response(body | {"watermark": mark.as_json()}, headers=headers)


def _headers(mark: Watermark, etag: str) -> dict[str, str]:
    return {
        "ETag": etag, "Lag-Events": str(mark.lag_events),
        "Watermark": mark.occurred_at or "", "Cache-Control": "private, no-cache",
    }  # fmt: skip


def _include(client: Client, resource: Resource, token: str, prefer: str) -> None:
    asked = re.search(r"\bwait=(\d+)\b", prefer)
    try:
        wait_for(client, resource.projection, token, float(asked[1]) if asked else 0.0)
    except NotYetError as error:
        raise ProblemError(503, "not_yet_included", str(error), {"Retry-After": "1"}) from None
    except AddressError as error:
        raise ProblemError(400, "bad_parameter", str(error), field="min_token") from None


def _us(at: datetime) -> int:
    return (at.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def _chunks(source: Any) -> Iterator[bytes]:
    with source:
        while chunk := source.read(CHUNK_BYTES):
            yield chunk
