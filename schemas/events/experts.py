"""The events of workforce.experts, made from schemas/avro/ by `workledger schemas ship`."""

from typing import Literal

import msgspec

from schemas.event import Event


class AdjustmentPosted(Event, frozen=True, kw_only=True):
    """An amount is added to what the expert is owed, or taken from it, outside of any hour; with
    a second person's approval.
    """

    adjustment_id: str
    amount_minor: int
    currency: str
    reason: str
    approved_by: str


class AlertJoinedCase(Event, frozen=True, kw_only=True):
    """Another alert joins an open case."""

    case_id: str
    alert_id: str


class AppealDecided(Event, frozen=True, kw_only=True):
    """Somebody else than before decides the appeal."""

    case_id: str
    outcome: Literal["upheld", "overturned", "partly_overturned"]
    decided_by: str


class AppealFiled(Event, frozen=True, kw_only=True):
    """The expert appeals against a decision, which opens the case again."""

    case_id: str
    grounds: str


class ApplicationSubmitted(Event, frozen=True, kw_only=True):
    """The candidate applies for a listing of the marketplace."""

    listing_id: str
    domain: str


class AuditConcluded(Event, frozen=True, kw_only=True):
    """A random audit comes to its end."""

    audit_id: str
    label: Literal["fraud", "not_fraud", "inconclusive"]


class AuditSampled(Event, frozen=True, kw_only=True):
    """Entries are drawn at random for a look, whatever the detectors say: the only honest
    measure of what they miss.
    """

    audit_id: str
    entry_ids: list[str]
    probability: float


class AvailabilityDeclared(Event, frozen=True, kw_only=True):
    """The expert says how much they mean to work."""

    project_id: str | None = None
    ms_per_week: int
    effective_from: int


class BillableTargetSet(Event, frozen=True, kw_only=True):
    """How large a part of the expert's time ought to be billable, for utilization; it changes
    nobody's pay.
    """

    share_bp: int
    excluded_ms_per_week: int
    effective_from: int


class BonusGranted(Event, frozen=True, kw_only=True):
    """The expert gets money beyond their hours, with a second person's approval."""

    bonus_id: str
    amount_minor: int
    currency: str
    reason: str
    approved_by: str


class CandidateSourced(Event, frozen=True, kw_only=True):
    """A person comes to the marketplace's notice as a possible expert, before they apply."""

    channel: str
    referrer_id: str | None = None
    domains: list[str]


class ClawbackPosted(Event, frozen=True, kw_only=True):
    """Money already earned is claimed back, after notice, with a second person's approval. It is
    set off against later pay up to a share; the rest is a receivable.
    """

    clawback_id: str
    entry_ids: list[str]
    amount_minor: int
    currency: str
    reason: str
    case_id: str | None = None
    appeal_until: int
    approved_by: str


class DisputeResolved(Event, frozen=True, kw_only=True):
    """A dispute over an entry ends."""

    entry_id: str
    outcome: Literal["upheld", "partly_upheld", "rejected"]
    approved_ms: int


class ExceptionApproved(Event, frozen=True, kw_only=True):
    """Two people let hours be paid that a rule holds back. Each kind needs an exception of its
    own.
    """

    entry_id: str
    kind: Literal["over_cap", "overlap", "no_terms", "not_standing", "no_rate", "no_policy"]
    approved_ms: int
    reason: str
    approved_by: str


class ExpertHired(Event, frozen=True, kw_only=True):
    """An expert joins the marketplace; hours before it are not payable."""

    domains: list[str]
    country: str
    home_zone: str


class ExpertNotified(Event, frozen=True, kw_only=True):
    """The expert is told something that concerns them, such as a hold or a failed payout."""

    about: str
    channel: str


class ExpertOffboarded(Event, frozen=True, kw_only=True):
    """The expert leaves the marketplace; what is owed is paid, whatever the minimum."""

    reason: str


class ExpertProfileChanged(Event, frozen=True, kw_only=True):
    """The expert moves, or is found to live elsewhere. What is null stays as it was."""

    country: str | None = None
    home_zone: str | None = None
    effective_from: int


class ExpertReinstated(Event, frozen=True, kw_only=True):
    """A suspension ends."""

    reason: str
    case_id: str | None = None


