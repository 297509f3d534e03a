"""What holds for payout in every history of entries, rates and decisions."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from projections.payout.fold import payout
from projections.payout.pricing import amount_minor
from projections.payout.rows import CLOSED, JOURNAL, LINES
from projections.payout.state import Day
from tests.projections.histories import History, Told
from tests.projections.payout_events import (
    HOUR_MS,
    about,
    adjusted,
    balance,
    entry,
    hired,
    policy,
    rate,
    staffed,
    standing,
    terms,
)

hours = st.integers(0, 40)
entries = st.tuples(st.just("entry"), hours, st.integers(1, 23), st.booleans())
rates = st.tuples(st.just("rate"), st.integers(1, 90_000), hours)
rejections = st.tuples(st.just("reject"), st.integers(0, 8))
decisions = st.one_of(
    st.tuples(st.just("dispute"), st.integers(0, 8), st.integers(1, 5)),
    st.tuples(st.just("resolve"), st.integers(0, 8), st.integers(0, 5)),
    st.tuples(st.just("except"), st.integers(0, 8), st.integers(1, 5)),
    st.tuples(st.just("minus"), st.integers(0, 8), hours, st.integers(1, 5)),
    st.tuples(st.just("plus"), st.integers(0, 8), hours, st.integers(1, 5)),
)
priced_only = st.lists(st.one_of(entries, rates, rejections), max_size=18)
everything = st.lists(st.one_of(entries, entries, rates, rejections, decisions), max_size=18)


def told_of(history: list[tuple[Any, ...]]) -> list[Told]:
    """Entries are called e0, e1, … in their order."""
    events: list[Told] = [hired(), staffed(), terms()]
    count = 0
    for kind, *values in history:
        if kind == "entry":
            start, length, billable = values
            events.append(entry(start, start + length, f"e{count}", billable=billable))
            count += 1
        elif kind == "rate":
            events.append(rate(values[0], values[1]))
        elif kind == "reject":
            events.append(about("TimeEntryRejected", f"e{values[0]}"))
        elif kind == "dispute":
            ms = {"disputed_ms": values[1] * HOUR_MS}
            events.append(about("TimeEntryDisputed", f"e{values[0]}", **ms))
        elif kind == "resolve":
            ms = {"approved_ms": values[1] * HOUR_MS}
            events.append(about("DisputeResolved", f"e{values[0]}", **ms))
        elif kind == "except":
            fields: dict[str, Any] = {"approved_ms": values[1] * HOUR_MS, "kind": "overlap"}
            events.append(about("ExceptionApproved", f"e{values[0]}", **fields))
        else:
            events.append(adjusted(kind, values[1], values[1] + values[2], f"e{values[0]}"))
    return events


@given(priced_only)
@settings(max_examples=60, deadline=None)
def test_every_hour_is_posted_once_at_the_rate_that_is_known_last(
    history: list[tuple[Any, ...]],
) -> None:
    told = History(payout).tell(*told_of(history))
    rates = [(hour, n, minor) for n, (kind, *rest) in enumerate(history) if kind == "rate"
             for minor, hour in [rest]]  # fmt: skip
    owners: list[tuple[range, bool]] = []
    owed: dict[str, int] = {}
    for number, (kind, *values) in enumerate(history):
        if kind == "reject" and values[0] < len(owners):
            owners[values[0]] = (range(0), False)
            owed.pop(f"e{values[0]}", None)
        if kind != "entry":
            continue
        name, mine = f"e{len(owners)}", range(values[0], values[0] + values[1])
        if values[2]:
            taken = {hour for theirs, _ in owners for hour in theirs}
            known = [rate for rate in rates if rate[1] < number]
            paid = [h for h in mine if h not in taken and any(r[0] <= h for r in known)]
            owed[name] = sum(max(r for r in rates if r[0] <= hour)[2] for hour in paid)
        owners.append((mine if values[2] else range(0), values[2]))
    posted: dict[str, int] = {}
    replaced = {row["line_id"] for row in told.rows(CLOSED) if row["status"] == "replaced"}
    for row in told.rows(LINES):
        if row["status"] in ("payable", "rejected") and row["line_id"] not in replaced:
            posted[row["entry_id"]] = posted.get(row["entry_id"], 0) + row["amount_minor"]
    assert {k: v for k, v in posted.items() if v} == {k: v for k, v in owed.items() if v}


@given(everything)
@settings(max_examples=60, deadline=None)
def test_the_journal_balances_and_comes_to_the_lines_that_stand(
    history: list[tuple[Any, ...]],
) -> None:
    told = History(payout).tell(*told_of(history))
    entries: dict[bytes, int] = {}
    for row in told.rows(JOURNAL):
        entries[row["journal_entry_id"]] = (
            entries.get(row["journal_entry_id"], 0) + row["amount_minor"]
        )
    assert not any(entries.values())
    owed = {"payable": 0, "disputed": 0}
    closed = {row["line_id"] for row in told.rows(CLOSED)}
    for row in told.rows(LINES):
        if row["status"] in owed and row["line_id"] not in closed:
            owed[row["status"]] += row["amount_minor"]
    accounts = balance(told)
    assert -accounts.get("payable", 0) == owed["payable"]
    assert -accounts.get("disputed", 0) == owed["disputed"]
    assert accounts.get("expense.expert_work", 0) == sum(owed.values())


@given(everything, st.lists(st.integers(1, 20), max_size=6))
@settings(max_examples=40, deadline=None)
def test_the_rows_are_the_same_however_the_log_is_cut_into_batches(
    history: list[tuple[Any, ...]], cuts: list[int]
) -> None:
    events = [policy(weekly_cap_ms=9 * HOUR_MS), *told_of(history)]
    whole = History(payout).tell(*events)
    pieces = History(payout)
    for start, end in pairwise(sorted({0, len(events), *(c for c in cuts if c < len(events))})):
        pieces.tell(*events[start:end])
    for table in payout.tables:
        assert pieces.rows(table) == whole.rows(table)


@given(everything)
@settings(max_examples=40, deadline=None)
def test_a_line_is_opened_once_and_closed_at_most_once(history: list[tuple[Any, ...]]) -> None:
    told = History(payout).tell(*told_of(history))
    opened = [row["line_id"] for row in told.rows(LINES)]
    closed = [row["line_id"] for row in told.rows(CLOSED)]
    assert len(set(opened)) == len(opened)
    assert len(set(closed)) == len(closed)
    assert set(closed) <= set(opened)
    assert all(row["duration_ms"] >= 0 for row in standing(told) if row["status"] == "waiting")


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8), st.booleans()), max_size=20))
def test_what_a_day_has_taken_is_the_union_of_what_its_entries_cover(
    stretches: list[tuple[int, int, bool]],
) -> None:
    day, covered = Day(), dict[str, set[int]]()
    for number, (start, length, is_given_up) in enumerate(stretches):
        asked, taken = set(range(start, start + length)), set[int]().union(*covered.values())
        within = day.taken_within(start, start + length)
        assert [i for s, e in within for i in range(s, e)] == sorted(taken & asked)
        assert all(end < start for (_, end), (start, _) in pairwise(within))
        if is_given_up and number:
            owner = f"e{number // 2}"
            day.give_up(owner, start, start + length)
            covered[owner] = covered.get(owner, set()) - asked
        else:
            day.take(start, start + length, f"e{number}")
            covered[f"e{number}"] = asked


@settings(deadline=None)
@given(
    lasted_ms=st.integers(1, 5 * HOUR_MS),
    minor_per_hour=st.integers(1, 90_000),
    disputed_ms=st.integers(1, 5 * HOUR_MS),
    approved_ms=st.integers(0, 5 * HOUR_MS),
)
def test_what_is_paid_of_an_entry_disputed_in_part_is_rounded_once_from_its_own_time(
    lasted_ms: int, minor_per_hour: int, disputed_ms: int, approved_ms: int
) -> None:
    told = History(payout).tell(
        hired(), staffed(), terms(), rate(minor_per_hour), entry(1, 1 + lasted_ms / HOUR_MS, "e"),
        about("TimeEntryDisputed", "e", disputed_ms=disputed_ms),
        about("DisputeResolved", "e", approved_ms=approved_ms),
    )  # fmt: skip
    for line in standing(told):
        of_own_time = amount_minor(line["duration_ms"], minor_per_hour)
        if line["kind"] == "remainder":
            assert line["amount_minor"] == of_own_time
        elif line["kind"] == "upheld" and approved_ms < disputed_ms:
            # It cannot give more than what waited, which bears the difference of two roundings.
            assert line["amount_minor"] in (of_own_time, of_own_time - 1)
    posted = sum(line["amount_minor"] for line in standing(told))
    assert posted == amount_minor(sum(one["duration_ms"] for one in standing(told)), minor_per_hour)
