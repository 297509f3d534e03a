"""Avro schemas as JSON: walking them, stripping them, and the least values of their types."""

from typing import Any, cast

Json = dict[str, Any]

KEPT_IN_BARE = frozenset(
    ("type", "name", "namespace", "fields", "items", "symbols", "size", "default", "logicalType")
)
"""What decides bytes and their reading; all else in a schema is for people."""


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


def bare(schema: Any) -> Any:
    """The schema without docs and examples: what a version is frozen as and compared by."""
    if isinstance(schema, dict):
        kept = {k: v for k, v in cast(Json, schema).items() if k in KEPT_IN_BARE}
        return {k: v if k in ("default", "symbols") else bare(v) for k, v in kept.items()}
    if isinstance(schema, list):
        return [bare(item) for item in cast("list[Any]", schema)]
    return schema


def written_out(schema: Any, named: dict[str, Any] | None = None) -> Any:
    """The schema with each reference to a named type replaced by the type itself."""
    named = {} if named is None else named
    if isinstance(schema, list):
        return [written_out(branch, named) for branch in cast("list[Any]", schema)]
    if isinstance(schema, str):
        return named.get(schema, schema)
    declared = cast(Json, schema)
    match declared["type"]:
        case "record":
            fields = [f | {"type": written_out(f["type"], named)} for f in declared["fields"]]
            out = declared | {"fields": fields}
        case "array":
            return declared | {"items": written_out(declared["items"], named)}
        case "enum" | "fixed":
            out = declared
        case _:
            return declared
    named[declared["name"]] = out
    return out


def branch_of(declared: Any) -> tuple[Any, bool]:
    """The type behind an optional one, and whether it is optional (`["null", type]`)."""
    if isinstance(declared, list):
        return cast("list[Any]", declared)[1], True
    return declared, False


def kind_of(declared: Any) -> str:
    """What a type is, behind `null` and logical types: `string`, `long`, `enum`, `array` …"""
    declared, _ = branch_of(declared)
    return str(cast(Json, declared)["type"]) if isinstance(declared, dict) else str(declared)


def zero_value(declared: Any) -> Any:
    """The least value of a type written out: null, 0, "", the first symbol, no items."""
    if isinstance(declared, list):
        return None
    match kind_of(declared):
        case "record":
            return {f["name"]: zero_value(f["type"]) for f in declared["fields"]}
        case "enum":
            return declared["symbols"][0]
        case "fixed":
            return b"\0" * declared["size"]
        case "array":
            return []
        case kind:
            simple: Json = {"boolean": False, "string": "", "bytes": b"", "double": 0.0}
            return simple.get(kind, 0)