class ExpertSuspended(Event, frozen=True, kw_only=True):
    """The expert may not work for the time being; hours that begin during it are not payable by
    themselves.
    """

    reason: str
    case_id: str | None = None


class ExplanationGiven(Event, frozen=True, kw_only=True):
    """The expert has answered; the answer itself is kept elsewhere."""

    case_id: str


class ExplanationRequested(Event, frozen=True, kw_only=True):
    """The expert is asked first, before the case is decided."""

    case_id: str


class FraudAlertRaised(Event, frozen=True, kw_only=True):
    """A detector finds something that a person should look at. It decides nothing and withholds
    nothing.
    """

    alert_id: str
    detector: str
    detector_version: str
    mode: Literal["shadow", "live"]
    severity: Literal["low", "medium", "high", "critical"]
    score_bp: int
    reason: str
    entry_ids: list[str]
    evidence_event_ids: list[bytes]


class FraudAlertUpdated(Event, frozen=True, kw_only=True):
    """A late event changes what an alert rests on; this takes the place of what it said."""

    alert_id: str
    severity: Literal["low", "medium", "high", "critical"]
    score_bp: int
    reason: str
    entry_ids: list[str]
    evidence_event_ids: list[bytes]


class FraudAlertWithdrawn(Event, frozen=True, kw_only=True):
    """Its evidence no longer supports an alert, as after a late event."""

    alert_id: str
    reason: str


class FraudCaseAssigned(Event, frozen=True, kw_only=True):
    """A case is given to a person of trust and safety."""

    case_id: str
    staff_id: str


class FraudCaseClaimed(Event, frozen=True, kw_only=True):
    """A person of trust and safety takes a case from the queue: time to a decision runs from
    here.
    """

    case_id: str
    staff_id: str


class AlertLabel(msgspec.Struct, frozen=True, kw_only=True):
    """One alert of the case and what it turned out to be."""

    alert_id: str
    label: Literal["fraud", "not_fraud", "inconclusive"]


class FraudCaseDecided(Event, frozen=True, kw_only=True):
    """A person decides a case, and says of each alert whether it was right: these labels are
    what detectors are measured by.
    """

    case_id: str
    outcome: Literal["fraud", "not_fraud", "inconclusive"]
    alert_labels: list[AlertLabel]
    decided_by: str
    note: str


class FraudCaseOpened(Event, frozen=True, kw_only=True):
    """Alerts on an expert become a case for a person to decide."""

    case_id: str
    alert_ids: list[str]
    related_expert_ids: list[str]


class HoursReported(Event, frozen=True, kw_only=True):
    """A timecard without clock times: so many hours in a period."""

    report_id: str
    project_id: str
    period_start: int
    period_end: int
    duration_ms: int
    billable: bool


class IdentityRechecked(Event, frozen=True, kw_only=True):
    """The person behind the account is compared again, after the hire: accounts are sold and
    lent.
    """

    reason: str
    outcome: Literal["verified", "failed", "inconclusive"]


class IdentityVerified(Event, frozen=True, kw_only=True):
    """An identity provider compared the person with their document before the hire."""

    provider: str
    outcome: Literal["verified", "failed", "inconclusive"]


class InterviewCompleted(Event, frozen=True, kw_only=True):
    """The interview has come to its end."""

    interview_id: str
    duration_ms: int
    recording_sha256: bytes


class InterviewDecided(Event, frozen=True, kw_only=True):
    """It is decided whether the candidate passes. The event says whether a person looked at the
    machine's verdict.
    """

    interview_id: str
    outcome: Literal["passed", "failed", "inconclusive"]
    decided_by: str
    human_review: bool


class InterviewScheduled(Event, frozen=True, kw_only=True):
    """An interview with the AI proctor is set; no recruiter is in it."""

    interview_id: str
    domain: str
    starts_at: int


class InterviewScored(Event, frozen=True, kw_only=True):
    """The AI proctor scores the interview. The score is an input to a decision, which is an
    event of its own.
    """

    interview_id: str
    score_bp: int
    rubric_version: str
    model_version: str


class InterviewStarted(Event, frozen=True, kw_only=True):
    """The candidate and the AI proctor begin the interview."""

    interview_id: str


class InterviewVoided(Event, frozen=True, kw_only=True):
    """An interview does not count, as where the connection broke or the proctor failed."""

    interview_id: str
    reason: str


