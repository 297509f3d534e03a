"""What rates in retrospect and people's decisions do to an entry: one sentence a test."""

from collections import Counter
from typing import Any

import pytest

from projections.payout.fold import payout
from projections.payout.rows import APPROVALS, CLOSED, HOLDS, JOURNAL, WITHOUT_EFFECT
from projections.payout.state import WORKED_DAYS_MAX
from tests.projections.histories import History, Told
from tests.projections.payout_events import (
    HOUR_MS,
    READY,
    about,
    adjusted,
    at,
    balance,
    entry,
    hired,
    lines,
    opened,
    policy,
    rate,
    staffed,
    standing,
    terms,
)

HALF = HOUR_MS // 2


def told(*events: Told) -> History:
    return History(payout).tell(*events)


def test_a_rate_in_retrospect_posts_the_difference_and_names_both_rates() -> None:
    history = told(*READY, entry(1, 3), rate(30_000, 2))
    line, before, within, difference = opened(history)
    assert [one["kind"] for one in (line, before, within)] == ["worked", "remainder", "remainder"]
    assert [one["amount_minor"] for one in (line, before, within)] == [50_000, 25_000, 25_000]
    assert difference["kind"] == "rate_difference"
    assert difference["corrects_line_id"] == within["line_id"]
    assert difference["started_at"].hour == 2
    assert difference["amount_minor"] == 5_000
    assert difference["duration_ms"] == 0
    assert (difference["former_rate_minor_per_hour"], difference["rate_minor_per_hour"]) == (
        25_000, 30_000,
    )  # fmt: skip
    assert balance(history) == {"expense.expert_work": 55_000, "payable": -55_000}


def test_a_rate_change_and_its_reverse_net_to_zero() -> None:
    history = told(*READY, entry(1, 2.337), rate(30_001, 1.5), rate(25_000, 1.5))
    first, second = [r["amount_minor"] for r in opened(history) if r["kind"] == "rate_difference"]
    assert first == -second != 0


def test_a_rate_that_another_supersedes_reaches_only_up_to_that_one() -> None:
    history = told(*READY, rate(40_000, 2), entry(1, 3), rate(30_000, 1))
    assert [row["amount_minor"] for row in standing(history)] == [25_000, 40_000, 5_000]


def test_a_rate_in_another_currency_reverses_what_was_posted() -> None:
    history = told(*READY, entry(1, 2), rate(20_000, 0, "EUR"))
    amounts = [(row["kind"], row["amount_minor"], row["currency"]) for row in opened(history)]
    assert amounts == [
        ("worked", 25_000, "USD"), ("reversed", -25_000, "USD"), ("rate_difference", 20_000, "EUR"),
    ]  # fmt: skip


def test_a_rate_in_retrospect_says_anew_what_a_waiting_line_would_come_to() -> None:
    assert lines(hired(), staffed(), entry(1, 2), rate(30_000, 1)) == [
        ("waiting", "awaiting_terms", HOUR_MS, 30_000)
    ]


def test_a_rate_reaches_an_entry_from_the_day_before_across_midnight() -> None:
    assert lines(*READY, entry(23, 25), rate(30_000, 24)) == [
        ("payable", "", HOUR_MS, 25_000),
        ("payable", "", HOUR_MS, 25_000),
        ("payable", "", 0, 5_000),
    ]


def test_a_rate_reaches_back_over_a_bounded_number_of_worked_days() -> None:
    days = range(WORKED_DAYS_MAX + 3)
    entries = [entry(24 * day + 1, 24 * day + 2, f"e{day}") for day in days]
    reached = opened(told(*READY, *entries, rate(30_000)))[len(days) :]
    assert [row["entry_id"] for row in reached] == [f"e{day}" for day in days[3:]]


@pytest.mark.parametrize(
    ("event", "fields", "reason"),
    [
        ("ExpertSuspended", {"occurred_at": at(0.5)}, "suspended"),
        ("ExpertOffboarded", {"occurred_at": at(0.5)}, "offboarded"),
        ("ProjectUnstaffed", {"occurred_at": at(0.5), "project_id": "p"}, "not_staffed"),
    ],
)
def test_hours_after_the_end_of_a_standing_wait_and_those_before_do_not(
    event: str, fields: dict[str, Any], reason: str
) -> None:
    waits = ("waiting", reason, HOUR_MS, 25_000)
    assert lines(*READY, (event, fields), entry(1, 2)) == [waits]
    assert lines(*READY, (event, fields), entry(0, 1)) == [("payable", "", HOUR_MS, 25_000)]


