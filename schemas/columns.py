"""Whole batches to columns: values grouped by schema id, each group decoded at once.

A group is written as an Avro object container in memory and read by polars. Each value is
preceded by a nonce of this process and its header, which must come back as written, and a known
record closes the group; so a value that is too short, too long or not what it says is noticed
whatever it holds. On a mismatch the group is halved until the culprit stands alone. Every column
is decoded, so the verdict on a value depends neither on its neighbours nor on what a fold reads.
"""

import io
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, cast

import polars as pl

from schemas.avsc import Json, branch_of, kind_of, zero_value
from schemas.catalogue import Catalogue, EventType, Version, catalogue
from schemas.resolution import resolved
from schemas.wire import HEADER_BYTES, encode_as, header

NONCE = secrets.token_bytes(16)
SYNC = secrets.token_bytes(16)
CLOSING_ID = b"\xff" * 16
MARK = "__mark"


class Failure(NamedTuple):
    """One value of a batch that cannot be taken, and why."""

    position: int
    """Its place in the batch, from 0."""
    reason: str


@dataclass(frozen=True)
class Group:
    """The sound events of one type in a batch."""

    event_type: EventType
    positions: list[int]
    """The place of each row in the batch, ascending."""
    frame: pl.DataFrame
    """A column a field, a row an event; times are integers of microseconds, enums strings."""


class _UnsoundError(Exception):
    """Some value of the group is not what it says; the message is the decoder's own."""


def decode_columns(
    values: Sequence[bytes | None], known: Catalogue | None = None
) -> tuple[list[Group], list[Failure]]:
    """A batch's events as columns of today's schemas, and the values that are no events.

    Every position of `values` is in exactly one group or one failure. Events of two versions of a
    type come as two groups.
    """
    failures: list[Failure] = []
    by_header: dict[bytes, list[int]] = {}
    for position, value in enumerate(values):
        by_header.setdefault(value[:HEADER_BYTES] if value else b"", []).append(position)
    groups: list[Group] = []
    for start, positions in by_header.items():
        found, reason = _type_of(start, known or catalogue())
        if found is None:
            failures += [Failure(position, reason) for position in positions]
            continue
        event_type, version = found
        sound, frame = _sound_frames(version, cast("Sequence[bytes]", values), positions)
        failures += [f for f in sound if isinstance(f, Failure)]
        kept = [position for position in sound if isinstance(position, int)]
        if kept:
            groups.append(Group(event_type, kept, resolved(frame, version, event_type)))
    return groups, sorted(failures)


def _type_of(start: bytes, known: Catalogue) -> tuple[tuple[EventType, Version] | None, str]:
    if not start:
        return None, "the value is empty"
    if len(start) < HEADER_BYTES or start[0] != 0:
        return None, (
            f"not in the Confluent wire format: it starts with 0x{start.hex()}, "
            "and must start with byte 0 and a four-byte schema id"
        )
    schema_id = int.from_bytes(start[1:], "big")
    found = known.by_id.get(schema_id)
    return found, "" if found else f"schema id {schema_id} is unknown"


def _sound_frames(
    version: Version, values: Sequence[bytes], positions: list[int]
) -> tuple[list[int | Failure], pl.DataFrame]:
    """The rows that decode, in order, with a failure in the place of each value that does not."""
    verdicts: list[int | Failure] = []
    frames: list[pl.DataFrame] = []
    pending = [positions]
    while pending:  # at most twice as many turns as there are positions: each turn halves or ends
        part = pending.pop()
        try:
            frames.append(_decode_group(version, [values[position] for position in part]))
            verdicts += part
        except _UnsoundError as error:
            if len(part) == 1:
                verdicts.append(Failure(part[0], f"not a {version.name}: {error}"))
            else:
                middle = len(part) // 2
                pending += [part[middle:], part[:middle]]
    return verdicts, pl.concat(frames) if frames else pl.DataFrame()


