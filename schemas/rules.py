"""What a schema cannot say: rules over whole columns, the same in a worker, gateway and import.

The verdict on an event depends on the event and on when the log took it, and on nothing beside it.
"""

from functools import cache
from typing import Any, NamedTuple

import polars as pl

from schemas.avsc import written_out
from schemas.catalogue import EventType
from schemas.columns import Failure, Group
from schemas.event_rules import EVENT_RULES
from schemas.value_rules import APPENDED, value_rules

SHOWN_CHARS_MAX = 200


class Rule(NamedTuple):
    """A rule as it holds for one event type: where it is broken, and how that is said."""

    broken: pl.Expr
    """True where it is broken, never null; named by the rule's number."""
    field: str
    """The field whose value is shown before the sentence; empty where the sentence shows it."""
    sentence: str


@cache
def rules_of(event_type: EventType) -> tuple[Rule, ...]:
    """Every rule that an event type's fields call for."""
    found: list[Rule] = []
    for field in written_out(event_type.schema)["fields"]:
        for one in value_rules(field):
            found.append(Rule(one.broken, one.field, f"{one.path} is {{}}: {one.right}"))
    for rule in EVENT_RULES:
        belongs = event_type.name in rule.events if rule.events else True
        if belongs and set(rule.fields) <= set(event_type.fields):
            found.append(Rule(rule.broken, "", rule.sentence))
    return tuple(
        rule._replace(broken=rule.broken.fill_null(False).alias(str(number)))
        for number, rule in enumerate(found)
    )


def broken_rules(group: Group, appended_at: pl.Series | None = None) -> list[Failure]:
    """The events of a group that break a rule, each with the first sentence that applies.

    `appended_at` (µs, a value an event) is when the log took each. Without it, as at a gateway
    that is about to send them, `recorded_at` stands for it.
    """
    rules = rules_of(group.event_type)
    appended = group.frame.get_column("recorded_at") if appended_at is None else appended_at
    verdicts = group.frame.hstack([appended.alias(APPENDED)]).select(rule.broken for rule in rules)
    if not any(verdict.any() for verdict in verdicts.get_columns()):
        return []
    is_broken = verdicts.select(pl.any_horizontal(pl.all())).to_series()
    failures: list[Failure] = []
    for row in is_broken.arg_true().to_list():
        number = next(n for n in range(len(rules)) if verdicts[str(n)][row])
        event = group.frame.row(row, named=True)
        sentence = _said(rules[number], event)
        failures.append(Failure(group.positions[row], f"{group.event_type.name}: {sentence}"))
    return failures


def _said(rule: Rule, event: dict[str, Any]) -> str:
    if not rule.field:
        return rule.sentence.format(**event)
    value = event[rule.field]
    shown = f"{value} µs" if rule.field.endswith("_at") else f"{value!r}"
    return rule.sentence.replace("{}", shown[:SHOWN_CHARS_MAX], 1)


def without(group: Group, positions: set[int]) -> Group:
    """The group less the events at some positions of the batch."""
    if positions.isdisjoint(group.positions):
        return group
    kept = [position not in positions for position in group.positions]
    return Group(
        group.event_type,
        [p for p, keep in zip(group.positions, kept, strict=True) if keep],
        group.frame.filter(pl.Series(kept, dtype=pl.Boolean)),
    )


def check_rules(event_type: EventType) -> None:
    """Raise `KeyError` where a rule's sentence names a field that its event lacks."""
    values = dict.fromkeys(event_type.fields, 0)
    for rule in rules_of(event_type):
        _said(rule, values)
