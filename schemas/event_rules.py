"""Rules on several fields of an event together; the same whichever batch it comes in."""

from typing import NamedTuple

import polars as pl

from schemas.currencies import DECIMALS

ENTRY_US_MAX = 24 * 3_600_000_000
"""No time entry is longer than 24 hours."""


class EventRule(NamedTuple):
    """A rule: the fields it reads, an expression true where it is broken, and the words.

    It belongs to the events named, or to every event that has its fields.
    """

    fields: tuple[str, ...]
    broken: pl.Expr
    sentence: str
    """What is wrong and what would be right; `{field}` stands for a value of the event."""
    events: tuple[str, ...] = ()


def _pair_is_known() -> pl.Expr:
    codes = "|".join(DECIMALS)
    return pl.col("pair").str.contains(rf"^({codes})/({codes})$")


EVENT_RULES: tuple[EventRule, ...] = (
    EventRule(
        ("started_at", "ended_at"),
        pl.col("ended_at") <= pl.col("started_at"),
        "ended_at is {ended_at} µs, started_at {started_at} µs: the end must lie after the start",
    ),
    EventRule(
        ("started_at", "ended_at"),
        pl.col("ended_at") - pl.col("started_at") > ENTRY_US_MAX,
        "ended_at is {ended_at} µs, started_at {started_at} µs: an entry lasts at most 24 hours",
    ),
    EventRule(
        ("started_at", "ended_at"),
        (pl.col("started_at") % 1000 != 0) | (pl.col("ended_at") % 1000 != 0),
        "started_at is {started_at} µs and ended_at {ended_at} µs: both are whole milliseconds",
    ),
    EventRule(
        ("period_start", "period_end"),
        pl.col("period_end") <= pl.col("period_start"),
        "period_end is {period_end} µs, period_start {period_start} µs: a period ends after its "
        "start",
    ),
    EventRule(
        ("period_start", "period_end", "duration_ms"),
        pl.col("duration_ms") > (pl.col("period_end") - pl.col("period_start")) // 1000,
        "duration_ms is {duration_ms}: the period from {period_start} µs to {period_end} µs is "
        "shorter",
    ),
    EventRule(
        ("approved_by", "actor"),
        pl.col("approved_by") == pl.col("actor"),
        "approved_by is {approved_by!r}, as is actor: a second person approves",
    ),
    EventRule(
        ("active_ms", "window_ms"),
        pl.col("active_ms") > pl.col("window_ms"),
        "active_ms is {active_ms}, window_ms {window_ms}: no more is active than the window",
    ),
    EventRule(
        ("gross_minor", "withheld_minor", "net_minor"),
        pl.col("net_minor") != pl.col("gross_minor") - pl.col("withheld_minor"),
        "net_minor is {net_minor}: it must be gross_minor {gross_minor} less withheld_minor "
        "{withheld_minor}",
    ),
    EventRule(
        ("net_minor",),
        pl.col("net_minor") <= 0,
        "net_minor is {net_minor}: a payout pays something",
    ),
    EventRule(
        ("amount_minor",),
        pl.col("amount_minor") <= 0,
        "amount_minor is {amount_minor}: it must lie above 0",
        ("BonusGranted", "ClawbackPosted", "ReceivableWrittenOff", "TaxRemitted"),
    ),
    EventRule(
        ("amount_minor",),
        pl.col("amount_minor") == 0,
        "amount_minor is 0: an adjustment adds or takes away",
        ("AdjustmentPosted",),
    ),
    EventRule(
        ("answer", "missing_ms"),
        (pl.col("answer") == "missing") != pl.col("missing_ms").is_not_null(),
        "answer is {answer!r} and missing_ms {missing_ms}: missing_ms belongs to `missing` alone",
    ),
    EventRule(
        ("scope", "scope_ids"),
        (pl.col("scope") == "all") != (pl.col("scope_ids").list.len() == 0),
        "scope is {scope!r} and scope_ids {scope_ids}: `all` has no ids, any other scope has some",
    ),
    EventRule(
        ("pair",),
        _pair_is_known().not_(),
        "pair is {pair!r}: it must be two ISO 4217 codes such as USD/EUR",
    ),
    EventRule(
        ("subject_id", "token"),
        pl.col("subject_id") != pl.col("token"),
        "subject_id is {subject_id!r}: the key of a TokenSeen is its token, {token!r}",
        ("TokenSeen",),
    ),
    EventRule(
        ("subject_id", "name"),
        pl.col("subject_id") != pl.col("name"),
        "subject_id is {subject_id!r}: the key is the policy's name, {name!r}",
        ("PolicyActivated",),
    ),
    EventRule(
        ("subject_id", "actor"),
        pl.col("subject_id") != pl.col("actor"),
        "subject_id is {subject_id!r}: the key of an AccessRecorded is its actor, {actor!r}",
        ("AccessRecorded",),
    ),
)
