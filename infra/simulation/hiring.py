"""From sourcing to the first day: interview by a machine, terms, and what is watched.

Of a hundred who are sourced about seventy apply, sixty are interviewed, thirty-six pass, and thirty
accept the terms. Who asks for other terms is declined by machine, and accepts or forfeits.
"""

from __future__ import annotations

import hashlib
import random
from typing import NamedTuple

from infra.simulation.marketplace import (
    CHANNELS,
    CLAUSES,
    CURRENCY,
    HOUR_US,
    MINUTE_US,
    NOTICE_SHA256,
    SECOND_US,
    START_US,
    TERMS_VERSION,
    WEEK_US,
    Home,
    Project,
    wait_us,
)
from infra.simulation.told import Diary
from schemas.events import (
    ApplicationSubmitted,
    AvailabilityDeclared,
    CandidateSourced,
    ExpertHired,
    IdentityVerified,
    InterviewCompleted,
    InterviewDecided,
    InterviewScheduled,
    InterviewScored,
    InterviewStarted,
    MonitoringDisclosed,
    NegotiationDeclined,
    NegotiationRequested,
    OfferExtended,
    OfferForfeited,
    ProctoringSignalRecorded,
    ProjectStaffed,
    RateAgreed,
    TermsAccepted,
    TermsPresented,
)

APPLIES, INTERVIEWED, PASSES = 0.7, 0.86, 0.6
NEGOTIATES, ACCEPTS, FORFEITS_DECLINED = 0.2, 0.88, 0.3
PASS_BP = 6_000
"""A score from here on passes."""
REVIEWED_BY_PERSON_BP = 5_500
"""Scores between this and the pass mark, and every signal, are decided by a person."""
SIGNAL_SHARE = 0.08
SIGNALS = ("second_voice", "gaze_away", "screen_reflection", "long_pause")
LEAD_WEEKS = 4


class Person(NamedTuple):
    """Who a candidate is."""

    expert_id: str
    project: Project
    home: Home
    rate_minor_per_hour: int
    hours_per_week: int

    @property
    def actor(self) -> str:
        """What an event says that the person told."""
        return f"expert:{self.expert_id}"


