"""One event to bytes and back, in the Confluent wire format: byte 0, schema id, Avro body."""

import io
import struct
from collections.abc import Callable, Mapping
from typing import Any, cast

import fastavro

from schemas.catalogue import Catalogue, EventType, Version, catalogue
from schemas.strict import problem, unencodable

_read: Callable[..., Any] = cast(Any, fastavro).schemaless_reader
_write: Callable[..., None] = cast(Any, fastavro).schemaless_writer

HEADER_BYTES = 5
CONTENT_START = 13
"""Behind the header and `recorded_at`, whose varint has 8 bytes in the years that it may lie in."""


class WireError(ValueError):
    """Bytes that are not one event, or a value that no event can hold."""


def header(schema_id: int) -> bytes:
    """The five bytes before every body."""
    return struct.pack(">bI", 0, schema_id)


def encode(event_type: EventType, event: Mapping[str, Any]) -> bytes:
    """The bytes of one event; times are integers of microseconds, ids are bytes.

    Raises `WireError` that names event, field, value and what would be right, where a field is
    missing, unknown or not of its type.
    """
    return encode_as(event_type.versions[-1], event)


def encode_as(version: Version, event: Mapping[str, Any]) -> bytes:
    """The bytes of one event in a version of its schema; as `encode`."""
    if wrong := problem(version, event):
        raise WireError(f"{version.name}: {wrong}")
    out = io.BytesIO()
    out.write(header(version.schema_id))
    try:
        _write(out, version.plain, event, strict_allow_default=True)
    except Exception as error:  # fastavro raises what it happens to meet
        raise WireError(f"{version.name}: {unencodable(event) or error}") from error
    return out.getvalue()


def decode(value: bytes, known: Catalogue | None = None) -> tuple[EventType, dict[str, Any]]:
    """One event for a person or a single request; a worker decodes whole batches by columns.

    An event of an earlier version comes as today's schema says it. Raises `WireError` where the
    bytes are not exactly one event of a known type.
    """
    if len(value) < HEADER_BYTES or value[0] != 0:
        raise WireError("not an event: it does not start with byte 0 and a schema id")
    schema_id = int.from_bytes(value[1:HEADER_BYTES], "big")
    found = (known or catalogue()).by_id.get(schema_id)
    if found is None:
        raise WireError(f"schema id {schema_id} is unknown")
    event_type, version = found
    reader = None if version is event_type.versions[-1] else event_type.plain
    body = io.BytesIO(value[HEADER_BYTES:])
    try:
        event = _read(body, version.plain, reader)
    except Exception as error:
        raise WireError(f"not a {event_type.name}: {error!r}") from error
    if body.tell() != len(value) - HEADER_BYTES:
        raise WireError(f"{len(value) - HEADER_BYTES - body.tell()} bytes behind {event_type.name}")
    return event_type, event


def content(value: bytes) -> bytes:
    """What two deliveries of one event share: all behind `recorded_at`, the first field."""
    return value[CONTENT_START:]
