"""Columns of an earlier version as today's: fields are found by name, as Avro's readers do it.

What today's schema has and the bytes lack takes its default; what they have and it dropped is left
out; a symbol that today's enum lacks becomes the enum's default.
Source: Avro specification 1.12, "Schema Resolution".
"""

from typing import Any, cast

import polars as pl

from schemas.avsc import Json, branch_of, kind_of
from schemas.catalogue import EventType, Version

SIMPLE: dict[str, pl.DataType] = {
    "boolean": pl.Boolean(),
    "long": pl.Int64(),
    "double": pl.Float64(),
    "string": pl.String(),
    "enum": pl.String(),
    "bytes": pl.Binary(),
    "fixed": pl.Binary(),
}


def dtype_of(declared: Any) -> pl.DataType:
    """The column type of an Avro type that is written out."""
    declared, _ = branch_of(declared)
    match kind_of(declared):
        case "array":
            return pl.List(dtype_of(declared["items"]))
        case "record":
            return pl.Struct({f["name"]: dtype_of(f["type"]) for f in declared["fields"]})
        case kind:
            return SIMPLE[kind]


def resolved(frame: pl.DataFrame, version: Version, event_type: EventType) -> pl.DataFrame:
    """The columns of `version` as those of the event's today's schema, in its order."""
    if version is event_type.versions[-1]:
        return frame
    written = {field["name"]: field["type"] for field in version.flat["fields"]}
    columns: list[pl.Expr | pl.Series] = []
    for field in event_type.flat["fields"]:
        name, declared = field["name"], field["type"]
        if name in written:
            columns.append(_as(pl.col(name), written[name], declared).alias(name))
        else:
            values = [field["default"]] * frame.height
            columns.append(pl.Series(name, values, dtype=dtype_of(declared)))
    return frame.select(columns)


def _as(value: pl.Expr, written: Any, read: Any) -> pl.Expr:
    """A value of the written type as one of the type that is read."""
    if written == read:
        return value
    (written, _), (read, _) = branch_of(written), branch_of(read)
    match kind_of(read):
        case "enum":
            known = value.is_in(cast("list[str]", read["symbols"])) | value.is_null()
            return pl.when(known).then(value).otherwise(pl.lit(read.get("default")))
        case "array":
            items = _as(pl.element(), written["items"], read["items"])
            return value.list.eval(items)
        case "record":
            return pl.when(value.is_not_null()).then(_record(value, written, read))
        case _:
            return value


def _record(value: pl.Expr, written: Json, read: Json) -> pl.Expr:
    types = {field["name"]: field["type"] for field in written["fields"]}
    fields: list[pl.Expr] = []
    for field in read["fields"]:
        name, declared = field["name"], field["type"]
        if name in types:
            found = _as(value.struct.field(name), types[name], declared)
        else:
            found = pl.lit(field["default"], dtype=dtype_of(declared))
        fields.append(found.alias(name))
    return pl.struct(fields)