def hire(person: Person, diary: Diary, dice: random.Random) -> int | None:
    """Tell how a candidate comes to work; answers when they start (µs), or nothing."""
    who, project, day_us = person.expert_id, person.project, 24 * HOUR_US
    domain = project.domain.name
    at = START_US - LEAD_WEEKS * WEEK_US + dice.randrange(3 * WEEK_US // SECOND_US) * SECOND_US
    diary.tell(who, at, CandidateSourced(channel=dice.choice(CHANNELS), domains=[domain]))
    if dice.random() > APPLIES:
        return None
    at += wait_us(dice, day_us // 2)
    diary.tell(who, at, ApplicationSubmitted(listing_id=f"listing-{domain}", domain=domain))
    if dice.random() > INTERVIEWED:
        return None
    at = _interview(person, diary, dice, at + wait_us(dice, day_us))
    if not at:
        return None
    outcome = "verified" if dice.random() < 0.98 else "failed"
    at += 2 * HOUR_US
    diary.tell(who, at, IdentityVerified(provider="identity-provider", outcome=outcome))
    if outcome == "failed" or not (at := _sign(person, diary, dice, at + 6 * HOUR_US)):
        return None
    hired = ExpertHired(domains=[domain], country=person.home.country, home_zone=person.home.zone)
    diary.tell(who, at, hired)
    diary.tell(who, at, ProjectStaffed(project_id=project.project_id))
    notice = MonitoringDisclosed(notice_version="1", notice_sha256=NOTICE_SHA256)
    diary.tell(who, at, notice)
    agreed = RateAgreed(
        rate_id=f"rate-{who}-1", project_id=project.project_id,
        rate_minor_per_hour=person.rate_minor_per_hour, currency=CURRENCY, effective_from=at,
    )  # fmt: skip
    diary.tell(who, at, agreed)
    available = AvailabilityDeclared(
        ms_per_week=person.hours_per_week * HOUR_US // 1000, effective_from=at
    )
    diary.tell(who, at + 10 * MINUTE_US, available, actor=person.actor)
    return at + HOUR_US


def _interview(person: Person, diary: Diary, dice: random.Random, at: int) -> int:
    """The interview by an AI proctor; answers when it was passed, or 0."""
    who, interview = person.expert_id, f"interview-{person.expert_id}"
    starts = at + 24 * HOUR_US
    scheduled = InterviewScheduled(
        interview_id=interview, domain=person.project.domain.name, starts_at=starts
    )
    diary.tell(who, at, scheduled)
    diary.tell(who, starts, InterviewStarted(interview_id=interview), actor="system:proctor")
    length_us = dice.randint(18, 45) * MINUTE_US
    has_signal = dice.random() < SIGNAL_SHARE
    if has_signal:
        signal = ProctoringSignalRecorded(
            interview_id=interview, kind=dice.choice(SIGNALS), score_bp=dice.randint(4_000, 9_500)
        )
        diary.tell(who, starts + length_us // 2, signal, actor="system:proctor")
    at = starts + length_us
    recording = hashlib.sha256(interview.encode()).digest()
    completed = InterviewCompleted(
        interview_id=interview, duration_ms=length_us // 1000, recording_sha256=recording
    )
    diary.tell(who, at, completed, actor="system:proctor")
    spread = dice.betavariate(6, 3)
    score = int(PASS_BP + spread * (10_000 - PASS_BP)) if dice.random() < PASSES else int(
        spread * PASS_BP
    )  # fmt: skip
    scored = InterviewScored(
        interview_id=interview, score_bp=score, rubric_version="3", model_version="proctor-7"
    )
    diary.tell(who, at + MINUTE_US, scored, actor="system:proctor")
    by_person = has_signal or REVIEWED_BY_PERSON_BP <= score < PASS_BP
    is_passed = score >= PASS_BP
    decided = InterviewDecided(
        interview_id=interview, outcome="passed" if is_passed else "failed",
        decided_by="staff:reviewer" if by_person else "system:proctor", human_review=by_person,
    )  # fmt: skip
    at += 20 * HOUR_US if by_person else 2 * MINUTE_US
    diary.tell(who, at, decided)
    return at if is_passed else 0


def _sign(person: Person, diary: Diary, dice: random.Random, at: int) -> int:
    """Offer and terms; answers when they were accepted, or 0."""
    who, project, offer = person.expert_id, person.project, f"offer-{person.expert_id}"
    extended = OfferExtended(
        offer_id=offer, project_id=project.project_id, domain=project.domain.name,
        rate_minor_per_hour=person.rate_minor_per_hour, currency=CURRENCY,
        expires_at=at + WEEK_US,
    )  # fmt: skip
    diary.tell(who, at, extended)
    presented = TermsPresented(
        offer_id=offer, project_id=project.project_id, terms_version=TERMS_VERSION,
        terms_sha256=project.terms_sha256, ip_scope="project",
    )  # fmt: skip
    diary.tell(who, at + MINUTE_US, presented)
    at += wait_us(dice, 8 * HOUR_US)
    accepts = ACCEPTS
    if dice.random() < NEGOTIATES:
        clause = dice.choice(CLAUSES)
        diary.tell(who, at, NegotiationRequested(offer_id=offer, clause=clause), actor=person.actor)
        declined = NegotiationDeclined(
            offer_id=offer, clause=clause, policy_version="1", automatic=True
        )
        diary.tell(who, at + 2 * SECOND_US, declined, actor="system:terms")
        accepts = 1 - FORFEITS_DECLINED
        at += wait_us(dice, 12 * HOUR_US)
    if dice.random() > accepts:
        forfeited = OfferForfeited(
            offer_id=offer, reason="declined" if dice.random() < 0.6 else "expired"
        )
        diary.tell(who, at + WEEK_US, forfeited)
        return 0
    accepted = TermsAccepted(
        offer_id=offer, project_id=project.project_id, terms_version=TERMS_VERSION,
        terms_sha256=project.terms_sha256, signature_ref=f"signature-{who}",
    )  # fmt: skip
    diary.tell(who, at + 5 * MINUTE_US, accepted, actor=person.actor)
    return at + 10 * MINUTE_US
