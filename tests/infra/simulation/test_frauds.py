"""Frauds that show against others, money or clocks, beside who only looks like it."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from infra.simulation.answers import HARD, LABELS, Answers, Unit
from infra.simulation.habits import COLLUSION, FRAUDS, LOOK_ALIKES, habits_of, ring_of, usual
from infra.simulation.hiring import Person
from infra.simulation.life import Life
from infra.simulation.marketplace import HOMES, HOUR_US, START_US, projects
from infra.simulation.told import Diary, Told
from infra.simulation.work import SURGE_DAY_HOURS, Work
from schemas.event import Event

WEEKS, UNITS, SEED = 6, 30, 11
HONEST = ""


def a_life(kind: str = HONEST, number: int = 1, ring: str = "") -> Life:
    """An expert of a kind of fraud or look-alike, the same in every run."""
    dice = random.Random(f"{kind} {number}")
    habits = usual(number, dice)
    change = (FRAUDS | LOOK_ALIKES).get(kind)
    if ring:
        habits = habits_of(number, dice, ring)[0]
    elif change:
        habits = change(habits, dice)
    person = Person(f"expert-{number}", projects()[0], HOMES[0], 10_000, 20)
    return Life(person, habits, Diary(), dice)


def told_of(life: Life) -> list[Told]:
    """What is told of some weeks."""
    for _ in Work(life, UNITS).weeks(WEEKS, START_US):
        pass
    return list(life.diary.rest())


def events(told: list[Told], name: str) -> Iterator[tuple[Told, dict[str, Any]]]:
    for one in told:
        if type(one.event).__name__ == name:
            yield one, _fields(one.event)


def _fields(event: Event) -> dict[str, Any]:
    return event.fields()


def judged(life: Life) -> list[tuple[Unit, str]]:
    """The units that an expert judges in some weeks, each with the label."""
    answers, given = Answers(life, UNITS), list[tuple[Unit, str]]()
    for week in range(20):
        while unit := answers.take(week):
            given.append((unit, answers.label(unit)))
    return given


def share_right(given: list[tuple[Unit, str]]) -> float:
    return sum(unit.truth == label for unit, label in given) / len(given)


def test_experts_who_know_nothing_of_each_other_agree_except_on_hard_units() -> None:
    one, other = (dict(judged(a_life(number=number))) for number in (1, 2))
    both = [unit for unit in one if unit in other]
    easy = [unit for unit in both if not unit.is_hard]
    hard = [unit for unit in both if unit.is_hard]
    assert len(both) == 20 * UNITS
    assert sum(one[unit] == other[unit] for unit in easy) / len(easy) > 0.7
    assert 0.3 < sum(one[unit] == unit.tempting for unit in hard) / len(hard) < 0.7
    assert HARD / 200 < len(hard) / len(both) < HARD / 50


def test_a_ring_gives_the_same_answers_to_the_same_units_and_many_are_wrong() -> None:
    one, other = (judged(a_life(number=number, ring="ring")) for number in (1, 2))
    assert one == other
    assert 0.4 < share_right(one) < 0.7
    assert judged(a_life(number=1, ring="another ring")) != one


def test_a_ring_comes_in_a_row_and_is_labelled_collusion() -> None:
    rings = Counter(ring for n in range(20_000) if (ring := ring_of(SEED, n)))
    assert rings
    assert set(rings.values()) == {12}
    _, fraud, look_alike = habits_of(1, random.Random(1), next(iter(rings)))
    assert (fraud, look_alike) == (COLLUSION, "")


def test_answers_without_care_show_in_reference_tasks_unless_these_are_recognized() -> None:
    shares: dict[str, tuple[float, float]] = {}
    for kind in (HONEST, "reference_tasks", "low_agreement"):
        given = judged(a_life(kind))
        known = [(unit, label) for unit, label in given if unit.is_reference]
        shares[kind] = share_right(known), share_right(given)
    assert min(shares[HONEST]) > 0.75
    assert max(shares["reference_tasks"]) < 0.6
    known, all_together = shares["low_agreement"]
    assert known > 0.85
    assert all_together < 0.6


def test_the_innocent_are_wrong_for_a_reason() -> None:
    beginner = judged(a_life("beginner"))
    assert share_right(beginner[:30]) < 0.8 < share_right(beginner[-300:])
    guideline = judged(a_life("outdated_guideline"))
    assert all(label == unit.tempting for unit, label in guideline if unit.is_hard)
    assert share_right([one for one in guideline if not one[0].is_hard]) > 0.75
    answers = Answers(a_life("hard_cases"), UNITS)
    first = [unit.is_hard for week in range(20) for unit in [answers.take(week)] if unit]
    assert sum(first) / len(first) > 0.8


def test_answers_are_told_by_tasks_of_a_unit_and_reference_tasks_know_theirs() -> None:
    told = told_of(a_life())
    published = {one.subject_id: fields for one, fields in events(told, "TaskPublished")}
    known = 0
    for one, answer in events(told, "TaskSubmitted"):
        task = published[one.subject_id]
        assert len(answer["labels"]) == task["kind"].endswith("_review")
        assert set(answer["labels"]) <= set(LABELS)
        known += task["reference_label"] is not None
    assert known
    units = Counter(task["unit_id"] for task in published.values())
    assert max(units.values()) == 1


def days_of(told: list[Told]) -> dict[int, float]:
    """Hours by UTC day."""
    hours: dict[int, float] = defaultdict(float)
    for _, entry in events(told, "TimeEntryRecorded"):
        hours[entry["started_at"] // (24 * HOUR_US)] += (
            entry["ended_at"] - entry["started_at"]
        ) / HOUR_US
    return hours


def test_a_stolen_account_names_another_bank_and_works_three_long_days() -> None:
    told = told_of(a_life("destination_change_surge"))
    [first, stolen] = [one for one, _ in events(told, "PayoutDestinationChanged")]
    assert first.occurred_at == START_US
    day = stolen.occurred_at // (24 * HOUR_US)
    hours = days_of(told)
    surge = sum(hours[day + n] for n in range(4))
    assert surge > 2.5 * SURGE_DAY_HOURS
    usual_days = [hours[d] for d in hours if not day <= d <= day + 3]
    assert max(usual_days) < SURGE_DAY_HOURS - 2


def test_who_moves_to_another_bank_works_as_before() -> None:
    told = told_of(a_life("moved_bank"))
    moves = list(events(told, "PayoutDestinationChanged"))
    assert len(moves) > 2
    assert len({fields["destination_token"] for _, fields in moves}) == len(moves)
    assert max(days_of(told).values()) < SURGE_DAY_HOURS - 2


def drifts(kind: str) -> tuple[list[float], int]:
    """How far clock and wall come apart by heartbeat (share of the time), and steps backwards."""
    shares, backwards = list[float](), 0
    last: dict[str, tuple[int, int]] = {}
    for one, beat in events(told_of(a_life(kind)), "SessionHeartbeat"):
        at, monotonic_ms = one.occurred_at, beat["monotonic_ms"]
        if beat["session_id"] in last:
            before_at, before_ms = last[beat["session_id"]]
            backwards += at < before_at
            if at > before_at:
                shares.append((monotonic_ms - before_ms) * 1000 / (at - before_at) - 1)
        last[beat["session_id"]] = at, monotonic_ms
    return shares, backwards


def test_a_clock_that_is_moved_drifts_all_the_time_or_runs_backwards() -> None:
    skewed, backwards = drifts("clock_skew")
    assert max(skewed) < -0.05
    assert backwards > 0
    honest, never = drifts(HONEST)
    assert sorted(map(abs, honest))[len(honest) * 9 // 10] < 0.001
    assert never == 0


def test_a_laptop_that_sleeps_stands_still_once_and_goes_on_in_time() -> None:
    shares, backwards = drifts("sleeping_laptop")
    asleep = [share for share in shares if share < -0.5]
    assert 0 < len(asleep) < len(shares) / 10
    assert all(abs(share) < 0.001 for share in shares if share >= -0.5)
    assert backwards == 0
