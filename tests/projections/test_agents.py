"""The agents, told literals: who holds a task, who hears of a policy, whose device is shared."""

from typing import Any

import pytest

from projections.agents.fold import agents
from projections.agents.state import CLAIMS, Task
from projections.emit import Emit
from projections.fold import Fold
from tests.projections.histories import HOUR_US, History

TASK, PROJECT, TOKEN = "task-1", "skin-atlas", "ab" * 32
PUBLISHED = ("TaskPublished", {"subject_id": TASK, "project_id": PROJECT, "kind": "review"})


def claim(number: int, expert: str, expires_at: int = HOUR_US) -> tuple[str, dict[str, Any]]:
    fields = {"claim_id": f"c{number}", "expert_id": expert, "expires_at": expires_at}
    return "TaskClaimed", {"subject_id": TASK, **fields}


def told(history: History) -> list[tuple[str, str, dict[str, Any]]]:
    """What was derived: whom, what, and with which fields."""
    return [
        (m.envelope.subject_id, type(m.event).__name__, m.event.fields())
        for m in (one.message for one in history.derived)
    ]


def names(history: History) -> list[tuple[str, str]]:
    return [(subject, name) for subject, name, _ in told(history)]


def test_the_first_claim_has_the_task_and_the_loser_hears_who_holds_it() -> None:
    history = History(agents).tell(PUBLISHED, claim(1, "ann"), claim(2, "bob"))
    assert told(history) == [
        ("ann", "TaskClaimGranted", {"task_id": TASK, "project_id": PROJECT}),
        ("bob", "TaskClaimRefused", {"task_id": TASK, "held_by": "ann"}),
    ]
    assert [(r["claim_id"], r["change"]) for r in history.rows(CLAIMS)] == [
        ("c1", "granted"),
        ("c2", "refused"),
    ]


def test_a_task_that_nobody_published_cannot_be_claimed() -> None:
    assert names(History(agents).tell(claim(1, "ann"))) == [("ann", "TaskClaimRefused")]


def test_a_claim_ends_by_the_time_of_the_log_and_the_next_claim_is_granted() -> None:
    history = History(agents).tell(PUBLISHED, claim(1, "ann", expires_at=HOUR_US))
    history.appended_at = HOUR_US
    history.tell(claim(2, "bob", expires_at=2 * HOUR_US))
    assert told(history)[1:] == [
        ("ann", "TaskClaimEnded", {"task_id": TASK, "reason": "expired"}),
        ("bob", "TaskClaimGranted", {"task_id": TASK, "project_id": PROJECT}),
    ]


@pytest.mark.parametrize(("late", "ends"), [(-1, []), (0, [("ann", "TaskClaimEnded")])])
def test_the_ticker_ends_a_claim_only_when_its_time_has_passed_in_the_log(
    late: int, ends: list[tuple[str, str]]
) -> None:
    history = History(agents).tell(PUBLISHED, claim(1, "ann"))
    history.appended_at = HOUR_US + late
    history.tell(("TaskClaimExpired", {"subject_id": TASK, "claim_id": "c1"}))
    assert names(history)[1:] == ends


def test_a_task_given_back_is_open_and_one_handed_in_is_not() -> None:
    history = History(agents).tell(PUBLISHED, claim(1, "ann"))
    history.tell(("TaskReleased", {"subject_id": TASK, "claim_id": "c1"}), claim(2, "bob"))
    history.tell(("TaskSubmitted", {"subject_id": TASK, "expert_id": "bob"}), claim(3, "cem"))
    assert names(history) == [
        ("ann", "TaskClaimGranted"),
        ("ann", "TaskClaimEnded"),
        ("bob", "TaskClaimGranted"),
        ("bob", "SubmissionRecorded"),
        ("bob", "TaskClaimEnded"),
        ("cem", "TaskClaimRefused"),
    ]


def test_a_review_reaches_the_expert_who_had_submitted() -> None:
    review = {"subject_id": TASK, "expert_id": "ann", "submission_id": "s1", "score_bp": 9_000}
    [(subject, name, fields)] = told(History(agents).tell(("TaskReviewed", review)))
    assert (subject, name, fields["submission_id"]) == ("ann", "ReviewRecorded", "s1")


def policy(version: str, effective_from: int) -> tuple[str, dict[str, Any]]:
    fields = {"policy_version": version, "effective_from": effective_from}
    return "ProjectPolicyPublished", {"subject_id": PROJECT, **fields}