def _decode_group(version: Version, values: list[bytes]) -> pl.DataFrame:
    container = _container(version)
    body = b"".join((NONCE, NONCE.join(values), NONCE, container.closing))
    count = len(values) + 1
    parts = (container.head, zigzag(count), zigzag(len(body)), body, SYNC)
    try:
        frame = pl.read_avro(io.BytesIO(b"".join(parts)))
    except BaseException as error:
        # polars raises PanicException, a BaseException, on some bad bytes.
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise _UnsoundError(_first_line(error)) from None
    if frame.height != count or frame.get_column("event_id")[-1] != CLOSING_ID:
        raise _UnsoundError("it does not end where its fields end")
    if not frame.select((pl.col(MARK) == pl.lit(container.mark)).all()).item():
        raise _UnsoundError("it does not end where its fields end")
    return _with_symbols(frame.head(len(values)).drop(MARK), container.enums)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _with_symbols(rows: pl.DataFrame, enums: dict[str, Any]) -> pl.DataFrame:
    """The rows with the numbers of enums as their symbols; a number without symbol is unsound."""
    if not enums:
        return rows
    named = rows.with_columns(
        _symbols(pl.col(name), declared).alias(name) for name, declared in enums.items()
    )
    # A number that has no symbol has become null: where nulls were added, one was out of range.
    before, after = (
        frame.select(_nulls(pl.col(name), declared).alias(name) for name, declared in enums.items())
        for frame in (rows, named)
    )
    for name in enums:
        if before[name][0] != after[name][0]:
            raise _UnsoundError(f"{name} is none of the symbols that its enum has")
    return named


def _symbols(value: pl.Expr, declared: Any) -> pl.Expr:
    declared, _ = branch_of(declared)
    match kind_of(declared):
        case "enum":
            symbols: list[str] = declared["symbols"]
            numbers = list(range(len(symbols)))
            return value.replace_strict(numbers, symbols, default=None, return_dtype=pl.String)
        case "array":
            return value.list.eval(_symbols(pl.element(), declared["items"]))
        case "record":
            fields = [
                _symbols(value.struct.field(f["name"]), f["type"]).alias(f["name"])
                for f in declared["fields"]
            ]
            return pl.when(value.is_not_null()).then(pl.struct(fields))
        case _:
            return value


def _nulls(value: pl.Expr, declared: Any) -> pl.Expr:
    """How many nulls stand where enums may stand."""
    declared, _ = branch_of(declared)
    match kind_of(declared):
        case "array":
            return _nulls(value.list.explode(), declared["items"])
        case "record":
            inner = [
                _nulls(value.struct.field(f["name"]), f["type"])
                for f in declared["fields"]
                if has_enum(f["type"])
            ]
            return pl.sum_horizontal(inner)
        case _:
            return value.null_count().cast(pl.Int64)


class _Container(NamedTuple):
    """What is the same in every container of one event type."""

    head: bytes
    mark: bytes
    closing: bytes
    enums: dict[str, Any]
    """The fields in which enums stand, with their types."""


@cache
def _container(version: Version) -> _Container:
    mark = NONCE + header(version.schema_id)
    fields = version.flat["fields"]
    read = [{"name": MARK, "type": {"type": "fixed", "name": "Mark__", "size": len(mark)}}]
    read += [{"name": f["name"], "type": readable(f["type"], f["name"])} for f in fields]
    schema = {"type": "record", "name": version.name, "fields": read}
    meta = {"avro.schema": json.dumps(schema).encode(), "avro.codec": b"null"}
    pairs = b"".join(zigzag(len(k)) + k.encode() + zigzag(len(v)) + v for k, v in meta.items())
    closing = {field["name"]: zero_value(field["type"]) for field in fields}
    return _Container(
        head=b"Obj\1" + zigzag(len(meta)) + pairs + b"\0" + SYNC,
        mark=mark,
        closing=encode_as(version, closing | {"event_id": CLOSING_ID}),
        enums={field["name"]: field["type"] for field in fields if has_enum(field["type"])},
    )


def readable(declared: Any, path: str) -> Any:
    """The type as polars reads it: each named type once, and an enum as the number on the wire.

    polars reads no enum that is optional or inside another type; its bytes are those of a long.
    """
    if isinstance(declared, list):
        return [readable(branch, path) for branch in cast("list[Any]", declared)]
    match kind_of(declared):
        case "enum":
            return "long"
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


def has_enum(declared: Any) -> bool:
    """Whether an enum stands anywhere in a type that is written out."""
    declared, _ = branch_of(declared)
    match kind_of(declared):
        case "array":
            return has_enum(declared["items"])
        case "record":
            return any(has_enum(field["type"]) for field in cast(Json, declared)["fields"])
        case kind:
            return kind == "enum"


def zigzag(number: int) -> bytes:
    """A number of zero or more as Avro writes a long."""
    number, out = number << 1, bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))
