"""Batches decoded by columns: equal to fastavro on every valid event, and sure of every bad one."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalogue import EventType, catalogue
from schemas.columns import decode_columns
from schemas.wire import decode, encode
from tests.schemas.events import events_of, example_of

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
    @settings(max_examples=25, deadline=None)
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


GOOD = [encode(ENTRY, example_of(ENTRY, entry_id=f"entry-{i}")) for i in range(40)]
BAD: dict[str, bytes | None] = {
    "an empty value": b"",
    "no value": None,
    "bytes that are not Avro": b"hello, world, this is not an event",
    "an unknown schema id": b"\0\0\0\x27\x0f" + GOOD[0][5:],
    "only a header": GOOD[0][:5],
    "a truncated event": GOOD[0][:-7],
    "bytes behind the event": GOOD[0] + b"xyz",
    "a second event behind the event": GOOD[0] + GOOD[1],
    "a second body behind the event": GOOD[0] + GOOD[1][5:],
    "a huge length": GOOD[0][:29] + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f" + GOOD[0][30:],
    "an enum out of range": GOOD[0][:-1] + b"\x0e",
    "bad UTF-8": GOOD[0].replace(b"entry-0", b"entry\xff\xfe"),
}


@pytest.mark.parametrize("place", [0, 20, 40])
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_value_is_found_and_no_neighbour_is_lost(bad: bytes | None, place: int) -> None:
    groups, failures = decode_columns([*GOOD[:place], bad, *GOOD[place:]])
    assert [failure.position for failure in failures] == [place]
    assert sum(group.frame.height for group in groups) == len(GOOD)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_the_reason_is_the_same_alone_and_in_company(bad: bytes | None) -> None:
    _, alone = decode_columns([bad])
    _, among = decode_columns([*GOOD, bad, *GOOD])
    assert [f.reason for f in alone] == [f.reason for f in among]
    assert alone[0].reason


def test_many_bad_values_are_each_found() -> None:
    values = [b"\0\0\0\0\x06junk" if i % 3 == 0 else good for i, good in enumerate(GOOD)]
    _, failures = decode_columns([*values])
    assert [f.position for f in failures] == [i for i in range(len(GOOD)) if i % 3 == 0]
