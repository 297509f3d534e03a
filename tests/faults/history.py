"""Small logs for the simulation: a few experts on two partitions, and all that can go wrong."""

from __future__ import annotations

import random
import sys
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

from projections.store.store import Place
from schemas.catalogue import catalogue
from schemas.columns import Group
from schemas.identity import derived_id
from schemas.partitioning import partition_of
from schemas.wire import encode
from streams.admission import Admitted, admit, places_of
from streams.batch import Fetch
from tests.schemas.events import example_of

HOUR_US = 3_600_000_000
START_US = 20_000 * 24 * HOUR_US
APPENDED_MS = 1_800_000_000_000


@dataclass
class MemoryLog:
    """A topic's partitions: each a list of offset, key and value; control records leave gaps."""

    topic: str
    records: dict[int, list[tuple[int, bytes, bytes]]] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)

    def append(self, key: bytes, value: bytes, gap: bool = False) -> None:
        """Add a record in the partition of its key; `gap` puts a control record behind it."""
        partition = partition_of(key)
        offset = self.ends.get(partition, 0)
        self.records.setdefault(partition, []).append((offset, key, value))
        self.ends[partition] = offset + 1 + gap

    @property
    def places(self) -> list[Place]:
        """The partitions that hold records."""
        return [(self.topic, partition) for partition in sorted(self.ends)]

    def fetch(self, place: Place, start: int, count: int) -> Fetch:
        """At most `count` records from an offset on, and the gaps behind them."""
        topic, partition = place
        records = self.records[partition]
        first = bisect_left(records, (start,))
        taken = records[first : first + count]
        last = first + len(taken)
        end = records[last][0] if last < len(records) else self.ends[partition]
        return Fetch(
            topic, partition, start, end,
            [value for _, _, value in taken],
            [key for _, key, _ in taken],
            [offset for offset, _, _ in taken],
            [APPENDED_MS + offset for offset, _, _ in taken],
        )  # fmt: skip


class AdmittedOnce:
    """What `streams.admission.admit` answers of a log's records, each held against the rules once.

    A verdict does not depend on a record's neighbours, so that of the whole log tells that of every
    fetch: a seed folds the same records in many rounds, and the seeds of a log share them.
    """

    def __init__(self, log: MemoryLog) -> None:
        whole = [log.fetch(place, 0, sys.maxsize) for place in log.places]
        self._whole = admit(whole)
        at = self._whole.places.select("partition", "offset").iter_rows()
        self._row = {place: row for row, place in enumerate(at)}

    def __call__(self, fetches: list[Fetch]) -> Admitted:
        """The groups and refusals of the records that were fetched."""
        fetched = [(fetch.partition, offset) for fetch in fetches for offset in fetch.offsets]
        position_of = {self._row[place]: position for position, place in enumerate(fetched)}
        groups = [picked for g in self._whole.groups if (picked := _picked(g, position_of))]
        refusals = [
            refusal._replace(position=position_of[refusal.position])
            for refusal in self._whole.refusals
            if refusal.position in position_of
        ]
        return Admitted(places_of(fetches), groups, sorted(refusals))


def _picked(group: Group, position_of: dict[int, int]) -> Group | None:
    """The events of a group at some positions of the whole, which become others."""
    found = sorted(
        (position_of[position], row)
        for row, position in enumerate(group.positions)
        if position in position_of
    )
    rows = [row for _, row in found]
    return Group(group.event_type, [at for at, _ in found], group.frame[rows]) if rows else None


def event(name: str, subject: str, identity: str, **fields: Any) -> bytes:
    """An event's bytes; its id is derived from `identity`."""
    event_type = catalogue().by_name[name]
    envelope = {"event_id": derived_id(identity.encode()), "subject_id": subject}
    return encode(event_type, example_of(event_type, **(envelope | fields)))


