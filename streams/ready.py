"""The rows of a round: repeats are set aside, the rest is folded, and nothing is written yet."""

from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from projections.batch import Batch
from projections.emit import DerivedEvent
from projections.parts import Part
from projections.projection import Projection
from projections.store.store import (
    APPLIED,
    IDENTITIES,
    STATE,
    Known,
    Place,
    Progress,
    StoredPart,
    nothing_known,
    progress_key,
)
from projections.tables import DEAD_LETTERS, REPEATS, DeadLetter
from schemas.columns import Group
from schemas.rules import without
from streams.admission import Admitted
from streams.batch import Fetch
from streams.dead_letters import Letter
from streams.log_check import witness_of
from streams.repeats import (
    content_of,
    event_candidates,
    find_repeats,
    identity_candidates,
    repeat_rows,
)

LETTER_COLUMNS = ("topic", "partition", "offset", "key", "value")


class Candidates(NamedTuple):
    """What might repeat something, and the state parts that the events need."""

    events: pl.DataFrame
    """Every event by its id."""
    things: pl.DataFrame
    """Every event that tells of a thing, by the thing's identity."""
    part_keys: set[str]


@dataclass(frozen=True)
class Ready:
    """A round that is folded and waits to be written."""

    rows: dict[str, pl.DataFrame]
    """By table: the projection's own rows, repeats, dead letters, applied ids and identities."""
    letters: list[Letter]
    derived: list[DerivedEvent]
    state: pl.DataFrame
    """Changed parts and progress, in the columns of `STATE`."""
    progress: dict[Place, Progress]
    """How far the round's partitions come by it."""
    verdicts: dict[str, int]
    appended_at: int
    """When the broker took the round's last event, in microseconds."""

    @property
    def applied(self) -> pl.DataFrame:
        """Ids of the events that it applies, with places and what was told."""
        return self.rows[APPLIED]

    @property
    def identities(self) -> pl.DataFrame:
        """Identities of the things that it was told."""
        return self.rows[IDENTITIES]


def candidates_of(projection: Projection, admitted: Admitted) -> Candidates:
    """What must be looked up before the round can be folded."""
    groups, places = admitted.groups, admitted.places
    return Candidates(
        event_candidates(groups, places),
        identity_candidates(groups, places, projection.identities),
        projection.part_keys(Batch(groups, places)),
    )


def in_flight(ready: Ready, events: pl.Series, things: pl.Series) -> Known:
    """What of these ids a round tells that is not durable yet, as a look-up will answer it."""
    return Known(_as_known(ready.applied, events), _as_known(ready.identities, things))


def parts_in_flight(ready: Ready, keys: list[str]) -> dict[str, StoredPart]:
    """The parts of these keys that a round changes, as a look-up will answer them."""
    changed = ready.state.filter(ready.state.get_column("key").is_in(keys))
    rows = changed[["key", "topic", "partition", "offset", "body"]].iter_rows()
    return {key: StoredPart(*part) for key, *part in rows}


