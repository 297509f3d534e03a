"""Utilization, one sentence a test, and what holds for every history."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.intervals import missing, united, within, without
from projections.utilization.fold import utilization
from projections.utilization.rows import INTERVALS, PIECES, QUARTER_US
from tests.projections.histories import HOUR_US, History, Told

MINUTE_US = HOUR_US // 60
START = 480_000 * HOUR_US
"""A full hour that begins a UTC day."""


TIMES = ("started_at", "ended_at")


def at(minutes: float) -> int:
    return START + int(minutes * MINUTE_US)


def entry(start: float, end: float, entry_id: str = "e", **fields: Any) -> Told:
    times = {"started_at": at(start), "ended_at": at(end)}
    return "TimeEntryRecorded", times | {
        "entry_id": entry_id, "project_id": "p", "billable": True
    } | fields  # fmt: skip


def adjusted(sign: str, start: float, end: float, entry_id: str = "e") -> Told:
    times = {"started_at": at(start), "ended_at": at(end)}
    return "TimeEntryAdjusted", times | {"entry_id": entry_id, "sign": sign}


def rejected(entry_id: str = "e") -> Told:
    return "TimeEntryRejected", {"entry_id": entry_id}


def minutes_of(value: Any) -> float:
    """A column's time, UTC, as minutes since the start."""
    return (value.replace(tzinfo=UTC).timestamp() * 1_000_000 - START) / MINUTE_US


def changes(*events: Told) -> list[Any]:
    """What comes and goes: why, sign, first minute and the one after the last."""
    told = History(utilization).tell(*events).rows(INTERVALS)
    return [(r["change"], r["sign"], *(minutes_of(r[k]) for k in TIMES)) for r in told]


def pieces_of(*events: Told) -> list[Any]:
    """Sign, start of the quarter-hour, first minute and the one after the last of each piece."""
    told = History(utilization).tell(*events).rows(PIECES)
    names = ("quarter_at", *TIMES)
    return [(r["sign"], *(minutes_of(r[k]) for k in names)) for r in told]


def test_an_entry_comes_whole_and_in_pieces_of_quarter_hours() -> None:
    assert changes(entry(10, 40)) == [("recorded", 1, 10, 40)]
    assert pieces_of(entry(10, 40)) == [(1, 0, 10, 15), (1, 15, 15, 30), (1, 30, 30, 40)]


def test_an_entry_that_ends_at_a_quarter_hour_has_no_piece_behind_it() -> None:
    assert pieces_of(entry(15, 30)) == [(1, 15, 15, 30)]


def test_an_entry_across_midnight_is_cut_there() -> None:
    assert pieces_of(entry(1430, 1450)) == [(1, 1425, 1430, 1440), (1, 1440, 1440, 1450)]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", date(2026, 3, 8), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Asia/Kathmandu", date(2026, 4, 5), 24),
    ],
)
def test_quarter_hours_make_up_any_zones_day_and_the_days_on_which_clocks_change(
    zone: str, day: date, hours: float
) -> None:
    midnights = [datetime.combine(day + timedelta(days=n), time(), ZoneInfo(zone)) for n in (0, 1)]
    start, end = (int(midnight.timestamp()) * 1_000_000 for midnight in midnights)
    times = {"started_at": start - HOUR_US, "ended_at": end + HOUR_US}
    told = History(utilization).tell(("TimeEntryRecorded", times)).rows(PIECES)
    mine = [
        row["ended_at"] - row["started_at"]
        for row in told
        if row["quarter_at"].replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date() == day
    ]
    assert sum(mine, timedelta()) == timedelta(hours=hours)


def test_the_pieces_of_an_event_are_numbered_through() -> None:
    told = History(utilization).tell(entry(0, 60), adjusted("minus", 0, 10), rejected())
    numbers: dict[int, list[int]] = {}
    for row in told.rows(PIECES):
        numbers.setdefault(row["offset"], []).append(row["number"])
    assert numbers == {0: [0, 1, 2, 3], 1: [0], 2: [0, 1, 2, 3]}


def test_a_minus_takes_only_what_the_entry_holds() -> None:
    assert changes(entry(10, 40), adjusted("minus", 0, 20), adjusted("minus", 15, 25))[1:] == [
        ("adjusted", -1, 10, 20),
        ("adjusted", -1, 20, 25),
    ]


def test_a_plus_adds_only_what_the_entry_does_not_hold() -> None:
    assert changes(entry(10, 20), adjusted("plus", 0, 30))[1:] == [
        ("adjusted", 1, 0, 10),
        ("adjusted", 1, 20, 30),
    ]


def test_a_rejected_entry_gives_up_what_it_holds_by_then_and_takes_nothing_more() -> None:
    told = changes(entry(0, 60), adjusted("minus", 20, 30), rejected(), adjusted("plus", 0, 9))
    assert told[2:] == [("rejected", -1, 0, 20), ("rejected", -1, 30, 60)]


