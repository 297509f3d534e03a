"""What can be read: a view, what orders its rows, and which of its rows are asked for."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from projections.fraud.rows import ALERTS as ALERTS_VIEW
from projections.payout.views import PAYOUT_LINES
from projections.tables import View
from schemas.json_form import JsonFormError, time_text, time_us


class AskedWronglyError(ValueError):
    """A parameter that cannot be understood; the message begins with its name."""


class Resource(NamedTuple):
    """Rows of a view, in the order of a time and an id."""

    name: str
    view: View
    projection: str
    at: str
    """The column of the time that orders the rows."""
    key: str
    """The column of the id that orders rows of one time."""


LINES = Resource("lines", PAYOUT_LINES, "payout", "started_at", "line_id")
ALERTS = Resource("alerts", ALERTS_VIEW, "fraud", "happened_at", "alert_id")


class Cursor(NamedTuple):
    """The last row of a page."""

    at_us: int
    key: str

    def text(self) -> str:
        """As a client sends it back."""
        return base64.urlsafe_b64encode(f"{self.at_us} {self.key}".encode()).decode().rstrip("=")


def parse_cursor(text: str) -> Cursor:
    """The cursor that a client sent back. Raises `AskedWronglyError`."""
    try:
        at_us, _, key = (
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(" ")
        )
        return Cursor(int(at_us), key)
    except (ValueError, binascii.Error):
        raise AskedWronglyError("cursor is none of ours: take next_cursor as it came.") from None


def parse_time(name: str, text: str) -> int:
    """ISO 8601 with its offset as microseconds. Raises `AskedWronglyError`."""
    try:
        return time_us(text, name)
    except JsonFormError as error:
        raise AskedWronglyError(str(error)) from None


@dataclass(frozen=True)
class Question:
    """Which rows of a resource: the same object asks for a page and for a whole export."""

    resource: Resource
    fixed: dict[str, str] = field(default_factory=dict[str, str])
    """Column to the value that it must have."""
    since_us: int | None = None
    until_us: int | None = None
    after: Cursor | None = None

    def sql(self, limit: int | None = None, *, for_spreadsheets: bool = False) -> str:
        """The statement; it takes `parameters`."""
        at, key = self.resource.at, self.resource.key
        where = [f"{column} = {{{column}:String}}" for column in self.fixed]
        if self.since_us is not None:
            where.append(f"{at} >= fromUnixTimestamp64Micro({{since:Int64}}, 'UTC')")
        if self.until_us is not None:
            where.append(f"{at} < fromUnixTimestamp64Micro({{until:Int64}}, 'UTC')")
        if self.after:
            where.append(f"(toUnixTimestamp64Micro({at}), {key}) > ({{at:Int64}}, {{key:String}})")
        columns = self.resource.view.columns
        shown = ", ".join(_harmless(c, s.view_type) if for_spreadsheets else c
                          for c, s in columns.items())  # fmt: skip
        condition = f" WHERE {' AND '.join(where)}" if where else ""
        end = f" LIMIT {limit}" if limit is not None else ""
        return (
            f"SELECT {shown} FROM (SELECT * FROM {self.resource.view.name}{condition} "
            f"ORDER BY {at}, {key}{end})"
        )

    def parameters(self) -> dict[str, Any]:
        """What the statement is asked with."""
        given: dict[str, Any] = dict(self.fixed)
        if self.since_us is not None:
            given["since"] = self.since_us
        if self.until_us is not None:
            given["until"] = self.until_us
        if self.after:
            given |= {"at": self.after.at_us, "key": self.after.key}
        return given

    def text(self) -> str:
        """What tells this question from every other."""
        until = time_text(self.until_us) if self.until_us is not None else ""
        since = time_text(self.since_us) if self.since_us is not None else ""
        return f"{self.resource.name} {sorted(self.fixed.items())} {since} {until} {self.after}"


def _harmless(column: str, view_type: str) -> str:
    """A text that a spreadsheet would run as a formula, with an apostrophe before it."""
    if view_type not in ("String", "LowCardinality(String)"):
        return column
    return f"if(match({column}, '^[=+\\\\-@\\t\\r]'), concat('''', {column}), {column}) AS {column}"
