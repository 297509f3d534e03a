"""The catalogue: every event type there is, with its topic, its id and its whole schema."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import fastavro

Json = dict[str, Any]
FOLDER = Path(__file__).parent / "avro"
IDS = Path(__file__).parent / "ids.json"


class CatalogueError(Exception):
    """A schema file or the file of ids is not as the catalogue needs it."""


@dataclass(frozen=True, eq=False)
class EventType:
    """One event type: what stands in its `.avsc`, behind the envelope's fields."""

    name: str
    topic: str
    schema_id: int
    doc: str
    schema: Json
    """The complete Avro schema as others read it: logical types and docs included."""
    plain: Any
    """The same, parsed by fastavro with logical types left out: times are integers."""
    envelope_fields: tuple[str, ...]
    own_fields: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of all fields in the order of the bytes."""
        return self.envelope_fields + self.own_fields


@dataclass(frozen=True)
class Catalogue:
    """All event types, by name and by schema id."""

    by_name: Mapping[str, EventType]
    by_id: Mapping[int, EventType]

    def topics(self) -> list[str]:
        """The topics that events are written to, sorted."""
        return sorted({event_type.topic for event_type in self.by_name.values()})


def without_logical_types(schema: Any) -> Any:
    """The schema with every `logicalType` left out, so that readers give plain numbers."""
    if isinstance(schema, dict):
        kept = {k: v for k, v in cast(Json, schema).items() if k != "logicalType"}
        if set(kept) == {"type"}:
            return without_logical_types(kept["type"])
        return {k: v if k == "default" else without_logical_types(v) for k, v in kept.items()}
    if isinstance(schema, list):
        return [without_logical_types(item) for item in cast("list[Any]", schema)]
    return schema


def _event_type(path: Path, envelope: Json, schema_id: int) -> EventType:
    own: Json = json.loads(path.read_text(encoding="utf-8"))
    envelope_names = tuple(field["name"] for field in envelope["fields"])
    own_names = tuple(field["name"] for field in own["fields"])
    if clash := set(envelope_names) & set(own_names):
        raise CatalogueError(f"{path.name}: {sorted(clash)} are names of the envelope")
    if own["name"] != path.stem or own["namespace"] != path.parent.name:
        raise CatalogueError(f"{path}: name and namespace must be those of the file and folder")
    schema = {**own, "fields": [*envelope["fields"], *own["fields"]]}
    return EventType(
        name=own["name"],
        topic=own["namespace"],
        schema_id=schema_id,
        doc=own["doc"],
        schema=schema,
        plain=fastavro.parse_schema(without_logical_types(schema)),
        envelope_fields=envelope_names,
        own_fields=own_names,
    )


@cache
def catalogue() -> Catalogue:
    """Every event type of `schemas/avro/`, read once.

    Raises `CatalogueError` where a schema has no id, an id has no schema, or an id is given twice.
    """
    ids: dict[str, list[int]] = json.loads(IDS.read_text(encoding="utf-8"))
    envelope: Json = json.loads((FOLDER / "envelope.avsc").read_text(encoding="utf-8"))
    paths = {path.stem: path for path in sorted(FOLDER.glob("*/*.avsc"))}
    if missing := set(paths) ^ set(ids):
        raise CatalogueError(f"ids.json and the schemas differ in {sorted(missing)}")
    given = [schema_id for versions in ids.values() for schema_id in versions]
    if len(given) != len(set(given)):
        raise CatalogueError("ids.json gives an id twice")
    types = [_event_type(path, envelope, ids[name][-1]) for name, path in paths.items()]
    return Catalogue(
        by_name={event_type.name: event_type for event_type in types},
        by_id={event_type.schema_id: event_type for event_type in types},
    )
