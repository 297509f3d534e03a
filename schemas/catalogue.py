"""The catalogue: every event type there is, with its topic, its versions and its whole schema."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import fastavro

from schemas.avsc import Json, bare, without_logical_types, written_out
from schemas.json_form import json_reader

FOLDER = Path(__file__).parent / "avro"
SHIPPED = Path(__file__).parent / "shipped.jsonl"

_in_use: "Catalogue | None" = None


class CatalogueError(Exception):
    """A schema file or the file of shipped versions is not as the catalogue needs it."""


@dataclass(frozen=True, eq=False)
class Version:
    """A version of an event's schema, frozen as it was shipped: bytes with its id are read by it.

    `golden` holds the bytes of one event of this version, and `event` what they say, as JSON.
    """

    name: str
    number: int
    schema_id: int
    schema: Json
    golden: bytes
    event: Json

    @cached_property
    def plain(self) -> Any:
        """The schema, parsed by fastavro with logical types left out: times are integers."""
        return fastavro.parse_schema(without_logical_types(self.schema))

    @cached_property
    def flat(self) -> Json:
        """The schema with logical types left out and each named type written out in its place."""
        return written_out(without_logical_types(self.schema))


@dataclass(frozen=True, eq=False)
class EventType:
    """One event type: what stands in its `.avsc`, behind the envelope's fields."""

    name: str
    topic: str
    doc: str
    schema: Json
    """The complete Avro schema as others read it: logical types, docs and examples included."""
    versions: tuple[Version, ...]
    """Every version that was shipped; the last one is today's."""
    envelope_fields: tuple[str, ...]
    own_fields: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """The record's full name, `TOPIC.Name`: its subject in a schema registry."""
        return f"{self.topic}.{self.name}"

    @property
    def schema_id(self) -> int:
        """The id of today's version, which is written."""
        return self.versions[-1].schema_id

    @cached_property
    def read_json(self) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """`json_form.from_json` of this type."""
        return json_reader(self.schema)

    @property
    def plain(self) -> Any:
        """Today's version, parsed by fastavro with logical types left out."""
        return self.versions[-1].plain

    @property
    def flat(self) -> Json:
        """Today's version with logical types left out and each named type written out."""
        return self.versions[-1].flat

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of all fields in the order of the bytes."""
        return self.envelope_fields + self.own_fields


@dataclass(frozen=True)
class Catalogue:
    """All event types by name, and by schema id the type and version that the id stands for."""

    by_name: Mapping[str, EventType]
    by_id: Mapping[int, tuple[EventType, Version]]

    def topics(self) -> list[str]:
        """The topics that events are written to, sorted."""
        return sorted({event_type.topic for event_type in self.by_name.values()})


def read_schemas(folder: Path = FOLDER) -> tuple[Json, dict[str, Json]]:
    """The envelope, and by name every event's schema with the envelope's fields before its own.

    Raises `CatalogueError` that names the file which is not JSON or not where it says it is.
    """
    envelope = _read_json(folder / "envelope.avsc")
    complete: dict[str, Json] = {}
    for path in sorted(folder.glob("*/*.avsc")):
        own = _read_json(path)
        if own.get("name") != path.stem or own.get("namespace") != path.parent.name:
            raise CatalogueError(f"{path}: name and namespace must be those of the file and folder")
        both = {f["name"] for f in envelope["fields"]} & {f["name"] for f in own["fields"]}
        if both:
            raise CatalogueError(f"{path.name}: {sorted(both)} are names of the envelope")
        complete[path.stem] = {**own, "fields": [*envelope["fields"], *own["fields"]]}
    return envelope, complete


def _read_json(path: Path) -> Json:
    try:
        schema: Json = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CatalogueError(f"{path} is not JSON: {error}") from error
    lacking = [key for key in ("name", "namespace", "doc", "fields") if key not in schema]
    lacking += [
        f"{key} of {field.get('name', 'a field')}"
        for field in schema.get("fields", ())
        for key in ("name", "type")
        if key not in field
    ]
    if lacking:
        raise CatalogueError(f"{path}: it lacks {', '.join(lacking)}")
    return schema


def read_shipped(path: Path = SHIPPED) -> dict[str, tuple[Version, ...]]:
    """Every version that was ever shipped, by event, oldest first.

    Raises `CatalogueError` where an id is given twice or an event's versions are not 1, 2, 3 …
    """
    versions: dict[str, tuple[Version, ...]] = {}
    ids: set[int] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        told: Json = json.loads(line)
        name, number, schema_id = told["name"], told["version"], told["id"]
        if schema_id in ids:
            raise CatalogueError(f"{path.name} gives the id {schema_id} twice")
        if number != len(versions.get(name, ())) + 1:
            raise CatalogueError(f"{path.name}: {name} has no version before {number}")
        ids.add(schema_id)
        golden = bytes.fromhex(told["golden"])
        version = Version(name, number, schema_id, told["schema"], golden, told["event"])
        versions[name] = (*versions.get(name, ()), version)
    return versions


def read_catalogue(folder: Path = FOLDER, shipped: Path = SHIPPED) -> Catalogue:
    """The catalogue of a folder of schemas and its file of shipped versions.

    Raises `CatalogueError` where a schema is not the last one shipped under its name, so that
    nothing is written under the id of another schema.
    """
    envelope, schemas = read_schemas(folder)
    versions = read_shipped(shipped)
    if gone := sorted(set(versions) - set(schemas)):
        raise CatalogueError(f"{gone[0]} was shipped, and there is no {gone[0]}.avsc")
    types: list[EventType] = []
    for name, schema in schemas.items():
        if name not in versions or bare(schema) != versions[name][-1].schema:
            raise CatalogueError(
                f"{name}.avsc is not as it was last shipped: see `workledger schemas check`"
            )
        types.append(event_type_of(schema, versions[name], envelope))
    return catalogue_of(types)


def event_type_of(schema: Json, versions: tuple[Version, ...], envelope: Json) -> EventType:
    """The event type of a complete schema, whose first fields are the envelope's."""
    names = [field["name"] for field in schema["fields"]]
    count = len(envelope["fields"])
    return EventType(
        name=schema["name"],
        topic=schema["namespace"],
        doc=schema["doc"],
        schema=schema,
        versions=versions,
        envelope_fields=tuple(names[:count]),
        own_fields=tuple(names[count:]),
    )


def catalogue_of(types: Iterable[EventType]) -> Catalogue:
    """Some event types as a catalogue."""
    by_name = {event_type.name: event_type for event_type in types}
    by_id = {v.schema_id: (t, v) for t in by_name.values() for v in t.versions}
    return Catalogue(by_name, by_id)


@cache
def _shipped_catalogue() -> Catalogue:
    return read_catalogue()


def catalogue() -> Catalogue:
    """Every event type of `schemas/avro/`, read once. Raises `CatalogueError`."""
    return _in_use or _shipped_catalogue()


def use_catalogue(chosen: Catalogue) -> None:
    """Let `catalogue` answer another one from now on, such as with the ids of a real registry.

    For the start of a process: what was encoded before keeps its ids.
    """
    global _in_use
    _in_use = chosen
