"""Hiring: each step that a candidate takes, in the domain that it is about."""

from typing import Any

from projections.emit import Emit
from projections.utilization.rows import HiringStep
from projections.utilization.state import Interview, Offer, utilization


@utilization.on("CandidateSourced")
def candidate_sourced(emit: Emit, subject_id: str, occurred_at: int, domains: list[str]) -> None:
    """The candidate is known, in each of their domains."""
    for domain in domains:
        emit(HiringStep(subject_id, domain, "sourced", "", occurred_at))


@utilization.on("ApplicationSubmitted")
def application_submitted(
    emit: Emit, subject_id: str, occurred_at: int, listing_id: str, domain: str
) -> None:
    """The candidate applies."""
    emit(HiringStep(subject_id, domain, "applied", listing_id, occurred_at))


@utilization.on("InterviewScheduled")
def interview_scheduled(interview: Interview, domain: str) -> None:
    """What is said of the interview from here on is about this domain."""
    interview.domain = domain


@utilization.on("InterviewCompleted")
def interview_completed(
    interview: Interview, emit: Emit, subject_id: str, occurred_at: int, interview_id: str
) -> None:
    """The candidate is interviewed."""
    emit(HiringStep(subject_id, interview.domain, "interviewed", interview_id, occurred_at))


@utilization.on("InterviewDecided")
def interview_decided(
    interview: Interview,
    emit: Emit,
    subject_id: str,
    occurred_at: int,
    interview_id: str,
    outcome: Any,
) -> None:
    """The candidate has passed, or has not."""
    emit(HiringStep(subject_id, interview.domain, outcome, interview_id, occurred_at))


@utilization.on("InterviewVoided")
def interview_voided(
    interview: Interview, emit: Emit, subject_id: str, occurred_at: int, interview_id: str
) -> None:
    """The interview and its outcome count for nothing."""
    emit(HiringStep(subject_id, interview.domain, "voided", interview_id, occurred_at))


@utilization.on("OfferExtended")
def offer_extended(
    offer: Offer, emit: Emit, subject_id: str, occurred_at: int, offer_id: str, domain: str
) -> None:
    """The candidate is offered work; the answer will be about this domain."""
    offer.domain = domain
    emit(HiringStep(subject_id, domain, "offered", offer_id, occurred_at))


@utilization.on("TermsAccepted")
def terms_accepted(
    offer: Offer, emit: Emit, subject_id: str, occurred_at: int, offer_id: str
) -> None:
    """The candidate signs."""
    emit(HiringStep(subject_id, offer.domain, "terms_accepted", offer_id, occurred_at))


@utilization.on("OfferForfeited")
def offer_forfeited(
    offer: Offer, emit: Emit, subject_id: str, occurred_at: int, offer_id: str
) -> None:
    """The candidate leaves the offer."""
    emit(HiringStep(subject_id, offer.domain, "forfeited", offer_id, occurred_at))


@utilization.on("OfferWithdrawn")
def offer_withdrawn(
    offer: Offer, emit: Emit, subject_id: str, occurred_at: int, offer_id: str
) -> None:
    """The marketplace takes the offer back."""
    emit(HiringStep(subject_id, offer.domain, "withdrawn", offer_id, occurred_at))


@utilization.on("ExpertHired")
def expert_hired(emit: Emit, subject_id: str, occurred_at: int, domains: list[str]) -> None:
    """The candidate is an expert, in each of their domains."""
    for domain in domains:
        emit(HiringStep(subject_id, domain, "hired", "", occurred_at))
