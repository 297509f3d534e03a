"""Bytes of every version are read by today's schemas, by columns and by fastavro alike."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalogue import Catalogue, Version, catalogue
from schemas.columns import decode_columns
from schemas.compatibility import breaks
from schemas.json_form import from_json, to_json
from schemas.wire import decode, encode_as
from tests.schemas.events import record_of
from tests.schemas.synthetic import NAME, catalogue_with, enum, field, items, record, schema_of

SHA = {"type": "fixed", "name": "Sha256", "size": 4}
FIRST = schema_of(
    field("kept", "string"),
    field("dropped", "long", 7),
    field("kind", enum("a", "b", "other", default="other")),
    field("maybe", ["null", enum("a") | {"name": "Maybe"}], None),
    field("parts", items(record("Part", field("name", "string"), field("old", "long", 1)))),
    field("one", ["null", record("One", field("x", "long"))], None),
)
SECOND = schema_of(
    field("number", "long", 5),
    field("kept", "string"),
    field("kind", enum("other", "a", "c", default="other")),
    field("maybe", ["null", enum("a") | {"name": "Maybe"}], None),
    field(
        "parts",
        items(record("Part", field("name", "string"), field("hash", ["null", SHA], None))),
    ),
    field("one", ["null", record("One", field("y", "double", 0.5), field("x", "long"))], None),
    field("tags", items("string"), ["none"]),
    field("note", ["null", "string"], None),
    field("inner", record("Inner", field("z", "long")), {"z": 9}),
)
ORDERS: dict[str, Catalogue] = {
    "the older by the newer": catalogue_with(FIRST, SECOND),
    "the newer by the older": catalogue_with(SECOND, FIRST),
}
SHIPPED = [v for event_type in catalogue().by_name.values() for v in event_type.versions]


def by_columns(values: list[bytes], known: Catalogue) -> list[dict[str, Any]]:
    groups, failures = decode_columns([*values], known)
    assert not failures
    rows = {
        position: row
        for group in groups
        for position, row in zip(group.positions, group.frame.to_dicts(), strict=True)
    }
    return [rows[position] for position in range(len(values))]


def test_the_two_schemas_of_this_test_may_follow_each_other() -> None:
    assert breaks(FIRST, SECOND) == []


@pytest.mark.parametrize("known", ORDERS.values(), ids=ORDERS.keys())
def test_columns_resolve_another_version_as_fastavro_does(known: Catalogue) -> None:
    versions = known.by_name[NAME].versions

    def event_in(version: Version) -> st.SearchStrategy[bytes]:
        return record_of(version.flat).map(lambda event: encode_as(version, event))

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.one_of(*(event_in(version) for version in versions)), max_size=12))
    def holds(values: list[bytes]) -> None:
        assert by_columns(values, known) == [decode(value, known)[1] for value in values]

    holds()


def test_what_the_bytes_lack_is_the_default_and_what_was_dropped_is_left_out() -> None:
    known = ORDERS["the older by the newer"]
    first = known.by_name[NAME].versions[0]
    envelope = from_json(catalogue().by_name["ExpertHired"].schema, SHIPPED[0].event)
    told = {
        "kept": "k", "dropped": 1, "kind": "b", "maybe": None,
        "parts": [{"name": "p", "old": 2}], "one": {"x": 3},
    }  # fmt: skip
    fields = [f["name"] for f in first.schema["fields"] if f["name"] not in told]
    [read] = by_columns([encode_as(first, {n: envelope.get(n) for n in fields} | told)], known)
    assert {name: read[name] for name in read if name not in fields} == {
        "number": 5, "kept": "k", "kind": "other", "maybe": None,
        "parts": [{"name": "p", "hash": None}], "one": {"y": 0.5, "x": 3},
        "tags": ["none"], "note": None, "inner": {"z": 9},
    }  # fmt: skip


@pytest.mark.parametrize("version", SHIPPED, ids=lambda v: f"{v.name}-{v.number}")
def test_the_golden_bytes_of_every_version_say_today_what_they_said(version: Version) -> None:
    event_type, read = decode(version.golden)
    [by_column] = by_columns([version.golden], catalogue())
    assert event_type.name == version.name
    assert by_column == read
    today = to_json(event_type.schema, read)
    kept = today.keys() & version.event.keys()
    assert {name: today[name] for name in kept} == {name: version.event[name] for name in kept}
    assert kept or not version.event


@pytest.mark.parametrize("version", SHIPPED, ids=lambda v: f"{v.name}-{v.number}")
def test_golden_bytes_are_those_that_the_version_writes(version: Version) -> None:
    event = from_json(version.schema, version.event)
    assert encode_as(version, event) == version.golden


def test_every_two_versions_that_were_shipped_read_each_other() -> None:
    for event_type in catalogue().by_name.values():
        for one, two in itertools.combinations(event_type.versions, 2):
            assert breaks(one.schema, two.schema) == []
