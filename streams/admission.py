"""The first step of a round: which of the records are events, and which go to the dead letters.

The verdict on a record depends on its bytes, its address and the time at which the log took it.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from schemas.columns import Failure, Group, decode_columns
from schemas.partitioning import partition_of
from schemas.rules import broken_rules, without
from streams.batch import Fetch

PLACES = {
    "topic": pl.String,
    "partition": pl.UInt16,
    "offset": pl.Int64,
    "appended_at": pl.Int64,
    "key": pl.Binary,
    "value": pl.Binary,
}


class Refusal(NamedTuple):
    """A record that is no event: its place among the records, the kind of reason, the reason."""

    position: int
    cause: str
    reason: str


@dataclass(frozen=True)
class Admitted:
    """The records of a round, told apart."""

    places: pl.DataFrame
    """A row a record, in the columns of `PLACES`; appended_at in microseconds."""
    groups: list[Group]
    refusals: list[Refusal]


def places_of(fetches: list[Fetch]) -> pl.DataFrame:
    """Where each record stands, a row a record."""
    columns: dict[str, list[Any]] = {
        "topic": [fetch.topic for fetch in fetches for _ in fetch.offsets],
        "partition": [fetch.partition for fetch in fetches for _ in fetch.offsets],
        "offset": [offset for fetch in fetches for offset in fetch.offsets],
        "appended_at": [at_ms * 1000 for fetch in fetches for at_ms in fetch.timestamps],
        "key": [key for fetch in fetches for key in fetch.keys],
        "value": [value for fetch in fetches for value in fetch.values],
    }
    return pl.DataFrame(
        [pl.Series(name, columns[name], dtype=dtype) for name, dtype in PLACES.items()]
    )


def admit(fetches: list[Fetch]) -> Admitted:
    """Decode the records and hold each against the rules and its address."""
    places = places_of(fetches)
    values = [value for fetch in fetches for value in fetch.values]
    groups, undecodable = decode_columns(values)
    return told_apart(
        groups, places, [Refusal(f.position, "undecodable", f.reason) for f in undecodable]
    )


def told_apart(groups: list[Group], places: pl.DataFrame, refusals: list[Refusal]) -> Admitted:
    """Hold decoded events against the rules and their addresses; `refusals` are those before."""
    refusals = list(refusals)
    sound: list[Group] = []
    for group in groups:
        broken = broken_rules(group, places["appended_at"][group.positions])
        refusals += [Refusal(f.position, "rule", f.reason) for f in broken]
        rest = without(group, {f.position for f in broken})
        if rest.positions:
            sound.append(rest)
    astray = wrong_addresses(sound, places)
    refusals += [Refusal(f.position, "address", f.reason) for f in astray]
    admitted = [without(group, {f.position for f in astray}) for group in sound]
    return Admitted(places, [group for group in admitted if group.positions], sorted(refusals))


def wrong_addresses(groups: list[Group], places: pl.DataFrame) -> list[Failure]:
    """The events whose topic, key or partition is not the one that their type and subject name."""
    if not groups:
        return []
    types = [group.event_type for group in groups for _ in group.positions]
    positions = [position for group in groups for position in group.positions]
    subject = pl.concat([group.frame.get_column("subject_id") for group in groups])
    distinct = subject.unique()
    partitions = pl.Series([partition_of(s.encode()) for s in distinct.to_list()], dtype=pl.UInt16)
    belongs = pl.Series("belongs", [event_type.topic for event_type in types])
    at = places[["topic", "partition", "key"]][positions]
    wrong = at.hstack([subject.alias("subject"), belongs]).select(
        (pl.col("topic") != pl.col("belongs"))
        | pl.col("key").ne_missing(pl.col("subject").cast(pl.Binary))
        | (pl.col("partition") != pl.col("subject").replace_strict(distinct, partitions))
    )
    failures: list[Failure] = []
    for row, is_wrong in enumerate(wrong.to_series().to_list()):
        if is_wrong:
            topic, partition, key = at.row(row)
            reason = _address_reason(types[row].topic, topic, partition, key, subject[row])
            failures.append(Failure(positions[row], f"{types[row].name}: {reason}"))
    return failures


def _address_reason(
    belongs_on: str, topic: str, partition: int, key: bytes | None, subject: str
) -> str:
    if topic != belongs_on:
        return f"it does not belong on {topic}"
    if key != subject.encode():
        return f"the key is {key!r}, and must be its subject {subject!r}"
    named = partition_of(key)
    return f"it lies in partition {partition}, and its key {subject!r} names partition {named}"
