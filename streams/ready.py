"""The rows of a round: repeats are set aside, the rest is folded, and nothing is written yet."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from projections.fold import Batch, Output, Part
from projections.projection import Projection
from projections.store.store import STATE, Progress, progress_key
from projections.tables import DEAD_LETTERS, REPEATS, DeadLetter, Table
from schemas.columns import Group
from schemas.rules import without
from streams.admission import Admitted
from streams.batch import Fetch
from streams.dead_letters import Letter
from streams.repeats import (
    event_candidates,
    find_repeats,
    identity_candidates,
    repeat_rows,
)

Place = tuple[str, int]
TOLD = ("id", "topic", "partition", "offset", "told")
LETTER_COLUMNS = ("topic", "partition", "offset", "key", "value")


class Candidates(NamedTuple):
    """What might repeat something, and the state parts that the events need."""

    events: pl.DataFrame
    """Every event by its id."""
    things: pl.DataFrame
    """Every event that tells of a thing, by the thing's identity."""
    part_keys: set[str]


class Known(NamedTuple):
    """What of the candidates was told before: id, topic, partition, offset and content."""

    events: pl.DataFrame
    things: pl.DataFrame


@dataclass(frozen=True)
class Ready:
    """A round that is folded and waits to be written."""

    facts: dict[Table, pl.DataFrame]
    repeats: pl.DataFrame
    dead_letters: pl.DataFrame
    letters: list[Letter]
    applied: pl.DataFrame
    identities: pl.DataFrame
    state: pl.DataFrame
    part_keys: set[str]
    verdicts: dict[str, int]
    occurred_at: dict[Place, int]
    """The latest time of an event in each partition, in microseconds."""
    appended_at: int
    """When the broker took the round's last event, in microseconds."""


def candidates_of(projection: Projection, admitted: Admitted) -> Candidates:
    """What must be looked up before the round can be folded."""
    groups, places = admitted.groups, admitted.places
    return Candidates(
        event_candidates(groups, places),
        identity_candidates(groups, places, projection.identities),
        projection.part_keys(Batch(groups, places)),
    )


def in_flight(ready: Ready, candidates: Candidates) -> Known:
    """What of the candidates a round tells that is not durable yet, as a look-up will answer it."""
    return Known(
        _as_known(ready.applied, candidates.events), _as_known(ready.identities, candidates.things)
    )


def _as_known(told: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    both = told.with_columns(pl.col("id").cast(pl.Binary))
    both = both.filter(pl.col("id").is_in(candidates.get_column("id").implode()))
    content = [
        hashlib.md5(value, usedforsecurity=False).digest() for value in both["told"].to_list()
    ]
    return both.drop("told").with_columns(content=pl.Series(content, dtype=pl.Binary))


def fold_round(
    projection: Projection,
    parts: dict[str, Part],
    fetches: list[Fetch],
    admitted: Admitted,
    candidates: Candidates,
    known: Known,
    positions: dict[Place, Progress],
) -> Ready:
    """Leave the repeats out, fold the rest into `parts`, and make the rows of the round.

    `positions` are those before the round. Raises `FoldError` where a handler raises.
    """
    places = admitted.places
    again = find_repeats(candidates.events, known.events)
    repeated = {found.position for found in again}
    things = candidates.things.filter(pl.col("position").is_in(list(repeated)).not_())
    told_again = find_repeats(things, known.things)
    rows, row_positions = repeat_rows(again, "event", admitted.groups, places)
    more, more_positions = repeat_rows(told_again, "entry", admitted.groups, places)
    repeated |= {found.position for found in told_again}
    groups = [without(group, repeated) for group in admitted.groups]
    groups = [group for group in groups if group.positions]
    output = projection.apply(Batch(groups, places), parts)
    is_applied = pl.col("position").is_in(list(repeated)).not_()
    conflicts = sum(found.is_conflict for found in (*again, *told_again))
    occurred_at = _latest(groups, places)
    return Ready(
        facts=output.frames,
        repeats=REPEATS.frame(rows + more, row_positions + more_positions, places),
        dead_letters=_letter_frame(admitted),
        letters=_letters(admitted),
        applied=candidates.events.filter(is_applied).select(TOLD),
        identities=things.filter(is_applied)
        .select(TOLD)
        .with_columns(pl.col("id").cast(pl.String)),
        state=_state_frame(projection, output, fetches, occurred_at, positions),
        part_keys=set(output.parts),
        verdicts={
            "applied": places.height - len(repeated) - len(admitted.refusals),
            "duplicate": len(repeated) - conflicts,
            "conflict": conflicts,
            "dead_letter": len(admitted.refusals),
        },
        occurred_at=occurred_at,
        appended_at=max(fetch.timestamps[-1] for fetch in fetches) * 1000,
    )


def _state_frame(
    projection: Projection,
    output: Output,
    fetches: list[Fetch],
    occurred_at: dict[Place, int],
    positions: dict[Place, Progress],
) -> pl.DataFrame:
    """The parts that changed and the progress of the round's partitions, as one block."""
    topic, version = projection.topics[0], projection.version
    rows: list[tuple[object, ...]] = [
        (key, topic, partition, offset, 0, 0, version, body)
        for key, (partition, offset, body) in output.parts.items()
    ]
    ends = {(f.topic, f.partition): (f.end - 1, f.timestamps[-1] * 1000) for f in fetches}
    for place, (offset, appended_at) in ends.items():
        latest = max(positions[place].occurred_at, occurred_at.get(place, 0))
        rows.append((progress_key(*place), *place, offset, latest, appended_at, version, b""))
    columns = zip(STATE, zip(*rows, strict=True), strict=True)
    return pl.DataFrame([pl.Series(name, values, dtype=STATE[name]) for name, values in columns])


def _latest(groups: list[Group], places: pl.DataFrame) -> dict[Place, int]:
    """The latest `occurred_at` of each partition in the round, in microseconds."""
    if not groups:
        return {}
    frames = [
        places.select("topic", "partition")[group.positions].with_columns(
            occurred_at=group.frame.get_column("occurred_at")
        )
        for group in groups
    ]
    latest = pl.concat(frames).group_by("topic", "partition").max()
    return {(topic, partition): at for topic, partition, at in latest.iter_rows()}


def _letters(admitted: Admitted) -> list[Letter]:
    rows = admitted.places[[r.position for r in admitted.refusals]].select(LETTER_COLUMNS)
    return [
        Letter(topic, partition, offset, refusal.cause, refusal.reason, key, value)
        for refusal, (topic, partition, offset, key, value) in zip(
            admitted.refusals, rows.iter_rows(), strict=True
        )
    ]


def _letter_frame(admitted: Admitted) -> pl.DataFrame:
    positions = [refusal.position for refusal in admitted.refusals]
    at = admitted.places[positions].select("key", "value", "appended_at")
    rows = [
        DeadLetter(refusal.reason, refusal.cause, key or b"", value or b"", appended_at)
        for refusal, (key, value, appended_at) in zip(
            admitted.refusals, at.iter_rows(), strict=True
        )
    ]
    return DEAD_LETTERS.frame(rows, positions, admitted.places)
