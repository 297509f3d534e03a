"""The events of workforce.tasks, made from schemas/avro/ by `workledger schemas ship`."""

from typing import Literal

from schemas.event import Event


class TaskClaimExpired(Event, frozen=True, kw_only=True):
    """The time of a claim has passed, says the ticker; the task is open again."""

    claim_id: str


class TaskClaimed(Event, frozen=True, kw_only=True):
    """An expert asks for the task; the first claim in the log has it."""

    claim_id: str
    expert_id: str
    expires_at: int


class TaskPublished(Event, frozen=True, kw_only=True):
    """A piece of work is put up for experts to claim."""

    project_id: str
    unit_id: str
    kind: str
    domain: str
    reference_label: str | None = None


class TaskReleased(Event, frozen=True, kw_only=True):
    """The expert gives the task back unfinished."""

    claim_id: str


class TaskReviewed(Event, frozen=True, kw_only=True):
    """Another expert or a person of staff reviews a submission."""

    submission_id: str
    expert_id: str
    verdict: Literal["accepted", "rework", "rejected"]
    score_bp: int
    reviewer_id: str


class TaskReworkRequested(Event, frozen=True, kw_only=True):
    """The submission goes back to its expert for another try."""

    submission_id: str
    reason: str


class TaskSubmitted(Event, frozen=True, kw_only=True):
    """An expert hands in a task. What is measured is how the answer came about, never the answer
    itself.
    """

    submission_id: str
    expert_id: str
    session_id: str | None = None
    answer_sha256: bytes
    labels: list[str]
    active_ms: int
    answer_chars: int
    typed_chars: int | None = None
    pasted_chars: int | None = None
    pasted_after_focus_loss_chars: int | None = None
    input_method: Literal["unknown", "keyboard", "dictation", "input_method_editor"]