def test_a_reinstated_expert_is_paid_again() -> None:
    events = (
        ("ExpertSuspended", {"occurred_at": at(1)}), ("ExpertReinstated", {"occurred_at": at(5)}),
    )  # fmt: skip
    assert [line[1] for line in lines(*READY, *events, entry(2, 3), entry(6, 7, "f"))] == [
        "suspended", "",
    ]  # fmt: skip


def test_what_lies_over_the_weekly_cap_waits_in_the_order_of_the_log() -> None:
    cap = policy(weekly_cap_ms=3 * HOUR_MS)
    assert lines(*READY, cap, entry(4, 6), entry(1, 3, "f"), entry(8, 9, "g")) == [
        ("payable", "", 2 * HOUR_MS, 50_000),
        ("payable", "", HOUR_MS, 25_000),
        ("waiting", "over_cap", HOUR_MS, 25_000),
        ("waiting", "over_cap", HOUR_MS, 25_000),
    ]


def test_the_week_of_a_cap_begins_in_the_policys_zone() -> None:
    # Day 20,000 is a Friday; Saturday begins in India at 18:30 UTC.
    cap = policy(weekly_cap_ms=HOUR_MS, week_starts_on="saturday", zone="Asia/Kolkata")
    assert lines(*READY, cap, entry(17.5, 19.5)) == [
        ("payable", "", HOUR_MS, 25_000),
        ("payable", "", HOUR_MS, 25_000),
    ]
    assert [line[1] for line in lines(*READY, cap, entry(17.5, 18.5), entry(10, 11, "f"))] == [
        "", "over_cap",
    ]  # fmt: skip


def test_a_cap_that_was_raised_counts_from_its_effective_date_on() -> None:
    raised = "WeeklyCapChanged", {
        "project_id": "p", "cap_ms": 2 * HOUR_MS, "effective_from": at(5)
    }  # fmt: skip
    cap = policy(weekly_cap_ms=HOUR_MS)
    told = lines(*READY, cap, raised, entry(1, 3), entry(6, 8, "f"))
    assert [(line[1], line[2]) for line in told] == [
        ("", HOUR_MS), ("over_cap", HOUR_MS), ("", HOUR_MS), ("over_cap", HOUR_MS),
    ]  # fmt: skip


def test_a_policys_increment_rounds_an_entry_to_the_nearest() -> None:
    quarter = policy(increment_ms=15 * 60_000)
    assert lines(*READY, quarter, entry(1, 2.2)) == [("payable", "", 75 * 60_000, 31_250)]
    assert lines(*READY, quarter, entry(1, 1.05)) == [("payable", "", 0, 0)]


def test_a_line_is_payable_once_the_review_window_has_passed() -> None:
    [line] = opened(told(*READY, policy(review_window_ms=48 * HOUR_MS), entry(1, 2)))
    assert (line["payable_from"].day - line["ended_at"].day, line["payable_from"].hour) == (2, 2)


def test_an_entry_that_is_recorded_late_is_reviewed_as_long() -> None:
    late = entry(1, 2, recorded_at=at(480))
    [line] = opened(told(*READY, policy(review_window_ms=48 * HOUR_MS), late))
    assert line["payable_from"].timestamp() * 1e6 == at(480 + 48)
    [line] = opened(told(*READY, late))  # nothing is reviewed where no policy says how long
    assert line["payable_from"].timestamp() * 1e6 == at(2)


def test_who_placed_a_hold_does_not_extend_it_and_nobody_extends_none() -> None:
    placed = {
        "hold_id": "h", "scope": "all", "scope_ids": [], "reason": "r", "review_by": at(9),
        "placed_by": "staff:kim",
    }  # fmt: skip
    later = {"hold_id": "h", "review_by": at(99), "reason": "still"}
    history = told(
        *READY,
        ("PayoutHoldPlaced", placed),
        ("PayoutHoldExtended", later | {"extended_by": "staff:kim"}),
        ("PayoutHoldExtended", later | {"extended_by": "staff:lee"}),
        ("PayoutHoldExtended", later | {"extended_by": "staff:lee", "hold_id": "another"}),
    )
    changes = [(row["change"], row["decided_by"]) for row in history.rows(HOLDS)]
    assert changes == [("placed", "staff:kim"), ("extended", "staff:lee")]
    assert [row["reason"] for row in history.rows(WITHOUT_EFFECT)] == [
        "who placed a hold does not extend it", "no such hold stands earlier in the log",
    ]  # fmt: skip


