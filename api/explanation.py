"""A line of pay explains itself: which events made it, at which rate and terms, and the sum."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.currencies import format_minor

CHAIN_MAX = 100
"""Lines that one line may stand on; each correction adds one."""
OVERLAPS_SHOWN = 3
Row = dict[str, Any]

REASONS = {
    "overlap": "an entry that stands earlier in the log has these minutes, and they are paid once",
    "over_cap": "the week's cap of the project was used up by entries earlier in the log",
    "not_hired": "the expert was not hired when the entry began",
    "suspended": "the expert was suspended when the entry began",
    "offboarded": "the expert had left when the entry began",
    "not_staffed": "the expert was not on the project when the entry began",
    "awaiting_terms": "the project's terms were not accepted before the entry began",
    "no_rate": "no rate of the project was in force",
    "disputed": "until the dispute is resolved; the rest of the entry is paid",
    "refused": "a dispute was resolved against it: it is not owed",
}
KINDS = {
    "worked": "It was opened when the time was recorded.",
    "adjusted": "It was added to the entry by an adjustment.",
    "excepted": "A person paid it by an exception.",
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


def explain(client: Client, line_id: str) -> Explanation | None:
    """What made a line, and how its number came about; none where there is no such line."""
    chain = _chain(client, line_id)
    if not chain:
        return None
    line, root = chain[0], chain[-1]
    standing = _rows(client, "SELECT * FROM payout_lines WHERE line_id = {id:String}", id=line_id)
    now = standing[0] if standing else line | {"status": "replaced", "hold_id": ""}
    sources: list[Source] = []
    entry = _entry(client, line)
    if entry:
        sources.append(_source("the time", entry))
    rate = _rate_of(client, line, line["rate_minor_per_hour"])
    if rate:
        sources.append(_source("the rate", rate))
    former = _rate_of(client, line, line["former_rate_minor_per_hour"])
    if former:
        sources.append(_source("the rate before", former))
    terms = _terms(client, line)
    if terms:
        sources.append(_source("the terms", terms))
    sources += [_source("opened it", one) for one in _openers(client, chain)]
    sources += [_source("covers these minutes", one) for one in _overlaps(client, root)]
    decisions = _decisions(client, now)
    sources += [_source(role, event) for role, event in decisions]
    words = [
        _time_in_words(line, entry), KINDS[line["kind"]], *_rate_in_words(line, rate),
        _sum_in_words(line), *_terms_in_words(line, terms), _status_in_words(now),
        *(f"Decided: {event['event_type']} by {event['actor']} at {_address(event)}."
          for _, event in decisions),
    ]  # fmt: skip
    return Explanation(now, words, sources)


def _rows(client: Client, sql: str, **parameters: Any) -> list[Row]:
    answer: Any = client.query(sql, parameters=parameters)
    return list(answer.named_results())


def _chain(client: Client, line_id: str) -> list[Row]:
    """The line, the one that it corrects, and so on to the one that was opened first."""
    chain: list[Row] = []
    while line_id and len(chain) < CHAIN_MAX:
        sql = "SELECT * FROM payout_lines_opened WHERE line_id = {id:String}"
        found = _rows(client, sql, id=line_id)
        if not found:
            break
        chain += found
        line_id = found[0]["corrects_line_id"]
    return chain


EVENT = "event_id, event_type, topic, partition, offset, occurred_at, actor"


def _of_expert(client: Client, line: Row, where: str, order: str, limit: int = 1) -> list[Row]:
    """Events on the expert's ledger, with the fields that the wording needs."""
    sql = (
        f"SELECT {EVENT}, toString(fields) AS told FROM events WHERE topic = {{topic:String}} "
        f"AND partition = {{partition:UInt16}} AND subject_id = {{expert_id:String}} AND {where} "
        f"ORDER BY {order} LIMIT {limit}"
    )
    names = ("topic", "partition", "expert_id", "project_id", "entry_id", "terms_sha256", "offset")
    instants = {"started": line["started_at"], "ended": line["ended_at"]}
    return _rows(client, sql, **{name: line[name] for name in names}, **instants)


def _entry(client: Client, line: Row) -> Row | None:
    where = (
        "event_type = 'TimeEntryRecorded' AND fields.entry_id.:String = {entry_id:String} "
        "AND offset <= {offset:Int64}"
    )
    return next(iter(_of_expert(client, line, where, "offset")), None)


def _rate_of(client: Client, line: Row, per_hour: int) -> Row | None:
    """The event that put a rate in force for the line's first instant."""
    if not per_hour:
        return None
    where = (
        "event_type IN ('RateAgreed', 'RateChanged') "
        "AND fields.project_id.:String = {project_id:String} AND offset <= {offset:Int64} "
        f"AND fields.rate_minor_per_hour.:Int64 = {per_hour} "
        "AND fields.effective_from.:Int64 <= toUnixTimestamp64Micro({started:DateTime64(6, 'UTC')})"
    )
    order = "fields.effective_from.:Int64 DESC, offset DESC"
    return next(iter(_of_expert(client, line, where, order)), None)


def _terms(client: Client, line: Row) -> Row | None:
    if not line["terms_sha256"]:
        return None
    where = (
        "event_type = 'TermsAccepted' AND fields.project_id.:String = {project_id:String} "
        "AND fields.terms_sha256.:String = {terms_sha256:String} AND offset <= {offset:Int64}"
    )
    return next(iter(_of_expert(client, line, where, "occurred_at DESC")), None)


def _openers(client: Client, chain: list[Row]) -> list[Row]:
    """The events that opened the line and those that it stands on, the latest first."""
    found: list[Row] = []
    for line in chain:
        if line["kind"] != "worked":
            found += _of_expert(client, line, "offset = {offset:Int64}", "offset")
    return found


def _overlaps(client: Client, line: Row) -> list[Row]:
    """Earlier entries that cover instants of a line that waits for them."""
    if line["reason"] != "overlap":
        return []
    where = (
        "event_type = 'TimeEntryRecorded' AND offset < {offset:Int64} AND fields.billable.:Bool "
        "AND fields.started_at.:Int64 < toUnixTimestamp64Micro({ended:DateTime64(6, 'UTC')}) "
        "AND fields.ended_at.:Int64 > toUnixTimestamp64Micro({started:DateTime64(6, 'UTC')})"
    )
    return _of_expert(client, line, where, "offset", OVERLAPS_SHOWN)


def _decisions(client: Client, line: Row) -> list[tuple[str, Row]]:
    """What people decided that no line tells of: approvals, and the hold that covers it."""
    about = "fields.entry_id.:String = {entry_id:String}"
    approved = f"event_type = 'TimeEntryApproved' AND {about}"
    found = [("approved it", one) for one in _of_expert(client, line, approved, "offset")]
    if line["hold_id"]:
        hold_id = line["hold_id"].replace("\\", "\\\\").replace("'", "\\'")
        held = f"startsWith(event_type, 'PayoutHold') AND fields.hold_id.:String = '{hold_id}'"
        found += [("holds it", one) for one in _of_expert(client, line, held, "offset", 10)]
    return found


def _source(role: str, event: Row) -> Source:
    at = event["occurred_at"].isoformat() + "Z"
    return Source(role, event["event_type"], event["event_id"], _address(event), at)


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
        return (
            f"{line['duration_ms']:,} ms × {per_hour:,} ÷ 3,600,000 = {amount:,}, rounded once, "
            f"half away from zero: {money}."
        )
    return f"Its share of the line that it comes from is {money}."


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
