"""Histories for tests of folds: events written as literals, folded in batches of any size."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from projections.batch import Batch
from projections.emit import DerivedEvent
from projections.parts import Part
from projections.projection import Projection
from projections.tables import Table
from schemas.catalogue import catalogue
from schemas.columns import decode_columns
from schemas.identity import derived_id
from schemas.wire import encode
from tests.schemas.events import example_of

HOUR_US = 3_600_000_000
Told = tuple[str, dict[str, Any]]


def event_id_of(offset: int) -> bytes:
    """The id of the event at an offset, where it is told none."""
    return derived_id(b"test %d" % offset)


def value_of(offset: int, told: Told) -> bytes:
    """The event's bytes; it was recorded when it occurred, unless it is told otherwise."""
    name, fields = told
    event_type = catalogue().by_name[name]
    identity: dict[str, Any] = {"event_id": event_id_of(offset), "subject_id": "expert-1"}
    if "occurred_at" in fields:
        identity["recorded_at"] = fields["occurred_at"]
    return encode(event_type, example_of(event_type, **(identity | fields)))


@dataclass
class History:
    """A fold with its state, to be told events."""

    fold: Projection
    parts: dict[str, Part] = field(default_factory=dict)
    frames: dict[Table, list[pl.DataFrame]] = field(default_factory=dict)
    derived: list[DerivedEvent] = field(default_factory=list)
    offset: int = 0
    appended_at: int = 0

    def tell(self, *events: Told) -> "History":
        """Fold the events as one batch; the state goes through its bytes, as in a worker."""
        return self.tell_values([value_of(self.offset + i, told) for i, told in enumerate(events)])

    def tell_values(self, events: list[bytes]) -> "History":
        """Fold events as they stand on Kafka as one batch."""
        output = self.fold.apply(self.batch_of(events), self.parts)
        for key, body in output.parts.select("key", "body").iter_rows():
            self.parts[key] = msgspec.msgpack.decode(body, type=self.fold.part_of(key))
        self.derived += output.derived
        for table, frame in output.frames.items():
            self.frames.setdefault(table, []).append(frame)
        self.offset += len(events)
        return self

    def batch_of(self, events: list[bytes]) -> Batch:
        """The next events as a batch, with every part that they need in `parts`."""
        groups, failures = decode_columns([*events])
        assert not failures
        topics = {at: group.event_type.topic for group in groups for at in group.positions}
        places = pl.DataFrame(
            {
                "topic": [topics[at] for at in range(len(events))],
                "partition": pl.Series([3] * len(events), dtype=pl.UInt16),
                "offset": list(range(self.offset, self.offset + len(events))),
                "appended_at": [self.appended_at] * len(events),
                "key": [b"expert-1"] * len(events),
                "value": events,
            }
        )
        batch = Batch(groups, places)
        for key in self.fold.part_keys(batch):
            self.parts.setdefault(key, self.fold.part_of(key)())
        for key in self.fold.named_keys(batch, self.parts):
            self.parts.setdefault(key, self.fold.part_of(key)())
        return batch

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """Everything the fold told of a table, in the order of the log."""
        return pl.concat(self.frames[table]).sort("offset", "number").to_dicts()
