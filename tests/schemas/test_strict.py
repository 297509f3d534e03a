"""An event that is not as its schema says is refused by name, value, and what would be right."""

from typing import Any

import pytest

from schemas.catalogue import catalogue
from schemas.wire import WireError, encode
from tests.schemas.events import example_of

LAX: list[tuple[str, dict[str, Any], str]] = [
    ("TimeEntryRecorded", {"billable": 1}, "billable is 1: it must be true or false"),
    ("TimeEntryRecorded", {"billable": "no"}, "billable is 'no': it must be true or false"),
    ("TimeEntryRecorded", {"started_at": True}, "started_at is True: it must be a whole number"),
    ("TimeEntryRecorded", {"started_at": 1.0}, "started_at is 1.0: it must be a whole number"),
    ("TimeEntryRecorded", {"started_at": 2**63}, "at most 64 bits"),
    ("TimeEntryRecorded", {"entry_id": 7}, "entry_id is 7: it must be text"),
    ("TimeEntryRecorded", {"entry_id": None}, "entry_id is None: it must be text"),
    ("TimeEntryRecorded", {"entry_id": "\ud800"}, "entry_id is '\\ud800': it must be text that"),
    ("TimeEntryRecorded", {"task_id": 7}, "task_id is 7: it must be text, or null"),
    ("TimeEntryRecorded", {"entry_method": "guess"}, "one of tracker, import, manual"),
    ("TimeEntryRecorded", {"entryid": "e"}, "there is no field entryid: did you mean entry_id?"),
    ("TermsAccepted", {"terms_sha256": b"short"}, "terms_sha256 is b'short': it must be 32 bytes"),
    ("TermsAccepted", {"terms_sha256": "0" * 32}, "it must be 32 bytes"),
    ("ExpertHired", {"event_id": b""}, "event_id is b'': it must be 16 bytes"),
    ("ExpertHired", {"domains": "poetry"}, "domains is 'poetry': it must be a list"),
    ("ExpertHired", {"domains": ["poetry", 3]}, "domains[1] is 3: it must be text"),
    ("AuditSampled", {"probability": "0.1"}, "probability is '0.1': it must be a number"),
    (
        "FraudCaseDecided",
        {"alert_labels": [{"alert_id": "a", "label": "perhaps"}]},
        "alert_labels[0].label is 'perhaps': it must be one of fraud, not_fraud, inconclusive",
    ),
    (
        "FraudCaseDecided",
        {"alert_labels": [{"alert_id": "a"}]},
        "label of alert_labels[0] is missing",
    ),
]


@pytest.mark.parametrize(("name", "fields", "words"), LAX)
def test_a_value_that_is_not_of_its_type_is_refused(
    name: str, fields: dict[str, Any], words: str
) -> None:
    event_type = catalogue().by_name[name]
    with pytest.raises(WireError) as refused:
        encode(event_type, example_of(event_type, **fields))
    assert str(refused.value).startswith(f"{name}: ")
    assert words in str(refused.value)


def test_a_field_without_default_must_be_there() -> None:
    hired = catalogue().by_name["ExpertHired"]
    event = example_of(hired)
    del event["country"]
    with pytest.raises(WireError, match=r"^ExpertHired: country is missing$"):
        encode(hired, event)


def test_a_field_with_a_default_may_be_left_out() -> None:
    entry = catalogue().by_name["TimeEntryRecorded"]
    event = example_of(entry, task_id=None)
    left_out = {name: value for name, value in event.items() if name != "task_id"}
    assert encode(entry, left_out) == encode(entry, event)