def test_an_entry_is_rejected_once() -> None:
    assert changes(entry(0, 60), rejected(), rejected())[1:] == [("rejected", -1, 0, 60)]


def test_what_is_said_of_an_entry_that_is_not_recorded_changes_nothing() -> None:
    assert changes(adjusted("plus", 0, 9), rejected(), entry(0, 60)) == [("recorded", 1, 0, 60)]


def test_another_experts_entry_of_the_same_id_is_another_entry() -> None:
    other = ("TimeEntryRejected", {"entry_id": "e", "subject_id": "expert-2"})
    assert changes(entry(0, 60), other) == [("recorded", 1, 0, 60)]


spans = st.tuples(st.integers(0, 60), st.integers(1, 40)).map(lambda s: (s[0], s[0] + s[1]))
ids = st.sampled_from("abc")
kinds = st.sampled_from(("plus", "plus", "minus", "minus", "rejected"))
acts = st.tuples(kinds, ids, spans)
histories = st.tuples(st.lists(spans, min_size=1, max_size=3), st.lists(acts, max_size=12))
"""Entries a, b and c, and what becomes of them, in minutes."""


def told_of(history: tuple[list[Any], list[Any]]) -> list[Told]:
    spans, acts = history
    events = [entry(span[0], span[1], "abc"[number]) for number, span in enumerate(spans)]
    for kind, entry_id, span in acts:
        is_rejected = kind == "rejected"
        events.append(
            rejected(entry_id) if is_rejected else adjusted(kind, span[0], span[1], entry_id)
        )
    return events


def plain(history: tuple[list[Any], list[Any]]) -> list[int]:
    """The minutes that entries hold in the end, each as often as entries hold it."""
    spans, acts = history
    held = {"abc"[number]: set(range(*span)) for number, span in enumerate(spans)}
    for kind, entry_id, span in acts:
        if entry_id in held:
            if kind == "plus":
                held[entry_id] |= set(range(*span))
            elif kind == "minus":
                held[entry_id] -= set(range(*span))
            else:
                del held[entry_id]
    return sorted(minute for minutes in held.values() for minute in minutes)


def minutes_held(rows: list[dict[str, Any]]) -> list[int]:
    held: dict[int, int] = {}
    for row in rows:
        start, end = (round(minutes_of(row[k].replace(tzinfo=UTC))) for k in TIMES)
        for minute in range(start, end):
            held[minute] = held.get(minute, 0) + row["sign"]
    return sorted(minute for minute, depth in held.items() for _ in range(depth))


@given(histories)
@settings(max_examples=100, deadline=None)
def test_intervals_and_pieces_add_up_to_what_entries_hold(history: Any) -> None:
    told = History(utilization).tell(*told_of(history))
    assert minutes_held(told.rows(INTERVALS)) == plain(history)
    assert minutes_held(told.rows(PIECES)) == plain(history)


@given(histories)
@settings(max_examples=50, deadline=None)
def test_a_piece_lies_in_its_quarter_hour(history: Any) -> None:
    for row in History(utilization).tell(*told_of(history)).rows(PIECES):
        start, end, quarter = (row[k] for k in (*TIMES, "quarter_at"))
        assert quarter <= start < end <= quarter + timedelta(microseconds=QUARTER_US)


@given(histories, st.lists(st.integers(1, 15), max_size=5))
@settings(max_examples=50, deadline=None)
def test_the_rows_are_the_same_however_the_log_is_cut_into_batches(
    history: Any, cuts: list[int]
) -> None:
    events = told_of(history)
    whole = History(utilization).tell(*events)
    parts = History(utilization)
    for start, end in pairwise(sorted({0, len(events), *(c for c in cuts if c < len(events))})):
        parts.tell(*events[start:end])
    for table in utilization.tables:
        assert parts.rows(table) == whole.rows(table)
    assert parts.parts == whole.parts


@given(st.lists(spans, max_size=6), spans)
def test_intervals_are_sets_of_instants(held_spans: list[Any], span: tuple[int, int]) -> None:
    held: list[tuple[int, int]] = []
    for one in held_spans:
        held = united([*held, one])
    instants, asked = set[int]().union(*(range(*s) for s in held_spans)), set(range(*span))

    def plainly(intervals: list[tuple[int, int]]) -> set[int]:
        assert all(end < start for (_, end), (start, _) in pairwise(united(intervals)))
        return set().union(*(range(*one) for one in intervals))

    assert plainly(held) == instants
    assert plainly(within(held, *span)) == instants & asked
    assert plainly(missing(held, *span)) == asked - instants
    assert plainly(without(held, *span)) == instants - asked
