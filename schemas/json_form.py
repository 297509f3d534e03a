"""Events as JSON, for people and for the wire: times in ISO 8601, ids as UUIDs, bytes as hex."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
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

    A time may also be an integer of microseconds. Raises `JsonFormError` that names the field.
    """
    types = {f["name"]: f["type"] for f in written_out(schema)["fields"]}
    return {name: _from(types.get(name), value, name) for name, value in told.items()}


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


def _from(declared: Any, value: Any, path: str) -> Any:
    if value is None or declared is None:
        return value
    declared, _ = branch_of(declared)
    match kind_of(declared):
        case "fixed" | "bytes":
            return _bytes(declared, value, path)
        case "array" if isinstance(value, list):
            items = enumerate(cast("list[Any]", value))
            return [_from(declared["items"], item, f"{path}[{i}]") for i, item in items]
        case "record" if isinstance(value, dict):
            types = {f["name"]: f["type"] for f in declared["fields"]}
            told = cast(Json, value).items()
            return {name: _from(types.get(name), one, f"{path}.{name}") for name, one in told}
        case _:
            is_text = _is_time(declared) and isinstance(value, str)
            return time_us(value, path) if is_text else value


def _bytes(declared: Any, value: Any, path: str) -> bytes:
    is_id = isinstance(declared, dict) and cast(Json, declared)["name"] == "EventId"
    try:
        return uuid.UUID(value).bytes if is_id else bytes.fromhex(value)
    except (ValueError, TypeError, AttributeError):
        wanted = "a UUID" if is_id else "hexadecimal digits"
        raise JsonFormError(f"{path} is {value!r}: it must be {wanted}") from None


def time_text(at_us: int) -> str:
    """Microseconds since 1970 as ISO 8601; a number outside the years 1 to 9999 stays a number."""
    try:
        told = EPOCH + timedelta(microseconds=at_us)
    except OverflowError:
        return str(at_us)
    return told.isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_us(text: str, path: str = "time") -> int:
    """ISO 8601 with its offset as microseconds since 1970. Raises `JsonFormError`."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        told = None
    if told is None or told.tzinfo is None:
        raise JsonFormError(
            f"{path} is {text!r}: it must be a time with its offset, such as 2026-10-05T09:00:00Z"
        )
    return (told - EPOCH) // timedelta(microseconds=1)
