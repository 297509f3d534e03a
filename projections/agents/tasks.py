"""The tasks agent: the first claim in the log has the task; claimants and submitters are told."""

from projections.agents.state import Symbol, Task, TaskClaim, agents
from projections.emit import Emit
from schemas.events import (
    ReviewRecorded,
    SubmissionRecorded,
    TaskClaimEnded,
    TaskClaimGranted,
    TaskClaimRefused,
)


@agents.on("TaskPublished")
def task_published(task: Task, project_id: str, kind: str) -> None:
    """From here on the task can be claimed."""
    task.project_id, task.kind = project_id, kind


@agents.on("TaskClaimed")
def task_claimed(
    task: Task,
    emit: Emit,
    appended_at: int,
    subject_id: str,
    claim_id: str,
    expert_id: str,
    expires_at: int,
) -> None:
    """Grant the task if it is open; a claim whose time has passed in the log holds nothing."""
    if task.claim_id and task.expires_at <= appended_at:
        end_claim(task, emit, subject_id, "expired")
    is_open = bool(task.project_id) and not task.claim_id and not task.is_submitted
    change = "granted" if is_open else "refused"
    emit(TaskClaim(subject_id, claim_id, expert_id, change, "", expires_at))
    if is_open:
        task.claim_id, task.expert_id, task.expires_at = claim_id, expert_id, expires_at
        emit.forward(TaskClaimGranted(task_id=subject_id, project_id=task.project_id), expert_id)
    else:
        emit.forward(TaskClaimRefused(task_id=subject_id, held_by=task.expert_id), expert_id)


@agents.on("TaskReleased")
def task_released(task: Task, emit: Emit, subject_id: str, claim_id: str) -> None:
    """The task is open again."""
    if task.claim_id == claim_id:
        end_claim(task, emit, subject_id, "released")


@agents.on("TaskClaimExpired")
def task_claim_expired(
    task: Task, emit: Emit, appended_at: int, subject_id: str, claim_id: str
) -> None:
    """The ticker says that the time has passed; by the time of the log it must have."""
    if task.claim_id == claim_id and task.expires_at <= appended_at:
        end_claim(task, emit, subject_id, "expired")


@agents.on("TaskSubmitted")
def task_submitted(
    task: Task,
    emit: Emit,
    subject_id: str,
    submission_id: str,
    expert_id: str,
    session_id: str | None,
    active_ms: int,
    answer_chars: int,
    typed_chars: int | None,
    pasted_chars: int | None,
    pasted_after_focus_loss_chars: int | None,
    input_method: Symbol,
) -> None:
    """Tell the expert's own partition; the claim has done its work."""
    emit.forward(
        SubmissionRecorded(
            task_id=subject_id,
            submission_id=submission_id,
            project_id=task.project_id or UNKNOWN,
            kind=task.kind or UNKNOWN,
            session_id=session_id,
            active_ms=active_ms,
            answer_chars=answer_chars,
            typed_chars=typed_chars,
            pasted_chars=pasted_chars,
            pasted_after_focus_loss_chars=pasted_after_focus_loss_chars,
            input_method=input_method,
        ),
        expert_id,
    )
    if task.claim_id and task.expert_id == expert_id:
        end_claim(task, emit, subject_id, "submitted")
        task.is_submitted = True


@agents.on("TaskReviewed")
def task_reviewed(
    emit: Emit, submission_id: str, expert_id: str, verdict: Symbol, score_bp: int
) -> None:
    """Tell the expert who had submitted it."""
    review = ReviewRecorded(submission_id=submission_id, verdict=verdict, score_bp=score_bp)
    emit.forward(review, expert_id)


UNKNOWN = "unknown"
"""The project and kind of a task that was never published."""


def end_claim(task: Task, emit: Emit, task_id: str, reason: Symbol) -> None:
    """Tell the holder that the claim is over, and open the task."""
    emit(TaskClaim(task_id, task.claim_id, task.expert_id, "ended", reason, task.expires_at))
    emit.forward(TaskClaimEnded(task_id=task_id, reason=reason), task.expert_id)
    task.claim_id = ""
