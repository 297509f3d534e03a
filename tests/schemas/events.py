"""Events for tests: Hypothesis strategies and plain examples, derived from the schemas."""

from typing import Any

from hypothesis import strategies as st

from schemas.avsc import kind_of
from schemas.catalogue import EventType
from schemas.json_form import from_json

LONGS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
SIMPLE: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "long": LONGS,
    "double": st.floats(allow_nan=False),
    "string": st.text(max_size=20),
    "bytes": st.binary(max_size=20),
}


def values_of(declared: Any) -> st.SearchStrategy[Any]:
    """Everything that a field of this Avro type, written out, can hold."""
    if isinstance(declared, list):
        return st.none() | values_of(declared[1])
    match kind_of(declared):
        case "enum":
            return st.sampled_from(declared["symbols"])
        case "fixed":
            return st.binary(min_size=declared["size"], max_size=declared["size"])
        case "array":
            return st.lists(values_of(declared["items"]), max_size=4)
        case "record":
            return record_of(declared)
        case kind:
            return SIMPLE[kind]


def record_of(schema: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Every record that a schema, written out, allows."""
    return st.fixed_dictionaries({f["name"]: values_of(f["type"]) for f in schema["fields"]})


def events_of(event_type: EventType) -> st.SearchStrategy[dict[str, Any]]:
    """Every event of a type that its schema allows."""
    return record_of(event_type.flat)


def example_of(event_type: EventType, **fields: Any) -> dict[str, Any]:
    """The event that the schema's own examples tell, and `fields` in place of some."""
    return from_json(event_type.schema, event_type.versions[-1].event) | fields
