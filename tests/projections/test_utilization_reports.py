"""Reports, availability, hiring and claims: what the utilization fold tells of each."""

from typing import Any

from projections.utilization.fold import utilization
from projections.utilization.rows import (
    AVAILABILITY,
    CLAIM_CHANGES,
    INTERVALS,
    REPORTED,
    STEPS,
    TASKS,
)
from schemas.catalogue import catalogue
from tests.projections.histories import History, Told


def told(*events: Told) -> History:
    return History(utilization).tell(*events)


def step(name: str, **fields: Any) -> Told:
    return name, {"domain": "poetry", "interview_id": "i", "offer_id": "o"} | fields


def only_own(told: Told) -> Told:
    """Without the fields that the event does not have."""
    name, fields = told
    return name, {k: v for k, v in fields.items() if k in catalogue().by_name[name].fields}


def steps(*events: Told) -> list[tuple[str, str, str]]:
    """Step, domain and what it is about, in order."""
    rows = told(*map(only_own, events)).rows(STEPS)
    return [(row["step"], row["domain"], row["about"]) for row in rows]


def test_a_timecard_counts_by_its_period_and_makes_no_interval() -> None:
    history = told(("HoursReported", {"report_id": "r", "duration_ms": 7_200_000}))
    [row] = history.rows(REPORTED)
    assert (row["report_id"], row["duration_ms"]) == ("r", 7_200_000)
    assert row["period_start"] < row["period_end"]
    assert history.rows(INTERVALS) == []


def test_a_report_told_twice_is_a_repeat() -> None:
    assert utilization.identities["HoursReported"] == ("report_id",)


def test_availability_without_a_project_is_for_all_together() -> None:
    declared = [("AvailabilityDeclared", {"project_id": name}) for name in (None, "p")]
    assert [row["project_id"] for row in told(*declared).rows(AVAILABILITY)] == ["", "p"]


def test_an_interviews_outcome_is_about_the_domain_that_it_was_set_for() -> None:
    assert steps(
        step("InterviewScheduled"), step("InterviewCompleted"),
        step("InterviewDecided", outcome="passed"),
    ) == [("interviewed", "poetry", "i"), ("passed", "poetry", "i")]  # fmt: skip


def test_two_interviews_in_two_domains_are_told_apart() -> None:
    other = {"interview_id": "j", "domain": "comedy"}
    assert steps(
        step("InterviewScheduled"), step("InterviewScheduled", **other),
        step("InterviewVoided"), step("InterviewDecided", outcome="failed", **other),
    ) == [("voided", "poetry", "i"), ("failed", "comedy", "j")]  # fmt: skip


def test_the_answer_to_an_offer_is_about_its_domain() -> None:
    answers = {"TermsAccepted": "terms_accepted", "OfferForfeited": "forfeited"}
    for event, name in (answers | {"OfferWithdrawn": "withdrawn"}).items():
        assert steps(step("OfferExtended"), step(event))[1:] == [(name, "poetry", "o")]


def test_terms_of_an_offer_that_nobody_extended_have_no_domain() -> None:
    assert steps(step("TermsAccepted")) == [("terms_accepted", "", "o")]


def test_a_candidate_of_two_domains_is_sourced_and_hired_in_both() -> None:
    both = {"domains": ["comedy", "poetry"]}
    assert steps(step("CandidateSourced", **both), step("ExpertHired", **both)) == [
        (name, domain, "") for name in ("sourced", "hired") for domain in ("comedy", "poetry")
    ]


def claim(event: str, at: int, task: str = "t", **fields: Any) -> Told:
    return event, {"task_id": task, "occurred_at": at * 1_000_000} | fields


def test_a_claim_that_ends_says_when_it_was_granted() -> None:
    history = told(
        claim("TaskClaimGranted", 1), claim("TaskClaimGranted", 2, "u"),
        claim("TaskClaimEnded", 5, reason="expired"), claim("TaskClaimGranted", 6),
        claim("TaskClaimEnded", 9, reason="submitted"), claim("TaskClaimRefused", 10),
    ).rows(CLAIM_CHANGES)  # fmt: skip
    assert [
        (r["task_id"], r["change"], r["claimed_at"].second, r["changed_at"].second) for r in history
    ] == [
        ("t", "granted", 1, 1),
        ("u", "granted", 2, 2),
        ("t", "expired", 1, 5),
        ("t", "granted", 6, 6),
        ("t", "submitted", 6, 9),
        ("t", "refused", 10, 10),
    ]


def test_a_published_task_stands_in_its_own_topic() -> None:
    fields = {"subject_id": "task-1", "project_id": "p", "domain": "poetry"}
    [row] = told(("TaskPublished", fields)).rows(TASKS)
    assert (row["task_id"], row["domain"], row["topic"]) == ("task-1", "poetry", "workforce.tasks")
