"""What a schema cannot say: rules over whole columns, the same in a worker, gateway and import.

A rule belongs to every event that has the fields it reads. Its verdict depends on the event alone.
"""

from functools import cache
from typing import Any, NamedTuple
from zoneinfo import available_timezones

import polars as pl

from schemas.catalogue import EventType, catalogue
from schemas.columns import Failure, Group
from schemas.currencies import DECIMALS

ENTRY_US_MAX = 24 * 3_600_000_000
"""No time entry is longer than 24 hours."""
ID_CHARS_MAX = 200
RATE_MINOR_MAX = 10**12
TIME_US_MAX = 253_402_300_800_000_000
"""The year 10000: no time is at or behind it."""


class Rule(NamedTuple):
    """One rule: the fields it reads, an expression true where it is broken, and the words."""

    fields: tuple[str, ...]
    broken: pl.Expr
    sentence: str
    """What is wrong and what would be right; `{field}` stands for a value of the event."""


def _texts_are_ids(name: str) -> Rule:
    text = pl.col(name)
    return Rule(
        (name,),
        text.str.contains(r"[\x00-\x1f\x7f]")
        | (text.str.len_bytes() > ID_CHARS_MAX)
        | (text.str.len_bytes() == 0),
        f"{name} is {{{name}!r}}: an id has 1 to {ID_CHARS_MAX} bytes and no control characters",
    )


def _times_are_in_range(name: str) -> Rule:
    return Rule(
        (name,),
        (pl.col(name) < 0) | (pl.col(name) >= TIME_US_MAX),
        f"{name} is {{{name}}} µs: a time lies in the years 1970 to 9999",
    )


RECORDED_US_MIN, RECORDED_US_MAX = 946_684_800_000_000, 32_503_680_000_000_000
"""The years 2000 to 2999, in which `recorded_at` has eight bytes: see `CONTENT_START`."""

RULES: tuple[Rule, ...] = (
    Rule(
        ("recorded_at",),
        (pl.col("recorded_at") < RECORDED_US_MIN) | (pl.col("recorded_at") >= RECORDED_US_MAX),
        "recorded_at is {recorded_at} µs: the ledger takes events in the years 2000 to 2999",
    ),
    Rule(
        ("effective_from",),
        pl.col("effective_from") % 1000 != 0,
        "effective_from is {effective_from} µs: a rate begins at a whole millisecond",
    ),
    Rule(
        ("started_at", "ended_at"),
        pl.col("ended_at") <= pl.col("started_at"),
        "ended_at is {ended_at} µs, started_at {started_at} µs: the end must lie after the start",
    ),
    Rule(
        ("started_at", "ended_at"),
        pl.col("ended_at") - pl.col("started_at") > ENTRY_US_MAX,
        "ended_at is {ended_at} µs, started_at {started_at} µs: an entry lasts at most 24 hours",
    ),
    Rule(
        ("started_at", "ended_at"),
        (pl.col("started_at") % 1000 != 0) | (pl.col("ended_at") % 1000 != 0),
        "started_at is {started_at} µs and ended_at {ended_at} µs: both are whole milliseconds",
    ),
    Rule(
        ("rate_minor_per_hour",),
        (pl.col("rate_minor_per_hour") <= 0) | (pl.col("rate_minor_per_hour") > RATE_MINOR_MAX),
        "rate_minor_per_hour is {rate_minor_per_hour}: a rate lies above 0 and at most at "
        f"{RATE_MINOR_MAX}",
    ),
    Rule(
        ("currency",),
        pl.col("currency").is_in(list(DECIMALS)).not_(),
        "currency is {currency!r}: it must be an ISO 4217 code such as USD",
    ),
    Rule(
        ("home_zone",),
        pl.col("home_zone").is_in(sorted(available_timezones())).not_(),
        "home_zone is {home_zone!r}: it must be an IANA time zone such as Europe/Lisbon",
    ),
    Rule(
        ("country",),
        pl.col("country").str.contains(r"^[A-Z]{2}$").not_(),
        "country is {country!r}: it must be an ISO 3166-1 code of two capitals such as PT",
    ),
    Rule(
        ("approved_by", "actor"),
        pl.col("approved_by") == pl.col("actor"),
        "approved_by is {approved_by!r}, as is actor: a second person approves",
    ),
)


def _is_id(field: dict[str, Any]) -> bool:
    name, declared = field["name"], field["type"]
    is_text = declared == "string" or declared == ["null", "string"]
    return is_text and (name.endswith("_id") or name in ("actor", "source"))


def _is_time(field: dict[str, Any]) -> bool:
    declared = field["type"]
    return declared == {"type": "long", "logicalType": "timestamp-micros"}


@cache
def rules_of(event_type: EventType) -> tuple[Rule, ...]:
    """Every rule that an event type's fields call for."""
    fields = event_type.schema["fields"]
    return (
        *(_texts_are_ids(field["name"]) for field in fields if _is_id(field)),
        *(_times_are_in_range(field["name"]) for field in fields if _is_time(field)),
        *(rule for rule in RULES if set(rule.fields) <= set(event_type.fields)),
    )


def broken_rules(group: Group) -> list[Failure]:
    """The events of a group that break a rule, each with the first sentence that applies."""
    rules = rules_of(group.event_type)
    verdicts = group.frame.select(
        pl.any_horizontal(rule.broken.fill_null(False) for rule in rules).alias("broken"),
        *(rule.broken.fill_null(False).alias(str(number)) for number, rule in enumerate(rules)),
    )
    if not verdicts["broken"].any():
        return []
    failures: list[Failure] = []
    for row in verdicts["broken"].arg_true().to_list():
        number = next(n for n in range(len(rules)) if verdicts[str(n)][row])
        event = group.frame.row(row, named=True)
        sentence = rules[number].sentence.format(**event)
        failures.append(Failure(group.positions[row], f"{group.event_type.name}: {sentence}"))
    return failures


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


def check_catalogue() -> None:
    """Raise `KeyError` where a rule's sentence names a field that its event lacks."""
    for event_type in catalogue().by_name.values():
        values = dict.fromkeys(event_type.fields, 0)
        for rule in rules_of(event_type):
            rule.sentence.format(**values)