class MonitoringDisclosed(Event, frozen=True, kw_only=True):
    """The expert is told what is watched while they work, before any of it is watched: activity,
    devices, screenshots. Activity before it may not be used.
    """

    notice_version: str
    notice_sha256: bytes


class NegotiationAccepted(Event, frozen=True, kw_only=True):
    """The marketplace agrees to what the expert asked for: these terms take the place of those
    presented.
    """

    offer_id: str
    clause: str
    terms_version: str
    terms_sha256: bytes


class NegotiationCountered(Event, frozen=True, kw_only=True):
    """The marketplace answers a request with other terms, which the expert may accept instead."""

    offer_id: str
    clause: str
    terms_version: str
    terms_sha256: bytes


class NegotiationDeclined(Event, frozen=True, kw_only=True):
    """The request is declined, as a rule by machine and at once: the offer stands as it was, to
    accept or forfeit.
    """

    offer_id: str
    clause: str
    policy_version: str
    automatic: bool


class NegotiationRequested(Event, frozen=True, kw_only=True):
    """The expert asks for another wording of a clause."""

    offer_id: str
    clause: str


class OfferExtended(Event, frozen=True, kw_only=True):
    """The marketplace offers the expert work on a project at a rate."""

    offer_id: str
    project_id: str
    domain: str
    rate_minor_per_hour: int
    currency: str
    weekly_cap_ms: int | None = None
    expires_at: int


class OfferForfeited(Event, frozen=True, kw_only=True):
    """The expert does not take the offer: they declined it, or let it expire."""

    offer_id: str
    reason: Literal["declined", "expired"]


class OfferWithdrawn(Event, frozen=True, kw_only=True):
    """The marketplace takes an offer back before it is accepted."""

    offer_id: str


class PayPolicyApplied(Event, frozen=True, kw_only=True):
    """The pay policy of a project as it holds for this expert: the projects agent's answer to
    `ProjectStaffed` and to each new policy. Hours before the first one wait.
    """

    project_id: str
    policy_version: str
    increment_ms: int
    rounding: Literal["half_away_from_zero", "half_even"]
    review_window_ms: int
    week_starts_on: Literal[
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
    ]
    zone: str
    weekly_cap_ms: int | None = None
    ai_assistance: Literal["none", "language_only", "allowed"]
    effective_from: int


class PayoutDestinationChanged(Event, frozen=True, kw_only=True):
    """The expert names another bank destination. It is paid to once it is verified and has
    cooled off.
    """

    destination_token: str
    method: Literal["other", "ach", "sepa", "wire"]
    currency: str


class PayoutDestinationVerified(Event, frozen=True, kw_only=True):
    """The destination is shown to be the expert's own."""

    destination_token: str


class PayoutFailed(Event, frozen=True, kw_only=True):
    """The bank refuses the payout; the amount is payable again."""

    payout_id: str
    code: str


class PayoutHoldExtended(Event, frozen=True, kw_only=True):
    """Another person than the one who placed a hold lets it last longer, with a reason."""

    hold_id: str
    review_by: int
    reason: str
    extended_by: str


class PayoutHoldPlaced(Event, frozen=True, kw_only=True):
    """A person holds back exactly the lines in a scope, recorded before or after, until it is
    reviewed. Fraud never withholds pay by itself.
    """

    hold_id: str
    scope: Literal["entry", "session", "task", "project", "all"]
    scope_ids: list[str]
    reason: str
    case_id: str | None = None
    review_by: int
    placed_by: str


class PayoutHoldReleased(Event, frozen=True, kw_only=True):
    """A hold ends; its lines are payable at the next close."""

    hold_id: str
    released_by: str


class PayoutInitiated(Event, frozen=True, kw_only=True):
    """The intent to pay: the bank is called once the fold has applied it with no pull or hold
    before it in the log.
    """

    payout_id: str


class PayoutPaid(Event, frozen=True, kw_only=True):
    """The bank says that the money has gone."""

    payout_id: str
    paid_at: int


class PayoutParked(Event, frozen=True, kw_only=True):
    """A guard stops one expert's payout for a second look; all others go out. It is no hold for
    fraud.
    """

    payout_id: str
    guard: str
    reason: str
    review_by: int


