"""Claims: what the tasks agent answered each expert, and which task it was about."""

from typing import Any

from projections.emit import Emit
from projections.utilization.rows import ClaimChange, PublishedTask
from projections.utilization.state import Claim, utilization


@utilization.on("TaskPublished")
def task_published(
    emit: Emit, subject_id: str, occurred_at: int, project_id: str, kind: str, domain: str
) -> None:
    """The task is up for claims."""
    emit(PublishedTask(subject_id, project_id, kind, domain, occurred_at))


@utilization.on("TaskClaimGranted")
def task_claim_granted(
    claim: Claim, emit: Emit, subject_id: str, occurred_at: int, task_id: str
) -> None:
    """The expert holds the task."""
    claim.claimed_at = occurred_at
    emit(ClaimChange(subject_id, task_id, "granted", occurred_at, occurred_at))


@utilization.on("TaskClaimRefused")
def task_claim_refused(emit: Emit, subject_id: str, occurred_at: int, task_id: str) -> None:
    """Somebody else holds the task."""
    emit(ClaimChange(subject_id, task_id, "refused", occurred_at, occurred_at))


@utilization.on("TaskClaimEnded")
def task_claim_ended(
    claim: Claim, emit: Emit, subject_id: str, occurred_at: int, task_id: str, reason: Any
) -> None:
    """The expert no longer holds the task: submitted, released or expired."""
    emit(ClaimChange(subject_id, task_id, reason, claim.claimed_at, occurred_at))