def test_an_approval_and_a_hold_are_facts_that_touch_no_line() -> None:
    placed = {
        "hold_id": "h", "scope": "task", "scope_ids": ["t1", "t2"], "reason": "two devices",
        "review_by": at(99), "placed_by": "staff:kim",
    }  # fmt: skip
    history = told(
        *READY, entry(1, 2), about("TimeEntryApproved"), ("PayoutHoldPlaced", placed),
        ("PayoutHoldReleased", {"hold_id": "h", "released_by": "staff:lee"}),
    )  # fmt: skip
    assert [row["entry_id"] for row in history.rows(APPROVALS)] == ["e"]
    changes = [(row["change"], row["scope"], row["scope_id"]) for row in history.rows(HOLDS)]
    assert changes == [("placed", "task", "t1"), ("placed", "task", "t2"), ("released", "", "")]
    assert len(opened(history)) == 1


def test_a_rejected_entry_is_reversed_and_gives_its_instants_up() -> None:
    history = told(
        *READY, entry(1, 3), entry(2, 4, "f"), about("TimeEntryRejected"), entry(1, 3, "g")
    )
    assert [(r["entry_id"], r["reason"], r["duration_ms"]) for r in standing(history)] == [
        ("f", "overlap", HOUR_MS),
        ("f", "", HOUR_MS),
        ("e", "", -2 * HOUR_MS),
        ("g", "", HOUR_MS),
        ("g", "overlap", HOUR_MS),  # f covers that hour, and was told before g
    ]
    assert balance(history)["payable"] == -50_000


def test_a_rejected_entry_takes_its_rate_difference_with_it() -> None:
    history = told(*READY, entry(1, 2), rate(30_000), about("TimeEntryRejected"))
    assert balance(history) == {}


@pytest.mark.parametrize(
    ("kind", "events", "reason"),
    [
        ("overlap", (*READY, entry(0, 4, "first"), entry(1, 3)), "overlap"),
        ("no_terms", (hired(), staffed(), rate(25_000), entry(1, 3)), "awaiting_terms"),
        ("not_standing", (staffed(), terms(), rate(25_000), entry(1, 3)), "not_hired"),
        ("no_rate", (hired(), staffed(), terms(), entry(1, 3), rate(25_000)), "no_rate"),
        ("over_cap", (*READY, policy(weekly_cap_ms=0), entry(1, 3)), "over_cap"),
    ],
)
def test_an_exception_pays_so_much_of_what_waits_for_its_reason_and_the_rest_waits_on(
    kind: str, events: tuple[Told, ...], reason: str
) -> None:
    approved = about("ExceptionApproved", kind=kind, approved_ms=HOUR_MS + HALF)
    assert [line for line in lines(*events, approved) if line[2] != 4 * HOUR_MS] == [
        ("payable", "", HOUR_MS + HALF, 37_500),
        ("waiting", reason, HALF, 12_500),
    ]


def test_only_what_is_disputed_waits() -> None:
    disputed = about("TimeEntryDisputed", disputed_ms=HALF)
    assert lines(*READY, entry(1, 3), disputed) == [
        ("payable", "", HOUR_MS + HALF, 37_500),
        ("disputed", "disputed", HALF, 12_500),
    ]
    assert balance(told(*READY, entry(1, 3), disputed)) == {
        "expense.expert_work": 50_000, "payable": -37_500, "disputed": -12_500,
    }  # fmt: skip


def test_a_resolved_dispute_pays_what_is_approved_and_reverses_the_rest() -> None:
    history = told(
        *READY, entry(1, 3), about("TimeEntryDisputed", disputed_ms=HOUR_MS),
        about("DisputeResolved", approved_ms=HALF),
    )  # fmt: skip
    assert [(r["kind"], r["status"], r["amount_minor"]) for r in standing(history)] == [
        ("remainder", "payable", 25_000),
        ("refused", "rejected", 12_500),
        ("upheld", "payable", 12_500),
    ]
    assert balance(history) == {"expense.expert_work": 37_500, "payable": -37_500}


def test_an_adjustment_adds_time_that_is_priced_like_an_entry() -> None:
    assert lines(*READY, entry(1, 2), adjusted("plus", 26, 27)) == [
        ("payable", "", HOUR_MS, 25_000)
    ] * 2  # fmt: skip


def test_a_rate_reaches_time_that_was_added_on_another_day() -> None:
    history = told(*READY, entry(1, 2), adjusted("plus", 50, 51), rate(30_000, 48))
    assert [row["amount_minor"] for row in opened(history)] == [25_000, 25_000, 5_000]


def test_an_adjustment_takes_time_away_and_frees_its_instants() -> None:
    history = told(*READY, entry(1, 4), adjusted("minus", 2, 3), entry(2, 3, "f"))
    assert [(r["kind"], r["status"], r["amount_minor"]) for r in standing(history)] == [
        ("remainder", "payable", 25_000),
        ("remainder", "payable", 25_000),
        ("reversed", "rejected", -25_000),
        ("worked", "payable", 25_000),
    ]


