"""Rules on single values, by the name and type of their field: what a name promises, holds.

They reach into lists and records too: the items of `entry_ids` obey what `entry_id` obeys.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import polars as pl

from schemas.avsc import Json, branch_of, kind_of
from schemas.currencies import DECIMALS
from schemas.places import COUNTRIES, ZONES

AMOUNT_MINOR_MAX = 10**15
CLOCK_SKEW_US_MAX = 5 * 60 * 1_000_000
"""How far a sender's clock may run ahead of the broker's."""
ID_BYTES_MAX = 200
MS_MAX = 10**13
RATE_MINOR_MAX = 10**12
RECORDED_US_MIN, RECORDED_US_MAX = 946_684_800_000_000, 32_503_680_000_000_000
"""The years 2000 to 2999, in which `recorded_at` has eight bytes: see `CONTENT_START`."""
TIME_US_MAX = 253_402_300_800_000_000
"""The year 10000: no time is at or behind it."""

APPENDED = "appended_at"
"""When the broker took the record, µs: a column beside the event's own."""
PAST = {
    "occurred_at",
    "recorded_at",
    "started_at",
    "ended_at",
    "window_started_at",
    "paid_at",
    "as_of",
}
"""What has happened when it is told."""
COUNTS = {"sequence", "keystrokes", "pointer_events", "focus_losses", "accuracy_km", "expert_count",
          "line_count", "partition", "withheld_minor", "budget_minor"}  # fmt: skip
POSITIVE = {"level", "fold_version", "increment_ms", "duration_ms", "window_ms", "disputed_ms"}
ACTORS = {"actor", "decided_by", "raised_by", "released_by", "reviewer_id"}
PEOPLE = {"approved_by", "placed_by", "extended_by"}
WRITTEN = {"reason", "grounds", "note"}
DATES = {"pay_date", "week_starts_on"}


@dataclass(frozen=True)
class ValueRule:
    """A rule on a value: to which fields it belongs, when it is broken, and what would be right."""

    belongs: Callable[[str, Any], bool]
    broken: Callable[[pl.Expr], pl.Expr]
    right: str


def _text(*names: str, suffix: str = "\0") -> Callable[[str, Any], bool]:
    return lambda name, declared: (
        kind_of(declared) == "string" and (name in names or name.endswith(suffix))
    )


def _number(*names: str, suffix: str = "\0") -> Callable[[str, Any], bool]:
    return lambda name, declared: (
        kind_of(declared) in ("long", "double") and (name in names or name.endswith(suffix))
    )


def _is_time(name: str, declared: Any) -> bool:
    declared, _ = branch_of(declared)
    is_dict = isinstance(declared, dict)
    return is_dict and cast(Json, declared).get("logicalType") == "timestamp-micros"


def _outside(low: int, high: int) -> Callable[[pl.Expr], pl.Expr]:
    return lambda value: (value < low) | (value > high)


def _unlike(pattern: str) -> Callable[[pl.Expr], pl.Expr]:
    return lambda value: value.str.contains(pattern).not_()


def _not_in(known: tuple[str, ...]) -> Callable[[pl.Expr], pl.Expr]:
    return lambda value: value.is_in(list(known)).not_()


def _no_id(value: pl.Expr) -> pl.Expr:
    length = value.str.len_bytes()
    return value.str.contains(r"[\x00-\x1f\x7f]") | (length > ID_BYTES_MAX) | (length == 0)


