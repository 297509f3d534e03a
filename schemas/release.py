"""What may be shipped: the check of every schema, and the freezing of a new version.

A version is a line of `shipped.jsonl`: id, schema, and one event as bytes and as JSON. Lines are
only ever added.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from schemas.avsc import Json, bare, branch_of, kind_of, written_out
from schemas.catalogue import (
    FOLDER,
    SHIPPED,
    CatalogueError,
    EventType,
    Version,
    catalogue_of,
    event_type_of,
    read_schemas,
    read_shipped,
)
from schemas.columns import decode_columns
from schemas.compatibility import breaks
from schemas.describe import PARTS
from schemas.json_form import JsonFormError, from_json, to_json
from schemas.rules import broken_rules
from schemas.wire import WireError, encode

KINDS = ("string", "long", "boolean", "double", "bytes", "fixed", "enum", "array", "record")
DOC_CHARS_MIN = 15
"""A doc shorter than this says no more than the name."""


class Problem(NamedTuple):
    """What is wrong with a schema, in a sentence."""

    event: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.event}: {self.sentence}"


class Checked(NamedTuple):
    """The answer of a check."""

    envelope: Json
    schemas: dict[str, Json]
    versions: dict[str, tuple[Version, ...]]
    problems: list[Problem]
    unshipped: list[str]
    """Sound schemas that are new or changed, and have no id yet."""


def check(folder: Path = FOLDER, shipped: Path = SHIPPED) -> Checked:
    """Hold every schema against the house rules and against all its earlier versions.

    Raises `CatalogueError` where a file cannot be read at all.
    """
    envelope, schemas = read_schemas(folder)
    versions = read_shipped(shipped)
    problems = [
        Problem(name, f"version {versions[name][-1].number} was shipped, and there is no schema")
        for name in sorted(set(versions) - set(schemas))
    ]
    unshipped: list[str] = []
    for name, schema in schemas.items():
        earlier = versions.get(name, ())
        found = _shape(written_out(schema))
        if not found:
            found = _breaks(schema, earlier)
        if not found:
            draft = _draft(schema, earlier, 0, envelope)
            found = _example(draft)
        problems += [Problem(name, sentence) for sentence in found]
        if not found and not (earlier and earlier[-1].schema == bare(schema)):
            unshipped.append(name)
    problems += _shipped_breaks(versions)
    return Checked(envelope, schemas, versions, problems, unshipped)


def ship(folder: Path = FOLDER, shipped: Path = SHIPPED) -> list[Version]:
    """Freeze the schemas that are new or changed, each under the next id.

    Raises `CatalogueError` with the first problem; then nothing is written.
    """
    checked = check(folder, shipped)
    if checked.problems:
        raise CatalogueError(str(checked.problems[0]))
    next_id = 1 + max((v.schema_id for vs in checked.versions.values() for v in vs), default=0)
    made: list[Version] = []
    for name in checked.unshipped:
        schema, earlier = checked.schemas[name], checked.versions.get(name, ())
        draft = _draft(schema, earlier, next_id + len(made), checked.envelope)
        event = example(schema)
        golden = encode(draft, from_json(schema, event))
        made.append(replace(draft.versions[-1], golden=golden, event=event))
    with shipped.open("a", encoding="utf-8") as file:
        file.writelines(_line(version) for version in made)
    return made


def example(schema: Json) -> Json:
    """The event that the examples of a complete schema's fields tell, in JSON.

    A field without an example takes its default; the record's own `example` goes before the
    envelope's.
    """
    fields = schema["fields"]
    told = {f["name"]: f["example"] if "example" in f else f.get("default") for f in fields}
    return told | schema.get("example", {})


def _draft(schema: Json, earlier: tuple[Version, ...], schema_id: int, envelope: Json) -> EventType:
    """The event type as it would be with this schema as its next version."""
    version = Version(schema["name"], len(earlier) + 1, schema_id, bare(schema), b"", {})
    return event_type_of(schema, (*earlier, version), envelope)


def _shape(schema: Json) -> list[str]:
    """The rules of the house for one schema."""
    problems = [] if len(schema.get("doc", "")) >= DOC_CHARS_MIN else ["the record has no doc"]
    if schema.get("part", PARTS[0]) not in PARTS:
        problems.append(f"its part is none of {', '.join(PARTS)}")
    for path, field in _fields(schema, ""):
        if len(field.get("doc", "")) < DOC_CHARS_MIN:
            problems.append(f"{path} has no doc that says what it means and in which unit")
        if "aliases" in field:
            problems.append(f"{path} has aliases, which readers of columns do not follow")
        problems += [f"{path} {sentence}" for sentence in _type_problems(field["type"])]
        declared = field["type"]
        if (
            isinstance(declared, list)
            and declared[0] == "null"
            and field.get("default", 0) is not None
        ):
            problems.append(f'{path} is optional and lacks `"default": null`')
        if field.get("default") is not None and kind_of(field["type"]) in ("fixed", "bytes"):
            problems.append(f"{path} has a default of bytes, which readers read as text: take null")
    return problems


def _fields(schema: Json, path: str) -> list[tuple[str, Json]]:
    found: list[tuple[str, Json]] = []
    for field in schema["fields"]:
        found.append((path + field["name"], field))
        inner, _ = branch_of(field["type"])
        if kind_of(inner) == "array":
            inner, _ = branch_of(inner["items"])
        if kind_of(inner) == "record":
            found += _fields(inner, f"{path}{field['name']}.")
    return found


def _type_problems(declared: Any) -> list[str]:
    if isinstance(declared, list):
        branches = cast("list[Any]", declared)
        if len(branches) != 2 or branches[0] != "null":
            return ['must be a union of "null" and one type']
        declared = branches[1]
    match kind_of(declared):
        case "int" | "float":
            return [f"is {kind_of(declared)}: numbers are long or double"]
        case "map":
            return ["is a map, which has no columns: take an array of records"]
        case "array":
            return _type_problems(declared["items"])
        case kind if kind not in KINDS:
            return [f"has the type {kind}, which there is not: take one of {', '.join(KINDS)}"]
        case "enum" if declared.get("default", declared["symbols"][0]) not in declared["symbols"]:
            return ["has an enum whose default is none of its symbols"]
        case _:
            return []


def _breaks(schema: Json, earlier: tuple[Version, ...]) -> list[str]:
    return [
        f"breaks version {version.number} (id {version.schema_id}): {reason}"
        for version in earlier
        for reason in breaks(version.schema, schema)
    ]


def _example(draft: EventType) -> list[str]:
    """Why the examples make no event that is valid, obeys the rules and reads as it was told."""
    told = example(draft.schema)
    try:
        event = from_json(draft.schema, told)
        value = encode(draft, event)
    except (JsonFormError, WireError) as error:
        return [f"its examples make no event: {error}"]
    groups, failures = decode_columns([value], catalogue_of([draft]))
    failures += [failure for group in groups for failure in broken_rules(group)]
    if failures:
        return [f"its examples make no event: {failures[0].reason}"]
    if to_json(draft.schema, groups[0].frame.to_dicts()[0]) != to_json(draft.schema, event):
        return ["its examples do not read as they were written"]
    return []


def _shipped_breaks(versions: dict[str, tuple[Version, ...]]) -> list[Problem]:
    """What was shipped still holds: each pair of versions reads each other."""
    return [
        Problem(name, f"versions {one.number} and {two.number} break each other: {reason}")
        for name, shipped in versions.items()
        for two in shipped
        for one in shipped[: two.number - 1]
        for reason in breaks(one.schema, two.schema)
    ]


def _line(version: Version) -> str:
    told = {
        "id": version.schema_id,
        "name": version.name,
        "version": version.number,
        "schema": version.schema,
        "golden": version.golden.hex(),
        "event": version.event,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"