class PayoutPulled(Event, frozen=True, kw_only=True):
    """A scheduled payout is taken back before it is initiated, as after a change of destination;
    its lines are payable again.
    """

    payout_id: str
    reason: str


class PayoutReturned(Event, frozen=True, kw_only=True):
    """A payout comes back after it was paid; the amount is payable again."""

    payout_id: str
    code: str


class PayoutScheduled(Event, frozen=True, kw_only=True):
    """A closed batch pays the expert: it names each line, and stamps what the close used, so
    that it can be computed again to the cent. Derived from the batch and the expert.
    """

    payout_id: str
    batch_id: str
    line_ids: list[str]
    lines_sha256: bytes
    gross_minor: int
    withheld_minor: int
    net_minor: int
    currency: str
    pay_date: str
    destination_token: str
    tax_policy_version: str | None = None
    guard_policy_version: str | None = None
    minimum_policy_version: str | None = None
    fx_rate_decimal: str | None = None
    settlement_minor: int | None = None
    settlement_currency: str | None = None


class PayoutUnparked(Event, frozen=True, kw_only=True):
    """Two people let a parked payout go."""

    payout_id: str
    approved_by: str


class ProctoringSignalRecorded(Event, frozen=True, kw_only=True):
    """During an interview something is noticed that may mean that the candidate is not alone or
    not the one they say. A signal decides nothing.
    """

    interview_id: str
    kind: str
    score_bp: int


class ProjectStaffed(Event, frozen=True, kw_only=True):
    """The expert is put on a project; hours on it before are not payable by themselves."""

    project_id: str


class ProjectTermsInForce(Event, frozen=True, kw_only=True):
    """The terms that a project asks of this expert from now on: the projects agent's answer.
    Hours under terms that were not accepted wait.
    """

    project_id: str
    terms_version: str
    terms_sha256: bytes
    effective_from: int


class ProjectUnstaffed(Event, frozen=True, kw_only=True):
    """The expert is taken off a project; hours on it that begin later are not payable by
    themselves.
    """

    project_id: str


class QualityFlagRaised(Event, frozen=True, kw_only=True):
    """Somebody finds fault with the expert's work. It never touches pay by itself."""

    flag_id: str
    task_id: str | None = None
    kind: str
    severity: Literal["low", "medium", "high", "critical"]
    raised_by: str


class QualityFlagResolved(Event, frozen=True, kw_only=True):
    """A quality flag is settled."""

    flag_id: str
    outcome: Literal["confirmed", "dismissed"]


class RateAgreed(Event, frozen=True, kw_only=True):
    """The expert's first rate on a project."""

    rate_id: str
    project_id: str
    rate_minor_per_hour: int
    currency: str
    effective_from: int


class RateChanged(Event, frozen=True, kw_only=True):
    """The expert's rate on a project changes from an instant on, with a second person's
    approval. An hour across that instant is split there; where it lies in the past, the
    difference is posted.
    """

    rate_id: str
    project_id: str
    rate_minor_per_hour: int
    currency: str
    effective_from: int
    approved_by: str


class ReceivableWrittenOff(Event, frozen=True, kw_only=True):
    """What the expert owes is given up, with a second person's approval."""

    amount_minor: int
    currency: str
    approved_by: str


class ReviewRecorded(Event, frozen=True, kw_only=True):
    """A reviewer's verdict on a submission of the expert, forwarded from workforce.tasks. A low
    score never touches pay.
    """

    submission_id: str
    verdict: Literal["accepted", "rework", "rejected"]
    score_bp: int


class SanctionsScreened(Event, frozen=True, kw_only=True):
    """The expert is compared with a list of sanctions."""

    list_version: str
    outcome: Literal["clear", "possible_match", "match"]


class SkillGranted(Event, frozen=True, kw_only=True):
    """The expert is found to have a skill, which opens tasks that ask for it. Some gain skills
    on the way.
    """

    skill: str
    level: int
    evidence_id: str | None = None


class SkillRevoked(Event, frozen=True, kw_only=True):
    """A skill is taken back."""

    skill: str
    reason: str


