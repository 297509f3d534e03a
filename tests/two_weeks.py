"""Ten experts, two weeks: a small history for tests, the same events at every run."""

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from infra.importing.judgements import Made
from schemas.events import (
    Event,
    ExpertHired,
    ProjectOpened,
    ProjectStaffed,
    RateAgreed,
    RateChanged,
    TaskClaimed,
    TaskPublished,
    TaskSubmitted,
    TermsAccepted,
    TimeEntryRecorded,
)
from schemas.message import import_envelope

SEED = 250
START = datetime(2026, 10, 5, tzinfo=UTC)
"""A Monday; the history ends two weeks later."""
DAYS = 14
SOURCE = "demo"


class Person(NamedTuple):
    """An expert of the demo."""

    expert_id: str
    domain: str
    country: str
    zone: str
    project_id: str
    rate_minor_per_hour: int
    currency: str


PEOPLE = (
    Person("dr-amara-okafor", "dermatology", "US", "America/Chicago", "skin-atlas", 25_000, "USD"),
    Person("dr-lena-fischer", "radiology", "DE", "Europe/Berlin", "skin-atlas", 21_000, "EUR"),
    Person("ines-duarte", "poetry", "PT", "Europe/Lisbon", "verse", 15_000, "USD"),
    Person("tom-okri", "comedy", "GB", "Europe/London", "verse", 12_000, "GBP"),
    Person("maya-rosen", "comedy", "US", "America/New_York", "verse", 12_500, "USD"),
    Person("paul-lindqvist", "banking", "SE", "Europe/Stockholm", "deal-room", 17_000, "USD"),
    Person("grace-mensah", "banking", "US", "America/New_York", "deal-room", 18_500, "USD"),
    Person("yuki-tanaka", "translation", "JP", "Asia/Tokyo", "verse", 9_000, "JPY"),
    Person("omar-haddad", "chemistry", "CA", "America/Toronto", "lab-notes", 13_000, "USD"),
    Person("sofia-marin", "statistics", "ES", "Europe/Madrid", "lab-notes", 14_000, "EUR"),
)  # fmt: skip
PROJECTS = {
    "skin-atlas": ("Skin atlas", "Aldine Labs", "medicine"),
    "verse": ("Verse and wit", "Cadence AI", "writing"),
    "deal-room": ("Deal room", "Aldine Labs", "finance"),
    "lab-notes": ("Lab notes", "Tessera Models", "science"),
}
WITHOUT_TERMS = "sofia-marin"
"""Works before the terms are accepted: the hours wait."""
RAISED = "ines-duarte"
"""Her rate changes in the middle of an hour."""
OVERLAPPING = "tom-okri"
"""Has two entries open at once, one afternoon."""


