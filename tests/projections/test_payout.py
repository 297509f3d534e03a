"""What a time entry comes to: one sentence a test."""

from datetime import UTC, datetime

import pytest

from projections.payout.fold import payout
from projections.payout.pricing import amount_minor
from projections.payout.rows import JOURNAL, LINES
from tests.projections.histories import History, Told
from tests.projections.payout_events import (
    HOUR_MS,
    READY,
    TERMS,
    at,
    entry,
    hired,
    lines,
    policy,
    rate,
    staffed,
    terms,
)


def test_an_hour_is_paid_at_the_rate_in_force() -> None:
    assert lines(*READY, entry(1, 2)) == [("payable", "", 3_600_000, 25_000)]


def test_a_line_carries_the_terms_that_were_accepted_before_the_entry_began() -> None:
    told = History(payout).tell(*READY, terms(3, b"u" * 32), entry(1, 2), entry(4, 5, "f"))
    assert [row["terms_sha256"] for row in told.rows(LINES)] == [TERMS, b"u" * 32]


def test_an_entry_across_a_rate_change_is_split_there() -> None:
    assert lines(*READY, rate(30_000, 1.5), entry(1, 2)) == [
        ("payable", "", 1_800_000, 12_500),
        ("payable", "", 1_800_000, 15_000),
    ]


def test_of_two_rates_from_one_instant_the_later_in_the_log_is_in_force() -> None:
    assert lines(*READY, rate(30_000, 0), entry(1, 2)) == [("payable", "", 3_600_000, 30_000)]


def test_time_before_the_first_rate_waits_and_the_rest_is_paid() -> None:
    assert lines(hired(), staffed(), terms(), rate(10_000, 1), entry(0.5, 2)) == [
        ("waiting", "no_rate", 1_800_000, 0),
        ("payable", "", 3_600_000, 10_000),
    ]


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([entry(1, 2)], "not_hired"),
        ([hired(1.5), staffed(), terms(), rate(1), entry(1, 2)], "not_hired"),
        ([hired(), entry(1, 2)], "not_staffed"),
        ([hired(), staffed(1.5), terms(), rate(1), entry(1, 2)], "not_staffed"),
        ([hired(), staffed(), rate(1), entry(1, 2)], "awaiting_terms"),
        ([hired(), staffed(), terms(1.5), rate(1), entry(1, 2)], "awaiting_terms"),
        ([hired(), staffed(), terms(), entry(1, 2)], "no_rate"),
        ([entry(1, 2), *READY], "not_hired"),
    ],
)
def test_an_entry_without_standing_waits_with_the_reason(events: list[Told], reason: str) -> None:
    [(status, told, duration_ms, _)] = lines(*events)
    assert (status, told, duration_ms) == ("waiting", reason, 3_600_000)


def test_a_waiting_line_says_what_it_would_come_to_and_posts_nothing() -> None:
    told = History(payout).tell(hired(), staffed(), rate(25_000), entry(1, 2))
    assert told.rows(LINES)[0]["amount_minor"] == 25_000
    assert told.rows(JOURNAL) == []


def test_an_instant_is_paid_once_to_the_first_entry_in_the_log() -> None:
    assert lines(*READY, entry(2, 3), entry(1, 4, "f")) == [
        ("payable", "", 3_600_000, 25_000),
        ("payable", "", 3_600_000, 25_000),
        ("waiting", "overlap", 3_600_000, 25_000),
        ("payable", "", 3_600_000, 25_000),
    ]


def test_an_instant_that_waits_is_taken_all_the_same() -> None:
    waiting = lines(hired(), staffed(), rate(1), entry(1, 2), terms(0), entry(1, 2, "f"))
    assert [line[1] for line in waiting] == ["awaiting_terms", "overlap"]


def test_an_overlap_is_found_on_both_sides_of_midnight() -> None:
    told = lines(*READY, entry(23, 25), entry(22, 26, "f"))
    assert told[1:] == [
        ("payable", "", 3_600_000, 25_000),
        ("waiting", "overlap", 7_200_000, 50_000),
        ("payable", "", 3_600_000, 25_000),
    ]


