"""A file of judgements to events: hires, terms, rates, tasks, and a time entry a page."""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from infra.errors import UsageError
from infra.importing.mapping import Mapping, Project
from schemas.events import (
    Envelope,
    Event,
    ExpertHired,
    ProjectOpened,
    ProjectStaffed,
    RateAgreed,
    TaskClaimed,
    TaskPublished,
    TaskSubmitted,
    TermsAccepted,
    TimeEntryRecorded,
)
from schemas.message import import_envelope

COLUMNS_SHOWN = 30
"""Columns of a file that an error names."""
DAY_US = 86_400_000_000
LABEL = re.compile(r"\[([^\]]+)\]")


class Made(NamedTuple):
    """An event that an import makes, with the line of the file that it comes from."""

    line: int
    event: Event
    envelope: Envelope


class BadRow(NamedTuple):
    """A row that cannot go in, and why."""

    line: int
    reason: str


def read_rows(path: Path, mapping: Mapping) -> pl.DataFrame:
    """The file's columns as text, with the number of each line; gzip is read as well.

    Raises `UsageError` where the file is missing, no CSV, or lacks a column of the mapping.
    """
    try:
        frame = pl.read_csv(path, infer_schema=False).fill_null("")
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}.") from error
    except pl.exceptions.PolarsError as error:
        raise UsageError(f"{path} is not CSV: {str(error).splitlines()[0]}") from error
    if missing := [name for name in mapping.columns.names() if name not in frame.columns]:
        shown = ", ".join(name[:40] for name in frame.columns[:COLUMNS_SHOWN])
        raise UsageError(f"{path} has no column {missing[0]}; it has {shown}.")
    return frame.with_row_index("line", offset=2)


