"""One event to bytes and back, and the identity of what comes twice."""

import uuid

import pytest

from schemas.catalogue import catalogue
from schemas.identity import derived_id, import_id, producer_id
from schemas.wire import WireError, content, decode, encode
from tests.schemas.events import example_of

HIRED = catalogue().by_name["ExpertHired"]


def test_the_first_five_bytes_are_zero_and_the_schema_id() -> None:
    value = encode(HIRED, example_of(HIRED))
    assert value[:5] == b"\0" + HIRED.schema_id.to_bytes(4, "big")


def test_two_deliveries_differ_in_recorded_at_alone() -> None:
    first = encode(HIRED, example_of(HIRED, recorded_at=1_700_000_000_000_000))
    later = encode(HIRED, example_of(HIRED, recorded_at=1_900_000_000_000_000))
    other = encode(HIRED, example_of(HIRED, recorded_at=1_700_000_000_000_000, country="DE"))
    assert content(first) == content(later) != content(other)


def test_a_field_that_the_event_lacks_is_refused_by_name() -> None:
    with pytest.raises(WireError, match=r"ExpertHired.*nickname"):
        encode(HIRED, example_of(HIRED) | {"nickname": "Doc"})


def test_bytes_behind_an_event_are_refused() -> None:
    with pytest.raises(WireError, match="1 bytes behind ExpertHired"):
        decode(encode(HIRED, example_of(HIRED)) + b"x")


def test_a_derived_id_is_a_uuid_of_version_5_and_the_same_for_the_same_cause() -> None:
    assert uuid.UUID(bytes=derived_id(b"a")).version == 5
    assert derived_id(b"a") == derived_id(b"a") != derived_id(b"b")


def test_ids_of_imports_are_version_7_in_the_order_of_time_and_repeatable() -> None:
    ids = [import_id(t * 1_000_000, b"row %d" % t) for t in range(100, 110)]
    assert ids == sorted(ids)
    assert {uuid.UUID(bytes=i).version for i in ids} == {7}
    assert ids[0] == import_id(100_000_000, b"row 100")


def test_a_producers_id_is_a_uuid_of_version_7() -> None:
    assert uuid.UUID(bytes=producer_id()).version == 7


def test_every_record_and_field_says_what_it_means() -> None:
    silent = [
        f"{event_type.name}.{field['name']}"
        for event_type in catalogue().by_name.values()
        for field in event_type.schema["fields"]
        if not event_type.doc or len(field.get("doc", "")) < 15
    ]
    assert not silent
