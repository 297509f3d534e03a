"""Events made of classes: typed, in an envelope, with key, topic and partition."""

import time
import uuid

import pytest

from schemas import events
from schemas.catalogue import catalogue
from schemas.columns import decode_columns
from schemas.event import Event
from schemas.events import AlertLabel, ExpertHired, FraudCaseDecided, ProjectStaffed, TaskClaimed
from schemas.json_form import from_json
from schemas.message import derived_envelope, envelope, fields_of, message
from schemas.partitioning import partition_of
from schemas.rules import broken_rules
from schemas.wire import WireError, decode
from tests.schemas.events import example_of

HIRED = ExpertHired(domains=["poetry"], country="PT", home_zone="Europe/Lisbon")
SAID = envelope("ines-duarte", actor="system:marketplace", source="marketplace")


def test_a_message_has_topic_key_and_partition_of_its_subject() -> None:
    told = message(HIRED, SAID)
    assert (told.topic, told.key) == ("workforce.experts", b"ines-duarte")
    assert told.partition == partition_of(b"ines-duarte")


def test_a_message_reads_as_it_was_told_and_breaks_no_rule() -> None:
    told = message(HIRED, SAID)
    assert decode(told.value) == (HIRED.event_type(), fields_of(HIRED, SAID))
    groups, failures = decode_columns([told.value])
    assert not failures
    assert not broken_rules(groups[0])


def test_a_producers_envelope_has_a_uuid_of_version_7_and_the_time_of_now() -> None:
    before = time.time_ns() // 1000
    made = envelope("e", actor="system:a", source="a")
    assert uuid.UUID(bytes=made.event_id).version == 7
    assert before <= made.recorded_at == made.occurred_at <= time.time_ns() // 1000


def test_a_late_fact_has_its_own_time() -> None:
    late = envelope("e", actor="system:a", source="a", occurred_at=5)
    assert late.occurred_at == 5 < late.recorded_at


def test_a_derived_envelope_is_the_same_for_the_same_cause_and_asks_no_clock() -> None:
    first, again = (
        derived_envelope(SAID, ProjectStaffed, "skin-atlas", actor="system:agent", source="agent")
        for _ in range(2)
    )
    assert first == again
    assert uuid.UUID(bytes=first.event_id).version == 5
    assert (first.causation_id, first.recorded_at) == (SAID.event_id, SAID.recorded_at)


def test_derived_events_of_one_cause_have_ids_of_their_own() -> None:
    def derived(event: type[Event], subject: str, part: bytes = b"") -> bytes:
        made = derived_envelope(SAID, event, subject, actor="system:a", source="a", part=part)
        return made.event_id

    ids = {
        derived(ProjectStaffed, "a"),
        derived(ProjectStaffed, "b"),
        derived(TaskClaimed, "a"),
        derived(ProjectStaffed, "a", b"2"),
    }
    assert len(ids) == 4


def test_a_value_of_another_type_is_refused_by_name() -> None:
    wrong = ExpertHired(domains=["poetry"], country=351, home_zone="UTC")  # pyright: ignore
    with pytest.raises(WireError, match="ExpertHired: country is 351: it must be text"):
        message(wrong, SAID)


def test_records_inside_an_event_are_classes_too() -> None:
    label = AlertLabel(alert_id="alert-1", label="not_fraud")
    decided = FraudCaseDecided(
        case_id="c", outcome="not_fraud", alert_labels=[label], decided_by="staff:a", note="n"
    )
    assert decode(message(decided, SAID).value)[1]["alert_labels"] == [
        {"alert_id": "alert-1", "label": "not_fraud"}
    ]


@pytest.mark.parametrize("name", catalogue().by_name)
def test_every_event_is_a_class_that_holds_its_example(name: str) -> None:
    event_type = catalogue().by_name[name]
    event = example_of(event_type)
    own = {field: event[field] for field in event_type.own_fields}
    made = getattr(events, name)(**own)
    assert made.fields() == own
    assert made.event_type() is event_type
    assert event == from_json(event_type.schema, event_type.versions[-1].event)
