"""Types in words, for the command line and the pages of events."""

from typing import Any, cast

from schemas.avsc import Json, branch_of, kind_of
from schemas.catalogue import EventType

PARTS = (
    "Sourcing and interview",
    "Offer and terms",
    "Standing",
    "Tax and bank",
    "Engagement",
    "Work, forwarded from tasks",
    "Time",
    "Quality and risk",
    "Money",
)
"""The parts of workforce.experts in the order of the story; a schema's `part` is one of them."""
WORDS = {"string": "text", "long": "long", "double": "double", "boolean": "boolean"}


def story_order(event_type: EventType) -> tuple[str, int, int]:
    """A key that sorts events by topic, part of the story, and age."""
    part = event_type.schema.get("part")
    place = PARTS.index(part) if part in PARTS else len(PARTS)
    return event_type.topic, place, event_type.versions[0].schema_id


def type_text(declared: Any) -> str:
    """An Avro type as people say it: `text`, `time`, `one of …`, `list of text`, `or null`."""
    inner, is_optional = branch_of(declared)
    return f"{_text(inner)}{' or null' if is_optional else ''}"


def _text(declared: Any) -> str:
    if declared == "EventId":
        return "UUID"
    match kind_of(declared):
        case "enum":
            return f"one of {', '.join(declared['symbols'])}"
        case "fixed":
            return "UUID" if declared["name"] == "EventId" else f"{declared['size']} bytes"
        case "array":
            return f"list of {type_text(declared['items'])}"
        case "record":
            fields = [f"{f['name']}: {type_text(f['type'])}" for f in declared["fields"]]
            return f"{declared['name']} ({', '.join(fields)})"
        case "long" if isinstance(declared, dict) and "logicalType" in cast(Json, declared):
            return "time"
        case kind:
            return WORDS.get(kind, kind)