def _as_known(told: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    if ids.is_empty():
        return nothing_known()
    both = told.lazy().with_columns(pl.col("id").cast(pl.Binary))
    found = both.filter(pl.col("id").is_in(ids.implode())).collect()
    content = [content_of(told) for told in found.drop_in_place("told").to_list()]
    return found.hstack([pl.Series("content", content, dtype=pl.Binary)])


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
    again, told_again = find_repeats(candidates.events, candidates.things, known)
    repeated = {found.position for found in (*again, *told_again)}
    rows, row_positions = repeat_rows(again, "event", admitted.groups, places)
    more, more_positions = repeat_rows(told_again, "entry", admitted.groups, places)
    groups = [without(group, repeated) for group in admitted.groups]
    groups = [group for group in groups if group.positions]
    output = projection.apply(Batch(groups, places), parts)
    conflicts = sum(found.is_conflict for found in (*again, *told_again))
    things = _told(candidates.things, repeated)
    progress = _progress(projection, fetches, _latest(groups, places), positions)
    return Ready(
        rows={table.name: frame for table, frame in output.frames.items()}
        | {
            REPEATS.name: REPEATS.frame(rows + more, row_positions + more_positions, places),
            DEAD_LETTERS.name: _letter_frame(admitted),
            APPLIED: _told(candidates.events, repeated),
            IDENTITIES: things.replace_column(0, things["id"].cast(pl.String)),
        },
        letters=_letters(admitted),
        derived=output.derived,
        state=_state_frame(output.parts, progress, projection.version),
        progress=progress,
        verdicts={
            "applied": places.height - len(repeated) - len(admitted.refusals),
            "duplicate": len(repeated) - conflicts,
            "conflict": conflicts,
            "dead_letter": len(admitted.refusals),
        },
        appended_at=max(at.appended_at for at in progress.values()),
    )


def _told(candidates: pl.DataFrame, repeated: set[int]) -> pl.DataFrame:
    """What the candidates tell, less those at some positions."""
    if repeated:
        candidates = candidates.filter(pl.col("position").is_in(list(repeated)).not_())
    return candidates[["id", "topic", "partition", "offset", "told"]]


def _progress(
    projection: Projection,
    fetches: list[Fetch],
    occurred_at: dict[Place, int],
    positions: dict[Place, Progress],
) -> dict[Place, Progress]:
    """How far each partition of the round comes by it."""
    reached: dict[Place, Progress] = {}
    for fetch in fetches:
        place = (fetch.topic, fetch.partition)
        before = reached.get(place, positions[place])
        reached[place] = Progress(
            fetch.end - 1,
            max(before.occurred_at, occurred_at.get(place, 0)),
            fetch.timestamps[-1] * 1000 if fetch.timestamps else before.appended_at,
            witness_of(fetch) or before.witness,
            projection.version,
        )
    return reached


def _state_frame(
    parts: pl.DataFrame, progress: dict[Place, Progress], version: int
) -> pl.DataFrame:
    """The parts that changed and the progress of the round's partitions, as one block."""
    constants = {"occurred_at": 0, "appended_at": 0, "version": version}
    changed = [
        pl.Series(name, [constants[name]], dtype).new_from_index(0, parts.height)
        if name in constants
        else parts.get_column(name)
        for name, dtype in STATE.items()
    ]
    rows: list[tuple[object, ...]] = [
        (progress_key(*place), *place, at.offset, at.occurred_at, at.appended_at, version,
         at.witness)
        for place, at in progress.items()
    ]  # fmt: skip
    columns = zip(STATE, zip(*rows, strict=True), strict=True)
    reached = [pl.Series(name, values, dtype=STATE[name]) for name, values in columns]
    return pl.concat([pl.DataFrame(changed), pl.DataFrame(reached)])


def _latest(groups: list[Group], places: pl.DataFrame) -> dict[Place, int]:
    """The latest `occurred_at` of each partition in the round, in microseconds."""
    if not groups:
        return {}
    positions = pl.Series([p for group in groups for p in group.positions], dtype=pl.Int64)
    occurred_at = pl.concat([group.frame.get_column("occurred_at") for group in groups])
    at = places[["topic", "partition"]][positions].hstack([occurred_at])
    latest = at.group_by("topic", "partition").max()
    return {(topic, partition): at for topic, partition, at in latest.iter_rows()}


def _letters(admitted: Admitted) -> list[Letter]:
    if not admitted.refusals:  # the commonest case
        return []
    rows = admitted.places[[r.position for r in admitted.refusals]].select(LETTER_COLUMNS)
    return [
        Letter(topic, partition, offset, refusal.cause, refusal.reason, key, value)
        for refusal, (topic, partition, offset, key, value) in zip(
            admitted.refusals, rows.iter_rows(), strict=True
        )
    ]


def _letter_frame(admitted: Admitted) -> pl.DataFrame:
    if not admitted.refusals:
        return DEAD_LETTERS.empty
    positions = [refusal.position for refusal in admitted.refusals]
    at = admitted.places[positions].select("key", "value", "appended_at")
    rows = [
        DeadLetter(refusal.reason, refusal.cause, key or b"", value or b"", appended_at)
        for refusal, (key, value, appended_at) in zip(
            admitted.refusals, at.iter_rows(), strict=True
        )
    ]
    return DEAD_LETTERS.frame(rows, positions, admitted.places)
