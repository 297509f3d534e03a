"""Rules that a schema cannot say: each names the event, the field, the value and what is right."""

from typing import Any

import pytest

from schemas.catalogue import catalogue
from schemas.columns import decode_columns
from schemas.rules import broken_rules, check_catalogue, without
from schemas.wire import encode
from tests.schemas.events import example_of

BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("TimeEntryRecorded", {"ended_at": 0}, "the end must lie after the start"),
    ("TimeEntryRecorded", {"ended_at": 86_400_001_000}, "at most 24 hours"),
    ("TimeEntryRecorded", {"ended_at": 1_500}, "whole milliseconds"),
    ("TimeEntryRecorded", {"entry_id": "a\tb"}, "no control characters"),
    ("TimeEntryRecorded", {"subject_id": ""}, "an id has 1 to 200 bytes"),
    ("RateAgreed", {"rate_minor_per_hour": 0}, "rate_minor_per_hour is 0"),
    ("RateChanged", {"rate_minor_per_hour": -1}, "rate_minor_per_hour is -1"),
    ("RateAgreed", {"currency": "XYZ"}, "ISO 4217"),
    ("RateAgreed", {"effective_from": -1}, "1970 to 9999"),
    ("RateAgreed", {"effective_from": 1_500}, "a whole millisecond"),
    ("ExpertHired", {"recorded_at": 1}, "in the years 2000 to 2999"),
    ("RateChanged", {"approved_by": "staff:a", "actor": "staff:a"}, "a second person"),
    ("ExpertHired", {"home_zone": "Mars/Olympus"}, "IANA time zone"),
    ("ExpertHired", {"country": "Portugal"}, "ISO 3166-1"),
]


@pytest.mark.parametrize(("name", "fields", "words"), BROKEN)
def test_a_broken_rule_is_told_in_words(name: str, fields: dict[str, Any], words: str) -> None:
    event_type = catalogue().by_name[name]
    good = encode(event_type, example_of(event_type))
    bad = encode(event_type, example_of(event_type, **fields))
    groups, _ = decode_columns([good, bad, good])
    [failure] = broken_rules(groups[0])
    assert failure.position == 1
    assert failure.reason.startswith(f"{name}: ")
    assert words in failure.reason
    assert without(groups[0], {failure.position}).positions == [0, 2]


@pytest.mark.parametrize("name", catalogue().by_name)
def test_the_plain_example_of_each_event_breaks_no_rule(name: str) -> None:
    event_type = catalogue().by_name[name]
    groups, failures = decode_columns([encode(event_type, example_of(event_type))])
    assert not failures
    assert not broken_rules(groups[0])


def test_every_sentence_names_fields_that_its_events_have() -> None:
    check_catalogue()
