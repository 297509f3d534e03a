"""Whether an event's values are of their types, exactly: fastavro alone would write what is not.

fastavro writes any truthy value as true, a `bool` as a number, and hashes of any length as they
are; here the field is named, its value, and what would be right.
"""

import difflib
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, cast

import msgspec

from schemas.avsc import Json, branch_of, kind_of
from schemas.catalogue import Version

LONG = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
SIMPLE: dict[str, Any] = {
    "boolean": bool,
    "long": LONG,
    "double": float,
    "string": str,
    "bytes": bytes,
}
RIGHT = {
    "boolean": "true or false",
    "long": "a whole number of at most 64 bits",
    "double": "a number",
    "string": "text",
    "bytes": "bytes",
    "array": "a list",
    "record": "an object",
}
SHOWN_CHARS_MAX = 80


def problem(version: Version, event: Mapping[str, Any]) -> str:
    """What is wrong with the types of an event, in a sentence that names the field; else empty."""
    try:
        msgspec.convert(event, _shape(version), builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        return _sentence(version.flat, event, str(error))
    return ""


def unencodable(event: Mapping[str, Any]) -> str:
    """The first text of an event that UTF-8 cannot hold, in a sentence; else empty."""
    for name, value in event.items():
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError:
                return f"{name} is {value!a}: it must be text that UTF-8 can hold"
    return ""


@cache
def _shape(version: Version) -> Any:
    return _type(version.flat, version.name)


def _type(declared: Any, name: str) -> Any:
    declared, is_optional = branch_of(declared)
    match kind_of(declared):
        case "enum":
            found: Any = Literal[tuple(declared["symbols"])]
        case "fixed":
            size: int = declared["size"]
            found = Annotated[bytes, msgspec.Meta(min_length=size, max_length=size)]
        case "array":
            found = list[_type(declared["items"], name)]
        case "record":
            found = _record(declared)
        case kind:
            found = SIMPLE[kind]
    return found | None if is_optional else found


def _record(declared: Json) -> type[msgspec.Struct]:
    # What may be left out may be anything here: fastavro writes the schema's default.
    fields: list[Any] = [
        (f["name"], _type(f["type"], f["name"]), *((None,) if "default" in f else ()))
        for f in declared["fields"]
    ]
    return msgspec.defstruct(declared["name"], fields, kw_only=True, forbid_unknown_fields=True)


def _sentence(schema: Json, event: Mapping[str, Any], told: str) -> str:
    """msgspec's error in our words."""
    name = re.search(r"field `(.+?)`", told)
    place = re.search(r" - at `\$\.?(.*)`$", told)
    path = place.group(1) if place else ""
    declared, value = _at(schema, event, path)
    inside = f" of {path}" if path else ""
    if name and "unknown" in told:
        known = [field["name"] for field in branch_of(declared)[0]["fields"]]
        near = difflib.get_close_matches(name.group(1), known, n=1)
        hint = f": did you mean {near[0]}?" if near else f"; it has {', '.join(known)}"
        return f"there is no field {name.group(1)}{inside}{hint}"
    if name:
        return f"{name.group(1)}{inside} is missing"
    return f"{path or 'the event'} is {_shown(value)}: it must be {_right(declared)}"


def _at(declared: Any, value: Any, path: str) -> tuple[Any, Any]:
    """The type and the value at a path such as `alert_labels[0].label`."""
    for step in re.findall(r"[^.\[\]]+|\[\d+\]", path):
        declared, _ = branch_of(declared)
        if step.startswith("["):
            declared, value = declared["items"], list(value)[int(step[1:-1])]
        else:
            declared = next(f["type"] for f in declared["fields"] if f["name"] == step)
            value = cast(Json, value)[step]
    return declared, value


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= SHOWN_CHARS_MAX else f"{shown[:SHOWN_CHARS_MAX]}…"


def _right(declared: Any) -> str:
    declared, is_optional = branch_of(declared)
    match kind_of(declared):
        case "enum":
            said = f"one of {', '.join(declared['symbols'])}"
        case "fixed":
            said = f"{declared['size']} bytes"
        case kind:
            said = RIGHT[kind]
    return f"{said}, or null" if is_optional else said
