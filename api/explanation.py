"""A line of pay explains itself: which events made it, at which rate and terms, and the sum."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from projections.looks import Look
from projections.payout.pricing import amount_minor as amount_of
from projections.payout.rows import LINES
from projections.store.layout import seen
from schemas.currencies import format_minor
from schemas.json_form import instant_us

CHAIN_MAX = 100
"""Lines that one line may stand on; each correction adds one."""
OVERLAPS_SHOWN = 3
HOLDS_SHOWN = 10
EXPLAINED_BY = ("payout", "archive")
"""The projections whose rows explain a line."""
EVENT = "UUIDNumToString(event_id) AS id, event_type, topic, partition, offset, occurred_at, actor"
Row = dict[str, Any]

TIME, RATE, FORMER, TERMS = "the time", "the rate", "the rate before", "the terms"
OPENED, COVERS = "opened it", "covers these minutes"
DECISIONS = APPROVED, HELD = "approved it", "holds it"
"""What an event did for a line."""

REASONS = {
    "overlap": "an entry that stands earlier in the log has these minutes, and they are paid once",
    "over_cap": "the week's cap of the project was used up by entries earlier in the log",
    "not_hired": "the expert was not hired when the entry began",
    "suspended": "the expert was suspended when the entry began",
    "offboarded": "the expert had left when the entry began",
    "not_staffed": "the expert was not on the project when the entry began",
    "awaiting_terms": "the project's terms in force were not accepted before the entry began",
    "no_rate": "no rate of the project was in force",
    "disputed": "until the dispute is resolved; the rest of the entry is paid",
    "refused": "a dispute was resolved against it: it is not owed",
}
KINDS = {
    "worked": "It was opened when the time was recorded.",
    "adjusted": "It was added to the entry by an adjustment.",
    "excepted": "A person approved an exception for it.",
    "rate_difference": "The rate was changed in retrospect: this is the difference.",
    "repriced": "It waits as before; the rate was changed in retrospect.",
    "remainder": "It is what is left of a line that was split.",
    "disputed": "It is the part of a line that is disputed.",
    "upheld": "The dispute was resolved in its favour.",
    "refused": "The dispute was resolved against it.",
    "reversed": "It takes back what was posted before.",
}


@dataclass(frozen=True)
class Source:
    """An event that a line comes from."""

    role: str
    """What it decided: the time, the rate, the terms, …"""
    event_type: str
    event_id: str
    address: str
    """topic/partition/offset."""
    occurred_at: str


@dataclass(frozen=True)
class Explanation:
    """A line in words and data."""

    line: Row
    """The line as it stands, by the columns of `payout_lines`."""
    words: list[str]
    sources: list[Source] = field(default_factory=list[Source])

    def as_json(self) -> dict[str, Any]:
        """What JSON can hold; times as ISO 8601."""
        line = {name: _plain(value) for name, value in self.line.items()}
        return {"line": line, "words": self.words, "sources": [asdict(s) for s in self.sources]}


class _Known(NamedTuple):
    """What is asked, of whom, and where its rows end."""

    client: Client
    look: Look

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        return self.look.bind(sql).rows(self.client, parameters)

    def opened(self, expert_id: str, line_id: str) -> Row | None:
        """A line as it was opened."""
        return self._one("*", "payout_lines_opened", expert_id, line_id)

    def standing(self, line: Row) -> Row | None:
        """What is said of a line that stands, and was not when it was opened."""
        columns = "status, hold_id, approved_at"
        return self._one(columns, "payout_lines", line["expert_id"], line["line_id"])

    def opened_by_id(self, line_id: str) -> Row | None:
        """A line as it was opened, by its id alone.

        It compares the ids as they are kept: through the view each would become a text first.
        """
        table, at_look = self.look.facts(LINES.name)
        found = self.rows(
            f"SELECT {seen(LINES)} FROM {table} AS facts WHERE {at_look} "
            "AND facts.line_id = unhex(replaceAll({line_id:String}, '-', '')) LIMIT 1",
            line_id=line_id,
        )
        return found[0] if found and found[0]["line_id"] == line_id else None

    def _one(self, columns: str, source: str, expert_id: str, line_id: str) -> Row | None:
        where = "expert_id = {expert_id:String} AND line_id = {line_id:String}"
        found = self.rows(
            f"SELECT {columns} FROM {source} WHERE {where}", expert_id=expert_id, line_id=line_id
        )
        return found[0] if found else None


class _Wanted(NamedTuple):
    """Events on the expert's ledger that a line may come from: the first ones that match."""

    role: str
    types: tuple[str, ...]
    """Of which event; of any if there are none."""
    where: str
    order: str = "offset"
    """A whole number: the least comes first, and of those alike the last on the log."""
    limit: int = 1

    def matches(self) -> str:
        """The condition on an event."""
        return f"event_type IN {self.types} AND {self.where}" if self.types else self.where


