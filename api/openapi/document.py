"""What the framework cannot know of the routes: errors, keys, bodies, pages and files."""

from typing import Any

from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin

from api.errors import PROBLEM_TYPE, REGISTRY_PATHS
from api.openapi.events import Json, event_schemas, ingest_body
from api.reads.asked import FILES
from api.reads.resource import ALERTS, LINES, Resource
from api.reads.summary import SUMMARY
from api.reads.utilization import UTILIZATION
from api.registry import MEDIA_TYPE
from projections.tables import Column

METHODS = ("get", "post", "put", "patch", "delete")
LISTS: dict[str, Resource] = {one.name: one for one in (LINES, ALERTS, SUMMARY, UTILIZATION)}
"""By operation id: what answers in pages and files."""
NUMBERS = {"Int": "integer", "UInt": "integer", "Float": "number", "Decimal": "number"}
PROBLEM: Json = {
    "type": "object",
    "description": "What is wrong, as RFC 9457 says it.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string", "description": "Stable: for programs."},
        "request_id": {"type": "string"},
        "field": {"type": "string", "description": "The field or parameter, where it is one."},
    },
    "examples": [
        {
            "type": "about:blank", "title": "Unprocessable Entity", "status": 422,
            "detail": "TimeEntryRecorded: started_at is missing", "code": "invalid_field",
            "request_id": "6f1c…", "field": "started_at",
        }
    ],
}  # fmt: skip
REGISTRY_ERROR: Json = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {"error_code": {"type": "integer"}, "message": {"type": "string"}},
    "examples": [{"error_code": 40401, "message": "Subject 'workforce.experts.Nobody' not found."}],
}
WATERMARK: Json = {
    "type": "object",
    "description": "What the projection includes at the moment of the answer.",
    "required": ["projection", "occurred_at", "appended_at", "lag_events"],
    "properties": {
        "projection": {"type": "string"},
        "occurred_at": {"type": ["string", "null"], "format": "date-time"},
        "appended_at": {"type": ["string", "null"], "format": "date-time"},
        "lag_events": {"type": ["integer", "null"], "minimum": 0},
    },
}
OUTCOME: Json = {
    "type": "object",
    "description": "What became of one event: its place in the log, or why it was refused.",
    "required": ["status", "event_id"],
    "properties": {
        "status": {"enum": [201, 422, 503]},
        "event_id": {"type": ["string", "null"], "format": "uuid"},
        "topic": {"type": "string"},
        "partition": {"type": "integer"},
        "offset": {"type": "integer"},
        "token": {"type": "string", "description": "For `min_token` of a read."},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "field": {"type": "string"},
    },
    "examples": [
        {
            "status": 201, "event_id": "019b2f6e-8a40-7c15-9d2e-3f4a5b6c7d8e",
            "topic": "workforce.experts", "partition": 4, "offset": 1811,
            "token": "workforce.experts/4/1811",
        }
    ],
}  # fmt: skip
OUTCOMES: Json = {
    "type": "object",
    "required": ["accepted", "refused", "outcomes"],
    "properties": {
        "accepted": {"type": "integer"},
        "refused": {"type": "integer"},
        "outcomes": {"type": "array", "items": {"$ref": "#/components/schemas/Outcome"}},
    },
}
REFUSALS = {
    "422": "The event was refused, or each of a list was: then each has its outcome.",
    "503": "There is no room, or the broker has not said yet: send it again.",
}
FRESH: Json = {
    "ETag": {"schema": {"type": "string"}, "description": "Changes when more is included."},
    "Watermark": {"schema": {"type": "string"}},
    "Lag-Events": {
        "schema": {"type": "integer"},
        "description": "Left out where no broker has told how far the log goes.",
    },
}


class Document(JsonRenderPlugin):
    """Renders the document as JSON, whole; made with the first request for it."""

    _whole: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: Json) -> bytes:
        """The framework's document, completed."""
        if self._whole is None:
            self._whole = self.render_json(request, complete(openapi_schema))
        return self._whole


