"""Rules that a schema cannot say: each names the event, the field, the value and what is right."""

import re
from typing import Any

import polars as pl
import pytest

from schemas.catalogue import catalogue
from schemas.columns import decode_columns
from schemas.event_rules import EVENT_RULES, EventRule
from schemas.rules import broken_rules, check_rules, without
from schemas.value_rules import VALUE_RULES, ValueRule
from schemas.wire import encode
from tests.schemas.events import example_of

SOON = 1_791_211_000_000_000
"""Later than `recorded_at` of the examples by more than a sender's clock may run ahead."""
BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("TimeEntryRecorded", {"ended_at": 0}, "the end must lie after the start"),
    ("TimeEntryRecorded", {"started_at": 0}, "at most 24 hours"),
    ("TimeEntryRecorded", {"started_at": 0, "ended_at": 1_500}, "whole milliseconds"),
    ("TimeEntryRecorded", {"entry_id": "a\tb"}, "no control characters"),
    ("TimeEntryRecorded", {"subject_id": ""}, "an id has 1 to 200 bytes"),
    ("TimeEntryRecorded", {"occurred_at": SOON}, "future of the time at which the log took"),
    ("TimeEntryRecorded", {"ended_at": SOON}, "ended_at is 1791211000000000 µs: it lies in the"),
    ("PayoutPaid", {"paid_at": SOON}, "paid_at is 1791211000000000 µs: it lies in the future"),
    ("RateAgreed", {"rate_minor_per_hour": 0}, "rate_minor_per_hour is 0"),
    ("RateChanged", {"rate_minor_per_hour": -1}, "rate_minor_per_hour is -1"),
    ("RateAgreed", {"currency": "XYZ"}, "ISO 4217"),
    ("RateAgreed", {"effective_from": -1_000}, "1970 to 9999"),
    ("RateAgreed", {"effective_from": 1_500}, "a whole millisecond"),
    ("ExpertHired", {"recorded_at": 1}, "in the years 2000 to 2999"),
    ("RateChanged", {"approved_by": "staff:a", "actor": "staff:a"}, "a second person"),
    ("RateChanged", {"approved_by": "system:a"}, "a person, as staff:…"),
    ("ExpertHired", {"actor": "bob"}, "actor is 'bob': it must say who, as expert:…"),
    ("ExpertHired", {"home_zone": "Mars/Olympus"}, "IANA time zone"),
    ("ExpertHired", {"country": "Portugal"}, "ISO 3166-1"),
    ("ExpertHired", {"country": "XX"}, "ISO 3166-1"),
    ("TaxFormFiled", {"residence": "XX"}, "residence is 'XX'"),
    ("InterviewScored", {"score_bp": 10_001}, "score_bp is 10001: basis points lie between 0 and"),
    ("BillableTargetSet", {"share_bp": -1}, "basis points"),
    ("PayPolicyApplied", {"increment_ms": 0}, "increment_ms is 0: it lies above 0"),
    ("AvailabilityDeclared", {"ms_per_week": -1}, "ms_per_week is -1"),
    ("WeeklyCapChanged", {"cap_ms": -1}, "cap_ms is -1: a duration lies"),
    ("SubmissionRecorded", {"pasted_chars": -1}, "pasted_chars is -1: characters"),
    ("SessionHeartbeat", {"sequence": -1}, "sequence is -1: it is not below 0"),
    ("SkillGranted", {"level": 0}, "level is 0: it lies above 0"),
    ("DeviceSighted", {"device_token": "10.0.0.1"}, "64 lowercase hexadecimal digits"),
    ("DeviceSighted", {"latitude_e3": 90_001}, "it lies within 90000"),
    ("DeviceSighted", {"longitude_e3": -180_001}, "it lies within 180000"),
    ("ActivityObserved", {"active_ms": 600_001}, "no more is active than the window"),
    ("ActivityObserved", {"key_interval_mean_ms": float("nan")}, "a duration lies"),
    ("HoursReported", {"period_end": 1_000}, "a period ends after its start"),
    ("HoursReported", {"duration_ms": 604_800_001}, "is shorter"),
    ("WeekAttested", {"week_starts_on": "2026-02-30"}, "a date such as 2026-10-14"),
    ("WeekAttested", {"answer": "missing"}, "missing_ms belongs to `missing` alone"),
    ("PayoutHoldPlaced", {"reason": " "}, "something must be written"),
    ("PayoutHoldPlaced", {"scope_ids": []}, "any other scope has some"),
    ("PayoutHoldPlaced", {"scope_ids": ["a", "b\n"]}, "scope_ids[] is ['a', 'b\\n']: an id has"),
    ("FraudCaseDecided", {"alert_labels": [{"alert_id": "", "label": "fraud"}]}, "alert_labels[]"),
    ("AuditSampled", {"probability": 0.0}, "above 0 and at most at 1"),
    ("AuditSampled", {"probability": float("nan")}, "above 0 and at most at 1"),
    ("BonusGranted", {"amount_minor": 0}, "it must lie above 0"),
    ("BonusGranted", {"amount_minor": 10**15 + 1}, "an amount lies within"),
    ("AdjustmentPosted", {"amount_minor": 0}, "adds or takes away"),
    ("PayoutScheduled", {"net_minor": 1}, "gross_minor 125000 less withheld_minor 0"),
    ("PayoutScheduled", {"gross_minor": 0, "net_minor": 0}, "a payout pays something"),
    ("PayoutScheduled", {"fx_rate_decimal": "1e3"}, "a decimal number above 0"),
    ("PayoutScheduled", {"fx_rate_decimal": "0.00"}, "a decimal number above 0"),
    ("PayoutScheduled", {"settlement_currency": "EURO"}, "ISO 4217"),
    ("PayoutBatchOpened", {"currencies": ["USD", "EURO"]}, "currencies[] is ['USD', 'EURO']"),
    ("PayoutBatchClosed", {"watermark": [{"topic": "t", "partition": -1, "offset": 0}]}, "below"),
    ("PayoutBatchClosed", {"watermark": [{"topic": "t", "partition": 0, "offset": -2}]}, "offset"),
    ("FxRateStamped", {"pair": "USDEUR"}, "two ISO 4217 codes"),
    ("BaselineComputed", {"values": [{"name": "a", "value": float("inf")}]}, "a finite number"),
    ("TokenSeen", {"subject_id": "f" * 64}, "the key of a TokenSeen is its token"),
    ("PolicyActivated", {"subject_id": "too_fast"}, "the key is the policy's name"),
    ("AccessRecorded", {"subject_id": "staff:b"}, "the key of an AccessRecorded is its actor"),
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


