"""Approvals and holds: facts of their own, laid over the lines when these are read.

A hold covers the lines in its scope whether they were recorded before or after it, so no line is
touched when it is placed; it stops a payment and changes nothing of what is owed.
"""

from projections.emit import Emit
from projections.payout.lines import without_effect
from projections.payout.rows import Approval, HoldChange
from projections.payout.state import Expert, Hold, payout


@payout.on("TimeEntryApproved")
def time_entry_approved(
    expert: Expert, emit: Emit, subject_id: str, entry_id: str, occurred_at: int, actor: str
) -> None:
    """Its payable lines need not wait for the review window."""
    emit(Approval(subject_id, entry_id, occurred_at, actor))


@payout.on("PayoutHoldPlaced")
def payout_hold_placed(
    expert: Expert,
    hold: Hold,
    emit: Emit,
    subject_id: str,
    hold_id: str,
    scope: str,
    scope_ids: list[str],
    reason: str,
    review_by: int,
    placed_by: str,
) -> None:
    """The lines in its scope are held until it is released or `review_by` has passed."""
    hold.placed_by = hold.placed_by or placed_by
    for scope_id in [""] if scope == "all" else scope_ids:
        emit(
            HoldChange(hold_id, subject_id, "placed", scope, scope_id, reason, review_by, placed_by)
        )


@payout.on("PayoutHoldExtended")
def payout_hold_extended(
    expert: Expert,
    hold: Hold,
    emit: Emit,
    subject_id: str,
    hold_id: str,
    review_by: int,
    reason: str,
    extended_by: str,
) -> None:
    """It holds until another time, if it is another person who says so."""
    if not hold.placed_by or extended_by == hold.placed_by:
        same = "who placed a hold does not extend it"
        why = same if hold.placed_by else "no such hold stands earlier in the log"
        without_effect(emit, subject_id, "PayoutHoldExtended", "", why)
        return
    emit(HoldChange(hold_id, subject_id, "extended", "", "", reason, review_by, extended_by))


@payout.on("PayoutHoldReleased")
def payout_hold_released(
    expert: Expert, emit: Emit, subject_id: str, hold_id: str, released_by: str, occurred_at: int
) -> None:
    """What it held is payable again."""
    emit(HoldChange(hold_id, subject_id, "released", "", "", "", occurred_at, released_by))
