"""The projects agent: policy and terms of a project, told to each expert who is staffed on it."""

from bisect import bisect_right

import polars as pl

from projections.agents.state import (
    OpenedProject,
    Policy,
    Project,
    Staffed,
    Symbol,
    agents,
    bucket_of,
    every_bucket,
)
from projections.emit import Emit
from schemas.events import PayPolicyApplied, ProjectTermsInForce

MS_US = 1_000
BUCKET = bucket_of(pl.col("expert_id"))


@agents.on("ProjectOpened")
def project_opened(
    emit: Emit, subject_id: str, occurred_at: int, name: str, client: str, domain: str
) -> None:
    """Tell people which project is of which domain."""
    emit(OpenedProject(subject_id, name, client, domain, occurred_at))


@agents.on("ProjectPolicyPublished", buckets=every_bucket())
def project_policy_published(
    project: Project,
    buckets: list[Staffed],
    emit: Emit,
    subject_id: str,
    policy_version: str,
    increment_ms: int,
    rounding: Symbol,
    review_window_ms: int,
    week_starts_on: Symbol,
    zone: str,
    weekly_cap_ms: int | None,
    ai_assistance: Symbol,
    effective_from: int,
) -> None:
    """Keep the policy, and tell everybody who is staffed."""
    policy = Policy(
        policy_version, increment_ms, rounding, review_window_ms, week_starts_on, zone,
        weekly_cap_ms, ai_assistance, effective_from,
    )  # fmt: skip
    project.policies.insert(position(project.policies, effective_from), policy)
    for bucket in buckets:
        for expert_id in bucket.experts:
            emit.forward(applied(subject_id, policy), expert_id)


@agents.on("TermsPublished", buckets=every_bucket())
def terms_published(
    project: Project,
    buckets: list[Staffed],
    emit: Emit,
    subject_id: str,
    occurred_at: int,
    terms_version: str,
    terms_sha256: bytes,
) -> None:
    """Keep the terms, and tell everybody who is staffed."""
    project.terms = (terms_version, terms_sha256, occurred_at // MS_US * MS_US)
    for bucket in buckets:
        for expert_id in bucket.experts:
            emit.forward(in_force(subject_id, project.terms), expert_id)


@agents.on("ExpertStaffed", bucket=BUCKET)
def expert_staffed(
    project: Project,
    bucket: Staffed,
    emit: Emit,
    subject_id: str,
    occurred_at: int,
    expert_id: str,
) -> None:
    """Answer with the policy in force then, those to come, and the terms."""
    bucket.experts.setdefault(expert_id, occurred_at)
    first = max(position(project.policies, occurred_at) - 1, 0)
    told_of = set[str]()
    for policy in project.policies[first:]:
        part = version = policy.policy_version
        if version in told_of:  # published again from another time on: another event
            part = f"{version} from {policy.effective_from}"
        told_of.add(version)
        emit.forward(applied(subject_id, policy), expert_id, part.encode())
    if project.terms:
        emit.forward(in_force(subject_id, project.terms), expert_id)


@agents.on("ExpertUnstaffed", bucket=BUCKET)
def expert_unstaffed(bucket: Staffed, expert_id: str) -> None:
    """The expert is told no more."""
    bucket.experts.pop(expert_id, None)


def position(policies: list[Policy], effective_from: int) -> int:
    """Behind the last policy that is in force at an instant."""
    return bisect_right(policies, effective_from, key=lambda policy: policy.effective_from)


def applied(project_id: str, policy: Policy) -> PayPolicyApplied:
    """The policy as an expert hears of it."""
    return PayPolicyApplied(
        project_id=project_id,
        policy_version=policy.policy_version,
        increment_ms=policy.increment_ms,
        rounding=policy.rounding,
        review_window_ms=policy.review_window_ms,
        week_starts_on=policy.week_starts_on,
        zone=policy.zone,
        weekly_cap_ms=policy.weekly_cap_ms,
        ai_assistance=policy.ai_assistance,
        effective_from=policy.effective_from,
    )


def in_force(project_id: str, terms: tuple[str, bytes, int]) -> ProjectTermsInForce:
    """The terms as an expert hears of them."""
    version, sha256, effective_from = terms
    return ProjectTermsInForce(
        project_id=project_id,
        terms_version=version,
        terms_sha256=sha256,
        effective_from=effective_from,
    )