HOLDS = _Wanted(
    HELD,
    ("PayoutHoldPlaced", "PayoutHoldExtended", "PayoutHoldReleased"),
    "fields.hold_id.:String = {hold_id:String}",
    limit=HOLDS_SHOWN,
)


def explain(client: Client, look: Look, line_id: str) -> Explanation | None:
    """What made a line, and how its number came about; none where there is no such line."""
    known = _Known(client, look)
    line = known.opened_by_id(line_id)
    if not line:
        return None
    with ThreadPoolExecutor(1) as beside:
        # How it stands and what it comes from take as long, and neither waits for the other.
        asked = beside.submit(known.standing, line)
        found = _events(known, line, list(_wanted(_chain(known, line))))
        standing = asked.result()
    now = line | (standing or {"status": "replaced", "hold_id": ""})
    if now["hold_id"]:
        found += _events(known, line, [HOLDS], hold_id=now["hold_id"])
    first = dict(reversed(found))
    words = [
        _time_in_words(line, first.get(TIME)), KINDS[line["kind"]],
        *_rate_in_words(line, first.get(RATE)), _sum_in_words(line),
        *_policy_in_words(line), *_terms_in_words(line, first.get(TERMS)), _status_in_words(now),
        *(f"Decided: {event['event_type']} by {event['actor']} at {_address(event)}."
          for role, event in found if role in DECISIONS),
    ]  # fmt: skip
    return Explanation(now, words, [_source(role, event) for role, event in found])


def _chain(known: _Known, line: Row) -> list[Row]:
    """The line, the one that it corrects, and so on to the one that was opened first."""
    chain = [line]
    while chain[-1]["corrects_line_id"] and len(chain) < CHAIN_MAX:
        corrected = known.opened(line["expert_id"], chain[-1]["corrects_line_id"])
        if corrected is None:
            break
        chain.append(corrected)
    return chain


def _wanted(chain: list[Row]) -> Iterator[_Wanted]:
    """What made a line, and the lines that it stands on; who approved it since."""
    line, root = chain[0], chain[-1]
    entry = "fields.entry_id.:String = {entry_id:String}"
    project = "fields.project_id.:String = {project_id:String}"
    recorded = ("TimeEntryRecorded",)
    yield _Wanted(TIME, recorded, f"{entry} AND offset <= {{offset:Int64}}")
    for role, per_hour in ((RATE, "rate_minor_per_hour"), (FORMER, "former_rate_minor_per_hour")):
        if line[per_hour]:
            agreed = (
                f"{project} AND offset <= {{offset:Int64}} "
                f"AND fields.rate_minor_per_hour.:Int64 = {{{per_hour}:Int64}} "
                "AND fields.effective_from.:Int64 <= {started_us:Int64}"
            )
            yield _Wanted(
                role, ("RateAgreed", "RateChanged"), agreed, "-fields.effective_from.:Int64"
            )
    if line["terms_sha256"]:
        accepted = (
            f"{project} AND offset <= {{offset:Int64}} "
            "AND fields.terms_sha256.:String = {terms_sha256:String}"
        )
        yield _Wanted(TERMS, ("TermsAccepted",), accepted, "-toUnixTimestamp64Micro(occurred_at)")
    openers = [one["offset"] for one in chain if one["kind"] != "worked"]
    if openers:
        yield _Wanted(OPENED, (), f"offset IN {openers}", "-offset", len(openers))
    if root["reason"] == "overlap":
        earlier = (
            f"offset < {root['offset']} AND fields.billable.:Bool "
            f"AND fields.started_at.:Int64 < {_us(root['ended_at'])} "
            f"AND fields.ended_at.:Int64 > {_us(root['started_at'])}"
        )
        yield _Wanted(COVERS, recorded, earlier, limit=OVERLAPS_SHOWN)
    yield _Wanted(APPROVED, ("TimeEntryApproved",), entry)


