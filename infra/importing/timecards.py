"""A file of timecards to events: so many hours of a person, on a project, in a period."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from infra.errors import UsageError
from infra.importing.judgements import BadRow, Made
from infra.importing.mapping import TimecardMapping
from schemas.events import HoursReported
from schemas.message import import_envelope

MS_PER_HOUR = 3_600_000
Record = dict[str, Any]


def read_records(path: Path) -> list[Record]:
    """The records of a Django fixture (model, pk, fields), in order; gzip is read as well.

    Raises `UsageError` where the file is missing or no such list.
    """
    try:
        raw = path.read_bytes()
        told = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}.") from error
    except (OSError, EOFError, ValueError) as error:
        raise UsageError(f"{path} is not JSON: {error}") from error
    if not isinstance(told, list) or not all(
        isinstance(one, dict) and {"model", "pk", "fields"} <= one.keys() for one in told
    ):
        raise UsageError(f"{path} is no list of records with model, pk and fields.")
    return told


class Timecards:
    """The events of one file, in the order of its lines."""

    def __init__(self, records: list[Record], mapping: TimecardMapping, recorded_at: int) -> None:
        self.bad_rows: list[BadRow] = []
        self._records, self._mapping, self._recorded_at = records, mapping, recorded_at
        self._zone = ZoneInfo(mapping.zone)
        self._by_key = {(one["model"], one["pk"]): one["fields"] for one in records}
        self.row_count = len(records)

    def events(self) -> Iterator[Made]:
        """`HoursReported` for every line; what cannot be read goes to `bad_rows`, with its row."""
        for row, record in enumerate(self._records, 1):
            if record["model"] == self._mapping.line.model:
                try:
                    yield self._made(row, record)
                except (KeyError, TypeError, ValueError, InvalidOperation) as error:
                    named = f"{record['model']} {record['pk']}"
                    self.bad_rows.append(BadRow(row, f"{named}: {_reason(error)}"))

    def _made(self, row: int, record: Record) -> Made:
        names, fields = self._mapping, record["fields"]
        card = self._of(names.card.model, fields[names.line.card])
        period = self._of(names.period.model, card[names.card.period])
        project = self._of(names.project.model, fields[names.line.project])
        code = self._of(names.code.model, project[names.project.code])
        end = self._midnight(period[names.period.last_day], days=1)
        reported = HoursReported(
            report_id=f"{names.ids.report}{record['pk']}",
            project_id=f"{names.ids.project}{fields[names.line.project]}",
            period_start=self._midnight(period[names.period.first_day]),
            period_end=end,
            duration_ms=_milliseconds(fields[names.line.hours]),
            billable=code[names.code.is_billable],
        )
        envelope = import_envelope(
            HoursReported,
            f"{names.ids.expert}{card[names.card.expert]}",
            occurred_at=end,
            recorded_at=self._recorded_at,
            actor=names.actor,
            source=names.source,
            key=reported.report_id,
        )
        return Made(row, reported, envelope)

    def _of(self, model: str, key: Any) -> Record:
        found = self._by_key.get((model, key))
        if found is None:
            raise ValueError(f"there is no {model} {key}")
        return found

    def _midnight(self, day: str, days: int = 0) -> int:
        """The beginning of a day, or of one some days later, in microseconds."""
        at = date.fromisoformat(day) + timedelta(days)
        midnight = datetime(at.year, at.month, at.day, tzinfo=self._zone)
        return int(midnight.astimezone(UTC).timestamp()) * 1_000_000


def _milliseconds(hours: str) -> int:
    """Hours written as a decimal number, exactly; raises `ValueError` where they are not whole."""
    duration_ms = Decimal(hours) * MS_PER_HOUR
    if duration_ms != int(duration_ms):
        raise ValueError(f"{hours} hours are no whole milliseconds")
    return int(duration_ms)


def _reason(error: Exception) -> str:
    match error:
        case KeyError():
            return f"it has no field {error.args[0]!r}"
        case InvalidOperation():
            return "its hours are no number"
        case TypeError():
            return "one of its fields is empty or of another type"
        case _:
            return str(error)