def names(kind: str, count: int) -> list[str]:
    """Names of subjects that share two partitions."""
    found: list[str] = []
    for number in range(10_000):
        name = f"{kind}-{number}"
        if partition_of(name.encode()) in (1, 5):
            found.append(name)
            if len(found) == count:
                break
    return found


EXPERTS = names("expert", 4)
TASKS = names("task", 4)


def payout_log(dice: random.Random) -> MemoryLog:
    """Hires, terms, rates and entries of a few experts: overlaps, repeats, conflicts, bad bytes."""
    log = MemoryLog("workforce.experts")
    told: list[tuple[bytes, bytes]] = []
    for expert in EXPERTS[: dice.choice((2, 3))]:
        told += [(expert.encode(), value) for value in _standing(expert)]
    entries: list[tuple[bytes, bytes]] = []
    for number in range(dice.randint(6, 12)):
        expert = dice.choice(EXPERTS[:3])
        entries.append((expert.encode(), _entry(expert, f"e{number}", number, dice)))
    for expert_key, value in dice.sample(entries, 3):
        at = dice.randrange(len(entries) + 1)
        entries.insert(at, (expert_key, value))  # told twice
    for _ in range(dice.randint(0, 2)):
        expert = dice.choice(EXPERTS[:3])
        again = dice.randrange(3)  # the same entry, with other times, under another event
        entries.append((expert.encode(), _entry(expert, f"e{again}", 50 + again, dice)))
        entries.append((expert.encode(), b"no event"))
    for key, value in told + entries:
        log.append(key, value, gap=dice.random() < 0.1)
    return log


def _standing(expert: str) -> list[bytes]:
    at, project = START_US, {"project_id": "p"}
    return [
        event("ExpertHired", expert, f"{expert} hired", occurred_at=at),
        event("ProjectStaffed", expert, f"{expert} staffed", occurred_at=at, **project),
        event("TermsAccepted", expert, f"{expert} terms", occurred_at=at, **project),
        event("RateAgreed", expert, f"{expert} rate", effective_from=at, **project),
    ]


def _entry(expert: str, entry_id: str, number: int, dice: random.Random) -> bytes:
    """An entry that may overlap the one before it, and may cross midnight."""
    start = START_US + number * HOUR_US - dice.choice((0, 0, HOUR_US // 2))
    return event(
        "TimeEntryRecorded", expert, f"{expert} {entry_id} {number}",
        entry_id=entry_id, project_id="p", billable=True,
        started_at=start, ended_at=start + HOUR_US,
    )  # fmt: skip


def tasks_log(dice: random.Random) -> MemoryLog:
    """Tasks claimed by several, released, submitted and reviewed; some of it told twice."""
    log = MemoryLog("workforce.tasks")
    told: list[tuple[bytes, bytes]] = []
    for number in range(dice.randint(2, 4)):
        task = TASKS[number]
        told.append((task.encode(), event("TaskPublished", task, f"{task} published")))
    for number in range(dice.randint(8, 14)):
        task, expert = dice.choice(TASKS), dice.choice(EXPERTS)
        name, fields = dice.choice(
            (
                (
                    "TaskClaimed",
                    {"claim_id": f"c{number}", "expires_at": APPENDED_MS * 1000 + 9_000},
                ),
                (
                    "TaskClaimed",
                    {"claim_id": f"c{number}", "expires_at": APPENDED_MS * 1000 + 9_000},
                ),
                ("TaskReleased", {"claim_id": f"c{number - 1}"}),
                ("TaskSubmitted", {"submission_id": f"s{number}"}),
                ("TaskReviewed", {"submission_id": f"s{number - 1}"}),
            )
        )
        if name != "TaskReleased":
            fields = {**fields, "expert_id": expert}
        told.append((task.encode(), event(name, task, f"{task} {name} {number}", **fields)))
    for _ in range(2):
        told.append(dice.choice(told))
    for key, value in told:
        log.append(key, value, gap=dice.random() < 0.1)
    return log
