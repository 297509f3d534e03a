"""What each kind of event does to the oracle of payout, a small rule for each.

A rule that is about an entry is not asked where the entry is unknown, or rejected: nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from zoneinfo import ZoneInfo

from tests.projections.histories import Told
from tests.projections.payout_oracle import (
    MINUTE_MS,
    Dated,
    Minute,
    Oracle,
    Rate,
    WorkedEntry,
    minutes_of,
)

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
RELEASES = {
    "over_cap": ("over_cap",),
    "overlap": ("overlap",),
    "no_terms": ("awaiting_terms",),
    "not_standing": ("not_hired", "suspended", "offboarded", "not_staffed"),
    "no_rate": ("no_rate",),
}
"""What an exception of each kind may pay, by the reason to wait."""

Fields = dict[str, Any]
Rule = Callable[[Oracle, Fields], None]
EntryRule = Callable[[Oracle, WorkedEntry, Fields], None]
Facts = list[Dated[str]]
RULES: dict[str, Rule] = {}


def tell(oracle: Oracle, told: Told) -> None:
    """Take in the next event. Raises `KeyError` for a type that there is no rule for."""
    event_type, fields = told
    oracle.told += 1
    RULES[event_type](oracle, fields)


def oracle_of(events: Iterable[Told]) -> Oracle:
    """What events in the order of the log come to."""
    oracle = Oracle()
    for told in events:
        tell(oracle, told)
    return oracle


def rule(event_type: str) -> Callable[[Rule], Rule]:
    """The rule of a type of event."""

    def note(function: Rule) -> Rule:
        RULES[event_type] = function
        return function

    return note


def rule_about_an_entry(event_type: str) -> Callable[[EntryRule], EntryRule]:
    """The rule of a type of event that changes an entry, where there is one."""

    def note(function: EntryRule) -> EntryRule:
        def where_it_stands(oracle: Oracle, fields: Fields) -> None:
            if entry := oracle.entries.get(fields["entry_id"]):
                function(oracle, entry, fields)

        RULES[event_type] = where_it_stands
        return function

    return note


@rule("PayPolicyApplied")
def pay_policy_applied(oracle: Oracle, fields: Fields) -> None:
    """The calendar of the weeks, and the cap of each."""
    cap_ms = fields["weekly_cap_ms"]
    oracle.zone = ZoneInfo(fields["zone"])
    oracle.first_weekday = WEEKDAYS.index(fields["week_starts_on"])
    oracle.cap_minutes = None if cap_ms is None else cap_ms // MINUTE_MS


@rule("RateAgreed")
def rate_agreed(oracle: Oracle, fields: Fields) -> None:
    """It holds for what was recorded before, too, if it lies in its time."""
    rate = Rate(fields["rate_minor_per_hour"], fields["currency"])
    oracle.note(oracle.rates, fields["effective_from"], rate)


def rule_for_later_entries(event_type: str, facts: Callable[[Oracle], Facts], value: str) -> None:
    """The rule of a type that says what is so from its time on, for entries later in the log."""

    def note(oracle: Oracle, fields: Fields) -> None:
        oracle.note(facts(oracle), fields["occurred_at"], value)

    RULES[event_type] = note


rule_for_later_entries("ExpertHired", lambda oracle: oracle.standing, "")
rule_for_later_entries("ExpertReinstated", lambda oracle: oracle.standing, "")
rule_for_later_entries("ExpertSuspended", lambda oracle: oracle.standing, "suspended")
rule_for_later_entries("ProjectStaffed", lambda oracle: oracle.staffing, "")
rule_for_later_entries("ProjectUnstaffed", lambda oracle: oracle.staffing, "not_staffed")
rule_for_later_entries("TermsAccepted", lambda oracle: oracle.terms, "")


@rule("TimeEntryRecorded")
def time_entry_recorded(oracle: Oracle, fields: Fields) -> None:
    """What is not billable has no minutes, and holds none against others."""
    entry = oracle.entries[fields["entry_id"]] = WorkedEntry(fields["billable"])
    if entry.is_billable:
        oracle.work(entry, *_interval_minutes(fields))


@rule("TimeEntryRejected")
def time_entry_rejected(oracle: Oracle, fields: Fields) -> None:
    """Its minutes are free for later entries; what overlapped with it waits all the same."""
    oracle.entries.pop(fields["entry_id"], None)


@rule_about_an_entry("TimeEntryAdjusted")
def time_entry_adjusted(oracle: Oracle, entry: WorkedEntry, fields: Fields) -> None:
    """Plus is work like any other; what minus takes away is free for later entries."""
    start_minutes, end_minutes = _interval_minutes(fields)
    if fields["sign"] == "minus":
        gone = range(start_minutes, end_minutes)
        entry.minutes = [minute for minute in entry.minutes if minute.at_minutes not in gone]
        entry.held_minutes.difference_update(gone)
    elif entry.is_billable:
        oracle.work(entry, start_minutes, end_minutes)


@rule_about_an_entry("TimeEntryDisputed")
def time_entry_disputed(oracle: Oracle, entry: WorkedEntry, fields: Fields) -> None:
    """So much of what is payable waits, from the end."""
    latest_first = entry.in_status("payable")[::-1]
    _become("disputed", latest_first[: fields["disputed_ms"] // MINUTE_MS])


@rule_about_an_entry("DisputeResolved")
def dispute_resolved(oracle: Oracle, entry: WorkedEntry, fields: Fields) -> None:
    """So much of what is disputed is payable, from the beginning; the rest is rejected."""
    _become("payable", entry.in_status("disputed")[: fields["approved_ms"] // MINUTE_MS])
    entry.minutes = [minute for minute in entry.minutes if minute.status != "disputed"]


@rule_about_an_entry("ExceptionApproved")
def exception_approved(oracle: Oracle, entry: WorkedEntry, fields: Fields) -> None:
    """So much of what waits for its reason and has a rate waits for it no more, from the beginning.

    Where that was the last reason the week's cap decides, unless it was the cap that it waited for.
    """
    waiting = [
        minute
        for minute in entry.in_status("waiting")
        if minute.reason in RELEASES[fields["kind"]] and oracle.rate_at(minute.at_minutes)
    ]
    for minute in waiting[: fields["approved_ms"] // MINUTE_MS]:
        reason = minute.reasons.pop(0)
        if reason == "over_cap":
            minute.status = "payable"
        else:
            oracle.pay_if_nothing_is_left(minute)


def _interval_minutes(fields: Fields) -> tuple[int, int]:
    return minutes_of(fields["started_at"]), minutes_of(fields["ended_at"])


def _become(status: str, minutes: Iterable[Minute]) -> None:
    for minute in minutes:
        minute.status = status