VALUE_RULES: tuple[ValueRule, ...] = (
    ValueRule(
        _text("actor", "source", suffix="_id"),
        _no_id,
        f"an id has 1 to {ID_BYTES_MAX} bytes and no control characters",
    ),
    ValueRule(
        lambda name, declared: _is_time(name, declared) and name != "recorded_at",
        lambda value: (value < 0) | (value >= TIME_US_MAX),
        "a time lies in the years 1970 to 9999",
    ),
    ValueRule(
        lambda name, _: name == "recorded_at",
        lambda value: (value < RECORDED_US_MIN) | (value >= RECORDED_US_MAX),
        "the ledger takes events in the years 2000 to 2999",
    ),
    ValueRule(
        lambda name, declared: name in PAST and _is_time(name, declared),
        lambda value: value - CLOCK_SKEW_US_MAX > pl.col(APPENDED),
        "it lies in the future of the time at which the log took the event",
    ),
    ValueRule(
        _number("effective_from"), lambda value: value % 1000 != 0, "it is a whole millisecond"
    ),
    ValueRule(_number(suffix="_bp"), _outside(0, 10_000), "basis points lie between 0 and 10000"),
    ValueRule(
        _number("rate_minor_per_hour"),
        _outside(1, RATE_MINOR_MAX),
        f"a rate lies above 0 and at most at {RATE_MINOR_MAX}",
    ),
    ValueRule(
        _number(suffix="_minor"),
        _outside(-AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX),
        f"an amount lies within {AMOUNT_MINOR_MAX} minor units",
    ),
    ValueRule(
        _number("ms_per_week", "excluded_ms_per_week", suffix="_ms"),
        lambda value: _outside(0, MS_MAX)(value) | value.cast(pl.Float64).is_nan(),
        f"a duration lies between 0 and {MS_MAX}",
    ),
    ValueRule(_number(suffix="_chars"), lambda value: value < 0, "characters are not below 0"),
    ValueRule(_number(*COUNTS), lambda value: value < 0, "it is not below 0"),
    ValueRule(_number(*POSITIVE), lambda value: value <= 0, "it lies above 0"),
    ValueRule(_number("offset"), lambda value: value < -1, "it is an offset, or -1 for none"),
    ValueRule(_number("latitude_e3"), _outside(-90_000, 90_000), "it lies within 90000"),
    ValueRule(_number("longitude_e3"), _outside(-180_000, 180_000), "it lies within 180000"),
    ValueRule(
        _number("probability"),
        lambda value: (value > 0).not_() | (value > 1) | value.is_nan(),
        "a probability lies above 0 and at most at 1",
    ),
    ValueRule(_number("value"), lambda value: value.is_finite().not_(), "it is a finite number"),
    ValueRule(
        _text("currency", suffix="_currency"),
        _not_in(tuple(DECIMALS)),
        "it must be an ISO 4217 code such as USD",
    ),
    ValueRule(
        _text("country", "residence"),
        _not_in(COUNTRIES),
        "it must be an ISO 3166-1 code of two capitals such as PT",
    ),
    ValueRule(
        _text("zone", "home_zone"),
        _not_in(ZONES),
        "it must be an IANA time zone such as Europe/Lisbon",
    ),
    ValueRule(
        _text("token", suffix="_token"),
        _unlike(r"^[0-9a-f]{64}$"),
        "a keyed hash has 64 lowercase hexadecimal digits",
    ),
    ValueRule(
        _text(*DATES),
        lambda value: (
            _unlike(r"^\d{4}-\d\d-\d\d$")(value)
            | value.str.to_date("%Y-%m-%d", strict=False).is_null()
        ),
        "it must be a date such as 2026-10-14",
    ),
    ValueRule(
        _text(suffix="_decimal"),
        lambda value: _unlike(r"^\d{1,18}(\.\d{1,18})?$")(value) | value.str.contains(r"^[0.]*$"),
        "it must be a decimal number above 0 such as 0.9214",
    ),
    ValueRule(
        _text(*ACTORS),
        _unlike(r"^(expert|staff|system):."),
        "it must say who, as expert:…, staff:… or system:…",
    ),
    ValueRule(_text(*PEOPLE), _unlike(r"^staff:."), "it must be a person, as staff:…"),
    ValueRule(
        _text(*WRITTEN), lambda value: value.str.strip_chars() == "", "something must be written"
    ),
)


class Broken(NamedTuple):
    """When a field of an event breaks a value's rule, and what would be right."""

    field: str
    path: str
    broken: pl.Expr
    right: str


def value_rules(field: Json) -> Iterator[Broken]:
    """Every rule on the values of a field whose type is written out."""
    name = field["name"]
    for path, broken, right in _of(_singular(name), field["type"], pl.col(name), name):
        yield Broken(name, path, broken, right)


def _of(name: str, declared: Any, value: pl.Expr, path: str) -> Iterator[tuple[str, pl.Expr, str]]:
    inner, _ = branch_of(declared)
    match kind_of(inner):
        case "array":
            for deeper, broken, right in _of(name, inner["items"], pl.element(), f"{path}[]"):
                yield deeper, value.list.eval(broken.fill_null(False)).list.any(), right
        case "record":
            for field in inner["fields"]:
                found = value.struct.field(field["name"])
                deeper = f"{path}.{field['name']}"
                yield from _of(_singular(field["name"]), field["type"], found, deeper)
        case _:
            for rule in VALUE_RULES:
                if rule.belongs(name, declared):
                    yield path, rule.broken(value), rule.right


def _singular(name: str) -> str:
    """`entry_ids` is a list of `entry_id`, `currencies` of `currency`."""
    if name.endswith("_ids"):
        return name[:-1]
    return "currency" if name == "currencies" else name
