"""The payout rules, one sentence a test, and what holds for every history."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.payout.fold import payout
from projections.payout.pricing import amount_minor
from projections.payout.rows import JOURNAL, LINES
from projections.payout.state import DAY_US, Day
from tests.projections.histories import HOUR_US, History, Told

START = 20_000 * DAY_US
TERMS = b"t" * 32


def at(hours: float) -> int:
    return START + int(hours * HOUR_US)


def hired(hours: float = 0) -> Told:
    return "ExpertHired", {"occurred_at": at(hours)}


def staffed(hours: float = 0) -> Told:
    return "ProjectStaffed", {"occurred_at": at(hours), "project_id": "p"}


def terms(hours: float = 0, sha256: bytes = TERMS) -> Told:
    fields = {"occurred_at": at(hours), "project_id": "p", "terms_sha256": sha256}
    return "TermsAccepted", fields


def rate(minor: int, hours: float = 0, currency: str = "USD") -> Told:
    fields = {"rate_minor_per_hour": minor, "effective_from": at(hours), "currency": currency}
    return "RateAgreed", fields | {"project_id": "p"}


def entry(start: float, end: float, entry_id: str = "e", **fields: Any) -> Told:
    times = {"started_at": at(start), "ended_at": at(end)}
    return "TimeEntryRecorded", times | {
        "entry_id": entry_id, "project_id": "p", "billable": True
    } | fields  # fmt: skip


READY = (hired(), staffed(), terms(), rate(25_000))


def lines(*events: Told) -> list[tuple[str, str, int, int]]:
    """status, reason, milliseconds and amount of each line."""
    told = History(payout).tell(*events).rows(LINES)
    return [(r["status"], r["reason"], r["duration_ms"], r["amount_minor"]) for r in told]


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


def test_a_rate_that_stands_later_in_the_log_does_not_price_an_earlier_entry() -> None:
    assert lines(*READY, entry(1, 2), rate(30_000, 0)) == [("payable", "", 3_600_000, 25_000)]


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


entries = st.tuples(st.integers(0, 40), st.integers(1, 24), st.booleans())
rates = st.tuples(st.integers(1, 90_000), st.integers(0, 40))
histories = st.lists(
    st.one_of(entries.map(lambda e: ("entry", *e)), rates.map(lambda r: ("rate", *r))), max_size=25
)


def told_of(history: list[tuple[Any, ...]]) -> list[Told]:
    events: list[Told] = [hired(), staffed(), terms()]
    for number, (kind, *values) in enumerate(history):
        if kind == "rate":
            events.append(rate(values[0], values[1]))
        else:
            start, length, billable = values
            events.append(entry(start, start + length, f"e{number}", billable=billable))
    return events


@given(histories)
@settings(max_examples=150, deadline=None)
def test_every_hour_is_paid_at_most_once_and_none_is_lost(history: list[tuple[Any, ...]]) -> None:
    told = History(payout).tell(*told_of(history))
    taken: set[int] = set()
    in_force: list[tuple[int, int]] = []
    expected: list[tuple[str, str, int]] = []
    for kind, *values in history:
        if kind == "rate":
            in_force.append((values[1], values[0]))
            continue
        for hour in range(values[0], values[0] + values[1]):
            known = [
                (start, i, minor) for i, (start, minor) in enumerate(in_force) if start <= hour
            ]
            minor = max(known)[2] if known else 0
            if not values[2]:
                expected.append(("unbilled", "not_billable", 0))
            elif hour in taken:
                expected.append(("waiting", "overlap", minor))
            elif not known:
                expected.append(("waiting", "no_rate", 0))
            else:
                expected.append(("payable", "", minor))
            if values[2]:
                taken.add(hour)
    by_hour = [
        (row["status"], row["reason"], row["rate_minor_per_hour"] * (row["status"] != "unbilled"))
        for row in told.rows(LINES)
        for _ in range(row["duration_ms"] // 3_600_000)
    ]  # fmt: skip
    assert by_hour == expected


@given(histories, st.lists(st.integers(1, 28), max_size=6))
@settings(max_examples=60, deadline=None)
def test_the_rows_are_the_same_however_the_log_is_cut_into_batches(
    history: list[tuple[Any, ...]], cuts: list[int]
) -> None:
    events = told_of(history)
    whole = History(payout).tell(*events)
    pieces = History(payout)
    for start, end in pairwise(sorted({0, len(events), *(c for c in cuts if c < len(events))})):
        pieces.tell(*events[start:end])
    assert pieces.rows(LINES) == whole.rows(LINES)
    assert pieces.rows(JOURNAL) == whole.rows(JOURNAL)


@given(histories)
@settings(max_examples=60, deadline=None)
def test_every_journal_entry_balances_and_equals_its_line(history: list[tuple[Any, ...]]) -> None:
    told = History(payout).tell(*told_of(history))
    paid = {r["line_id"]: r["amount_minor"] for r in told.rows(LINES) if r["status"] == "payable"}
    postings: dict[bytes, list[int]] = {}
    for row in told.rows(JOURNAL):
        postings.setdefault(row["journal_entry_id"], []).append(row["amount_minor"])
    assert postings == {line: [amount, -amount] for line, amount in paid.items() if amount}


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), max_size=20))
def test_a_days_taken_stretches_stay_disjoint_and_merged(stretches: list[tuple[int, int]]) -> None:
    day, taken = Day(), set[int]()
    for start, length in stretches:
        within = [i for s, e in day.taken_within(start, start + length) for i in range(s, e)]
        assert within == sorted(taken & set(range(start, start + length)))
        day.take(start, start + length)
        taken |= set(range(start, start + length))
    assert all(end < start for end, start in zip(day.ends, day.starts[1:], strict=False))