def _us(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000


def _made(subject: str, when: datetime, event: Event, key: str = "") -> Made:
    at = _us(when)
    envelope = import_envelope(
        type(event),
        subject,
        occurred_at=at,
        recorded_at=at + 1_000_000,
        actor="system:marketplace",
        source=SOURCE,
        key=key,
    )
    return Made(0, event, envelope)


def history() -> Iterator[Made]:
    """Every event of the demo, in the order in which it is told."""
    dice = random.Random(SEED)
    for project_id, (name, client, domain) in PROJECTS.items():
        opened = ProjectOpened(
            name=name, client=client, domain=domain, budget_minor=5_000_000, currency="USD"
        )
        yield _made(project_id, START - timedelta(days=7), opened)
    for person in PEOPLE:
        yield from _joins(person)
    for day in range(DAYS):
        morning = START + timedelta(days=day)
        if morning.weekday() < 5:
            for person in PEOPLE:
                yield from _works(person, morning, dice)
    yield from _odd_hours()


def _joins(person: Person) -> Iterator[Made]:
    joined = START - timedelta(days=3)
    hired = ExpertHired(domains=[person.domain], country=person.country, home_zone=person.zone)
    yield _made(person.expert_id, joined, hired)
    signed = START + timedelta(days=8) if person.expert_id == WITHOUT_TERMS else joined
    terms = f"Intellectual property goes to the project {person.project_id}, and to no other."
    yield _made(person.expert_id, joined, ProjectStaffed(project_id=person.project_id))
    accepted = TermsAccepted(
        offer_id=f"offer-{person.expert_id}", project_id=person.project_id,
        terms_version="2026-10", terms_sha256=hashlib.sha256(terms.encode()).digest(),
        signature_ref="demo",
    )  # fmt: skip
    yield _made(person.expert_id, signed, accepted)
    agreed = RateAgreed(
        rate_id=f"rate-{person.expert_id}", project_id=person.project_id,
        rate_minor_per_hour=person.rate_minor_per_hour, currency=person.currency,
        effective_from=_us(joined),
    )  # fmt: skip
    yield _made(person.expert_id, joined, agreed)
    if person.expert_id == RAISED:
        when = START + timedelta(days=7, hours=10, minutes=30)
        changed = RateChanged(
            rate_id=f"rate-{person.expert_id}-2", project_id=person.project_id,
            rate_minor_per_hour=16_500, currency=person.currency, effective_from=_us(when),
            approved_by="staff:second",
        )  # fmt: skip
        yield _made(person.expert_id, when, changed)


def _works(person: Person, morning: datetime, dice: random.Random) -> Iterator[Made]:
    began = morning + timedelta(hours=9, minutes=dice.randrange(0, 90))
    for part in range(dice.choice((1, 2, 2, 3))):
        minutes = dice.randrange(35, 150)
        ended = began + timedelta(minutes=minutes)
        key = f"{morning:%m%d}-{part}"
        task = f"task-{person.expert_id}-{key}"
        published = TaskPublished(
            project_id=person.project_id, unit_id=f"unit-{key}", kind="review",
            domain=person.domain,
        )  # fmt: skip
        claimed = TaskClaimed(
            claim_id=f"claim-{task}", expert_id=person.expert_id,
            expires_at=_us(began + timedelta(hours=4)),
        )  # fmt: skip
        characters = dice.randrange(400, 3_000)
        submitted = TaskSubmitted(
            submission_id=f"submission-{task}", expert_id=person.expert_id,
            answer_sha256=hashlib.sha256(task.encode()).digest(), labels=[],
            active_ms=minutes * 60_000 * 8 // 10, answer_chars=characters,
            typed_chars=characters, pasted_chars=0, pasted_after_focus_loss_chars=0,
            input_method="keyboard",
        )  # fmt: skip
        yield _made(task, began, published)
        yield _made(task, began, claimed)
        yield _made(task, ended, submitted)
        yield _entry(person, began, ended, f"{person.expert_id}-{key}", task)
        began = ended + timedelta(minutes=dice.randrange(10, 60))


def _entry(
    person: Person, began: datetime, ended: datetime, entry_id: str, task: str | None = None
) -> Made:
    entry = TimeEntryRecorded(
        entry_id=entry_id, project_id=person.project_id, task_id=task, activity_kind="review",
        billable=True, started_at=_us(began), ended_at=_us(ended), entry_method="tracker",
    )  # fmt: skip
    return _made(person.expert_id, ended, entry, key=entry_id)


def _odd_hours() -> Iterator[Made]:
    people = {person.expert_id: person for person in PEOPLE}
    raised = START + timedelta(days=7, hours=10)
    yield _entry(people[RAISED], raised - timedelta(hours=5), raised, "ines-early")
    evening = START + timedelta(days=9, hours=19)
    for number, minutes in enumerate((0, 40)):
        began = evening + timedelta(minutes=minutes)
        ended = began + timedelta(hours=1)
        yield _entry(people[OVERLAPPING], began, ended, f"tom-evening-{number + 1}")