def complete(found: Json) -> Json:
    """Add schemas, keys, bodies and answers to what the framework found; changes and answers it."""
    components = found.setdefault("components", {})
    components.setdefault("schemas", {}).update(
        {
            "Problem": PROBLEM, "RegistryError": REGISTRY_ERROR, "Watermark": WATERMARK,
            "Outcome": OUTCOME, "Outcomes": OUTCOMES,
        }
        | event_schemas()
    )  # fmt: skip
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of `workledger keys create`, or a token of the OIDC issuer.",
        }
    }
    for path, operations in found["paths"].items():
        for method in METHODS:
            if method in operations:
                _complete_operation(path, operations[method])
    return found


def _complete_operation(path: str, operation: Json) -> None:
    responses: Json = operation["responses"]
    if path.startswith(REGISTRY_PATHS):
        for status in [status for status in responses if status != "200"]:
            del responses[status]
        for response in responses.values():
            [told] = response["content"].values()
            response["content"] = {MEDIA_TYPE: told}
        responses["default"] = _answer("What is wrong.", MEDIA_TYPE, "RegistryError")
        return
    responses.pop("400", None)
    responses["default"] = _answer("What is wrong.", PROBLEM_TYPE, "Problem")
    if not path.startswith("/v1/"):
        return
    operation["security"] = [{"key": []}]
    if path == "/v1/events":
        operation["requestBody"] = ingest_body()
        one_or_all = {"oneOf": [_ref("Outcome"), _ref("Outcomes")]}
        responses["201"] = _json("Every event is on all in-sync replicas.", one_or_all)
        responses["207"] = _json("Some of a list were refused.", _ref("Outcomes"))
        for status, said in REFUSALS.items():
            responses[status] = _answer(said, PROBLEM_TYPE, "Problem")
            responses[status]["content"] |= _json("", _ref("Outcomes"))["content"]
    elif resource := LISTS.get(operation.get("operationId", "")):
        responses["200"] = _page(resource)
        responses["304"] = {"description": "The client has it already."}


def _page(resource: Resource) -> Json:
    rows = {"type": "array", "items": row_schema(resource.columns)}
    page: Json = {
        "type": "object",
        "required": ["data", "next_cursor", "watermark"],
        "properties": {
            "data": rows,
            "next_cursor": {
                "type": ["string", "null"],
                "description": "For `cursor` of the next page; null on the last one.",
            },
            "watermark": _ref("Watermark"),
        },
    }
    files: Json = {
        media_type: {"schema": {"type": "string", "format": "binary"}}
        for _, media_type in FILES.values()
    }
    content: Json = {"application/json": {"schema": page}} | files
    return {"description": "A page, or every row as a file.", "headers": FRESH, "content": content}


def row_schema(columns: dict[str, Column]) -> Json:
    """A row's JSON Schema; an amount in minor units stands beside its text."""
    properties: Json = {}
    for name, column in columns.items():
        properties[name] = _column(column.view_type) | {"description": column.comment}
        if name.endswith("_minor"):
            text = {"description": f"{name} as a decimal."}
            is_map = "Map" in column.view_type
            properties[name.removesuffix("_minor")] = text | (
                {"type": "object", "additionalProperties": {"type": "string"}}
                if is_map
                else {"type": "string"}
            )
    return {"type": "object", "properties": properties}


def _column(view_type: str) -> Json:
    """The JSON Schema of a ClickHouse type."""
    outer, _, inner = view_type.partition("(")
    inner = inner.removesuffix(")")
    match outer:
        case "Nullable":
            return {"anyOf": [_column(inner), {"type": "null"}]}
        case "LowCardinality":
            return _column(inner)
        case "Array":
            return {"type": "array", "items": _column(inner)}
        case "Map":
            value = _column(inner.partition(",")[2].strip())
            return {"type": "object", "additionalProperties": value}
        case "DateTime64" | "DateTime":
            return {"type": "string", "format": "date-time"}
        case "Date" | "Date32":
            return {"type": "string", "format": "date"}
        case "Bool":
            return {"type": "boolean"}
        case _:
            kind = NUMBERS.get(outer.rstrip("0123456789"), "string")
            return {"type": kind}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(said: str, schema: Json) -> Json:
    return {"description": said, "content": {"application/json": {"schema": schema}}}


def _answer(said: str, media_type: str, name: str) -> Json:
    return {"description": said, "content": {media_type: {"schema": _ref(name)}}}