@pytest.mark.parametrize("rule", VALUE_RULES, ids=lambda rule: rule.right)
def test_every_rule_on_a_value_is_broken_by_a_case_above(rule: ValueRule) -> None:
    assert any(broken_by(*case[:2]).endswith(rule.right) for case in BROKEN)


@pytest.mark.parametrize("rule", EVENT_RULES, ids=lambda rule: rule.sentence[:40])
def test_every_rule_on_fields_together_is_broken_by_a_case_above(rule: EventRule) -> None:
    said = re.split(r"\{.*?\}", rule.sentence)
    reasons = [broken_by(*case[:2]) for case in BROKEN]
    assert any(all(part in reason for part in said) for reason in reasons)


def broken_by(name: str, fields: dict[str, Any]) -> str:
    event_type = catalogue().by_name[name]
    groups, _ = decode_columns([encode(event_type, example_of(event_type, **fields))])
    return broken_rules(groups[0])[0].reason


def test_a_time_is_held_against_when_the_log_took_the_event() -> None:
    event_type = catalogue().by_name["TimeEntryRecorded"]
    value = encode(event_type, example_of(event_type))
    groups, _ = decode_columns([value, value])
    skewed, in_time = 1_791_210_302_250_000, 1_791_210_602_250_000
    [failure] = broken_rules(groups[0], pl.Series([0, in_time]))
    assert failure.position == 0
    assert not broken_rules(groups[0], pl.Series([skewed, in_time]))


def test_every_sentence_names_fields_that_its_events_have() -> None:
    for event_type in catalogue().by_name.values():
        check_rules(event_type)
