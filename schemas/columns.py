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

from schemas.catalogue import EventType, Json, catalogue, without_logical_types
from schemas.wire import HEADER_BYTES, encode, header

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


def decode_columns(values: Sequence[bytes | None]) -> tuple[list[Group], list[Failure]]:
    """A batch's events as columns, and the values that are no events.

    Every position of `values` is in exactly one group or one failure.
    """
    failures: list[Failure] = []
    by_header: dict[bytes, list[int]] = {}
    for position, value in enumerate(values):
        by_header.setdefault(value[:HEADER_BYTES] if value else b"", []).append(position)
    groups: list[Group] = []
    for start, positions in by_header.items():
        event_type, reason = _type_of(start)
        if event_type is None:
            failures += [Failure(position, reason) for position in positions]
            continue
        sound, frames = _sound_frames(event_type, cast("Sequence[bytes]", values), positions)
        failures += [f for f in sound if isinstance(f, Failure)]
        kept = [position for position in sound if isinstance(position, int)]
        if kept:
            groups.append(Group(event_type, kept, frames))
    return groups, sorted(failures)


def _type_of(start: bytes) -> tuple[EventType | None, str]:
    if not start:
        return None, "the value is empty"
    if len(start) < HEADER_BYTES or start[0] != 0:
        return None, (
            f"not in the Confluent wire format: it starts with 0x{start.hex()}, "
            "and must start with byte 0 and a four-byte schema id"
        )
    schema_id = int.from_bytes(start[1:], "big")
    event_type = catalogue().by_id.get(schema_id)
    return event_type, "" if event_type else f"schema id {schema_id} is unknown"


def _sound_frames(
    event_type: EventType, values: Sequence[bytes], positions: list[int]
) -> tuple[list[int | Failure], pl.DataFrame]:
    """The rows that decode, in order, with a failure in the place of each value that does not."""
    verdicts: list[int | Failure] = []
    frames: list[pl.DataFrame] = []
    pending = [positions]
    while pending:  # at most twice as many turns as there are positions: each turn halves or ends
        part = pending.pop()
        try:
            frames.append(_decode_group(event_type, [values[position] for position in part]))
            verdicts += part
        except _UnsoundError as error:
            if len(part) == 1:
                verdicts.append(Failure(part[0], f"not a {event_type.name}: {error}"))
            else:
                middle = len(part) // 2
                pending += [part[middle:], part[:middle]]
    return verdicts, pl.concat(frames) if frames else pl.DataFrame()


def _decode_group(event_type: EventType, values: list[bytes]) -> pl.DataFrame:
    container = _container(event_type)
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
    rows = frame.head(len(values)).drop(MARK)
    return rows.with_columns(pl.col(name).cast(pl.String) for name in container.enums)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


class _Container(NamedTuple):
    """What is the same in every container of one event type."""

    head: bytes
    mark: bytes
    closing: bytes
    enums: list[str]


@cache
def _container(event_type: EventType) -> _Container:
    plain = cast(Json, without_logical_types(event_type.schema))
    mark = NONCE + header(event_type.schema_id)
    mark_type = {"type": "fixed", "name": "Mark__", "size": len(mark)}
    fields = [{"name": MARK, "type": mark_type}, *plain["fields"]]
    # The docs are for people: left out, the container's head is a tenth as long.
    bare = [{"name": f["name"], "type": _inlined(f["type"], str(f["name"]))} for f in fields]
    schema = {"type": "record", "name": plain["name"], "fields": bare}
    meta = {"avro.schema": json.dumps(schema).encode(), "avro.codec": b"null"}
    pairs = b"".join(zigzag(len(k)) + k.encode() + zigzag(len(v)) + v for k, v in meta.items())
    closing = {field["name"]: zero_value(field["type"]) for field in plain["fields"]}
    return _Container(
        head=b"Obj\1" + zigzag(len(meta)) + pairs + b"\0" + SYNC,
        mark=mark,
        closing=encode(event_type, closing | {"event_id": CLOSING_ID}),
        enums=[field["name"] for field in plain["fields"] if _is_enum(field["type"])],
    )


def _inlined(declared: Any, field: str) -> Any:
    """The type with references to EventId written out: polars does not follow named types."""
    if isinstance(declared, list):
        return [_inlined(branch, field) for branch in cast("list[Any]", declared)]
    if declared == "EventId":
        return {"type": "fixed", "name": f"EventId_{field}", "size": 16}
    return declared


def _is_enum(declared: Any) -> bool:
    branches = cast("list[Any]", declared if isinstance(declared, list) else [declared])
    return any(isinstance(b, dict) and cast(Json, b)["type"] == "enum" for b in branches)


def zero_value(declared: Any) -> Any:
    """The least value of an Avro type: null, 0, "", the first symbol, no items."""
    if isinstance(declared, list):
        return zero_value(declared[0])
    if isinstance(declared, str):
        simple: Json = {"null": None, "boolean": False, "string": "", "bytes": b"", "double": 0.0}
        return simple.get(declared, b"\0" * 16 if declared == "EventId" else 0)
    match declared["type"]:
        case "record":
            return {f["name"]: zero_value(f["type"]) for f in declared["fields"]}
        case "enum":
            return declared["symbols"][0]
        case "fixed":
            return b"\0" * declared["size"]
        case "array":
            return []
        case inner:
            return zero_value(inner)


def zigzag(number: int) -> bytes:
    """A number of zero or more as Avro writes a long."""
    number, out = number << 1, bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))
