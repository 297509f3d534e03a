"""Detectors on their examples, and what holds of alerts for every history and every batch."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.fraud import excessive_hours, overlapping_sessions, state
from projections.fraud.detectors import DETECTORS
from projections.fraud.fold import fraud
from projections.fraud.rows import CHANGES
from projections.intervals import DAY_US, united, within_day
from schemas.catalogue import catalogue
from schemas.json_form import from_json
from tests.projections.histories import HOUR_US, History, Told

EXAMPLES = Path(overlapping_sessions.__file__).parent / "examples"
START = 20_003 * DAY_US
"""A Monday."""
Alert = dict[str, Any]


def at(hours: float) -> int:
    return START + int(hours * HOUR_US)


def entry(entry_id: str, start: float, end: float, **fields: Any) -> Told:
    times = {"started_at": at(start), "ended_at": at(end), "occurred_at": at(end)}
    usual = {"session_id": None, "task_id": None, "billable": True, "entry_method": "tracker"}
    return "TimeEntryRecorded", {"entry_id": entry_id} | times | usual | fields


def adjustment(entry_id: str, start: float, end: float, sign: str = "minus") -> Told:
    fields = {"entry_id": entry_id, "started_at": at(start), "ended_at": at(end), "sign": sign}
    return "TimeEntryAdjusted", fields


def rejection(entry_id: str) -> Told:
    return "TimeEntryRejected", {"entry_id": entry_id}


def session(session_id: str, device: str) -> Told:
    return "TimeSessionStarted", {"session_id": session_id, "device_token": device * 64}


def pasted(submission_id: str, task_id: str = "t", after_loss: int | None = 1_700) -> Told:
    chars = {"answer_chars": 1_840, "typed_chars": 100, "pasted_chars": after_loss}
    told = {"submission_id": submission_id, "task_id": task_id, "input_method": "keyboard"}
    return "SubmissionRecorded", told | chars | {"pasted_after_focus_loss_chars": after_loss}


def told(*events: Told) -> History:
    return History(fraud).tell(*events)


def open_alerts(history: History) -> list[Alert]:
    """The last change of each alert that is open, in the order of detector and matter."""
    last = {row["alert_id"]: row for row in history.rows(CHANGES)}
    stand = [row for row in last.values() if row["change"] != "withdrawn"]
    return sorted(stand, key=lambda row: (row["detector"], row["about"]))


def changes(history: History) -> list[tuple[str, str]]:
    return [(row["change"], row["severity"]) for row in history.rows(CHANGES)]


class Example:
    """An event file: what is told of it, and the alerts that are open in the end."""

    def __init__(self, path: Path) -> None:
        head, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        self.detector, self.open_alerts = path.parent.name, head["open_alerts"]
        self.events = [self._event(line) for line in lines]

    @staticmethod
    def _event(line: dict[str, Any]) -> Told:
        name = line.pop("event")
        return name, from_json(catalogue().by_name[name].schema, line)


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*/*.jsonl")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_an_example_leaves_open_what_it_says(path: Path) -> None:
    example = Example(path)
    whole = told(*example.events)
    found = [row for row in open_alerts(whole) if row["detector"] == example.detector]
    assert [row["severity"] for row in found] == example.open_alerts
    one_by_one = History(fraud)
    for event in example.events:
        one_by_one.tell(event)
    assert one_by_one.rows(CHANGES) == whole.rows(CHANGES)


def test_every_detector_has_true_and_innocent_examples() -> None:
    for detector in DETECTORS:
        examples = [Example(path) for path in (EXAMPLES / detector.name).glob("*.jsonl")]
        outcomes = {bool(example.open_alerts) for example in examples}
        assert outcomes == {True, False}, detector.name


TABS = (entry("e1", 9, 10), entry("e2", 9.5, 10.5))


def test_an_alert_grows_under_one_id_and_says_what_it_rests_on_in_words() -> None:
    history = told(*TABS, entry("e3", 9.75, 11))
    first, second = history.rows(CHANGES)
    assert first["alert_id"] == second["alert_id"]
    assert (first["change"], second["change"]) == ("raised", "updated")
    assert second["entry_ids"] == ["e1", "e2", "e3"]
    assert len(second["evidence_event_ids"]) == 3
    assert second["reason"] == (
        "Overlaps on 2024-10-07 (UTC): 3 pairs of time entries, 1 h 30 min in all, as of browser "
        "tabs."
    )
    assert second["score_bp"] == overlapping_sessions.TAB_SCORE_BP


def test_what_no_longer_holds_is_withdrawn_with_the_reason_and_may_be_raised_again() -> None:
    history = told(*TABS, rejection("e2"), entry("e3", 9.5, 10.5))
    assert changes(history) == [("raised", "low"), ("withdrawn", ""), ("raised", "low")]
    withdrawn = history.rows(CHANGES)[1]
    assert withdrawn["reason"] == (
        "An entry was rejected: what the alert rested on holds no longer."
    )
    assert {row["alert_id"] for row in history.rows(CHANGES)} == {withdrawn["alert_id"]}


def test_a_rejected_entry_stays_rejected_and_an_unknown_one_is_no_entry() -> None:
    plus = adjustment("e2", 9, 10, "plus")
    assert open_alerts(told(plus, entry("e1", 9, 10), rejection("e2"))) == []
    assert open_alerts(told(*TABS, rejection("e2"), plus)) == []


def test_an_adjustment_that_adds_time_on_another_day_is_seen_there() -> None:
    next_day = (entry("e1", 9, 10), entry("e2", 34, 35), adjustment("e1", 34, 35, "plus"))
    [alert] = open_alerts(told(*next_day))
    assert (alert["about"], alert["entry_ids"]) == ("2024-10-08", ["e1", "e2"])
    assert open_alerts(told(*next_day, rejection("e1"))) == []


def test_changes_are_told_to_the_ledger_too_and_the_fold_leaves_them_out() -> None:
    history = told(*TABS, entry("e3", 9.75, 11), rejection("e2"), rejection("e1"))
    messages = [one.message for one in history.derived]
    names = [type(message.event).__name__ for message in messages]
    assert names == [
        "FraudAlertRaised", "FraudAlertUpdated", "FraudAlertUpdated", "FraudAlertWithdrawn",
    ]  # fmt: skip
    assert {message.envelope.subject_id for message in messages} == {"expert-1"}
    assert len({message.event.fields()["alert_id"] for message in messages}) == 1
    assert [fraud.reads(name) for name in set(names)] == [()] * 3


def test_an_alert_about_an_answer_names_the_entries_of_its_task_whenever_they_come() -> None:
    early, late = entry("e1", 9, 10, task_id="t"), entry("e2", 10, 11, task_id="t")
    history = told(early, pasted("s"), late, rejection("e1"))
    named = [row["entry_ids"] for row in history.rows(CHANGES)]
    assert named == [["e1"], ["e1", "e2"], ["e2"]]


def test_an_answer_that_is_not_measured_is_no_part_of_a_habit() -> None:
    unmeasured = [pasted(f"u{n}", after_loss=None) for n in range(30)]
    four = [pasted(f"s{n}") for n in range(4)]
    history = told(*four[:3], *unmeasured, four[3])
    assert [severity for _, severity in changes(history)] == ["low", "low", "low", "medium"]


def test_a_day_remembers_its_first_entries_and_no_event_costs_more_than_they_do() -> None:
    many = [entry(f"e{n}", n / 100, (n + 1) / 100) for n in range(state.ENTRIES_A_DAY_MAX + 5)]
    history = told(*many)
    day = history.parts[f"day:expert-1:{START // DAY_US}"]
    assert isinstance(day, state.Day)
    assert len(day.slots) == state.ENTRIES_A_DAY_MAX
    history.tell(entry("late", 0, 5))
    assert open_alerts(history) == []


# What holds for every history: entries of some minutes over three days, adjusted, rejected, on
# sessions whose devices come early or late; told in any batches.
ENTRIES = [f"e{number}" for number in range(5)]
spans = st.tuples(st.integers(0, 3 * 48), st.integers(1, 47)).map(
    lambda span: (span[0] / 2, (span[0] + span[1]) / 2)
)
recordings = st.builds(
    lambda entry_id, span, session_id, task_id, billable, method: entry(
        entry_id, *span, session_id=session_id, task_id=task_id, billable=billable,
        entry_method=method,
    ),
    st.sampled_from(ENTRIES), spans, st.sampled_from([None, "s1", "s2"]),
    st.sampled_from([None, "t"]), st.booleans(), st.sampled_from(["tracker", "manual"]),
)  # fmt: skip
others = st.one_of(
    st.builds(
        lambda entry_id, span, sign: adjustment(entry_id, span[0], span[1], sign),
        st.sampled_from(ENTRIES), spans, st.sampled_from(["plus", "minus"]),
    ),
    st.builds(rejection, st.sampled_from(ENTRIES)),
    st.builds(session, st.sampled_from(["s1", "s2"]), st.sampled_from("ab")),
)  # fmt: skip


@st.composite
def histories(draw: Any) -> list[Told]:
    """Each entry is recorded once: the worker sets repeats aside."""
    seen: set[str] = set()
    made: list[Told] = []
    for event in draw(st.lists(st.one_of(recordings, recordings, others), max_size=14)):
        if event[0] == "TimeEntryRecorded":
            if event[1]["entry_id"] in seen:
                continue
            seen.add(event[1]["entry_id"])
        made.append(event)
    return made


@given(histories(), st.lists(st.integers(1, 5), max_size=12))
@settings(max_examples=60, deadline=None)
def test_batches_change_nothing(history: list[Told], sizes: list[int]) -> None:
    whole, cut = History(fraud), History(fraud)
    whole.tell(*history)
    left = [*history]
    for size in sizes:
        batch, left = left[:size], left[size:]
        cut.tell(*batch)
    cut.tell(*left)
    assert cut.rows(CHANGES) == whole.rows(CHANGES)
    assert [d.message.value for d in cut.derived] == [d.message.value for d in whole.derived]


def held(history: list[Told]) -> Iterator[tuple[dict[str, Any], set[int]]]:
    """Each entry that is not rejected, with the half hours that it holds in the end."""
    step = HOUR_US // 2
    entries: dict[str, tuple[dict[str, Any], set[int]] | None] = {}
    for name, fields in history:
        span = set(range(fields.get("started_at", 0) // step, fields.get("ended_at", 0) // step))
        found = entries.get(fields.get("entry_id", ""))
        if name == "TimeEntryRecorded":
            entries[fields["entry_id"]] = (fields, span)
        elif found and name == "TimeEntryAdjusted":
            found[1].update(span) if fields["sign"] == "plus" else found[1].difference_update(span)
        elif found and name == "TimeEntryRejected":
            entries[fields["entry_id"]] = None
    return (found for found in entries.values() if found)


def plainly_open(history: list[Told]) -> dict[tuple[str, str], str]:
    """Detector and matter to severity, from sets of half hours: without state or intervals."""
    devices: dict[str, str] = {}
    for name, fields in history:
        if name == "TimeSessionStarted":
            devices.setdefault(fields["session_id"], fields["device_token"])
    entries = list(held(history))
    worked = {half for _, halves in entries for half in halves}
    found: dict[tuple[str, str], str] = {}
    first = START // HOUR_US * 2
    for day in range(-1, 8):
        began = first + day * 48
        kinds = [
            kind_plainly(one, other, set(range(began, began + 48)), devices)
            for number, one in enumerate(entries)
            for other in entries[:number]
        ]
        severities = [severity for severity in kinds if severity]
        date = f"2024-10-{7 + day:02}"
        if severities:
            worst = max(severities, key=["low", "medium", "high", "critical"].index)
            found["overlapping_sessions", date] = worst
        starts = [half for half in range(began, began + 48) if half in worked]
        most = max((len(worked & set(range(s, s + 48))) for s in starts), default=0)
        if most > 32:
            found["excessive_hours", f"24 hours from {date}"] = "high" if most >= 40 else "medium"
    return found


def kind_plainly(one: Any, other: Any, day: set[int], devices: dict[str, str]) -> str:
    (mine, my_halves), (yours, your_halves) = one, other
    ours, my_day, your_day = my_halves & your_halves & day, my_halves & day, your_halves & day
    if not ours:
        return ""
    tokens = {devices[s] for s in (mine["session_id"], yours["session_id"]) if s in devices}
    is_same_task = mine["task_id"] is not None and mine["task_id"] == yours["task_id"]
    by_hand = "manual" in (mine["entry_method"], yours["entry_method"])
    is_most = len(ours) >= 0.8 * min(len(my_day), len(your_day))
    billed = mine["billable"] and yours["billable"] and is_most and (is_same_task or by_hand)
    if len(tokens) > 1:
        return "critical" if billed else "high"
    return "medium" if billed else "low"


@given(histories())
@settings(max_examples=120, deadline=None)
def test_open_alerts_are_those_of_a_plain_look_at_what_entries_hold(history: list[Told]) -> None:
    found = {
        (row["detector"], row["about"]): row["severity"]
        for row in open_alerts(told(*history))
        if not row["about"].startswith("week")
    }
    assert found == plainly_open(history)


@given(st.lists(spans, max_size=12))
@settings(max_examples=60, deadline=None)
def test_no_24_hours_anywhere_hold_more_than_the_fullest_window_of_some_day(
    given_spans: list[tuple[float, float]],
) -> None:
    work = united((at(start), at(end)) for start, end in given_spans)
    days = [within_day(work, START // DAY_US + number) for number in range(6)]
    found = max(excessive_hours.fullest_window(*pair).worked_us for pair in pairwise(days))
    step = HOUR_US // 2
    halves = {half for start, end in work for half in range(start // step, end // step)}
    begins = range(START // step, (START + 5 * DAY_US) // step)
    assert found == max(len(halves & set(range(b, b + 48))) for b in begins) * step
