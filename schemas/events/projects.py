"""The events of workforce.projects, made from schemas/avro/ by `workledger schemas ship`."""

from typing import Literal

from schemas.event import Event


class DomainRatePublished(Event, frozen=True, kw_only=True):
    """What the project pays for an hour of a field of knowledge; an expert's own rate goes
    before it.
    """

    domain: str
    rate_minor_per_hour: int
    currency: str
    effective_from: int


class ExpertStaffed(Event, frozen=True, kw_only=True):
    """An expert is put on the project: forwarded from workforce.experts, so that the projects
    agent can answer with policy and terms. Derived from `ProjectStaffed`.
    """

    expert_id: str


class ExpertUnstaffed(Event, frozen=True, kw_only=True):
    """An expert is taken off the project: forwarded from workforce.experts. Derived from
    `ProjectUnstaffed`.
    """

    expert_id: str


class ProjectClosed(Event, frozen=True, kw_only=True):
    """The project ends; nothing more is claimed or tracked on it."""

    reason: str


class ProjectOpened(Event, frozen=True, kw_only=True):
    """A client's project begins."""

    name: str
    client: str
    domain: str
    budget_minor: int | None = None
    currency: str


class ProjectPolicyPublished(Event, frozen=True, kw_only=True):
    """How the project's hours are rounded, reviewed, capped and helped from now on. The projects
    agent tells each expert who is staffed.
    """

    policy_version: str
    increment_ms: int
    rounding: Literal["half_away_from_zero", "half_even"]
    review_window_ms: int
    weekly_cap_ms: int | None = None
    week_starts_on: Literal[
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
    ]
    zone: str
    ai_assistance: Literal["none", "language_only", "allowed"]
    effective_from: int


class TermsPublished(Event, frozen=True, kw_only=True):
    """The terms that experts of the project are asked to sign; they cover this project and no
    other.
    """

    terms_version: str
    terms_sha256: bytes
    ip_scope: Literal["project", "client", "unrestricted"]
