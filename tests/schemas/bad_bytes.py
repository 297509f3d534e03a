"""Every kind of bad bytes that a record on Kafka may hold, made from a sound event of any type."""

import io
from collections.abc import Callable
from typing import Any, cast

import fastavro

from schemas.avsc import Json, branch_of, kind_of, without_logical_types
from schemas.catalogue import EventType
from schemas.containers import zigzag
from schemas.wire import HEADER_BYTES, encode

HUGE = b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"
"""The length 2^62, as Avro writes it."""
UNKNOWN_ID = (9_999).to_bytes(4, "big")


def start_of(event_type: EventType, event: Json, name: str) -> int:
    """Where the bytes of a field begin in the value of an event."""
    fields = without_logical_types(event_type.versions[-1].schema)["fields"]
    before = fields[: [field["name"] for field in fields].index(name)]
    out = io.BytesIO()
    schema = {"type": "record", "name": "Before", "fields": before}
    write: Callable[..., None] = cast(Any, fastavro).schemaless_writer
    write(out, fastavro.parse_schema(schema), {f["name"]: event[f["name"]] for f in before})
    return HEADER_BYTES + len(out.getvalue())


def bad_bytes(event_type: EventType, event: Json) -> dict[str, bytes | None]:
    """Each kind of bad bytes that the event's type allows, by what is wrong with them."""
    good = encode(event_type, event)
    body = good[HEADER_BYTES:]
    subject = start_of(event_type, event, "subject_id")
    cause = start_of(event_type, event, "causation_id")
    content = subject + len(zigzag(len(event["subject_id"].encode())))
    found: dict[str, bytes | None] = {
        "no value": None,
        "an empty value": b"",
        "bytes that are not Avro": b"hello, world, this is not an event",
        "an unknown schema id": b"\0" + UNKNOWN_ID + body,
        "only a header": good[:HEADER_BYTES],
        "the last byte missing": good[:-1],
        "half an event": good[: len(good) // 2],
        "a byte behind the event": good + b"\0",
        "a second event behind the event": good + good,
        "a second body behind the event": good + body,
        "a huge length": good[:subject] + HUGE + good[content:],
        "a negative length": good[:subject] + b"\x01" + good[content:],
        "text that is not UTF-8": good[:subject] + b"\x04\xff\xfe" + good[content:],
        "a branch that the union lacks": good[:cause] + b"\x04" + good[cause + 1 :],
    }
    for field in event_type.flat["fields"]:
        name = field["name"]
        declared, is_optional = branch_of(field["type"])
        start = start_of(event_type, event, name)
        if kind_of(declared) == "enum" and not (is_optional and event[name] is None):
            start += int(is_optional)
            past = zigzag(len(declared["symbols"]))
            found["a symbol past the last"] = good[:start] + past + good[start + 1 :]
            found["a symbol before the first"] = good[:start] + b"\x01" + good[start + 1 :]
        if is_optional and event[name] is not None:
            start = start_of(event_type, event, name)
            found[f"a branch before the first of {name}"] = (
                good[:start] + b"\x01" + good[start + 1 :]
            )
            found[f"a branch past the last of {name}"] = good[:start] + b"\x04" + good[start + 1 :]
        if kind_of(declared) == "boolean" and not is_optional:
            found["a boolean that is neither"] = good[:start] + b"\x02" + good[start + 1 :]
        if kind_of(declared) == "array":
            found["a huge count of items"] = good[:start] + HUGE + good[start + 1 :]
    return found