def staffed(expert: str) -> tuple[str, dict[str, Any]]:
    return "ExpertStaffed", {"subject_id": PROJECT, "expert_id": expert, "occurred_at": 5_000}


def test_who_is_staffed_hears_the_policy_in_force_those_to_come_and_the_terms() -> None:
    terms = ("TermsPublished", {"subject_id": PROJECT, "occurred_at": 7_890, "terms_version": "t1"})
    published = (policy("v1", 0), policy("v2", 4_000), policy("v3", 9_000), terms)
    answers = told(History(agents).tell(*published, staffed("ann")))
    versions = [fields.get("policy_version") for _, _, fields in answers]
    assert versions == ["v2", "v3", None]
    assert answers[-1][1] == "ProjectTermsInForce"
    assert answers[-1][2]["effective_from"] == 7_000  # whole milliseconds


def test_a_new_policy_reaches_everybody_who_is_staffed_and_nobody_else() -> None:
    experts = [f"expert-{number}" for number in range(40)]
    history = History(agents).tell(*map(staffed, experts))
    gone = {"subject_id": PROJECT, "expert_id": "expert-7"}
    history.tell(("ExpertUnstaffed", gone), policy("v1", 0))
    assert sorted(s for s, _ in names(history)) == sorted(set(experts) - {"expert-7"})


def test_what_lies_under_an_expert_is_forwarded_to_project_token_and_activity() -> None:
    history = History(agents).tell(
        ("ProjectStaffed", {"subject_id": "ann", "project_id": PROJECT}),
        ("ProjectUnstaffed", {"subject_id": "ann", "project_id": PROJECT}),
        ("PayoutDestinationChanged", {"subject_id": "ann", "destination_token": TOKEN}),
        ("PayoutDestinationChanged", {"subject_id": "ann", "destination_token": TOKEN}),
        ("TimeEntryRecorded", {"subject_id": "ann", "billable": True}),
        ("TimeEntryRecorded", {"subject_id": "ann", "billable": False}),
        ("SubmissionRecorded", {"subject_id": "ann"}),
    )
    assert names(history) == [
        (PROJECT, "ExpertStaffed"),
        (PROJECT, "ExpertUnstaffed"),
        (TOKEN, "TokenSeen"),
        ("ann", "BilledEntryForwarded"),
        ("ann", "SubmissionForwarded"),
    ]


def test_a_shared_device_is_told_to_all_who_share_it_once_each_time_one_joins() -> None:
    seen = [("TokenSeen", {"subject_id": TOKEN, "token": TOKEN, "kind": "device", "expert_id": e})
            for e in ("bob", "bob", "ann")]  # fmt: skip
    shared = {"token": TOKEN, "kind": "device", "expert_ids": ["ann", "bob"]}
    assert told(History(agents).tell(*seen)) == [
        ("ann", "TokenShared", shared),
        ("bob", "TokenShared", shared),
    ]


def test_a_derived_event_is_the_same_each_time_and_names_its_cause() -> None:
    once, again = (History(agents).tell(PUBLISHED, claim(1, "ann")) for _ in range(2))
    assert [d.message.value for d in once.derived] == [d.message.value for d in again.derived]
    [granted] = once.derived
    assert granted.offset == 1
    assert granted.message.envelope.causation_id
    assert granted.message.envelope.actor == "system:agents"


def test_a_part_of_two_topics_is_refused() -> None:
    fold = Fold("wrong", ("workforce.tasks", "workforce.experts"), 1, ())
    fold.part("task")(Task)

    @fold.on("TaskReleased")
    def released(task: Task, emit: Emit) -> None: ...

    with pytest.raises(TypeError, match=r"Task belongs to workforce\.tasks"):

        @fold.on("ExpertHired")
        def hired(task: Task, emit: Emit) -> None: ...


def test_a_version_of_a_policy_that_is_published_again_is_another_event_to_whom_it_meets() -> None:
    policies = [
        ("ProjectPolicyPublished", {"subject_id": PROJECT, "policy_version": "pay-3",
                                    "effective_from": at, "weekly_cap_ms": cap_ms})
        for at, cap_ms in ((0, 1), (50 * HOUR_US, 2))
    ]  # fmt: skip
    staffed = ("ExpertStaffed", {"subject_id": PROJECT, "expert_id": "e", "occurred_at": HOUR_US})
    messages = [one.message for one in History(agents).tell(*policies, staffed).derived]
    assert [m.event.fields()["weekly_cap_ms"] for m in messages] == [1, 2]
    assert len({m.envelope.event_id for m in messages}) == 2