class SubmissionRecorded(Event, frozen=True, kw_only=True):
    """A submission of the expert, forwarded from workforce.tasks: how the answer came about,
    never the answer.
    """

    task_id: str
    submission_id: str
    project_id: str
    kind: str
    session_id: str | None = None
    active_ms: int
    answer_chars: int
    typed_chars: int | None = None
    pasted_chars: int | None = None
    pasted_after_focus_loss_chars: int | None = None
    input_method: Literal["unknown", "keyboard", "dictation", "input_method_editor"]


class TaskClaimEnded(Event, frozen=True, kw_only=True):
    """The expert no longer holds the task. Derived from what ended it."""

    task_id: str
    reason: Literal["submitted", "released", "expired", "other"]


class TaskClaimGranted(Event, frozen=True, kw_only=True):
    """The tasks agent answers a claim: the expert holds the task. Derived from `TaskClaimed`."""

    task_id: str
    project_id: str


class TaskClaimRefused(Event, frozen=True, kw_only=True):
    """The tasks agent answers a claim: somebody else holds the task. Derived from `TaskClaimed`."""

    task_id: str
    held_by: str


class TaxFormFiled(Event, frozen=True, kw_only=True):
    """The expert files a tax form; the withholding of a payout looks at the one in force at its
    date.
    """

    form: str
    regime: str
    residence: str
    expires_at: int | None = None


class TermsAccepted(Event, frozen=True, kw_only=True):
    """The expert signs the terms of one project, as presented: they cannot be negotiated. Hours
    that begin before it wait for terms.
    """

    offer_id: str
    project_id: str
    terms_version: str
    terms_sha256: bytes
    signature_ref: str


class TermsPresented(Event, frozen=True, kw_only=True):
    """The terms of the offer are put before the expert, to take or to leave."""

    offer_id: str
    project_id: str
    terms_version: str
    terms_sha256: bytes
    ip_scope: Literal["project", "client", "unrestricted"]


class TimeEntryAdjusted(Event, frozen=True, kw_only=True):
    """An interval is added to an entry or taken from it, with a second person's approval; it is
    priced like an entry.
    """

    entry_id: str
    started_at: int
    ended_at: int
    sign: Literal["plus", "minus"]
    reason: str
    approved_by: str


class TimeEntryApproved(Event, frozen=True, kw_only=True):
    """A reviewer accepts an entry; it is payable without waiting for its window. It covers
    review alone.
    """

    entry_id: str


class TimeEntryDisputed(Event, frozen=True, kw_only=True):
    """The expert or the client disputes part of an entry; that part waits, the rest is paid."""

    entry_id: str
    disputed_ms: int
    reason: str


class TimeEntryRecorded(Event, frozen=True, kw_only=True):
    """A stretch of time that the expert worked on a project, as tracked, imported or typed in."""

    entry_id: str
    session_id: str | None = None
    project_id: str
    task_id: str | None = None
    activity_kind: str
    billable: bool
    started_at: int
    ended_at: int
    entry_method: Literal["tracker", "import", "manual"]


class TimeEntryRejected(Event, frozen=True, kw_only=True):
    """A reviewer does not accept an entry; it gives its instants up."""

    entry_id: str
    reason: str


class TimeSessionEnded(Event, frozen=True, kw_only=True):
    """The tracker stops."""

    session_id: str
    reason: Literal["stopped", "idle", "lost", "other"]


class TimeSessionStarted(Event, frozen=True, kw_only=True):
    """The expert starts the tracker: from here on activity is watched, as the notice said."""

    session_id: str
    project_id: str
    task_id: str | None = None
    device_token: str
    network_token: str
    country: str | None = None
    zone: str


class TokenShared(Event, frozen=True, kw_only=True):
    """A device, network or destination of the expert is also another's. The tokens agent's
    answer, derived from `TokenSeen`.
    """

    token: str
    kind: Literal["device", "network", "destination"]
    expert_ids: list[str]


class WeekAttested(Event, frozen=True, kw_only=True):
    """Before a close the expert gives their own word on a week: it is all there, nothing was
    worked, or something is missing.
    """

    week_starts_on: str
    answer: Literal["complete", "nothing_worked", "missing"]
    missing_ms: int | None = None


class WeeklyCapChanged(Event, frozen=True, kw_only=True):
    """Another weekly cap of the expert on a project."""

    project_id: str
    cap_ms: int
    effective_from: int


class WellbeingReported(Event, frozen=True, kw_only=True):
    """The expert says how they are; some of what they review is hard to look at."""

    score_bp: int