class Judgements:
    """The events of one file, in the order of the file."""

    def __init__(self, frame: pl.DataFrame, mapping: Mapping, recorded_at: int) -> None:
        self.row_count = frame.height
        self.bad_rows: list[BadRow] = []
        self._frame = frame
        self._mapping = mapping
        self._zone = ZoneInfo(mapping.times.zone)
        self._recorded_at = recorded_at
        self._told: set[tuple[str, ...]] = set()

    def events(self) -> Iterator[Made]:
        """Every event; rows whose times or project cannot be read go to `bad_rows`."""
        names = self._mapping.columns
        rows = [row for row in self._frame.iter_rows(named=True) if self._is_readable(row)]
        first: dict[tuple[str, ...], int] = {}
        for row in rows:
            expert, start = row[names.expert], row["__start"]
            for key in ((expert,), (expert, row[names.project])):
                first[key] = min(first.get(key, start), start)
        for row in rows:
            yield from self._project(row)
            yield from self._engagement(row, first)
            yield from self._task(row)
            yield from self._entry(row)

    def _is_readable(self, row: dict[str, Any]) -> bool:
        names = self._mapping.columns
        try:
            row["__start"] = self._microseconds(row[names.started_at])
            row["__end"] = self._microseconds(row[names.ended_at])
        except ValueError as error:
            self.bad_rows.append(BadRow(row["line"], f"its time cannot be read: {error}"))
            return False
        if row[names.project] not in self._mapping.projects:
            reason = f"the mapping has no project {row[names.project]!r}"
            self.bad_rows.append(BadRow(row["line"], reason))
            return False
        if row[names.country] not in self._mapping.experts.countries:
            reason = f"the mapping has no country {row[names.country]!r}"
            self.bad_rows.append(BadRow(row["line"], reason))
            return False
        return True

    def _microseconds(self, text: str) -> int:
        """Microseconds since 1970, rounded down to whole milliseconds."""
        told = datetime.strptime(text, self._mapping.times.format).replace(tzinfo=self._zone)
        since = told.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * DAY_US + since.seconds * 1_000_000) + since.microseconds // 1000 * 1000

    def _made(
        self, row: dict[str, Any], subject: str, at: int, event: Event, key: str = ""
    ) -> Made:
        envelope = import_envelope(
            type(event),
            subject,
            occurred_at=at,
            recorded_at=self._recorded_at,
            actor=self._mapping.actor,
            source=self._mapping.source,
            key=key,
        )
        return Made(row["line"], event, envelope)

    def _once(self, *key: str) -> bool:
        if key in self._told:
            return False
        self._told.add(key)
        return True

    def _of_project(self, row: dict[str, Any]) -> Project:
        return self._mapping.projects[row[self._mapping.columns.project]]

    def _expert_id(self, row: dict[str, Any]) -> str:
        return self._mapping.experts.id_prefix + row[self._mapping.columns.expert]

    def _project(self, row: dict[str, Any]) -> Iterator[Made]:
        project = self._of_project(row)
        if self._once("project", project.project_id):
            opened = ProjectOpened(
                name=project.name, client=project.client, domain=project.domain,
                currency=project.currency,
            )  # fmt: skip
            yield self._made(row, project.project_id, row["__start"], opened)

    def _engagement(self, row: dict[str, Any], first: dict[tuple[str, ...], int]) -> Iterator[Made]:
        names = self._mapping.columns
        expert, project = self._expert_id(row), self._of_project(row)
        if self._once("expert", expert):
            country, zone = self._mapping.experts.countries[row[names.country]]
            hired = ExpertHired(domains=[project.domain], country=country, home_zone=zone)
            yield self._made(row, expert, first[(row[names.expert],)], hired)
        if self._once("engagement", expert, project.project_id):
            at = first[(row[names.expert], row[names.project])]
            project_id = project.project_id
            terms = TermsAccepted(
                offer_id=f"offer-{expert}-{project_id}", project_id=project_id,
                terms_version=project.terms_version, terms_sha256=project.terms_sha256,
                signature_ref=f"{self._mapping.source}/{expert}",
            )  # fmt: skip
            rate = RateAgreed(
                rate_id=f"rate-{expert}-{project_id}", project_id=project_id,
                rate_minor_per_hour=project.rate_minor_per_hour, currency=project.currency,
                effective_from=at,
            )  # fmt: skip
            for event in (terms, ProjectStaffed(project_id=project_id), rate):
                yield self._made(row, expert, at, event, key=project_id)

    def _task(self, row: dict[str, Any]) -> Iterator[Made]:
        names, project = self._mapping.columns, self._of_project(row)
        task = f"task-{row[names.task]}"
        expert, start, end = self._expert_id(row), row["__start"], row["__end"]
        if not self._once("task", task):
            self.bad_rows.append(BadRow(row["line"], f"the file has {names.task} twice"))
            return
        published = TaskPublished(
            project_id=project.project_id, unit_id=row[names.unit], kind=project.kind,
            domain=project.domain,
        )  # fmt: skip
        claimed = TaskClaimed(
            claim_id=f"claim-{row[names.task]}", expert_id=expert, expires_at=start + DAY_US
        )
        answer = "\n".join(row[name] for name in names.answer)
        submitted = TaskSubmitted(
            submission_id=f"submission-{row[names.task]}", expert_id=expert,
            answer_sha256=hashlib.sha256(answer.encode()).digest(),
            labels=LABEL.findall(row[names.labels]), active_ms=max(0, (end - start) // 1000),
            answer_chars=len(answer), input_method="unknown",
        )  # fmt: skip
        yield self._made(row, task, start, published)
        yield self._made(row, task, start, claimed)
        yield self._made(row, task, end, submitted)

    def _entry(self, row: dict[str, Any]) -> Iterator[Made]:
        names, entries = self._mapping.columns, self._mapping.entries
        start, end, expert = row["__start"], row["__end"], self._expert_id(row)
        page = f"{entries.id_prefix}{row[names.expert]}-{start // 1000}-{end // 1000}"
        if not self._once("page", page):
            return  # another judgement on the same page: its time is told already
        entry = TimeEntryRecorded(
            entry_id=page, project_id=self._of_project(row).project_id,
            activity_kind=entries.activity_kind, billable=entries.billable, started_at=start,
            ended_at=end, entry_method="import",
        )  # fmt: skip
        yield self._made(row, expert, end, entry, key=page)
