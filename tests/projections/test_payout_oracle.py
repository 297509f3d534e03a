"""Payout comes to what an oracle makes of its rules minute by minute, in random histories.

    PAYOUT_ORACLE_SEEDS=2000 pytest tests/projections/test_payout_oracle.py

A seed that fails is told with the command that runs it alone.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest

from projections.payout.fold import payout
from projections.payout.rows import JOURNAL, LINES
from tests.projections.histories import History, Told
from tests.projections.payout_events import standing
from tests.projections.payout_oracle import MoneyKey, TimeKey
from tests.projections.payout_oracle_history import CURRENCIES, random_history

SEEDS = int(os.environ.get("PAYOUT_ORACLE_SEEDS", "100"))
FIRST_SEED = int(os.environ.get("PAYOUT_ORACLE_FIRST", "0"))
SEEDS_LOOKED_AT = 20
CAUGHT_WITHIN_SEEDS = 6
ROUNDS_EVENTS = (1, 1, 3, 50, 500)
"""How many events are told at once."""
POSTED = ("payable", "disputed")
PATH = "tests/projections/test_payout_oracle.py"

pytestmark = pytest.mark.timeout(600)
Accounts = Counter[tuple[str, str]]


@dataclass
class Compared:
    """What a seed should come to, and what the fold tells of it."""

    seed: int
    expected_time_ms: Counter[TimeKey]
    expected_minor: Mapping[MoneyKey, Fraction]
    time_ms: Counter[TimeKey] = field(default_factory=Counter[TimeKey])
    money_minor: Counter[MoneyKey] = field(default_factory=Counter[MoneyKey])
    pieces: Counter[MoneyKey] = field(default_factory=Counter[MoneyKey])
    """How many lines the money is on: each of them is rounded once."""
    accounts_minor: Accounts = field(default_factory=Accounts)
    """By account and currency; what is owed is a credit, and below zero."""
    line_ids: Counter[bytes] = field(default_factory=Counter[bytes])

    def note_line(self, row: dict[str, Any]) -> None:
        """Count a line that stands; what is rejected or never billed comes to nothing."""
        entry_id, status = row["entry_id"], row["status"]
        if status in (*POSTED, "waiting"):
            reason = row["reason"] if status == "waiting" else ""
            self.time_ms[TimeKey(entry_id, status, reason)] += row["duration_ms"]
        if status in POSTED:
            key = MoneyKey(entry_id, status, row["currency"])
            self.money_minor[key] += row["amount_minor"]
            self.pieces[key] += 1

    def posted_minor(self) -> Accounts:
        """What the accounts should show for the lines that stand."""
        accounts: Accounts = Counter()
        for key, amount_minor in self.money_minor.items():
            accounts[key.status, key.currency] -= amount_minor
            accounts["expense.expert_work", key.currency] += amount_minor
        return accounts


def told_in_rounds(seed: int, events: Sequence[Told]) -> History:
    """The fold with a history, told in rounds of random sizes."""
    dice, history, start = random.Random(-seed - 1), History(payout), 0
    while start < len(events):
        end = start + dice.choice(ROUNDS_EVENTS)
        history.tell(*events[start:end])
        start = end
    return history


def compared(seed: int, missed: str = "") -> Compared:
    """Fold the history of a seed beside the oracle; without the events of a type, to break it.

    What the fold raises names the seed, too.
    """
    expected = random_history(seed)
    both = Compared(seed, expected.oracle.time_ms(), expected.oracle.money_minor())
    try:
        told = told_in_rounds(seed, [one for one in expected.events if one[0] != missed])
    except Exception as error:
        error.add_note(in_words(seed, ["the fold fails"]))
        raise
    for row in standing(told):
        both.note_line(row)
    for row in told.rows(JOURNAL):
        both.accounts_minor[row["account"], row["currency"]] += row["amount_minor"]
    both.line_ids.update(row["line_id"] for row in told.rows(LINES))
    return both


@pytest.fixture(scope="module")
def every_seed() -> list[Compared]:
    """All seeds, folded once for all tests."""
    return [compared(seed) for seed in range(FIRST_SEED, FIRST_SEED + SEEDS)]


def in_words(seed: int, differences: Sequence[str]) -> str:
    """What differs in a seed, and how to run it again; empty where nothing does."""
    if not differences:
        return ""
    again = f"PAYOUT_ORACLE_SEEDS=1 PAYOUT_ORACLE_FIRST={seed} pytest {PATH}"
    return "\n".join([f"seed {seed}:", *differences, f"again: {again}"])


def wrong_time(both: Compared) -> str:
    """Where an entry has more or less time of a status and reason than it should, in words."""
    told, expected = both.time_ms, both.expected_time_ms
    keys = sorted(key for key in {*told, *expected} if told[key] != expected[key])
    return in_words(both.seed, [f"{key}: {told[key]} ms, and not {expected[key]}" for key in keys])


def wrong_money(both: Compared) -> str:
    """Where the money of an entry is off by more than the rounding of its lines, in words."""
    told, expected, wrong = both.money_minor, both.expected_minor, list[str]()
    owed = {(key.entry_id, key.currency) for key in {*told, *expected}}
    for entry_id, currency in sorted(owed):
        keys = [MoneyKey(entry_id, status, currency) for status in POSTED]
        off_minor = [told[key] - expected.get(key, Fraction()) for key in keys]
        pieces = [both.pieces[key] for key in keys]
        # What a dispute in part leaves payable is rounded from its own time, and what waits takes
        # the difference of the two roundings: a line that waits, or did, may be off by a whole
        # unit. It keeps that where a rate or a minus reaches only what is payable beside it.
        is_wrong = [abs(off) > max(1, count) for off, count in zip(off_minor, pieces, strict=True)]
        both_within = max(Fraction(1, 2), Fraction(pieces[0], 2) + pieces[1])
        if any(is_wrong) or abs(sum(off_minor)) > both_within:
            by_status = dict(zip(POSTED, map(float, off_minor), strict=True))
            wrong.append(f"{entry_id}: off by {by_status} {currency} on {pieces} lines")
    return in_words(both.seed, wrong)


def wrong_accounts(both: Compared) -> str:
    """Where an account does not show the sum of the lines that stand, in words."""
    told, expected = both.accounts_minor, both.posted_minor()
    keys = sorted(key for key in {*told, *expected} if told[key] != expected[key])
    return in_words(both.seed, [f"{key}: {told[key]}, and not {expected[key]}" for key in keys])


def wrong_ids(both: Compared) -> str:
    """Which lines share an id, in words."""
    shared = [line_id.hex() for line_id, count in both.line_ids.items() if count > 1]
    return in_words(both.seed, [f"{line_id} is the id of several lines" for line_id in shared])


def all_of(words: Iterable[str]) -> str:
    """What went wrong; empty where nothing did."""
    return "\n".join(one for one in words if one)


def test_every_minute_has_the_status_and_reason_that_the_rules_give_it(
    every_seed: list[Compared],
) -> None:
    wrong = all_of(map(wrong_time, every_seed))
    assert not wrong, wrong


def test_money_is_time_by_the_rate_known_last_within_the_rounding_of_its_lines(
    every_seed: list[Compared],
) -> None:
    wrong = all_of(map(wrong_money, every_seed))
    assert not wrong, wrong


def test_the_accounts_come_to_the_lines_that_stand_in_each_currency(
    every_seed: list[Compared],
) -> None:
    wrong = all_of(map(wrong_accounts, every_seed))
    assert not wrong, wrong


def test_no_two_lines_share_an_id(every_seed: list[Compared]) -> None:
    wrong = all_of(map(wrong_ids, every_seed))
    assert not wrong, wrong


def test_the_histories_reach_every_reason_status_and_currency() -> None:
    oracles = [random_history(seed).oracle for seed in range(SEEDS_LOOKED_AT)]
    assert {(key.status, key.reason) for oracle in oracles for key in oracle.time_ms()} == {
        ("payable", ""), ("disputed", ""), ("waiting", "overlap"), ("waiting", "over_cap"),
        ("waiting", "suspended"), ("waiting", "not_staffed"), ("waiting", "awaiting_terms"),
        ("waiting", "no_rate"),
    }  # fmt: skip
    money = {(key.status, key.currency) for oracle in oracles for key in oracle.money_minor()}
    assert money == {(status, currency) for status in POSTED for currency in CURRENCIES}


@pytest.mark.parametrize(
    "missed",
    ["RateAgreed", "TimeEntryRejected", "TimeEntryDisputed", "DisputeResolved",
     "ExceptionApproved", "TimeEntryAdjusted", "ExpertSuspended", "ProjectUnstaffed"],
)  # fmt: skip
def test_a_fold_that_misses_a_type_of_event_is_caught(missed: str) -> None:
    seeds = range(CAUGHT_WITHIN_SEEDS)
    wrong = next(filter(None, (wrong_time(compared(seed, missed)) for seed in seeds)), "")
    assert "again: PAYOUT_ORACLE_SEEDS=1 PAYOUT_ORACLE_FIRST=" in wrong
