"""Avro object containers in memory, as polars reads them: what is the same for every batch.

polars is laxer than Avro in three places, and the schema that it is given makes up for them. It
reads no enum that is optional or inside another type, so an enum is read as the number that it is
written as. It reads any byte but 1 as false, so a boolean is read as its byte. It reads any branch
but 0 of an optional field as the value; so, where a field is filled in every event of a batch, its
branch is read as a number of its own, which must be 1.
"""

import json
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import polars as pl

from schemas.avsc import Json, branch_of, kind_of, zero_value
from schemas.catalogue import Version
from schemas.wire import encode_as, header

NONCE = secrets.token_bytes(16)
SYNC = secrets.token_bytes(16)
MARK = "__mark"
BRANCH = "__branch_"
"""Before the name of a field: the column of its branch."""
CONTAINERS_MAX = 4_096
"""Heads that are kept: one a version and set of optional fields that are filled."""


@dataclass(frozen=True)
class Container:
    """How the events of a version are read, all of them or those with the same fields filled."""

    head: bytes
    mark: bytes
    closing: bytes
    branches: list[str]
    """The columns of the branches that are read apart: all of them must be 1."""
    unfilled: list[str]
    """The optional fields that must be null throughout."""
    optional: list[str]
    """The fields that may be null."""
    has_inner_optional: bool
    """Whether an optional value stands inside a list or a record."""
    enums: dict[str, pl.Series]
    """The fields that are enums, with their symbols."""
    booleans: list[str]
    """The fields that are booleans."""
    inner_coded: dict[str, Any]
    """The fields inside which enums or booleans stand, with their types."""


@lru_cache(maxsize=CONTAINERS_MAX)
def container(version: Version, filled: tuple[str, ...] | None) -> Container:
    """The container of a version's events: those with exactly `filled` filled, or any (None)."""
    fields = version.flat["fields"]
    mark = NONCE + header(version.schema_id)
    read: list[Json] = [
        {"name": MARK, "type": {"type": "fixed", "name": "Mark__", "size": len(mark)}}
    ]
    closing: Json = {}
    for field in fields:
        name, declared = field["name"], field["type"]
        if filled is not None and name in filled:
            read.append({"name": BRANCH + name, "type": "long"})
            declared, _ = branch_of(declared)
        read.append({"name": name, "type": readable(declared, name)})
        closing[name] = zero_value(declared)
    optional = [field["name"] for field in fields if isinstance(field["type"], list)]
    schema = {"type": "record", "name": version.name, "fields": read}
    meta = {"avro.schema": json.dumps(schema).encode(), "avro.codec": b"null"}
    pairs = b"".join(zigzag(len(k)) + k.encode() + zigzag(len(v)) + v for k, v in meta.items())
    return Container(
        head=b"Obj\1" + zigzag(len(meta)) + pairs + b"\0" + SYNC,
        mark=mark,
        closing=encode_as(version, closing),
        branches=[BRANCH + name for name in filled or ()],
        unfilled=[name for name in optional if filled is not None and name not in filled],
        optional=optional,
        has_inner_optional=any(has_optional(branch_of(f["type"])[0]) for f in fields),
        enums={
            field["name"]: pl.Series(branch_of(field["type"])[0]["symbols"])
            for field in fields
            if kind_of(field["type"]) == "enum"
        },
        booleans=[f["name"] for f in fields if kind_of(f["type"]) == "boolean"],
        inner_coded={
            field["name"]: field["type"]
            for field in fields
            if is_coded(field["type"]) and kind_of(field["type"]) not in ("enum", "boolean")
        },
    )


def readable(declared: Any, path: str) -> Any:
    """The type as polars reads it: each named type once, an enum a long, a boolean its byte."""
    if isinstance(declared, list):
        return [readable(branch, path) for branch in cast("list[Any]", declared)]
    match kind_of(declared):
        case "enum":
            return "long"
        case "boolean":
            return {"type": "fixed", "name": f"Byte_{path}", "size": 1}
        case "fixed":
            return {"type": "fixed", "name": f"Fixed_{path}", "size": declared["size"]}
        case "array":
            return {"type": "array", "items": readable(declared["items"], f"{path}_item")}
        case "record":
            fields = [
                {"name": f["name"], "type": readable(f["type"], f"{path}_{f['name']}")}
                for f in declared["fields"]
            ]
            return {"type": "record", "name": f"Record_{path}", "fields": fields}
        case kind:
            return kind


def is_coded(declared: Any) -> bool:
    """Whether an enum or a boolean stands anywhere in a type that is written out."""
    declared, _ = branch_of(declared)
    match kind_of(declared):
        case "array":
            return is_coded(declared["items"])
        case "record":
            return any(is_coded(field["type"]) for field in cast(Json, declared)["fields"])
        case kind:
            return kind in ("enum", "boolean")


def has_optional(declared: Any) -> bool:
    """Whether a type, written out, is optional or has an optional value inside it."""
    if isinstance(declared, list):
        return True
    match kind_of(declared):
        case "array":
            return has_optional(declared["items"])
        case "record":
            return any(has_optional(field["type"]) for field in declared["fields"])
        case _:
            return False


def zigzag(number: int) -> bytes:
    """A number of zero or more as Avro writes a long."""
    number, out = number << 1, bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))
