"""The mapping of an import: which column is what, and what the file does not tell."""

import hashlib
import tomllib
from pathlib import Path

import msgspec

from infra.errors import UsageError


class Columns(msgspec.Struct, forbid_unknown_fields=True):
    """What the file calls each thing."""

    expert: str
    task: str
    unit: str
    project: str
    started_at: str
    ended_at: str
    country: str
    answer: list[str]
    labels: str

    def names(self) -> list[str]:
        """Every column that the import reads."""
        single = (self.expert, self.task, self.unit, self.project, self.started_at, self.ended_at)
        return list(dict.fromkeys([*single, self.country, *self.answer, self.labels]))


class Times(msgspec.Struct, forbid_unknown_fields=True):
    """How times are written, and in which IANA zone."""

    format: str
    zone: str


class Entries(msgspec.Struct, forbid_unknown_fields=True):
    """What a page becomes."""

    id_prefix: str
    activity_kind: str
    billable: bool


class Experts(msgspec.Struct, forbid_unknown_fields=True):
    """What is assumed of the workers: country in the file to ISO 3166-1 and home zone."""

    id_prefix: str
    countries: dict[str, tuple[str, str]]


class Project(msgspec.Struct, forbid_unknown_fields=True):
    """A project of the file, its terms and its one rate."""

    project_id: str
    name: str
    client: str
    domain: str
    kind: str
    rate_minor_per_hour: int
    currency: str
    terms_version: str
    terms: str

    @property
    def terms_sha256(self) -> bytes:
        """SHA-256 of the terms' text, 32 bytes."""
        return hashlib.sha256(self.terms.encode()).digest()


class Mapping(msgspec.Struct, forbid_unknown_fields=True, tag_field="reads", tag="judgements"):
    """A whole mapping of judgements: a CSV file."""

    source: str
    actor: str
    columns: Columns
    times: Times
    entries: Entries
    experts: Experts
    projects: dict[str, Project]


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """The record of hours on a project, and its fields: card, project, decimal hours."""

    model: str
    card: str
    project: str
    hours: str


class Card(msgspec.Struct, forbid_unknown_fields=True):
    """The record of one person's hours of one period."""

    model: str
    expert: str
    period: str


class Period(msgspec.Struct, forbid_unknown_fields=True):
    """The record of a period; both days belong to it."""

    model: str
    first_day: str
    last_day: str


class CodedProject(msgspec.Struct, forbid_unknown_fields=True):
    """The record of a project, and the field that names its accounting code."""

    model: str
    code: str


class Code(msgspec.Struct, forbid_unknown_fields=True):
    """The record of an accounting code, and the field that says whether it is billable."""

    model: str
    is_billable: str


class Ids(msgspec.Struct, forbid_unknown_fields=True):
    """What is put before the file's keys."""

    expert: str
    project: str
    report: str


class TimecardMapping(
    msgspec.Struct, forbid_unknown_fields=True, tag_field="reads", tag="timecards"
):
    """A whole mapping of timecards: a JSON list of records with model, pk and fields."""

    source: str
    actor: str
    zone: str
    line: Line
    card: Card
    period: Period
    project: CodedProject
    code: Code
    ids: Ids


def load_mapping(path: Path) -> Mapping | TimecardMapping:
    """Read a mapping, whose `reads` says what it is a mapping of.

    Raises `UsageError` that names the file and the field which is wrong.
    """
    try:
        return msgspec.convert(
            tomllib.loads(path.read_text(encoding="utf-8")), Mapping | TimecardMapping
        )
    except FileNotFoundError as error:
        raise UsageError(f"There is no mapping {path}.") from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"The mapping {path} is not right: {error}") from error