def _events(known: _Known, line: Row, wanted: list[_Wanted], **also: str) -> list[tuple[str, Row]]:
    """The events, each with what it did, in one question that goes through the events once.

    It reads the table itself: through a view every field of the JSON would be read.
    """
    table, at_look = known.look.facts("events")
    # The table is sorted by type: no other type is read. Duplicates of a row are all alike, and go
    # without FINAL.
    types = {event for one in wanted for event in one.types}
    of_these = f"event_type IN {tuple(sorted(types))}" if all(one.types for one in wanted) else "1"
    sql = f"""SELECT [{", ".join(one.matches() for one in wanted)}] AS matches,
  [{", ".join(one.order for one in wanted)}] AS orders, {EVENT}
FROM {table} AS facts
WHERE {at_look} AND topic = {{topic:String}} AND partition = {{partition:UInt16}}
  AND subject_id = {{expert_id:String}} AND {of_these} AND has(matches, 1)
LIMIT 1 BY offset"""
    names = (
        "topic", "partition", "expert_id", "project_id", "entry_id", "terms_sha256", "offset",
        "rate_minor_per_hour", "former_rate_minor_per_hour",
    )  # fmt: skip
    given = {name: line[name] for name in names} | {"started_us": _us(line["started_at"])}
    rows = sorted(known.rows(sql, **given, **also), key=lambda row: -row["offset"])
    return [(one.role, row) for place, one in enumerate(wanted) for row in _first(rows, place, one)]


def _first(rows: list[Row], place: int, wanted: _Wanted) -> list[Row]:
    """Of rows, the last on the log first, those wanted at a place."""
    matching = (row for row in rows if row["matches"][place])
    return sorted(matching, key=lambda row: row["orders"][place])[: wanted.limit]


def _us(at: datetime) -> int:
    return instant_us(at.replace(tzinfo=UTC))


def _source(role: str, event: Row) -> Source:
    at = event["occurred_at"].isoformat() + "Z"
    return Source(role, event["event_type"], event["id"], _address(event), at)


def _address(event: Row) -> str:
    return f"{event['topic']}/{event['partition']}/{event['offset']}"


def _time_in_words(line: Row, entry: Row | None) -> str:
    times = f"{line['started_at']:%Y-%m-%d %H:%M:%S} to {line['ended_at']:%Y-%m-%d %H:%M:%S} UTC"
    told = f", recorded at {_address(entry)}" if entry else ""
    whose = f"entry {line['entry_id']} by {line['expert_id']} for {line['project_id']}"
    return f"{times} of {whose}{told}."


def _rate_in_words(line: Row, rate: Row | None) -> list[str]:
    if not line["rate_minor_per_hour"]:
        return []
    money = _money(line["rate_minor_per_hour"], line["currency"])
    told = f", from {rate['event_type']} at {_address(rate)}" if rate else ""
    if line["kind"] == "rate_difference" and line["former_rate_minor_per_hour"]:
        former = _money(line["former_rate_minor_per_hour"], line["currency"])
        return [f"The rate is {money} an hour instead of {former}{told}."]
    return [f"The rate is {money} an hour{told}."]


def _sum_in_words(line: Row) -> str:
    amount, per_hour = line["amount_minor"], line["rate_minor_per_hour"]
    money = _money(amount, line["currency"]) if line["currency"] else "nothing"
    if line["kind"] == "rate_difference":
        return f"It posts the new amount less what was posted before: {money}."
    if line["kind"] in ("worked", "adjusted", "excepted", "repriced"):
        is_up = amount == amount_of(line["duration_ms"], per_hour)
        rounding = "half away from zero" if is_up else "half to even, as its pay policy says"
        return (
            f"{line['duration_ms']:,} ms × {per_hour:,} ÷ 3,600,000 = {amount:,}, rounded once, "
            f"{rounding}: {money}."
        )
    return f"Its share of the line that it comes from is {money}."


def _policy_in_words(line: Row) -> list[str]:
    version = line["policy_version"]
    return [f"The pay policy is {version}."] if version else []


def _terms_in_words(line: Row, terms: Row | None) -> list[str]:
    if not terms:
        return []
    return [f"Under the terms {line['terms_sha256'][:12]}…, accepted at {_address(terms)}."]


def _status_in_words(line: Row) -> str:
    status, reason = line["status"], line["reason"]
    if status == "waiting":
        return f"It waits for a person: {REASONS.get(reason, reason)}."
    sentences = {
        "payable": "It is payable.",
        "in_review": f"It is in review until {line['payable_from']:%Y-%m-%d %H:%M} UTC, or until a "
        "person approves the entry.",
        "held": f"It is held by {line['hold_id']}.",
        "disputed": "It is disputed: it waits until that is resolved.",
        "rejected": "The entry, or this part of it, was rejected: nothing is owed for it.",
        "unbilled": "The time is not billable: it is on record and never paid.",
        "replaced": "Other lines stand in its place now.",
    }
    return sentences[status]


def _money(amount_minor: int, currency: str) -> str:
    return f"{format_minor(amount_minor, currency)} {currency}"


def _plain(value: Any) -> Any:
    return value.isoformat() + "Z" if isinstance(value, datetime) else value
