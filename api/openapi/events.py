"""The events of the catalogue as JSON Schema: what `POST /v1/events` takes, field by field."""

from functools import cache
from typing import Any

from api.ingest.bodies import AVRO, CLOUD_ATTRIBUTES, CLOUD_EVENT, CLOUD_EVENTS, EVENTS_MAX, JSON
from schemas.avsc import branch_of, kind_of, written_out
from schemas.catalogue import EventType, catalogue

Json = dict[str, Any]
FILLED_IN = ("recorded_at", "event_id", "source")
"""Fields that the gateway writes where they are left out."""
PLAIN = {"string": "string", "boolean": "boolean", "int": "integer", "double": "number"}
EXAMPLE = "TimeEntryRecorded"


@cache
def event_schemas() -> dict[str, Json]:
    """Every event type's JSON Schema by name."""
    return {name: _event(event_type) for name, event_type in catalogue().by_name.items()}


def ingest_body() -> Json:
    """The body of `POST /v1/events`, in each of its forms, with an example."""
    names = sorted(event_schemas())
    event: Json = {
        "oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in names],
        "discriminator": {
            "propertyName": "event_type",
            "mapping": {name: f"#/components/schemas/{name}" for name in names},
        },
    }
    told = {"event_type": EXAMPLE} | catalogue().by_name[EXAMPLE].versions[-1].event
    cloud, attributes = _cloud_event(told), set(CLOUD_ATTRIBUTES.values()) | {"event_type"}
    cloud_example = {
        "specversion": "1.0", "id": told["event_id"], "type": EXAMPLE, "source": told["source"],
        "subject": told["subject_id"], "time": told["occurred_at"], "actor": told["actor"],
        "data": {k: v for k, v in told.items() if k not in attributes | {"event_id"}},
    }  # fmt: skip
    return {
        "required": True,
        "content": {
            JSON: {"schema": {"oneOf": [event, _list_of(event)]}, "example": told},
            CLOUD_EVENT: {"schema": cloud, "example": cloud_example},
            CLOUD_EVENTS: {"schema": _list_of(cloud), "example": [cloud_example]},
            AVRO: {"schema": {"type": "string", "format": "binary"}},
        },
    }


def _list_of(item: Json) -> Json:
    return {"type": "array", "items": item, "minItems": 1, "maxItems": EVENTS_MAX}


def _cloud_event(told: Json) -> Json:
    text: Json = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "description": "A CloudEvent, 1.0. `data` holds the event's own fields; an `id` that is "
        "no UUID becomes one, made of `source` and `id`.",
        "required": ["specversion", "id", "type", "source", "subject", "time", "actor"],
        "properties": {
            "specversion": {"const": "1.0"},
            "type": {"enum": sorted(event_schemas())},
            **dict.fromkeys(("id", "source", "subject", "actor"), text),
            "time": {"type": "string", "format": "date-time"},
            **dict.fromkeys(("correlationid", "causationid"), text | {"type": ["string", "null"]}),
            "data": {"type": "object"},
        },
        "examples": [{"specversion": "1.0", "type": EXAMPLE, "subject": told["subject_id"]}],
    }


def _event(event_type: EventType) -> Json:
    fields = written_out(event_type.schema)["fields"]
    required = [f["name"] for f in fields if "default" not in f and f["name"] not in FILLED_IN]
    return {
        "type": "object",
        "description": event_type.doc,
        "required": ["event_type", *required],
        "properties": {"event_type": {"const": event_type.name}} | _properties(fields),
        "additionalProperties": False,
    }


def _properties(fields: list[Json]) -> Json:
    return {field["name"]: _field(field) for field in fields}


def _field(field: Json) -> Json:
    told = _type(field["type"])
    if doc := field.get("doc"):
        told["description"] = doc
    if "example" in field:
        told["examples"] = [field["example"]]
    return told


def _type(declared: Any) -> Json:
    inner, is_optional = branch_of(declared)
    told = _of_kind(inner)
    return {"anyOf": [told, {"type": "null"}]} if is_optional else told


def _of_kind(declared: Any) -> Json:
    if isinstance(declared, dict) and declared.get("logicalType") == "timestamp-micros":  # pyright: ignore
        return {"type": "string", "format": "date-time"}
    match kind_of(declared):
        case "fixed":
            is_id = declared["name"] == "EventId"
            size = 2 * declared["size"]
            return {"type": "string"} | (
                {"format": "uuid"} if is_id else {"pattern": f"^[0-9a-f]{{{size}}}$"}
            )
        case "bytes":
            return {"type": "string", "pattern": "^([0-9a-f]{2})*$"}
        case "long":
            return {"type": "integer", "format": "int64"}
        case "enum":
            return {"type": "string", "enum": list(declared["symbols"])}
        case "array":
            return {"type": "array", "items": _type(declared["items"])}
        case "record":
            fields: list[Json] = declared["fields"]
            return {
                "type": "object", "properties": _properties(fields),
                "required": [f["name"] for f in fields if "default" not in f],
                "additionalProperties": False,
            }  # fmt: skip
        case kind:
            return {"type": PLAIN[kind]}
