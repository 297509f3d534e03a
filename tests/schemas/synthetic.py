"""Small schemas of tests' own, as catalogues: one event in the versions that a test gives."""

from copy import deepcopy
from typing import Any

from schemas.avsc import Json, bare
from schemas.catalogue import Catalogue, Version, catalogue_of, event_type_of, read_schemas

NAME = "LessonHeld"


def schema_of(*fields: Json) -> Json:
    """A complete schema: the envelope's fields, then these."""
    envelope, _ = read_schemas()
    return {
        "type": "record",
        "name": NAME,
        "namespace": "workforce.experts",
        "doc": "An expert teaches others.",
        "fields": [*deepcopy(envelope["fields"]), *deepcopy(fields)],
    }


def catalogue_with(*schemas: Json) -> Catalogue:
    """The catalogue of one event that was shipped in these versions, with ids 1001, 1002 …"""
    versions = tuple(
        Version(NAME, number, 1000 + number, bare(schema), b"", {})
        for number, schema in enumerate(schemas, 1)
    )
    envelope, _ = read_schemas()
    return catalogue_of([event_type_of(schemas[-1], versions, envelope)])


def field(name: str, declared: Any, *default: Any) -> Json:
    """A field with a doc, and a default where one is given."""
    made: Json = {"name": name, "type": declared, "doc": f"What {name} of a lesson means."}
    return made | ({"default": default[0]} if default else {})


def enum(*symbols: str, default: str | None = None) -> Json:
    """An enum called Kind."""
    made: Json = {"type": "enum", "name": "Kind", "symbols": list(symbols)}
    return made | ({"default": default} if default else {})


def record(name: str, *fields: Json) -> Json:
    """A record inside an event."""
    return {"type": "record", "name": name, "doc": f"A {name} of it.", "fields": list(fields)}


def items(declared: Any) -> Json:
    """A list."""
    return {"type": "array", "items": declared}
