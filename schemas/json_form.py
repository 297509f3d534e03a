"""Events as JSON, for people and for the wire: times in ISO 8601, ids as UUIDs, bytes as hex."""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

from schemas.avsc import Json, branch_of, kind_of, written_out

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class JsonFormError(ValueError):
    """A value that is not in the form that its field has in JSON; the message names the field."""


def to_json(schema: Json, event: Mapping[str, Any]) -> Json:
    """An event as JSON holds it; `schema` is complete, `event` as `wire.decode` gives it."""
    fields = written_out(schema)["fields"]
    return {f["name"]: _to(f["type"], event[f["name"]]) for f in fields if f["name"] in event}


def from_json(schema: Json, told: Mapping[str, Any]) -> dict[str, Any]:
    """The event that JSON tells, for `wire.encode`, which judges names and types.

    A number is no time: of seconds, milliseconds and microseconds it does not say which. Raises
    `JsonFormError` that names the field.
    """
    return json_reader(schema)(told)


def json_reader(schema: Json) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """`from_json` of one schema, for many events: the schema is walked once."""
    readers = _readers(written_out(schema)["fields"])
    return lambda told: _read_fields(readers, told, "")


def _is_time(declared: Any) -> bool:
    is_dict = isinstance(declared, dict)
    return is_dict and cast(Json, declared).get("logicalType") == "timestamp-micros"


def _to(declared: Any, value: Any) -> Any:
    if value is None:
        return None
    declared, _ = branch_of(declared)
    match kind_of(declared):
        case "fixed":
            is_id = declared["name"] == "EventId"
            return str(uuid.UUID(bytes=value)) if is_id else value.hex()
        case "bytes":
            return value.hex()
        case "array":
            return [_to(declared["items"], item) for item in value]
        case "record":
            return {f["name"]: _to(f["type"], value[f["name"]]) for f in declared["fields"]}
        case _:
            return time_text(value) if _is_time(declared) else value


Reader = Callable[[Any, str], Any]
"""From a value that is not null, and its path, to what is encoded. Raises `JsonFormError`."""


def _readers(fields: list[Json]) -> dict[str, Reader]:
    """By name, of those fields whose values JSON writes in another form."""
    found = ((field["name"], _reader(field["type"])) for field in fields)
    return {name: reader for name, reader in found if reader}


def _reader(declared: Any) -> Reader | None:
    """None where a value stays as it is."""
    declared, _ = branch_of(declared)
    match kind_of(declared):
        case "fixed" | "bytes":
            is_id = isinstance(declared, dict) and cast(Json, declared)["name"] == "EventId"
            return _read_id if is_id else _read_bytes
        case "array":
            item = _reader(declared["items"])
            return partial(_read_items, item) if item else None
        case "record":
            readers = _readers(declared["fields"])
            return partial(_read_record, readers) if readers else None
        case _:
            return time_us if _is_time(declared) else None


def _read_fields(
    readers: Mapping[str, Reader], told: Mapping[str, Any], path: str
) -> dict[str, Any]:
    return {
        name: value
        if value is None or (reader := readers.get(name)) is None
        else reader(value, path + name)
        for name, value in told.items()
    }


def _read_record(readers: Mapping[str, Reader], value: Any, path: str) -> Any:
    is_record = isinstance(value, dict)
    return _read_fields(readers, cast(Json, value), f"{path}.") if is_record else value


def _read_items(item: Reader, value: Any, path: str) -> Any:
    if not isinstance(value, list):
        return value
    items = enumerate(cast("list[Any]", value))
    return [one if one is None else item(one, f"{path}[{i}]") for i, one in items]


def _read_id(value: Any, path: str) -> bytes:
    try:
        return uuid.UUID(value).bytes
    except (ValueError, TypeError, AttributeError):
        raise JsonFormError(f"{path} is {value!r}: it must be a UUID") from None


def _read_bytes(value: Any, path: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except (ValueError, TypeError):
        raise JsonFormError(f"{path} is {value!r}: it must be hexadecimal digits") from None


def time_text(at_us: int) -> str:
    """Microseconds since 1970 as ISO 8601; a number outside the years 1 to 9999 stays a number."""
    try:
        told = EPOCH + timedelta(microseconds=at_us)
    except OverflowError:
        return str(at_us)
    return told.isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_us(text: Any, path: str = "time") -> int:
    """ISO 8601 with its offset as microseconds since 1970. Raises `JsonFormError`."""
    try:
        told = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        told = None
    if told is None or told.tzinfo is None:
        raise JsonFormError(
            f"{path} is {text!r}: it must be a time with its offset, such as 2026-10-05T09:00:00Z"
        )
    return instant_us(told)


def instant_us(at: datetime) -> int:
    """A time with its zone as microseconds since 1970, exactly."""
    # Three times as fast as to divide by a microsecond.
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