@pytest.mark.parametrize(
    "event",
    [
        about("TimeEntryRejected", "nobody's"),
        about("ExceptionApproved", kind="overlap", approved_ms=1),
        about("DisputeResolved", approved_ms=1),
        about("TimeEntryDisputed", "nobody's", disputed_ms=1),
        adjusted("minus", 9, 10),
        adjusted("plus", 9, 10, "nobody's"),
    ],
)
def test_a_decision_that_reaches_no_line_is_told_as_without_effect(event: Told) -> None:
    history = told(*READY, entry(1, 2), event)
    [row] = history.rows(WITHOUT_EFFECT)
    assert (row["event_type"], row["entry_id"]) == (event[0], event[1]["entry_id"])
    assert len(opened(history)) == 1


def test_what_is_paid_of_a_disputed_entry_is_rounded_from_its_own_time() -> None:
    events = (
        *READY, rate(23_730, 1), entry(1, 1 + 43 / 60),  # 17,006.5
        about("TimeEntryDisputed", disputed_ms=1_290_000),  # 8,503.25 stay paid
        about("DisputeResolved", approved_ms=645_000),  # and 4,251.625 again
    )  # fmt: skip
    paid = [one for one in lines(*events) if one[0] == "payable"]
    assert [(ms, amount) for _, _, ms, amount in paid] == [(1_290_000, 8_503), (645_000, 4_252)]


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_what_a_rate_adds_to_a_disputed_line_waits_with_it(currency: str) -> None:
    disputed = about("TimeEntryDisputed", disputed_ms=HOUR_MS)
    history = told(*READY, entry(1, 2), disputed, rate(30_000, 0, currency))
    sums = Counter[tuple[str, str]]()
    for row in history.rows(JOURNAL):
        sums[row["account"], row["currency"]] += row["amount_minor"]
    expected = {("expense.expert_work", currency): 30_000, ("disputed", currency): -30_000}
    assert {key: amount for key, amount in sums.items() if amount} == expected
    assert balance(history.tell(about("DisputeResolved", approved_ms=0))) == {}


def test_what_was_disputed_and_then_rejected_is_rejected_once() -> None:
    disputed = about("TimeEntryDisputed", disputed_ms=HOUR_MS)
    history = told(*READY, entry(1, 2), disputed, about("TimeEntryRejected"))
    closed = {row["line_id"]: row["status"] for row in history.rows(CLOSED)}
    shown = [row for row in opened(history) if closed.get(row["line_id"]) != "replaced"]
    statuses = [closed.get(row["line_id"], row["status"]) for row in shown]
    assert (statuses, sum(row["duration_ms"] for row in shown)) == (["rejected"], HOUR_MS)


def test_the_earliest_is_paid_first_whenever_it_was_added() -> None:
    dearer_later = (*READY[:3], rate(10_000), rate(20_000, 24))
    added = (entry(25, 26), adjusted("plus", 22, 23))
    excepted = about("ExceptionApproved", kind="over_cap", approved_ms=HOUR_MS)
    got = lines(*dearer_later, policy(weekly_cap_ms=0), *added, excepted)
    assert ("payable", "", HOUR_MS, 10_000) in got
    got = lines(*dearer_later, *added, about("TimeEntryDisputed", disputed_ms=HOUR_MS))
    assert ("disputed", "disputed", HOUR_MS, 20_000) in got


def test_each_reason_needs_an_exception_of_its_own() -> None:
    told = (hired(), staffed(), rate(25_000), entry(1, 2, "x"), entry(1, 2))
    overlap, no_terms = (
        about("ExceptionApproved", kind=kind, approved_ms=HOUR_MS)
        for kind in ("overlap", "no_terms")
    )
    waits, paid = ("waiting", "awaiting_terms", HOUR_MS, 25_000), ("payable", "", HOUR_MS, 25_000)
    assert lines(*told, overlap) == [waits, waits]
    assert lines(*told, overlap, no_terms) == [waits, paid]


def test_what_an_exception_pays_uses_the_weeks_cap_and_the_rest_waits_for_it() -> None:
    told = (hired(), staffed(), rate(25_000), policy(weekly_cap_ms=HOUR_MS), entry(1, 3, "x"))
    excepted = about("ExceptionApproved", "x", kind="no_terms", approved_ms=2 * HOUR_MS)
    assert lines(*told, terms(3), excepted, entry(4, 5)) == [
        ("payable", "", HOUR_MS, 25_000), ("waiting", "over_cap", HOUR_MS, 25_000),
        ("waiting", "over_cap", HOUR_MS, 25_000),
    ]  # fmt: skip
