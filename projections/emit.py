"""What handlers tell: rows of the fold's tables, and events for other subjects."""

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

import polars as pl

from projections.store.store import Place
from projections.tables import Table
from schemas.columns import Group
from schemas.event import Event
from schemas.events.envelope import Envelope
from schemas.message import Message, derived_envelope, message


class DerivedEvent(NamedTuple):
    """An event that another one brought about, and where that one stands in the log."""

    place: Place
    """Topic and partition of the cause."""
    offset: int
    """The offset of the cause."""
    message: Message


class _Forwarded(NamedTuple):
    position: int
    event: Event
    subject_id: str
    part: bytes


class Emit:
    """Takes the rows of an event, in order, and the events that it brings about."""

    def __init__(self, tables: tuple[Table, ...]) -> None:
        self.position = 0
        """Which event of the batch is being folded."""
        self._tables = {cast(type, table.row): table for table in tables}
        self._rows: dict[type, list[tuple[Any, ...]]] = {kind: [] for kind in self._tables}
        self._positions: dict[type, list[int]] = {kind: [] for kind in self._tables}
        self._forwarded: list[_Forwarded] = []

    def __call__(self, row: tuple[Any, ...]) -> None:
        """Keep a row of one of the fold's tables; `KeyError` for a row of another."""
        kind = type(row)
        self._rows[kind].append(row)
        self._positions[kind].append(self.position)

    def forward(self, event: Event, subject_id: str, part: bytes = b"") -> None:
        """Tell another subject: an event whose id is derived, so that a repeat is the same one.

        `part` tells apart several events of one type for one subject and cause.
        """
        self._forwarded.append(_Forwarded(self.position, event, subject_id, part))

    def derived(
        self, fold: str, groups: Iterable[Group], places: pl.DataFrame
    ) -> list[DerivedEvent]:
        """The events that were forwarded, each in the envelope that its cause gives it."""
        if not self._forwarded:
            return []
        causes = _causes(groups, {one.position for one in self._forwarded})
        at = places[["topic", "partition", "offset"]]
        made: list[DerivedEvent] = []
        for one in self._forwarded:
            topic, partition, offset = at.row(one.position)
            told = derived_envelope(
                causes[one.position], type(one.event), one.subject_id,
                actor=f"system:{fold}", source="workledger", part=one.part,
            )  # fmt: skip
            made.append(DerivedEvent((topic, partition), offset, message(one.event, told)))
        return made

    def frames(self, places: pl.DataFrame) -> dict[Table, pl.DataFrame]:
        """The rows of each table as columns, with the places of their events."""
        return {
            table: table.frame(self._rows[kind], self._positions[kind], places)
            for kind, table in self._tables.items()
        }


def _causes(groups: Iterable[Group], positions: set[int]) -> dict[int, Envelope]:
    """The envelopes of the events at some positions."""
    names = Envelope.__struct_fields__
    found: dict[int, Envelope] = {}
    for group in groups:
        at = [index for index, position in enumerate(group.positions) if position in positions]
        if at:
            rows = group.frame[list(names)][at].iter_rows(named=True)
            found |= {group.positions[i]: Envelope(**row) for i, row in zip(at, rows, strict=True)}
    return found
