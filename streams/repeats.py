"""Events that come again: found by id and by identity, told apart by their content.

An event is a repeat only of what was *applied* at a lower offset of the same partition. So a record
that is fetched again finds its own offset and is no repeat, and neither is a mended dead letter.
"""

import hashlib
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import polars as pl

from projections.store.store import KNOWN, Known
from projections.tables import Repeat
from schemas.columns import Group
from schemas.wire import CONTENT_START

CANDIDATES = {
    "position": pl.Int64,
    "id": pl.Binary,
    "topic": pl.String,
    "partition": pl.UInt16,
    "offset": pl.Int64,
    "told": pl.Binary,
}
"""Events of a round that might be repeats; `told` is the content that a repeat shares."""


class Found(NamedTuple):
    """A repeat: the event's position, whether its content differs, where it stood first."""

    position: int
    is_conflict: bool
    first_offset: int


def event_candidates(groups: list[Group], places: pl.DataFrame) -> pl.DataFrame:
    """Every event by its id."""
    ids = [g.frame.get_column("event_id") for g in groups]
    return _candidates(groups, places, ids, [])


def identity_candidates(
    groups: list[Group], places: pl.DataFrame, identities: dict[str, tuple[str, ...]]
) -> pl.DataFrame:
    """Every event that tells of a thing with an identity, by its kind, subject and identity."""
    telling = [(g, g.event_type.name) for g in groups if g.event_type.name in identities]
    # The kind keeps an entry and a submission apart that have one id.
    keys = [
        g.frame.select(_joined(pl.lit(name), *_texts("subject_id", *identities[name]))).to_series()
        for g, name in telling
    ]
    contents = [
        g.frame.select(_joined(*_texts(*g.event_type.own_fields))).to_series() for g, _ in telling
    ]
    return _candidates([g for g, _ in telling], places, keys, contents)


def _texts(*fields: str) -> list[pl.Expr]:
    return [pl.col(field).cast(pl.String).fill_null("\x00") for field in fields]


def _joined(*texts: pl.Expr) -> pl.Expr:
    return pl.concat_str(texts, separator="\x1f").cast(pl.Binary)


def _candidates(
    groups: list[Group], places: pl.DataFrame, ids: list[pl.Series], contents: list[pl.Series]
) -> pl.DataFrame:
    """The events of the groups by their ids; what they tell is of `contents`, or of their bytes."""
    if not groups:
        return pl.DataFrame(schema=CANDIDATES)
    positions = pl.Series("position", [p for g in groups for p in g.positions], dtype=pl.Int64)
    every = pl.concat([key.cast(pl.Binary) for key in ids]).alias("id")
    at = places[["topic", "partition", "offset", "value"]][positions]
    value = at.drop_in_place("value")
    told = pl.concat(contents) if contents else value.bin.slice(CONTENT_START)
    return pl.DataFrame([positions, every, *at.get_columns(), told.alias("told")])


def perhaps_known(candidates: pl.DataFrame, newest: pl.DataFrame) -> pl.Series:
    """The ids that are not greater than the greatest one applied in their partition."""
    both = candidates.lazy().join(newest.lazy(), on=["topic", "partition"], how="left")
    return both.filter(pl.col("id") <= pl.col("newest")).select("id").collect().to_series()


def newest_of(applied: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """The greatest id of each partition, after some more were applied."""
    more = applied[["topic", "partition"]].hstack([applied["id"].alias("newest")])
    return pl.concat([newest, more]).group_by("topic", "partition").max()


def find_repeats(
    events: pl.DataFrame, things: pl.DataFrame, known: Known
) -> tuple[list[Found], list[Found]]:
    """The repeats among a round's candidates: by event id, and by the identity of a thing.

    A candidate repeats what is known, or an earlier candidate that repeats nothing: one that does
    is not applied, so nothing repeats *it*. Both are told in the order of the log, and the answer
    does not depend on where a round begins.
    """
    suspects = [_suspects(events, known.events), _suspects(things, known.things)]
    positions = [position for one in suspects for position in one.to_list()]
    if not positions:
        return [], []
    first = [_first(known.events), _first(known.things)]
    both = pl.concat(
        frame.lazy().filter(pl.col("position").is_in(positions)).with_columns(kind=pl.lit(kind))
        for kind, frame in enumerate((events, things))
    )
    every = both.sort("position", "kind").collect()
    found: tuple[list[Found], list[Found]] = ([], [])
    for position, rows in groupby(every.iter_rows(named=True), key=lambda row: row["position"]):
        told = [
            (row["kind"], (row["id"], row["topic"], row["partition"]), _entry(row)) for row in rows
        ]
        for kind, key, (offset, content) in told:
            at, before = first[kind].get(key, (offset, content))
            if at < offset:
                found[kind].append(Found(position, before != content, at))
                break
        else:
            for kind, key, entry in told:
                first[kind].setdefault(key, entry)
    return found


def content_of(told: bytes) -> bytes:
    """What is compared of two that are told alike: the MD5, which the store keeps of each."""
    return hashlib.md5(told, usedforsecurity=False).digest()


def _entry(row: dict[str, Any]) -> tuple[int, bytes]:
    return row["offset"], content_of(row["told"])


def _suspects(candidates: pl.DataFrame, known: pl.DataFrame) -> pl.Series:
    """The positions of the candidates whose id is known, or stands in the round twice."""
    ids = candidates.get_column("id")
    suspects = set(known.get_column("id").to_list())
    if ids.n_unique() < len(ids):
        suspects.update(ids.filter(ids.is_duplicated()).to_list())
    positions = candidates.get_column("position")
    return positions.filter(ids.is_in(list(suspects))) if suspects else positions.clear()


def _first(known: pl.DataFrame) -> dict[tuple[bytes, str, int], tuple[int, bytes]]:
    """Where each id was told first, and what: by id and partition."""
    first: dict[tuple[bytes, str, int], tuple[int, bytes]] = {}
    for key, *place, offset, content in known[[*KNOWN, "content"]].iter_rows():
        at = (key, *place)
        if at not in first or offset < first[at][0]:
            first[at] = offset, content
    return first


def repeat_rows(
    found: Sequence[Found], repeats: str, groups: list[Group], places: pl.DataFrame
) -> tuple[list[Repeat], list[int]]:
    """The rows that tell of repeats, and the position of each."""
    by_position = {f.position: f for f in found}
    rows: list[Repeat] = []
    positions: list[int] = []
    for group in groups:
        at = [i for i, position in enumerate(group.positions) if position in by_position]
        if not at:
            continue
        chosen = group.frame[["event_id", "subject_id"]][at].iter_rows()
        for index, (event_id, subject_id) in zip(at, chosen, strict=True):
            one = by_position[group.positions[index]]
            value = places["value"][one.position] if one.is_conflict else b""
            verdict = "conflict" if one.is_conflict else "duplicate"
            name = group.event_type.name
            rows.append(
                Repeat(event_id, subject_id, name, verdict, repeats, one.first_offset, value)
            )
            positions.append(one.position)
    return rows, positions
