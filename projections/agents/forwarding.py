"""The forwarding agents: what lies under one subject and another must know, sent on as it is."""

from projections.agents.state import Naming, Sighting, Symbol, agents, with_token
from projections.emit import Emit
from schemas.events import (
    BilledEntryForwarded,
    ExpertStaffed,
    ExpertUnstaffed,
    SubmissionForwarded,
    TokenSeen,
)


@agents.on("ProjectStaffed")
def project_staffed(emit: Emit, subject_id: str, project_id: str) -> None:
    """The project must know whom to tell of its policies."""
    emit.forward(ExpertStaffed(expert_id=subject_id), project_id)


@agents.on("ProjectUnstaffed")
def project_unstaffed(emit: Emit, subject_id: str, project_id: str) -> None:
    """The project tells the expert no more."""
    emit.forward(ExpertUnstaffed(expert_id=subject_id), project_id)


@agents.on("TimeEntryRecorded")
def time_entry_recorded(
    emit: Emit,
    subject_id: str,
    entry_id: str,
    project_id: str,
    billable: bool,
    started_at: int,
    ended_at: int,
) -> None:
    """The detectors on activity hold a billable entry against what was seen meanwhile."""
    if billable:
        entry = BilledEntryForwarded(
            entry_id=entry_id, started_at=started_at, ended_at=ended_at, project_id=project_id
        )
        emit.forward(entry, subject_id)


@agents.on("SubmissionRecorded")
def submission_recorded(
    emit: Emit,
    subject_id: str,
    task_id: str,
    submission_id: str,
    project_id: str,
    kind: str,
    session_id: str | None,
    active_ms: int,
    answer_chars: int,
    typed_chars: int | None,
    pasted_chars: int | None,
    pasted_after_focus_loss_chars: int | None,
    input_method: Symbol,
) -> None:
    """The detectors on activity hold a submission against how it was typed."""
    emit.forward(
        SubmissionForwarded(
            task_id=task_id,
            submission_id=submission_id,
            project_id=project_id,
            kind=kind,
            session_id=session_id,
            active_ms=active_ms,
            answer_chars=answer_chars,
            typed_chars=typed_chars,
            pasted_chars=pasted_chars,
            pasted_after_focus_loss_chars=pasted_after_focus_loss_chars,
            input_method=input_method,
        ),
        subject_id,
    )


@agents.on("PayoutDestinationChanged", naming=with_token("destination_token"))
def payout_destination_changed(
    naming: Naming, emit: Emit, subject_id: str, destination_token: str
) -> None:
    """Whose account it is besides is for the token's own partition to tell."""
    tell_once(naming, emit, destination_token, "destination", subject_id)


@agents.on(
    "TimeSessionStarted", device=with_token("device_token"), network=with_token("network_token")
)
def time_session_started(
    device: Naming,
    network: Naming,
    emit: Emit,
    subject_id: str,
    device_token: str,
    network_token: str,
) -> None:
    """A session is a sighting of its device and its network."""
    tell_once(device, emit, device_token, "device", subject_id)
    tell_once(network, emit, network_token, "network", subject_id)


@agents.on("DeviceSighted", device=with_token("device_token"), network=with_token("network_token"))
def device_sighted(
    device: Sighting,
    network: Sighting,
    emit: Emit,
    subject_id: str,
    device_token: str,
    network_token: str,
) -> None:
    """The first sighting of a token with an expert is told on, the thousands after it are not."""
    tell_once(device, emit, device_token, "device", subject_id)
    tell_once(network, emit, network_token, "network", subject_id)


def tell_once(
    known: Sighting | Naming, emit: Emit, token: str, kind: Symbol, expert_id: str
) -> None:
    """Tell the token's partition of the expert, the first time."""
    if not known.is_told:
        known.is_told = True
        emit.forward(TokenSeen(token=token, kind=kind, expert_id=expert_id), token, kind.encode())
