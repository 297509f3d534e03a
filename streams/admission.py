"""The first step of a round: which of the records are events, and which go to the dead letters.

The verdict on a record depends on its bytes, its address and the time at which the log took it.
"""

from dataclasses import dataclass
from typing import NamedTuple

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
    frames = [
        pl.DataFrame(
            {
                "offset": fetch.offsets,
                "appended_at": fetch.timestamps,
                "key": pl.Series(fetch.keys, dtype=pl.Binary),
                "value": pl.Series(fetch.values, dtype=pl.Binary),
            },
            schema={n: t for n, t in PLACES.items() if n not in ("topic", "partition")},
        ).with_columns(
            pl.lit(fetch.topic).alias("topic"),
            pl.lit(fetch.partition, dtype=pl.UInt16).alias("partition"),
            pl.col("appended_at") * 1000,
        )
        for fetch in fetches
    ]
    return pl.concat(frames).select(*PLACES)


def admit(fetches: list[Fetch]) -> Admitted:
    """Decode the records and hold each against the rules and its address."""
    places = places_of(fetches)
    values = [value for fetch in fetches for value in fetch.values]
    groups, undecodable = decode_columns(values)
    refusals = [Refusal(f.position, "undecodable", f.reason) for f in undecodable]
    admitted: list[Group] = []
    for group in groups:
        broken = broken_rules(group, places["appended_at"][group.positions])
        sound = without(group, {f.position for f in broken})
        astray = wrong_addresses(sound, places)
        refusals += [Refusal(f.position, "rule", f.reason) for f in broken]
        refusals += [Refusal(f.position, "address", f.reason) for f in astray]
        sound = without(sound, {f.position for f in astray})
        if sound.positions:
            admitted.append(sound)
    return Admitted(places, admitted, sorted(refusals))


def wrong_addresses(group: Group, places: pl.DataFrame) -> list[Failure]:
    """The events whose topic, key or partition is not the one that their type and subject name."""
    event_type = group.event_type
    at = places.select("topic", "partition", "key")[group.positions]
    subject = group.frame.get_column("subject_id")
    distinct = subject.unique().to_list()
    named = pl.DataFrame(
        {"subject": distinct, "named": [partition_of(s.encode()) for s in distinct]},
        schema={"subject": pl.String, "named": pl.UInt16},
    )
    checked = at.with_columns(subject=subject).join(
        named, on="subject", how="left", maintain_order="left"
    )
    wrong_topic = pl.col("topic") != event_type.topic
    wrong_key = pl.col("key").ne_missing(pl.col("subject").cast(pl.Binary))
    wrong_partition = pl.col("partition") != pl.col("named")
    marked = checked.select(
        "topic", "partition", "key", "subject", "named",
        wrong=pl.when(wrong_topic).then(1).when(wrong_key).then(2).when(wrong_partition).then(3)
        .otherwise(0),
    )  # fmt: skip
    rows = (marked["wrong"] > 0).arg_true()
    return [
        Failure(group.positions[row], _address_reason(event_type.name, marked.row(row, named=True)))
        for row in rows.to_list()
    ]


def _address_reason(event: str, row: dict[str, object]) -> str:
    match row["wrong"]:
        case 1:
            return f"{event}: it does not belong on {row['topic']}"
        case 2:
            return f"{event}: the key is {row['key']!r}, and must be its subject {row['subject']!r}"
        case _:
            return (
                f"{event}: it lies in partition {row['partition']}, "
                f"and its key {row['subject']!r} names partition {row['named']}"
            )
