"""Which rows of a resource are asked for: one object asks for a page and for a whole export."""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from api.errors import ProblemError
from api.reads.resource import Resource
from schemas.json_form import JsonFormError, time_us

CURSOR = "next_cursor"
INT64 = re.compile(r"-?[0-9]{1,18}")


class AskedWronglyError(ProblemError):
    """A parameter that cannot be understood; the message begins with its name."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "bad_parameter", message, field=message.split()[0])


class Cursor(NamedTuple):
    """What orders the last row of a page, a text for each column of the order."""

    values: tuple[str, ...]

    def text(self) -> str:
        """As a client sends it back."""
        return base64.urlsafe_b64encode(json.dumps(self.values).encode()).decode().rstrip("=")


def parse_cursor(text: str, resource: Resource) -> Cursor:
    """The cursor that a client sent back. Raises `AskedWronglyError`."""
    try:
        told: list[Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        for value, key in zip(told, resource.keys(), strict=True):
            value.encode()
            if key.kind == "Int64" and not INT64.fullmatch(value):
                raise ValueError(value)
        return Cursor(tuple(told))
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise AskedWronglyError("cursor is none of ours: take next_cursor as it came.") from None


def parse_time(name: str, text: str) -> int:
    """ISO 8601 with its offset as microseconds. Raises `AskedWronglyError`."""
    try:
        return time_us(text, name)
    except JsonFormError as error:
        raise AskedWronglyError(str(error)) from None


@dataclass(frozen=True)
class Question:
    """Which rows of a resource, in its order."""

    resource: Resource
    fixed: dict[str, str] = field(default_factory=dict[str, str])
    """Column to the value that it must have."""
    since_us: int | None = None
    until_us: int | None = None
    after: Cursor | None = None

    def page_sql(self, limit: int) -> str:
        """The first rows, each with its `CURSOR` behind it; it takes `parameters`."""
        return f"{self._ordered(', '.join(self.resource.columns))} LIMIT {limit}"

    def file_sql(self, *, for_spreadsheets: bool) -> str:
        """Every row; it takes `parameters`."""
        shown = ", ".join(
            _harmless(name, column.view_type) if for_spreadsheets else name
            for name, column in self.resource.columns.items()
        )
        return f"SELECT {shown} FROM ({self._ordered('*')})"

    def parameters(self) -> dict[str, Any]:
        """What the statements are asked with."""
        given = self.resource.given | self.fixed
        given |= {"since": self.since_us, "until": self.until_us}
        after = self.after.values if self.after else ()
        given |= {f"after_{place}": value for place, value in enumerate(after)}
        return {name: value for name, value in given.items() if value is not None}

    def text(self) -> str:
        """What tells this question from every other."""
        return f"{self.resource.name} {self.resource.source} {sorted(self.parameters().items())}"

    def _ordered(self, columns: str) -> str:
        keys, resource = self.resource.keys(), self.resource
        cursor = ", ".join(f"toString({key.expression})" for key in keys)
        after = ", ".join(f"{{after_{place}:{key.kind}}}" for place, key in enumerate(keys))
        began = ", ".join(key.expression for key in keys)
        conditions = self._conditions()
        source = resource.source
        if "{where}" in source:
            source, conditions = source.replace("{where}", _where(conditions)), []
        if self.after:
            conditions.append(f"({began}) > ({after})")
        return (
            f"SELECT {columns}, [{cursor}] AS {CURSOR} FROM {source}{_where(conditions)} "
            f"ORDER BY {', '.join(resource.order)}"
        )

    def _conditions(self) -> list[str]:
        conditions = [f"{column} = {{{column}:String}}" for column in self.fixed]
        for sign, name, bound in ((">=", "since", self.since_us), ("<", "until", self.until_us)):
            if bound is not None:
                instant = f"fromUnixTimestamp64Micro({{{name}:Int64}}, 'UTC')"
                conditions.append(f"{self.resource.at} {sign} {instant}")
        return conditions


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _harmless(column: str, view_type: str) -> str:
    """A text that a spreadsheet would run as a formula, with an apostrophe before it."""
    if view_type not in ("String", "LowCardinality(String)"):
        return column
    return f"if(match({column}, '^[=+\\\\-@\\t\\r]'), concat('''', {column}), {column}) AS {column}"
