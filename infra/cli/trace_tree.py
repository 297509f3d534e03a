"""A trace as a tree for people: a branch for each record of the event, then its relatives."""

from __future__ import annotations

from rich.markup import escape
from rich.tree import Tree

from api.trace.outcomes import Outcome, Row, Verdict
from api.trace.records import Record
from api.trace.trace import Delivery, Relative, Trace
from schemas.json_form import time_text

COLOURS = {
    Verdict.applied: "green",
    Verdict.duplicate: "yellow",
    Verdict.not_yet: "yellow",
    Verdict.not_read: "dim",
}
VALUE_CHARS_MAX = 300
TOLD_ABOVE = {
    "topic", "partition", "offset", "number", "appended_at", "event_type", "schema_id", "raw",
}  # fmt: skip
"""Columns of a row that say only what the record itself says."""
UNITS = (
    (86_400_000_000, "d", 3_600_000_000, "h"),
    (3_600_000_000, "h", 60_000_000, "min"),
    (60_000_000, "min", 1_000_000, "s"),
)


def tree_of(trace: Trace) -> Tree:
    """The tree of a trace."""
    root = Tree(f"[bold]{trace.event_id or 'This record is no event.'}[/]")
    first = trace.deliveries[0].record.appended_at
    for delivery in trace.deliveries:
        _add_delivery(root, delivery, first)
    if trace.deliveries_more:
        root.add(f"and {trace.deliveries_more:,} more records of it")
    if trace.cause:
        branch = root.add("brought about by")
        branch.add(_relative_text(trace.cause, trace.cause.appended_at, first))
    if trace.caused:
        branch = root.add("brought about")
        for one in trace.caused:
            branch.add(_relative_text(one, first, one.appended_at))
        if trace.caused_more:
            branch.add(f"and {trace.caused_more:,} more events")
    return root


def delay_text(delay_us: int) -> str:
    """A stretch of time as people read it, in its two largest units: `+2 h 05 min`, `-0.250 s`."""
    sign, length = "-" if delay_us < 0 else "+", abs(delay_us)
    for unit_us, unit, part_us, part in UNITS:
        if length >= unit_us:
            return f"{sign}{length // unit_us} {unit} {length % unit_us // part_us:02} {part}"
    return f"{sign}{length / 1_000_000:.3f} s"


def _add_delivery(root: Tree, delivery: Delivery, first: int | None) -> None:
    record = delivery.record
    since = "" if record.appended_at == first else _delay(first, record.appended_at)
    branch = root.add(f"[bold cyan]{escape(str(record.address))}[/]{since}")
    if record.event_type and record.version and record.event:
        event = record.event
        branch.add(
            f"{record.event_type.name} of {escape(event['subject_id'])}, version "
            f"{record.version.number}, schema id {record.version.schema_id}, from "
            f"{escape(event['source'])} by {escape(event['actor'])}"
        )
        occurred_at, recorded_at = event["occurred_at"], event["recorded_at"]
        received = branch.add("received")
        received.add(f"occurred  {time_text(occurred_at)}")
        received.add(f"recorded  {time_text(recorded_at)}{_delay(occurred_at, recorded_at)}")
        received.add(_on_kafka(record) + _delay(recorded_at, record.appended_at))
    else:
        branch.add(_on_kafka(record))
    for outcome in delivery.outcomes:
        _add_outcome(branch, outcome, record)


def _on_kafka(record: Record) -> str:
    at = record.appended_at
    return f"on Kafka  {time_text(at)}" if at else "on Kafka no more: its retention has passed"


def _add_outcome(branch: Tree, outcome: Outcome, record: Record) -> None:
    colour = COLOURS.get(outcome.verdict, "red")
    reason = f": {escape(outcome.reason)}" if outcome.reason else ""
    lag = f" ({outcome.lag_events:,} behind Kafka)" if outcome.lag_events else ""
    under = branch.add(f"{outcome.projection}: [{colour}]{outcome.verdict}[/]{reason}{lag}")
    envelope = record.event_type.envelope_fields if record.event_type else ()
    subject_id = record.event["subject_id"] if record.event else None
    for table, rows in outcome.rows.items():
        for row in rows:
            text = _row_text(row, TOLD_ABOVE.union(envelope), subject_id)
            under.add(f"[cyan]{table}[/]  {escape(text)}")


def _row_text(row: Row, told: set[str], subject_id: str | None) -> str:
    """What a row says beside what the record says of itself."""
    values = {n: v for n, v in row.items() if n not in told and v not in ("", subject_id)}
    return "  ".join(f"{name}={str(v)[:VALUE_CHARS_MAX]}" for name, v in values.items())


def _relative_text(one: Relative, earlier: int | None, later: int | None) -> str:
    if one.address is None:
        return f"{one.event_id}, which the archive does not have"
    subject = escape(f"{one.event_type} of {one.subject_id} at {one.address}")
    return f"{one.event_id}  {subject}{_delay(earlier, later)}"


def _delay(earlier: int | None, later: int | None) -> str:
    if earlier is None or later is None:
        return ""
    return f"  [dim]{delay_text(later - earlier)}[/]"
