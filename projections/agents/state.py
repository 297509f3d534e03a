"""The agents' fold and the parts of its state; each part belongs to one topic's partition."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import polars as pl

from projections.fold import Fold
from projections.parts import Part
from projections.tables import code, moment, table_of, text

Symbol = Any
"""One of the symbols of an event's enum: decoding has seen to it."""


class TaskClaim(NamedTuple):
    """What became of a claim on a task: granted, refused or ended, in the order of the log."""

    task_id: Annotated[str, text("The task.")]
    claim_id: Annotated[str, text("The claim.")]
    expert_id: Annotated[str, text("Who claimed.")]
    change: Annotated[str, code("`granted`, `refused` or `ended`.")]
    reason: Annotated[str, code("Why it ended: submitted, released or expired; empty otherwise.")]
    expires_at: Annotated[int, moment("When the claim ends by itself, UTC.")]


class OpenedProject(NamedTuple):
    """A client's project, as it was opened."""

    project_id: Annotated[str, text("The project.")]
    name: Annotated[str, text("What people call it.")]
    client: Annotated[str, text("Whose it is.")]
    domain: Annotated[str, code("The field of knowledge.")]
    opened_at: Annotated[int, moment("When it was opened, UTC.")]


CLAIMS = table_of(TaskClaim, "task_claims", ("task_id",))
PROJECTS = table_of(OpenedProject, "opened_projects", ("project_id",))


def domains(facts: Callable[[str], str] = str) -> str:
    """The select of each project's domain; `facts` gives what to read for a table."""
    return f"""SELECT project_id, argMax(told.domain, offset) AS domain
  FROM {facts("opened_projects")} AS told GROUP BY project_id"""


DOMAINS = domains()
"""The domain of each project, to be joined to what names a project."""

agents = Fold(
    name="agents",
    topics=(
        "workforce.tasks",
        "workforce.experts",
        "workforce.projects",
        "workforce.activity",
        "workforce.tokens",
    ),
    version=3,
    tables=(CLAIMS, PROJECTS),
    identities={"TaskClaimed": ("claim_id",)},
)

BUCKETS = 16
"""Parts among which the experts of a project are spread: one more does not rewrite them all."""


@agents.part("task")
class Task(Part):
    """A task: who holds it, and until when."""

    project_id: str = ""
    kind: str = ""
    claim_id: str = ""
    """The claim that holds it; empty where the task is open."""
    expert_id: str = ""
    """Who holds it, or has submitted it."""
    expires_at: int = 0
    is_submitted: bool = False


class Policy(Part):
    """A pay policy as its project published it."""

    policy_version: str
    increment_ms: int
    rounding: Symbol
    review_window_ms: int
    week_starts_on: Symbol
    zone: str
    weekly_cap_ms: int | None
    ai_assistance: Symbol
    effective_from: int


@agents.part("project")
class Project(Part):
    """What a project tells each expert who is staffed on it."""

    policies: list[Policy] = []
    """In the order of `effective_from`; of two, the later in the log stands behind."""
    terms: tuple[str, bytes, int] | None = None
    """Version, SHA-256 and `effective_from` of the terms published last."""


@agents.part("staffed")
class Staffed(Part):
    """A sixteenth of the experts who are staffed on a project, each with the time of it."""

    experts: dict[str, int] = {}


@agents.part("token")
class Token(Part):
    """Whom a device, network or destination was seen with."""

    expert_ids: list[str] = []


@agents.part("sighting")
class Sighting(Part):
    """Whether an expert's token was told on, from `workforce.activity`."""

    is_told: bool = False


@agents.part("naming")
class Naming(Part):
    """Whether an expert's token was told on, from `workforce.experts`."""

    is_told: bool = False


def bucket_of(expert: pl.Expr) -> pl.Expr:
    """The key of the bucket that an expert of the project is in, by the id's last byte."""
    last = expert.cast(pl.Binary).bin.slice(-1).bin.reinterpret(dtype=pl.UInt8)
    return pl.concat_str(pl.col("subject_id"), pl.lit(":"), (last % BUCKETS).cast(pl.String))


def every_bucket() -> pl.Expr:
    """The keys of all buckets of the project, as a list."""
    keys = [pl.concat_str(pl.col("subject_id"), pl.lit(f":{number}")) for number in range(BUCKETS)]
    return pl.concat_list(keys)


def with_token(token: str) -> pl.Expr:
    """The key of what is known of an expert's token, by the name of its column."""
    return pl.concat_str(pl.col("subject_id"), pl.lit(":"), pl.col(token))
