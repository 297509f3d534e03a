"""What every list of rows is asked with, and its answer: a page, or a file of all rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, cast

from litestar import Request, Response
from litestar.datastructures import State
from litestar.params import QueryParameter
from litestar.response import Stream

from api.errors import ProblemError
from api.reads.answers import Told
from api.reads.as_of import as_known_then, at_present
from api.reads.question import (
    CURSOR,
    AskedWronglyError,
    Cursor,
    Question,
    parse_cursor,
    parse_time,
)
from api.reads.reading import Reading
from api.reads.resource import Resource
from api.reads.rows import as_json
from schemas.json_form import time_text

ROWS_MAX, ROWS = 1_000, 100
CHUNK_BYTES = 64 * 1024


class Format(StrEnum):
    """How rows come: a page of JSON, or a file of all of them."""

    json = "json"
    csv = "csv"
    parquet = "parquet"
    arrow = "arrow"


FILES = {
    Format.csv: ("CSVWithNames", "text/csv"),
    Format.parquet: ("Parquet", "application/vnd.apache.parquet"),
    Format.arrow: ("ArrowStream", "application/vnd.apache.arrow.stream"),
}
Since = Annotated[
    str | None, QueryParameter(description="From this instant on, ISO 8601 with its offset.")
]
Until = Annotated[
    str | None, QueryParameter(description="Before this instant, ISO 8601 with its offset.")
]
Page = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before.")]
Limit = Annotated[int, QueryParameter(ge=1, le=ROWS_MAX, description="Rows of a page.")]
Token = Annotated[
    str | None,
    QueryParameter(
        description="topic/partition/offset that the answer must include; with `Prefer: wait=5` "
        "it is waited for."
    ),
]
Instant = Annotated[
    str | None,
    QueryParameter(
        description="What was known at this instant, ISO 8601 with its offset: of lines and their "
        "summary alone."
    ),
]
File = Annotated[
    Format, QueryParameter(name="format", description="A page, or a file of all rows.")
]

REPEATED = {"group_by"}
"""What may be told more than once; of anything else the record of the read could tell another."""
PARAMETERS = {"since", "until", "cursor", "limit", "min_token", "format", "as_of"}


@dataclass(frozen=True)
class Asked:
    """The dependency `asked`: the parameters that every list of rows has, each a field."""

    request: Request[Any, Any, Any]
    state: State
    since: Since = None
    until: Until = None
    cursor: Page = None
    limit: Limit = ROWS
    min_token: Token = None
    chosen: File = Format.json
    as_of: Instant = None

    def rows(
        self, resource: Resource, filters: dict[str, str | None], also: Iterable[str] = ()
    ) -> Response[Any]:
        """The rows of a resource whose columns have the values of `filters`, where there are any.

        `also` are further parameters of the route; one that is not known raises 400.

        An expert's key sees rows of its own expert; to ask for another's raises 403.
        """
        reading = Reading(self.request, self.state, resource.projection)
        fixed = {name: value for name, value in filters.items() if value is not None}
        if reading.own and fixed.setdefault("expert_id", reading.own) != reading.own:
            raise ProblemError(403, "forbidden", "A key of an expert reads their own rows.")
        refuse_unknown(self.request, (*PARAMETERS, *filters, *also))
        told: dict[str, Any] = {}
        if self.as_of is None:
            resource = replace(resource, source=at_present(resource.source))
        else:
            then = as_known_then(reading, resource.source, self.as_of)
            resource = replace(resource, source=then.source, given=resource.given | then.given)
            clock = time_text(then.clock_us) if then.clock_us is not None else None
            told = {"as_of": {"asked": self.as_of, "occurred_at": clock}}
        question = Question(
            resource,
            fixed,
            parse_time("since", self.since) if self.since else None,
            parse_time("until", self.until) if self.until else None,
            parse_cursor(self.cursor, resource) if self.cursor else None,
        )
        if self.chosen is Format.json:
            return _page(reading, question, self.limit, told)
        return _file(reading, question, self.chosen)


def refuse_unknown(request: Request[Any, Any, Any], known: Iterable[str]) -> None:
    """Raise 400 where the query names a parameter that is not known.

    Left alone, a filter that is misspelt would answer with every row. One that is told twice is
    400 as well: which of its values counts, nobody could say.
    """
    for name in request.query_params.keys() - set(known):
        raise AskedWronglyError(f"{name} is no parameter of this route.")
    for name in request.query_params.keys() - REPEATED:
        if len(request.query_params.getall(name)) > 1:
            raise AskedWronglyError(f"{name} is told more than once.")


def _page(reading: Reading, question: Question, limit: int, told: dict[str, Any]) -> Response[Any]:
    bound = reading.look.bind(question.page_sql(limit + 1))

    def page() -> Told:
        rows = bound.rows(reading.client, question.parameters())
        ends = [Cursor(tuple(row.pop(CURSOR))) for row in rows]
        shown = rows[:limit]
        return Told(
            {
                "data": [as_json(row) for row in shown],
                "next_cursor": ends[limit - 1].text() if len(rows) > limit else None,
                **told,
            },
            tuple(sorted({row["expert_id"] for row in shown if "expert_id" in row})),
        )

    return reading.fresh(f"{question.text()} {limit} {told}", bound.projections, page)


def _file(reading: Reading, question: Question, chosen: Format) -> Response[Any]:
    kind, media_type = FILES[chosen]
    bound = reading.look.bind(question.file_sql(for_spreadsheets=chosen is Format.csv))
    headers = reading.headers(f"{question.text()} {chosen}", bound.projections)
    if reading.is_known(headers):
        return Response(None, status_code=304, headers=headers)
    parameters = question.parameters() | bound.given
    source = cast(Any, reading.client).raw_stream(bound.sql, parameters=parameters, fmt=kind)
    name = f"{question.resource.name}.{chosen}"
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return Stream(_chunks(source), media_type=media_type, headers=headers)


def _chunks(source: Any) -> Iterator[bytes]:
    with source:
        while chunk := source.read(CHUNK_BYTES):
            yield chunk
