"""Writes `schemas/events/`: a class an event, from the schemas, for producers and for tests."""

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from schemas.avsc import Json, branch_of, kind_of
from schemas.catalogue import Catalogue, EventType, read_schemas

FOLDER = Path(__file__).parent / "events"
COLUMNS_MAX = 100
SIMPLE = {
    "boolean": "bool",
    "long": "int",
    "double": "float",
    "string": "str",
    "bytes": "bytes",
    "fixed": "bytes",
}
MADE_BY = "made from schemas/avro/ by `workledger schemas ship`."


def typed_sources(catalogue: Catalogue) -> dict[str, str]:
    """File name to source: a module a topic, the envelope's, and the package's."""
    by_topic: dict[str, list[EventType]] = {}
    for event_type in catalogue.by_name.values():
        by_topic.setdefault(event_type.topic.removeprefix("workforce."), []).append(event_type)
    sources = {f"{topic}.py": _module(topic, types) for topic, types in sorted(by_topic.items())}
    sources["envelope.py"] = _envelope()
    sources["__init__.py"] = _package(by_topic)
    return sources


def stale_sources(catalogue: Catalogue, folder: Path = FOLDER) -> list[str]:
    """The names of the files in `folder` that are missing or not what the schemas say."""
    sources = typed_sources(catalogue)
    present = {path.name for path in folder.glob("*.py")}
    return sorted(
        (present - set(sources))
        | {
            name
            for name, source in sources.items()
            if name not in present or (folder / name).read_text(encoding="utf-8") != source
        }
    )


def write_sources(catalogue: Catalogue, folder: Path = FOLDER) -> list[Path]:
    """Write the files that are not what the schemas say; answer their paths."""
    sources = typed_sources(catalogue)
    written: list[Path] = []
    for name in stale_sources(catalogue, folder):
        path = folder / name
        if name in sources:
            path.write_text(sources[name], encoding="utf-8")
        else:
            path.unlink()
        written.append(path)
    return written


def _package(by_topic: dict[str, list[EventType]]) -> str:
    lines = [f'"""Every event as a class, {MADE_BY}"""', "", "from schemas.event import Event"]
    classes = {
        topic: [name for t in types for name in _classes(t)] for topic, types in by_topic.items()
    }
    modules = sorted({**classes, "envelope": ["Envelope"]}.items())
    lines += [_import(module, names) for module, names in modules]
    names = sorted(["Envelope", "Event", *(name for names in classes.values() for name in names)])
    lines += ["", "__all__ = [", *(f'    "{name}",' for name in names), "]"]
    return "\n".join(lines) + "\n"


def _import(topic: str, names: list[str]) -> str:
    names = sorted(names, key=str.lower)
    line = f"from schemas.events.{topic} import {', '.join(names)}"
    if len(line) <= COLUMNS_MAX:
        return line
    body = "".join(f"    {name},\n" for name in names)
    return f"from schemas.events.{topic} import (\n{body})"


def _envelope() -> str:
    envelope, _ = read_schemas()
    lines = [f'"""The envelope of every event, {MADE_BY}"""', "", "import msgspec", "", ""]
    lines += ["class Envelope(msgspec.Struct, frozen=True, kw_only=True):"]
    lines += [*_docstring(envelope["doc"]), "", *_fields(envelope)]
    return "\n".join(lines) + "\n"


def _module(topic: str, types: list[EventType]) -> str:
    classes: list[str] = []
    for event_type in types:
        own = [f for f in event_type.schema["fields"] if f["name"] in event_type.own_fields]
        for record in _records(own):
            classes += [
                "",
                "",
                f"class {record['name']}(msgspec.Struct, frozen=True, kw_only=True):",
            ]
            classes += [*_docstring(record["doc"]), "", *_fields(record)]
        classes += ["", "", f"class {event_type.name}(Event, frozen=True, kw_only=True):"]
        classes += _docstring(event_type.doc)
        classes += ["", *_fields({"fields": own})] if own else []
    text = "\n".join(classes)
    imports = ["from typing import Literal", ""] if "Literal[" in text else []
    imports += ["import msgspec", ""] if "msgspec." in text else []
    title = f'"""The events of workforce.{topic}, {MADE_BY}"""'
    return "\n".join([title, "", *imports, "from schemas.event import Event", text]) + "\n"


def _classes(event_type: EventType) -> list[str]:
    return [record["name"] for record in _records(event_type.schema["fields"])] + [event_type.name]


def _records(fields: Iterable[Json]) -> list[Json]:
    """The records that stand in fields, inner ones first."""
    found: list[Json] = []
    for field in fields:
        inner, _ = branch_of(field["type"])
        if kind_of(inner) == "array":
            inner, _ = branch_of(inner["items"])
        if kind_of(inner) == "record":
            found += [*_records(inner["fields"]), inner]
    return found


def _fields(record: Json) -> list[str]:
    lines: list[str] = []
    for field in record["fields"]:
        default = f" = {_default(field)}" if "default" in field else ""
        line = f"    {field['name']}: {_annotation(field['type'])}{default}"
        lines += [line] if len(line) <= COLUMNS_MAX else _wrapped(line)
    return lines


def _wrapped(line: str) -> list[str]:
    """A line that is too long because of its Literal, as the formatter breaks it."""
    head, rest = line.split("Literal[", 1)
    symbols, tail = rest.split("]", 1)
    inner = f"        {symbols}"
    if len(inner) > COLUMNS_MAX:
        return [
            f"{head}Literal[",
            *(f"        {one}," for one in symbols.split(", ")),
            f"    ]{tail}",
        ]
    return [f"{head}Literal[", inner, f"    ]{tail}"]


def _annotation(declared: Any) -> str:
    inner, is_optional = branch_of(declared)
    match kind_of(inner):
        case _ if inner == "EventId":
            found = "bytes"
        case "enum":
            symbols = [f'"{symbol}"' for symbol in inner["symbols"]]
            found = f"Literal[{', '.join(symbols)}]"
        case "array":
            found = f"list[{_annotation(inner['items'])}]"
        case "record":
            found = inner["name"]
        case kind:
            found = SIMPLE[kind]
    return f"{found} | None" if is_optional else found


def _default(field: Json) -> str:
    if isinstance(field["default"], list):
        return "[]"
    return repr(field["default"])


def _docstring(doc: str) -> list[str]:
    wrapped = textwrap.wrap(doc, COLUMNS_MAX - 10)
    if len(wrapped) == 1:
        return [f'    """{wrapped[0]}"""']
    return [f'    """{wrapped[0]}', *(f"    {line}" for line in wrapped[1:]), '    """']
