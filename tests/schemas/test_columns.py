"""Batches decoded by columns: equal to fastavro on every valid event, and sure of every bad one."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalogue import EventType, catalogue
from schemas.columns import decode_columns
from schemas.wire import decode, encode
from tests.schemas.bad_bytes import bad_bytes, start_of
from tests.schemas.events import events_of, example_of
from tests.schemas.synthetic import NAME, catalogue_with, field, items, record, schema_of

TYPES = list(catalogue().by_name.values())
ENTRY = catalogue().by_name["TimeEntryRecorded"]


def rows(values: list[bytes | None]) -> dict[int, dict[str, Any]]:
    groups, _ = decode_columns(values)
    return {
        position: row
        for group in groups
        for position, row in zip(group.positions, group.frame.to_dicts(), strict=True)
    }


@pytest.mark.parametrize("event_type", TYPES, ids=lambda t: t.name)
def test_columns_and_fastavro_give_the_event_that_was_encoded(event_type: EventType) -> None:
    @settings(max_examples=8, deadline=None)
    @given(st.lists(events_of(event_type), min_size=1, max_size=8))
    def holds(events: list[dict[str, Any]]) -> None:
        values = [encode(event_type, event) for event in events]
        assert [decode(value) for value in values] == [(event_type, event) for event in events]
        assert list(rows([*values]).values()) == events

    holds()


def test_a_batch_of_mixed_types_keeps_the_place_of_each_event() -> None:
    shuffled = random.Random(5).choices(TYPES, k=500)
    values = [encode(t, example_of(t, subject_id=f"s{i}")) for i, t in enumerate(shuffled)]
    found = rows([*values])
    assert [found[i]["subject_id"] for i in range(500)] == [f"s{i}" for i in range(500)]


@pytest.mark.parametrize("event_type", TYPES, ids=lambda t: t.name)
def test_a_bad_value_anywhere_is_found_and_no_neighbour_is_lost(event_type: EventType) -> None:
    @settings(max_examples=8, deadline=None)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        good = [
            encode(event_type, event)
            for event in data.draw(st.lists(events_of(event_type), min_size=1, max_size=6))
        ]
        kinds = bad_bytes(event_type, data.draw(events_of(event_type)))
        kind = data.draw(st.sampled_from(sorted(kinds)))
        place = data.draw(st.integers(0, len(good)))
        groups, failures = decode_columns([*good[:place], kinds[kind], *good[place:]])
        assert [failure.position for failure in failures] == [place]
        assert sum(group.frame.height for group in groups) == len(good)
        assert list(rows([*good]).values()) == [decode(value)[1] for value in good]
        _, [alone] = decode_columns([kinds[kind]])
        assert alone.reason == failures[0].reason

    holds()


GOOD = [encode(ENTRY, example_of(ENTRY, entry_id=f"entry-{i}")) for i in range(40)]
BAD = bad_bytes(ENTRY, example_of(ENTRY))


@pytest.mark.parametrize("kind", BAD)
def test_every_kind_of_bad_bytes_is_found_among_many(kind: str) -> None:
    groups, [failure] = decode_columns([*GOOD[:20], BAD[kind], *GOOD[20:]])
    assert failure.position == 20
    assert failure.reason
    assert sum(group.frame.height for group in groups) == len(GOOD)


def test_a_symbol_that_is_none_inside_a_list_is_found() -> None:
    decided = catalogue().by_name["FraudCaseDecided"]
    labels = [{"alert_id": f"a{i}", "label": "fraud"} for i in range(3)]
    event = example_of(decided, alert_labels=labels)
    good, start = encode(decided, event), start_of(decided, event, "alert_labels")
    bad = good[: start + 4] + b"\x06" + good[start + 5 :]  # the first label: count, length, a, 0
    groups, [failure] = decode_columns([good, bad, good])
    assert failure.position == 1
    assert "alert_labels[].label is none of the symbols" in failure.reason
    assert groups[0].positions == [0, 2]


def test_a_wrong_branch_inside_a_list_is_found() -> None:
    part = record("Part", field("name", ["null", "string"], None), field("open", "boolean"))
    known = catalogue_with(schema_of(field("parts", items(part))))
    lesson = known.by_name[NAME]
    envelope = {n: v for n, v in example_of(ENTRY).items() if n in lesson.envelope_fields}
    event = envelope | {"parts": [{"name": "a", "open": True}]}
    good = encode(lesson, event)
    branch = len(good) - 5  # before the length and the letter of the name, the boolean, and the end
    for place, byte in ((branch, b"\x04"), (branch, b"\x01"), (len(good) - 2, b"\x02")):
        bad = good[:place] + byte + good[place + 1 :]
        groups, [failure] = decode_columns([good, bad, good], known)
        assert failure.position == 1
        assert failure.reason.startswith("not a LessonHeld: parts[].")
        assert groups[0].frame.to_dicts() == [event, event]


def test_many_bad_values_are_each_found() -> None:
    values = [b"\0\0\0\0\x06junk" if i % 3 == 0 else good for i, good in enumerate(GOOD)]
    _, failures = decode_columns([*values])
    assert [f.position for f in failures] == [i for i in range(len(GOOD)) if i % 3 == 0]


def test_no_event_has_a_field_with_a_name_of_the_envelope() -> None:
    for event_type in TYPES:
        assert set(event_type.own_fields).isdisjoint(event_type.envelope_fields)
        assert len(set(event_type.fields)) == len(event_type.fields)
