"""A seed gives one marketplace: in order, by the rules, skewed, and with its frauds told apart."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import fastavro
import pytest

from infra.errors import CommandError
from infra.simulation.habits import FRAUDS, LOOK_ALIKES, habits_of
from infra.simulation.marketplace import DOMAINS
from infra.simulation.output import write_file
from infra.simulation.pace import with_dependence
from infra.simulation.run import Simulation
from infra.simulation.side_by_side import SideBySide
from infra.simulation.told import Told
from schemas.columns import decode_columns
from schemas.events import ProjectStaffed, TimeEntryRecorded
from schemas.rules import broken_rules

EXPERTS, WEEKS, SEED = 40, 2, 11


class Dying(Simulation):
    """Tells some events, then dies."""

    def events(self) -> Iterator[Told]:
        yield from islice(super().events(), 500)
        os._exit(3)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return Simulation(EXPERTS, WEEKS, SEED)


@pytest.fixture(scope="module")
def told(simulation: Simulation) -> list[Told]:
    return list(simulation.events())


def of(told: list[Told], name: str) -> list[Told]:
    return [one for one in told if type(one.event).__name__ == name]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(told: list[Told]) -> None:
    values = [one.message().value for one in told]
    again = [one.message().value for one in Simulation(EXPERTS, WEEKS, SEED).events()]
    other = [one.message().value for one in Simulation(EXPERTS, WEEKS, SEED + 1).events()]
    assert again == values
    assert set(other).isdisjoint(values[-1_000:])
    assert len(set(values)) == len(values)


def test_events_come_in_the_order_in_which_they_are_told_and_break_no_rule(
    told: list[Told],
) -> None:
    times = [one.recorded_at for one in told]
    assert times == sorted(times)
    groups, failures = decode_columns([one.message().value for one in told])
    assert failures == []
    assert [broken for group in groups for broken in broken_rules(group)] == []


def test_the_funnel_narrows_at_every_step_and_nobody_works_without_terms(
    told: list[Told],
) -> None:
    steps = (
        "CandidateSourced", "ApplicationSubmitted", "InterviewCompleted", "OfferExtended",
        "TermsAccepted",
    )  # fmt: skip
    counts = [len(of(told, step)) for step in steps]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == len(counts)
    assert EXPERTS * 0.7 < counts[-1] < EXPERTS * 1.3
    accepted = {one.subject_id: one.occurred_at for one in of(told, "TermsAccepted")}
    for entry in of(told, "TimeEntryRecorded"):
        assert accepted[entry.subject_id] < entry.occurred_at
    asked, declined = of(told, "NegotiationRequested"), of(told, "NegotiationDeclined")
    assert [one.subject_id for one in asked] == [one.subject_id for one in declined]
    assert len(of(told, "OfferForfeited")) == counts[-2] - counts[-1]


def test_rates_stay_below_what_a_domain_pays_and_hours_are_skewed(told: list[Told]) -> None:
    highest = max(one.rate_max_minor_per_hour for one in DOMAINS)
    assert all(
        one.event.fields()["rate_minor_per_hour"] <= highest for one in of(told, "RateAgreed")
    )
    hours: dict[str, float] = defaultdict(float)
    for one in of(told, "TimeEntryRecorded"):
        entry: dict[str, Any] = one.event.fields()
        hours[one.subject_id] += (entry["ended_at"] - entry["started_at"]) / 3.6e9
    assert sum(hours.values()) / len(hours) > median(hours.values())


def test_every_kind_of_fraud_and_of_look_alike_comes_about_and_is_labelled() -> None:
    drawn = [habits_of(n, random.Random(n)) for n in range(5_000)]
    frauds = Counter(fraud for _, fraud, _ in drawn if fraud)
    look_alikes = Counter(look_alike for _, _, look_alike in drawn if look_alike)
    assert set(frauds) == set(FRAUDS)
    assert set(look_alikes) == set(LOOK_ALIKES)
    assert 0.02 < frauds.total() / len(drawn) < 0.06


def test_whoever_pastes_answers_does_so_in_most_of_them(
    simulation: Simulation, told: list[Told]
) -> None:
    shares: dict[str, list[bool]] = defaultdict(list)
    for one in of(told, "TaskSubmitted"):
        answer: dict[str, Any] = one.event.fields()
        pasted = answer["pasted_after_focus_loss_chars"] * 2 > answer["answer_chars"]
        shares[answer["expert_id"]].append(pasted)
    for label in simulation.labels:
        if label.fraud != "pasted_answer" and (answers := shares[label.expert_id]):
            assert sum(answers) / len(answers) < 0.2


def test_hours_wait_until_the_agents_have_answered_who_is_staffed(told: list[Told]) -> None:
    unanswered: set[str] = set()
    waits = 0
    for depends, one in with_dependence(told):
        if depends:
            assert one.subject_id in unanswered
            unanswered.clear()
            waits += 1
        if isinstance(one.event, ProjectStaffed):
            unanswered.add(one.subject_id)
        assert not (isinstance(one.event, TimeEntryRecorded) and one.subject_id in unanswered)
    assert 1 <= waits < WEEKS * 7
    assert [one for _, one in with_dependence(told)] == told


def test_a_file_by_several_processes_holds_what_one_tells(
    simulation: Simulation, told: list[Told], tmp_path: Path
) -> None:
    path = tmp_path / "events.avro"
    steps: list[int] = []
    shared = Simulation(EXPERTS, WEEKS, SEED)
    assert write_file(SideBySide(shared, 3).events(), path, steps.append) == len(told)
    assert steps == [*range(5_000, len(told), 5_000), len(told)]
    with path.open("rb") as file:
        records: list[Any] = list(fastavro.reader(file))
    expected = [one.message() for one in told]
    assert [(one["topic"], one["key"], one["value"]) for one in records] == [
        (one.topic, one.key, one.value) for one in expected
    ]
    assert shared.labels == simulation.labels


def test_a_process_that_ends_before_its_time_leaves_no_file(tmp_path: Path) -> None:
    events = SideBySide(Dying(EXPERTS, WEEKS, SEED), 2).events()
    with pytest.raises(CommandError, match="ended before its time"):
        write_file(events, tmp_path / "events.avro", lambda _: None)
    assert not list(tmp_path.iterdir())


def test_the_command_writes_events_and_labels_and_says_what_it_did(tmp_path: Path) -> None:
    out, labels = tmp_path / "events.avro", tmp_path / "labels.csv"
    command = [
        sys.executable,
        "-m",
        "infra.cli.main",
        "simulate",
        "--experts",
        "20",
        "--weeks",
        "1",
    ]
    written = [*command, "--out", str(out), "--labels", str(labels), "--json"]
    ended = subprocess.run(written, capture_output=True, text=True, check=True)
    summary = json.loads(ended.stdout)
    with labels.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == summary["experts"]
    assert summary["events"] > 1_000
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["events.avro", "labels.csv"]
    nowhere = [*command, "--out", str(tmp_path / "missing" / "events.avro")]
    refused = subprocess.run(nowhere, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert f"There is no folder {tmp_path / 'missing'}" in refused.stderr
