"""A fold as handlers: the parameters of a handler are the state parts and the columns it reads.

    @payout.on("TimeEntryRecorded", first_day=..., last_day=...)
    def time_entry_recorded(expert: Expert, first_day: Day, last_day: Day, emit: Emit, ...): ...

A parameter annotated with a part gets the part whose key its event names; `emit` takes rows; every
other parameter is a column of the event, `offset` or `appended_at` (µs). Nothing else of an event
becomes a Python object. Handlers are plain functions: no clock, no randomness, no input or output.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar, get_args, get_origin

import msgspec
import polars as pl

from projections.batch import PLACE_COLUMNS, Batch, Output
from projections.births import Birth, born
from projections.emit import Emit
from projections.parts import NamedBy, Part, PartType
from projections.tables import Table, View
from projections.walk import NOT_COLUMNS, Reading, Walk
from schemas.catalogue import catalogue

Handler = TypeVar("Handler", bound=Callable[..., None])


class FoldError(Exception):
    """A handler raised: nothing of its batch may be written. `place` is the event's address."""

    def __init__(self, event: str, place: dict[str, Any]) -> None:
        self.place = place
        address = f"{place['topic']}/{place['partition']}/{place['offset']}"
        super().__init__(f"the handler of {event} raised at {address}")


@dataclass
class Fold:
    """A projection with state: handlers by event, parts, tables.

    Offsets of two topics cannot be compared, so each part is touched by events of one topic alone.
    """

    name: str
    topics: tuple[str, ...]
    version: int
    """Raised with every change of what the handlers do: another version is another generation."""
    tables: tuple[Table, ...]
    views: tuple[View, ...] = ()
    """What people read besides the tables: see `View`."""
    identities: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Event to the fields that name a thing of the subject: told twice, it is a repeat."""
    derived: dict[Table, tuple[Table, Callable[[pl.DataFrame], pl.DataFrame]]] = field(
        default_factory=dict[Table, tuple[Table, Callable[[pl.DataFrame], pl.DataFrame]]]
    )
    """Tables whose rows are a function of another table's rows, made for a batch at once."""
    _parts: dict[type[Part], tuple[str, pl.Expr]] = field(
        default_factory=dict[type[Part], tuple[str, pl.Expr]]
    )
    _kinds: dict[str, type[Part]] = field(default_factory=dict[str, type[Part]])
    _part_topics: dict[type[Part], str] = field(default_factory=dict[type[Part], str])
    _readings: dict[str, Reading] = field(default_factory=dict[str, Reading])
    _births: dict[str, Birth] = field(default_factory=dict[str, Birth])

    def part(self, prefix: str, key: pl.Expr | None = None) -> Callable[[PartType], PartType]:
        """Declare a part kept under `prefix:key`; by default its key is the event's subject."""

        def declare(part: PartType) -> PartType:
            self._parts[part] = (prefix, pl.col("subject_id") if key is None else key)
            self._kinds[prefix] = part
            return part

        return declare

    def brings(
        self, event: str, part: type[Part], told: tuple[pl.Expr, ...], make: Callable[..., Part]
    ) -> None:
        """Declare that an event which has a handler brings a part into being: see `Birth`."""
        prefix, key = self._parts[part]
        self._births[event] = Birth(_prefixed(prefix, key, several=False), told, make)

    def on(self, event: str, **keys: pl.Expr | NamedBy) -> Callable[[Handler], Handler]:
        """Declare the handler of an event; `keys` say which part a parameter is, by parameter.

        A parameter may be a list of parts; its key is an expression of a list then, or `NamedBy`
        another part.

        Raises `TypeError` that names the parameter which is neither part, `emit` nor column, or
        whose part belongs to another topic.
        """
        event_type = catalogue().by_name[event]

        def declare(function: Handler) -> Handler:
            part_keys: dict[str, pl.Expr] = {}
            lists: set[str] = set()
            named: dict[str, tuple[str, NamedBy]] = {}
            parameters = inspect.signature(function).parameters
            for name, parameter in parameters.items():
                several = get_origin(parameter.annotation) is list
                kind = get_args(parameter.annotation)[0] if several else parameter.annotation
                if kind in self._parts:
                    prefix, default = self._parts[kind]
                    key = keys.get(name, default)
                    if isinstance(key, NamedBy):
                        named[name] = prefix, key
                    else:
                        part_keys[name] = _prefixed(prefix, key, several)
                        lists |= {name} if several else set()
                    if self._part_topics.setdefault(kind, event_type.topic) != event_type.topic:
                        raise TypeError(
                            f"{function.__name__}: {kind.__name__} belongs to "
                            f"{self._part_topics[kind]}, and {event} to {event_type.topic}"
                        )
                elif name not in (*NOT_COLUMNS, *event_type.fields):
                    raise TypeError(f"{function.__name__}: {event} has no column {name}")
            reading = Reading(function, event_type, part_keys, lists, named, tuple(parameters))
            self._readings[event] = reading
            return function

        return declare

    def reads(self, event: str) -> tuple[str, ...]:
        """The columns of an event that its handler and the keys of its parts read, sorted."""
        reading = self._readings.get(event)
        if reading is None:
            return ()
        keys = list(reading.part_keys.values())
        if birth := self._births.get(event):
            keys += [birth.key, *birth.told]
        columns = {name for key in keys for name in key.meta.root_names()}
        columns |= {name for _, named in reading.named.values() for name in named.columns}
        parts = {*reading.part_keys, *reading.named}
        columns |= set(reading.arguments) - parts - set(NOT_COLUMNS)
        return tuple(sorted(columns))

    def part_of(self, key: str) -> type[Part]:
        """The part that a key of the state belongs to."""
        return self._kinds[key.partition(":")[0]]

    def part_keys(self, batch: Batch) -> set[str]:
        """The keys of all parts that the batch's own columns name."""
        keys: set[str] = set()
        for walk in self._walks(batch):
            for name, named in walk.keys.items():
                keys.update(chain(*named) if name in walk.reading.lists else named)
        return keys

    def named_keys(self, batch: Batch, parts: dict[str, Part]) -> set[str]:
        """The keys of all further parts that those of `part_keys` name, once they are there."""
        keys: set[str] = set()
        for walk in self._walks(batch):
            for name in walk.reading.named:
                for several in walk.named_keys(name, parts):
                    keys.update(several)
        return keys

    def apply(self, batch: Batch, parts: dict[str, Part]) -> Output:
        """Fold the events in the order of the log; `parts` holds every part they need.

        Raises `FoldError` with the event's place where a handler raises.
        """
        emit = Emit(tuple(table for table in self.tables if table not in self.derived))
        walks = self._walks(batch)
        begun = born(self._births, batch, parts.keys())
        named = self._walk(walks, batch.places, parts, emit, begun.held)
        touched = self._touched(walks, named, batch.places)
        encode = msgspec.msgpack.Encoder().encode
        frames = emit.frames(batch.places)
        for table, (source, rows_of) in self.derived.items():
            frames[table] = rows_of(frames[source])
        bodies = [encode(parts[key]) for key in touched.get_column("key").to_list()]
        changed = touched.hstack([pl.Series("body", bodies, dtype=pl.Binary)])
        return Output(
            frames,
            pl.concat([changed, *begun.rows]),
            emit.derived(self.name, batch.groups, batch.places),
        )

    def _walks(self, batch: Batch) -> list[Walk]:
        readings = [(self._readings.get(group.event_type.name), group) for group in batch.groups]
        return [Walk(reading, group) for reading, group in readings if reading]

    @staticmethod
    def _walk(
        walks: list[Walk],
        places: pl.DataFrame,
        parts: dict[str, Part],
        emit: Emit,
        begun: dict[int, tuple[str, Part]],
    ) -> list[tuple[str, int]]:
        """Call the handlers in order; answers with the keys of parts that were named or begun.

        Each with the position of an event that did so.
        """
        named: list[tuple[str, int]] = [(key, at) for at, (key, _) in begun.items()]
        calls: list[tuple[Callable[..., None], Callable[[], tuple[Any, ...]]]] = [
            (walk.reading.function, walk.arguments(places, parts, emit, named).__next__)
            for walk in walks
        ]
        walk_at = {at: n for n, walk in enumerate(walks) for at in walk.group.positions}
        number = 0
        try:
            for position in sorted(walk_at):
                number = walk_at[position]
                emit.position = position
                if position in begun:
                    key, part = begun[position]
                    parts[key].become(part)
                function, arguments = calls[number]
                function(*arguments())
        except Exception as error:
            event = walks[number].reading.event_type.name
            raise FoldError(event, places.row(emit.position, named=True)) from error
        return named

    @staticmethod
    def _touched(
        walks: list[Walk], named: list[tuple[str, int]], places: pl.DataFrame
    ) -> pl.DataFrame:
        """The columns of `PARTS` but the last, of every part that the batch touches.

        In the order in which they are touched: parts that were made together lie together in
        memory, and to encode them at random costs twice the time.
        """
        last: dict[str, int] = {}
        for key, position in chain(*(walk.touched() for walk in walks), named):
            # A part's events lie in one partition: the last of them has its greatest offset.
            if last.get(key, -1) < position:
                last[key] = position
        keys = pl.Series("key", list(last), dtype=pl.String)
        return keys.to_frame().hstack(places[list(PLACE_COLUMNS)][list(last.values())])


def _prefixed(prefix: str, key: pl.Expr, several: bool) -> pl.Expr:
    """The key of a part with the kind of the part before it, or a list of such keys."""
    if several:
        return key.list.eval(pl.concat_str(pl.lit(f"{prefix}:"), pl.element()))
    return pl.concat_str(pl.lit(f"{prefix}:"), key.cast(pl.String))
