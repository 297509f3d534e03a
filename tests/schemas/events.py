"""Events for tests: Hypothesis strategies and plain examples, derived from the schemas."""

from typing import Any

from hypothesis import strategies as st

from schemas.catalogue import EventType, without_logical_types
from schemas.columns import zero_value

LONGS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
SIMPLE: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "long": LONGS,
    "double": st.floats(allow_nan=False),
    "string": st.text(max_size=20),
    "bytes": st.binary(max_size=20),
    "EventId": st.binary(min_size=16, max_size=16),
}


def values_of(declared: Any) -> st.SearchStrategy[Any]:
    """Everything that a field of this Avro type can hold."""
    if isinstance(declared, list):
        return st.one_of(*(values_of(branch) for branch in declared))
    if isinstance(declared, str):
        return SIMPLE[declared]
    match declared["type"]:
        case "enum":
            return st.sampled_from(declared["symbols"])
        case "fixed":
            return st.binary(min_size=declared["size"], max_size=declared["size"])
        case "array":
            return st.lists(values_of(declared["items"]), max_size=4)
        case "record":
            return st.fixed_dictionaries(
                {f["name"]: values_of(f["type"]) for f in declared["fields"]}
            )
        case inner:
            return values_of(inner)


def events_of(event_type: EventType) -> st.SearchStrategy[dict[str, Any]]:
    """Every event of a type that its schema allows."""
    plain: Any = without_logical_types(event_type.schema)
    return st.fixed_dictionaries({f["name"]: values_of(f["type"]) for f in plain["fields"]})


def example_of(event_type: EventType, **fields: Any) -> dict[str, Any]:
    """A valid event with the least values, and `fields` in place of some."""
    plain: Any = without_logical_types(event_type.schema)
    event = {f["name"]: zero_value(f["type"]) for f in plain["fields"]}
    texts = {f["name"]: "x" for f in plain["fields"] if f["type"] == "string"}
    sound = {
        "currency": "USD",
        "country": "PT",
        "home_zone": "Europe/Lisbon",
        "rate_minor_per_hour": 25_000,
        "ended_at": 3_600_000_000,
        "recorded_at": 1_750_000_000_000_000,
        "approved_by": "staff:second",
    }
    return event | texts | {k: v for k, v in sound.items() if k in event} | fields
