"""Histories of payout in which everything happens, and their rows in a real database."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
from clickhouse_connect.driver.client import Client

from projections.archive import archive
from projections.payout.fold import payout
from projections.store.clickhouse import ClickHouseStore
from projections.store.store import APPLIED, STATE, progress_key
from schemas.catalogue import catalogue
from tests.projections.histories import History, Told, event_id_of
from tests.projections.payout_events import (
    HOUR_MS,
    READY,
    TERMS,
    about,
    adjusted,
    at,
    entry,
    policy,
    rate,
)
from tests.projections.store.rows import state_rows

EVENTS = 400


def history(seed: int) -> list[Told]:
    """An expert's ledger in which everything happens, some of it out of order."""
    dice = random.Random(seed)
    events: list[Told] = [
        *READY[: dice.randint(2, 4)],
        policy(
            review_window_ms=24 * HOUR_MS, weekly_cap_ms=dice.choice((None, 30 * HOUR_MS)),
            zone=dice.choice(("UTC", "Asia/Kolkata", "America/New_York")),
            week_starts_on=dice.choice(("monday", "saturday")),
            increment_ms=dice.choice((1, 1, 15 * 60_000)),
            rounding=dice.choice(("half_away_from_zero", "half_even")),
        ),
    ]  # fmt: skip
    entries = 0
    for _ in range(EVENTS):
        hour, one = dice.randrange(24 * 40 * 4) / 4, f"e{dice.randrange(entries + 1)}"
        length, kind = dice.randrange(1, 32) / 4, dice.random()
        if kind < 0.6:
            billable, session = dice.random() < 0.95, f"s{dice.randrange(60)}"
            fields: dict[str, Any] = {
                "billable": billable, "session_id": session, "task_id": None,
                "recorded_at": at(hour + length + dice.choice((0, 0, 0, 200))),
            }  # fmt: skip
            events.append(entry(hour, hour + length, f"e{entries}", **fields))
            entries += 1
        elif kind < 0.66:
            events.append(rate(dice.randrange(100, 30_000), hour))
        elif kind < 0.70:
            events.append(about("TimeEntryRejected", one))
        elif kind < 0.75:
            events.append(about("TimeEntryApproved", one))
        elif kind < 0.80:
            ms = {"disputed_ms": dice.randrange(1, 5) * HOUR_MS // 2}
            events.append(about("TimeEntryDisputed", one, **ms))
        elif kind < 0.83:
            ms = {"approved_ms": dice.randrange(4) * HOUR_MS // 2}
            events.append(about("DisputeResolved", one, **ms))
        elif kind < 0.88:
            approved: dict[str, Any] = {"approved_ms": dice.randrange(1, 4) * HOUR_MS // 2}
            why = dice.choice(("overlap", "over_cap", "no_terms", "no_rate", "not_standing"))
            events.append(about("ExceptionApproved", one, kind=why, **approved))
        elif kind < 0.92:
            events.append(adjusted(dice.choice(("plus", "minus")), hour, hour + length, one))
        elif kind < 0.95:
            events.append(standing(dice, hour))
        elif kind < 0.97:
            change = {"project_id": "p", "effective_from": at(hour)}
            events.append(("WeeklyCapChanged", change | {"cap_ms": dice.randrange(40) * HOUR_MS}))
        else:
            events.append(hold(dice, hour))
    return events


def standing(dice: random.Random, hour: float) -> Told:
    name = dice.choice(("ExpertSuspended", "ExpertReinstated", "ProjectStaffed", "ProjectUnstaffed",
                        "TermsAccepted", "ProjectTermsInForce"))  # fmt: skip
    if name.startswith("Expert"):
        return name, {"occurred_at": at(hour)}
    fields: dict[str, Any] = {"occurred_at": at(hour), "project_id": "p"}
    if name in ("TermsAccepted", "ProjectTermsInForce"):
        fields["terms_sha256"] = dice.choice((TERMS, TERMS, b"n" * 32))
    if name == "ProjectTermsInForce":
        fields["effective_from"] = at(hour)
    return name, fields


def hold(dice: random.Random, hour: float) -> Told:
    name, hold_id = f"h{dice.randrange(3)}", dice.random()
    if hold_id < 0.2:
        return "PayoutHoldReleased", {"hold_id": name, "released_by": "staff:lee"}
    if hold_id < 0.4:
        fields = {"review_by": at(hour), "reason": "asked"}
        fields["extended_by"] = dice.choice(("staff:lee", "staff:lee", "staff:kim"))
        return "PayoutHoldExtended", {"hold_id": name} | fields
    scope = dice.choice(("entry", "session", "project"))
    ids = {"entry": ["e3", "e9"], "session": ["s1", "s2"], "project": ["p"]}[scope]
    return "PayoutHoldPlaced", {
        "hold_id": name, "scope": scope, "scope_ids": ids, "reason": "devices",
        "review_by": at(hour), "placed_by": "staff:kim",
    }  # fmt: skip


def applied(events: list[Told]) -> pl.DataFrame:
    """The ids of a history's events, as a worker that applied each leaves them."""
    return pl.DataFrame(
        {
            "id": [event_id_of(offset) for offset in range(len(events))],
            "topic": [catalogue().by_name[name].topic for name, _ in events],
            "partition": pl.Series([3] * len(events), dtype=pl.UInt16),
            "offset": range(len(events)),
            "told": [name.encode() for name, _ in events],
        }
    )


def keep(
    client: Client, events: list[Told], *projections: Any, upto_hours: float = 24 * 20
) -> None:
    """Fold the events for payout and for the archive, or others, and write what they tell.

    Event time has come to `upto_hours`.
    """
    for projection in projections or (payout, archive):
        keep_told(client, History(projection).tell(*events), events, at(upto_hours))


def keep_told(
    client: Client,
    told: History,
    events: list[Told],
    clock: int,
    appended_at: int = 8,
    partition: int = 3,
) -> None:
    """Write what a fold told of the events; the last was appended at `appended_at`."""
    store = ClickHouseStore(client, told.fold)
    for table, frames in told.frames.items():
        for frame in frames:
            at = pl.lit(partition, dtype=pl.UInt16)
            store.write(table.name, frame.with_columns(partition=at))
    store.write(APPLIED, applied(events))
    topic = catalogue().by_name[events[0][0]].topic
    progress = state_rows((progress_key(topic, partition), len(events) - 1, b""))
    moments = {"occurred_at": clock, "appended_at": appended_at}
    store.write_state(
        progress.with_columns(
            pl.lit(topic).alias("topic"),
            pl.lit(partition, dtype=pl.UInt16).alias("partition"),
            *(pl.lit(us).cast(STATE[name]).alias(name) for name, us in moments.items()),
        )
    )
