"""The events that every row of the benchmark reads: experts who come, work for weeks, and go.

The mix is nearly the same from the first event to the last (hires and rates are a tenth of the
first 60,000 events and a twentieth of all), so that a row which reads only the beginning does the
same work an event as one that reads everything. One event in five hundred is told again.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from schemas.catalogue import catalogue
from schemas.identity import derived_id, import_id, uuid_text
from schemas.wire import encode

SEED = 7
START_US = 1_760_000_000_000_000
ACTIVE_EXPERTS = 1_000
"""Experts at work at any time; another comes for each that goes."""
ENTRIES_PER_DAY = 4
STEP_US = 86_400_000_000 // (ACTIVE_EXPERTS * ENTRIES_PER_DAY)
"""Between two events of the log: whole milliseconds."""
STINT_ENTRIES_MAX = 180
"""Time entries of one expert: 1 to this many, 90 on average."""
PROJECTS = 200
TASKS = 5_000_000
SECOND_PROJECT, LATE_TERMS, RATE_CHANGE, OVERLAP, UNBILLED = 0.2, 0.03, 0.7, 0.02, 0.03
"""How often: a second project, terms signed after the first hours, a new rate, and so on."""
TOLD_AGAIN, TOLD_AGAIN_WITHIN = 0.002, 20_000
"""How often a producer sends an event again, and among how many of the last ones it is."""
ENTRY_S_MIN, ENTRY_S_SPAN = 300, 14_100
CURRENCIES = ("USD", "USD", "USD", "EUR", "INR", "JPY")
ACTIVITIES = ("review", "review", "writing", "onboarding")
METHODS = ("tracker", "tracker", "manual", "import")


class Record(NamedTuple):
    """What is published."""

    key: bytes
    value: bytes


class Stint:
    """One expert's time on the marketplace: an agenda of events, told one at a time."""

    def __init__(self, number: int, random: Random) -> None:
        self.expert_id = uuid_text(derived_id(b"bench expert %d" % number))
        self._random = random
        self._worked_until = 0
        self._currency = random.choice(CURRENCIES)
        self._projects = [f"project-{random.randrange(PROJECTS):03d}"]
        if random.random() < SECOND_PROJECT:
            self._projects.append(f"project-{random.randrange(PROJECTS, 2 * PROJECTS):03d}")
        self._agenda = self._plan()

    def _plan(self) -> list[tuple[str, str]]:
        """The events in reverse, each with its project."""
        random, first = self._random, self._projects[0]
        plan = [("ExpertHired", first)]
        for project in self._projects:
            plan += [(name, project) for name in ("ProjectStaffed", "TermsAccepted", "RateAgreed")]
        entries = [
            ("TimeEntryRecorded", self._projects[int(random.random() * len(self._projects))])
            for _ in range(random.randint(1, STINT_ENTRIES_MAX))
        ]
        if random.random() < RATE_CHANGE:
            entries.insert(random.randrange(len(entries)), ("RateChanged", first))
        if random.random() < LATE_TERMS:
            entries.insert(min(3, len(entries)), plan.pop(2))
        return [*plan, *entries][::-1]

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to tell."""
        return not self._agenda

    def tell(self, at: int, number: int) -> Record:
        """The next event, which occurs at `at` (µs); `number` is its place in the history."""
        name, project = self._agenda.pop()
        event = {
            "recorded_at": at + 1_000_000,
            "event_id": import_id(at, b"bench %d" % number),
            "subject_id": self.expert_id,
            "occurred_at": at,
            "actor": "system:tracker",
            "source": "bench",
        }
        own = self._own_fields(name, project, at, number)
        return Record(self.expert_id.encode(), encode(catalogue().by_name[name], event | own))

    def _own_fields(self, name: str, project: str, at: int, number: int) -> dict[str, Any]:
        match name:
            case "TimeEntryRecorded":
                return self._entry(project, at, number)
            case "ExpertHired":
                return {"domains": ["medicine"], "country": "PT", "home_zone": "Europe/Lisbon"}
            case "ProjectStaffed":
                return {"project_id": project}
            case "TermsAccepted":
                return {
                    "offer_id": f"offer-{number}",
                    "project_id": project,
                    "terms_version": "2026-01",
                    "terms_sha256": hashlib.sha256(project.encode()).digest(),
                    "signature_ref": f"signature-{number}",
                }
            case _:
                rate = {
                    "rate_id": f"rate-{number}",
                    "project_id": project,
                    "rate_minor_per_hour": self._random.randrange(1_500, 30_000),
                    "currency": self._currency,
                    "effective_from": at - self._random.randrange(4_000) * 1_000_000,
                }
                return rate | ({"approved_by": "staff:second"} if name == "RateChanged" else {})

    def _entry(self, project: str, at: int, number: int) -> dict[str, Any]:
        dice = self._random.random
        start = at - (ENTRY_S_MIN + int(dice() ** 2 * ENTRY_S_SPAN)) * 1_000_000
        if dice() >= OVERLAP:
            start = max(start, self._worked_until)
        self._worked_until = max(at, self._worked_until)
        return {
            "entry_id": f"{number:08x}{self.expert_id[8:]}",
            "project_id": project,
            "task_id": f"task-{int(dice() * TASKS):07d}",
            "activity_kind": ACTIVITIES[number % len(ACTIVITIES)],
            "billable": dice() >= UNBILLED,
            "started_at": start,
            "ended_at": at,
            "entry_method": METHODS[number % len(METHODS)],
        }


def history(count: int) -> Iterator[Record]:
    """The first `count` events of the benchmark's history, the same in every run."""
    random = Random(SEED)
    active = [Stint(number, random) for number in range(ACTIVE_EXPERTS)]
    hired = len(active)
    told: deque[Record] = deque(maxlen=TOLD_AGAIN_WITHIN)
    for number in range(count):
        if told and random.random() < TOLD_AGAIN:
            yield told[random.randrange(len(told))]
            continue
        place = int(random.random() * ACTIVE_EXPERTS)
        told.append(active[place].tell(START_US + number * STEP_US, number))
        yield told[-1]
        if active[place].is_over:
            active[place] = Stint(hired, random)
            hired += 1
