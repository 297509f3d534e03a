"""Who may be paid: hiring, suspension, staffing, terms, policies and caps."""

from collections.abc import Sequence

from projections.payout.pricing import in_force, insert_by_time
from projections.payout.state import (
    Cap,
    Change,
    Engagement,
    Expert,
    Policy,
    Terms,
    TermsInForce,
    payout,
)


@payout.on("ExpertHired")
def expert_hired(expert: Expert, occurred_at: int) -> None:
    """Hours from here on are an expert's; of two hires the earlier counts."""
    if expert.hired_from is None or occurred_at < expert.hired_from:
        expert.hired_from = occurred_at


@payout.on("ExpertSuspended")
def expert_suspended(expert: Expert, occurred_at: int) -> None:
    """Hours from here on wait."""
    _change(expert.standing, occurred_at, "suspended")


@payout.on("ExpertReinstated")
def expert_reinstated(expert: Expert, occurred_at: int) -> None:
    """Hours from here on may be paid again."""
    _change(expert.standing, occurred_at, "")


@payout.on("ExpertOffboarded")
def expert_offboarded(expert: Expert, occurred_at: int) -> None:
    """Hours from here on wait."""
    _change(expert.standing, occurred_at, "offboarded")


@payout.on("ProjectStaffed")
def project_staffed(expert: Expert, occurred_at: int, project_id: str) -> None:
    """Hours on the project from here on may be paid."""
    _change(expert.engagement(project_id).staffing, occurred_at, "")


@payout.on("ProjectUnstaffed")
def project_unstaffed(expert: Expert, occurred_at: int, project_id: str) -> None:
    """Hours on the project from here on wait."""
    _change(expert.engagement(project_id).staffing, occurred_at, "not_staffed")


@payout.on("TermsAccepted")
def terms_accepted(expert: Expert, occurred_at: int, project_id: str, terms_sha256: bytes) -> None:
    """Entries that begin from here on are under these terms."""
    engagement = expert.engagement(project_id)
    engagement.terms.append(Terms(occurred_at, terms_sha256))
    engagement.terms.sort(key=lambda terms: terms.accepted_at)


@payout.on("ProjectTermsInForce")
def project_terms_in_force(
    expert: Expert, offset: int, project_id: str, terms_sha256: bytes, effective_from: int
) -> None:
    """Entries that stand later in the log, and begin from here on, need these terms accepted."""
    in_force = expert.engagement(project_id).terms_in_force
    insert_by_time(in_force, TermsInForce(effective_from, offset, terms_sha256))


@payout.on("PayPolicyApplied")
def pay_policy_applied(
    expert: Expert,
    offset: int,
    project_id: str,
    policy_version: str,
    increment_ms: int,
    rounding: str,
    review_window_ms: int,
    week_starts_on: str,
    zone: str,
    weekly_cap_ms: int | None,
    effective_from: int,
) -> None:
    """Entries that stand later in the log, and begin from here on, are under this policy."""
    engagement = expert.engagement(project_id)
    if weekly_cap_ms is not None or engagement.caps:
        _cap(engagement, Cap(effective_from, offset, weekly_cap_ms))
    insert_by_time(
        engagement.policies,
        Policy(
            effective_from, offset, policy_version, increment_ms, review_window_ms,
            week_starts_on, zone, rounding == "half_even",
        ),
    )  # fmt: skip


@payout.on("WeeklyCapChanged")
def weekly_cap_changed(
    expert: Expert, offset: int, project_id: str, cap_ms: int, effective_from: int
) -> None:
    """Of each week from here on, so much may be paid without a person."""
    _cap(expert.engagement(project_id), Cap(effective_from, offset, cap_ms))


def _cap(engagement: Engagement, cap: Cap) -> None:
    """Note a cap; with the first one, that the policies before it in the log have none."""
    if not engagement.caps:
        engagement.caps = [Cap(one.effective_from, one.offset, None) for one in engagement.policies]
    insert_by_time(engagement.caps, cap)


def terms_before(engagement: Engagement, started_at: int) -> Terms | None:
    """The terms accepted before the entry began: those in force then, or the last where none is."""
    asked = in_force(engagement.terms_in_force, started_at)
    for terms in reversed(engagement.terms):
        if terms.accepted_at <= started_at and (asked is None or terms.sha256 == asked.sha256):
            return terms
    return None


def policy_at(engagement: Engagement, started_at: int) -> Policy | None:
    """The pay policy of an entry that begins then; none where the project has none."""
    return in_force(engagement.policies, started_at)


def reasons_to_wait(
    expert: Expert, engagement: Engagement, terms: Terms | None, started_at: int
) -> list[str]:
    """Why an entry that begins then is not payable: how the expert stands, then the terms."""
    standing = _not_standing(expert, engagement, started_at)
    reasons = [standing] if standing else []
    return reasons if terms else [*reasons, "awaiting_terms"]


def _not_standing(expert: Expert, engagement: Engagement, started_at: int) -> str:
    """The first that applies, since one exception is for all of them; empty if none does."""
    if expert.hired_from is None or started_at < expert.hired_from:
        return "not_hired"
    if expert.standing and (reason := _state_at(expert.standing, started_at, "")):
        return reason
    return _state_at(engagement.staffing, started_at, "not_staffed")


def _change(changes: list[Change], at: int, state: str) -> None:
    """Note a change; of two at one instant, the later in the log counts."""
    changes.append(Change(at, state))
    changes.sort(key=lambda change: change.at)


def _state_at(changes: Sequence[Change], at: int, before: str) -> str:
    """The state at an instant; `before` where it lies before every change."""
    for change in reversed(changes):
        if change.at <= at:
            return change.state
    return before