def test_time_that_is_not_billable_is_on_record_and_takes_no_instant() -> None:
    assert lines(*READY, entry(1, 2, billable=False), entry(1, 2, "f")) == [
        ("unbilled", "not_billable", 3_600_000, 0),
        ("payable", "", 3_600_000, 25_000),
    ]


def test_each_payable_line_posts_expense_against_payable() -> None:
    told = History(payout).tell(*READY, entry(1, 2)).rows(JOURNAL)
    assert [(row["account"], row["amount_minor"], row["number"]) for row in told] == [
        ("expense.expert_work", 25_000, 0),
        ("payable", -25_000, 1),
    ]
    assert told[0]["effective_at"] == datetime.fromtimestamp(at(1) / 1e6, UTC).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("duration_ms", "rate_minor", "amount"),
    [(3_600_000, 25_000, 25_000), (1, 1, 0), (1_800_000, 1, 1), (1_799_999, 1, 0), (20, 90_000, 1)],
)
def test_an_amount_is_rounded_half_away_from_zero(
    duration_ms: int, rate_minor: int, amount: int
) -> None:
    assert amount_minor(duration_ms, rate_minor) == amount


@pytest.mark.parametrize("first", ["the cap", "the policy"])
def test_a_policy_without_a_cap_ends_the_cap_whichever_is_logged_first(first: str) -> None:
    cap: Told = (
        "WeeklyCapChanged", {"project_id": "p", "cap_ms": HOUR_MS, "effective_from": at(0)},
    )  # fmt: skip
    without = policy(weekly_cap_ms=None, effective_from=at(48))
    told = (cap, without) if first == "the cap" else (without, cap)
    assert lines(*READY, *told, entry(50, 53)) == [("payable", "", 3 * HOUR_MS, 75_000)]


def test_a_weeks_cap_is_there_once_where_the_policy_s_zone_changes() -> None:
    cap = {"weekly_cap_ms": 2 * HOUR_MS}
    elsewhere = policy(**cap, zone="America/New_York", effective_from=at(120))
    monday, wednesday = entry(80, 82, "a"), entry(121, 123, "b")
    got = lines(*READY, policy(**cap), elsewhere, monday, wednesday)
    assert [one[:2] for one in got] == [("payable", ""), ("waiting", "over_cap")]


@pytest.mark.parametrize("hours", [0.5, 1.5, 2.5])
def test_a_policy_of_half_even_rounds_half_to_even(hours: float) -> None:
    [line] = lines(*READY[:3], rate(1), policy(rounding="half_even"), entry(1, 1 + hours))
    assert line[3] == round(hours)


NEW_TERMS = b"n" * 32


def asked_for(sha256: bytes, hours: float) -> Told:
    fields = {"project_id": "p", "terms_version": "2", "terms_sha256": sha256}
    return "ProjectTermsInForce", fields | {"effective_from": at(hours)}


def test_terms_that_are_no_longer_in_force_do_not_pay() -> None:
    told = (*READY, asked_for(TERMS, 0), asked_for(NEW_TERMS, 5))
    assert lines(*told, entry(1, 2)) == [("payable", "", HOUR_MS, 25_000)]
    assert lines(*told, entry(6, 7)) == [("waiting", "awaiting_terms", HOUR_MS, 25_000)]
    [line] = History(payout).tell(*told, terms(5.5, NEW_TERMS), entry(6, 7)).rows(LINES)
    assert (line["status"], line["terms_sha256"]) == ("payable", NEW_TERMS)


def test_a_line_names_the_policy_that_was_in_force_when_its_entry_began() -> None:
    later = policy(policy_version="pay-2", effective_from=at(5))
    told = History(payout).tell(*READY, policy(policy_version="pay-1"), later)
    told.tell(entry(1, 2, "a"), entry(6, 7, "b"))
    assert [row["policy_version"] for row in told.rows(LINES)] == ["pay-1", "pay-2"]
