"""A fold as handlers: the parameters of a handler are the state parts and the columns it reads.

    @payout.on("TimeEntryRecorded", first_day=..., last_day=...)
    def time_entry_recorded(expert: Expert, first_day: Day, last_day: Day, emit: Emit, ...): ...

A parameter annotated with a part gets the part whose key its event names; `emit` takes rows; every
other parameter is a column of the event, `offset` or `appended_at` (µs). Nothing else of an event
becomes a Python object. Handlers are plain functions: no clock, no randomness, no input or output.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, NamedTuple, TypeVar, cast, get_args, get_origin

import msgspec
import polars as pl

from projections.store.store import Place
from projections.tables import Table, View
from schemas.catalogue import EventType, catalogue
from schemas.columns import Group
from schemas.event import Event
from schemas.events.envelope import Envelope
from schemas.message import Message, derived_envelope, message

PLACE_COLUMNS = ("topic", "partition", "offset")
PARTS = {
    "key": pl.String,
    "topic": pl.String,
    "partition": pl.UInt16,
    "offset": pl.Int64,
    "body": pl.Binary,
}
AT_PLACES = ("offset", "appended_at")
"""What a handler may ask for that stands beside an event, not in it."""
NOT_COLUMNS = ("emit", *AT_PLACES)
Handler = TypeVar("Handler", bound=Callable[..., None])


class Part(msgspec.Struct, array_like=True):
    """A piece of a fold's state that is read and written as one: mutable while events pass."""


PartType = TypeVar("PartType", bound=type[Part])


class NamedBy(NamedTuple):
    """Keys of a list of parts that another part of the same handler names, as an entry its days.

    They are looked up once that part is there, in the second and last query of a round. What a part
    comes to name within a round, the event that makes it do so must ask for by its own columns.
    """

    parameter: str
    """The handler's parameter that is the naming part."""
    keys: Callable[..., Iterable[str]]
    """The keys, without their prefix, from that part, the event's subject and `columns`."""
    columns: tuple[str, ...] = ()
    """Columns of the event that decide which of the names are meant."""


class New(NamedTuple):
    """A part that the event brings into being: it is not looked up.

    Only where an identity of the fold keeps the event from being applied a second time.
    """

    key: pl.Expr | None = None
    """Its key; the part's own where there is none."""


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
        at = places.select("topic", "partition", "offset")
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


@dataclass(frozen=True)
class Batch:
    """The events of a round that a fold is to apply, and where each stands in the log."""

    groups: list[Group]
    places: pl.DataFrame
    """topic, partition, offset and appended_at (µs), a row a position of the groups."""


@dataclass(frozen=True)
class Output:
    """What a fold made of a batch."""

    frames: dict[Table, pl.DataFrame]
    parts: pl.DataFrame
    """Each part touched, in the columns of `PARTS`: its key, topic and partition, the offset that
    it includes, and its bytes."""
    derived: list[DerivedEvent] = field(default_factory=list[DerivedEvent])
    """Events that those of the batch brought about, in the order of the log."""


class FoldError(Exception):
    """A handler raised: nothing of its batch may be written. `place` is the event's address."""

    def __init__(self, event: str, place: dict[str, Any]) -> None:
        self.place = place
        address = f"{place['topic']}/{place['partition']}/{place['offset']}"
        super().__init__(f"the handler of {event} raised at {address}")


@dataclass(frozen=True, eq=False)
class _Reading:
    """A handler with what its signature asks for."""

    function: Callable[..., None]
    event_type: EventType
    part_keys: dict[str, pl.Expr]
    """Part parameter to the expression of its key."""
    lists: set[str]
    """Those of them whose key is a list: of parts."""
    named: dict[str, tuple[str, NamedBy]]
    """Part parameter to its prefix, and to what names its keys."""
    new: dict[str, type[Part]]
    """Part parameter to the kind of part that the event brings into being."""
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class _Walk:
    """A handler, and the events of a batch that it is called for."""

    reading: _Reading
    group: Group

    @property
    def keys(self) -> dict[str, list[Any]]:
        """Part parameter to the key that each event names by its own columns, or to lists of keys.

        Asked for by each step of a round, and worked out once.
        """
        reading, group = self.reading, self.group
        if reading not in group.worked_out:
            wanted = reading.part_keys
            named = group.frame.select(**wanted).get_columns() if wanted else ()
            keys = (series.to_list() for series in named)
            group.worked_out[reading] = dict(zip(wanted, keys, strict=True))
        return group.worked_out[reading]

    def named_keys(self, name: str, parts: dict[str, Part]) -> Iterator[list[str]]:
        """The keys of a parameter for each event, as the naming part stands when it is asked."""
        prefix, named = self.reading.named[name]
        owners = self.keys[named.parameter]
        frame = self.group.frame
        columns = [frame.get_column(c).to_list() for c in ("subject_id", *named.columns)]
        for owner, *values in zip(owners, *columns, strict=True):
            yield [f"{prefix}:{key}" for key in named.keys(parts[owner], *values)]

    def make_new(self, parts: dict[str, Part]) -> None:
        """Bring the parts into being that the group's events are the first to touch."""
        for name, kind in self.reading.new.items():
            for key in self.keys[name]:
                parts[key] = kind()

    def arguments(
        self,
        places: pl.DataFrame,
        parts: dict[str, Part],
        emit: Emit,
        touched: list[tuple[str, int]],
    ) -> Iterator[tuple[Any, ...]]:
        """The arguments of each call, in order; named parts go to `touched` with the position."""
        positions, frame = self.group.positions, self.group.frame

        def named_parts(name: str) -> Iterator[list[Part]]:
            every = self.named_keys(name, parts)
            for position, keys in zip(positions, every, strict=True):
                touched.extend((key, position) for key in keys)
                yield [parts[key] for key in keys]

        columns: list[Any] = []
        for name in self.reading.arguments:
            if name in self.reading.part_keys:
                keys = self.keys[name]
                if name in self.reading.lists:
                    columns.append([[parts[key] for key in several] for several in keys])
                else:
                    columns.append([parts[key] for key in keys])
            elif name in self.reading.named:
                columns.append(named_parts(name))
            elif name == "emit":
                columns.append(repeat(emit))
            elif name in AT_PLACES:
                columns.append(places.get_column(name)[positions].to_list())
            else:
                columns.append(frame.get_column(name).to_list())
        return zip(*columns, strict=False)

    def touched(self) -> Iterator[tuple[str, int]]:
        """The keys that the events name by their own columns, each with its last position."""
        positions = self.group.positions
        for name, keys in self.keys.items():
            if name in self.reading.lists:
                for position, several in zip(positions, keys, strict=True):
                    yield from ((key, position) for key in several)
            else:
                yield from dict(zip(keys, positions, strict=True)).items()


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
    _part_topics: dict[type[Part], str] = field(default_factory=dict[type[Part], str])
    _readings: dict[str, _Reading] = field(default_factory=dict[str, _Reading])

    def part(self, prefix: str, key: pl.Expr | None = None) -> Callable[[PartType], PartType]:
        """Declare a part kept under `prefix:key`; by default its key is the event's subject."""

        def declare(part: PartType) -> PartType:
            self._parts[part] = (prefix, pl.col("subject_id") if key is None else key)
            return part

        return declare

    def on(self, event: str, **keys: pl.Expr | NamedBy | New) -> Callable[[Handler], Handler]:
        """Declare the handler of an event; `keys` say which part a parameter is, by parameter.

        A parameter may be a list of parts; its key is an expression of a list then, or `NamedBy`
        another part. A part may be `New`.

        Raises `TypeError` that names the parameter which is neither part, `emit` nor column, or
        whose part belongs to another topic.
        """
        event_type = catalogue().by_name[event]

        def declare(function: Handler) -> Handler:
            part_keys: dict[str, pl.Expr] = {}
            lists: set[str] = set()
            named: dict[str, tuple[str, NamedBy]] = {}
            new: dict[str, type[Part]] = {}
            parameters = inspect.signature(function).parameters
            for name, parameter in parameters.items():
                several = get_origin(parameter.annotation) is list
                kind = get_args(parameter.annotation)[0] if several else parameter.annotation
                if kind in self._parts:
                    prefix, default = self._parts[kind]
                    key = keys.get(name, default)
                    if isinstance(key, New):
                        new[name], key = kind, key.key if key.key is not None else default
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
            reading = _Reading(
                function, event_type, part_keys, lists, named, new, tuple(parameters)
            )
            self._readings[event] = reading
            return function

        return declare

    def reads(self, event: str) -> tuple[str, ...]:
        """The columns of an event that its handler and the keys of its parts read, sorted."""
        reading = self._readings.get(event)
        if reading is None:
            return ()
        columns = {name for key in reading.part_keys.values() for name in key.meta.root_names()}
        columns |= {name for _, named in reading.named.values() for name in named.columns}
        parts = {*reading.part_keys, *reading.named}
        columns |= set(reading.arguments) - parts - set(NOT_COLUMNS)
        return tuple(sorted(columns))

    def part_of(self, key: str) -> type[Part]:
        """The part that a key of the state belongs to."""
        prefix = key.partition(":")[0]
        return next(part for part, (name, _) in self._parts.items() if name == prefix)

    def part_keys(self, batch: Batch) -> set[str]:
        """The keys of all parts that the batch's own columns name."""
        keys: set[str] = set()
        for walk in self._walks(batch):
            for name, named in walk.keys.items():
                if name not in walk.reading.new:
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
        for walk in walks:
            walk.make_new(parts)
        named = self._walk(walks, batch.places, parts, emit)
        touched = self._touched(walks, named, batch.places)
        encode = msgspec.msgpack.Encoder().encode
        frames = emit.frames(batch.places)
        for table, (source, rows_of) in self.derived.items():
            frames[table] = rows_of(frames[source])
        bodies = [encode(parts[key]) for key in touched.get_column("key").to_list()]
        return Output(
            frames,
            touched.hstack([pl.Series("body", bodies, dtype=pl.Binary)]),
            emit.derived(self.name, batch.groups, batch.places),
        )

    def _walks(self, batch: Batch) -> list[_Walk]:
        readings = [(self._readings.get(group.event_type.name), group) for group in batch.groups]
        return [_Walk(reading, group) for reading, group in readings if reading]

    @staticmethod
    def _walk(
        walks: list[_Walk],
        places: pl.DataFrame,
        parts: dict[str, Part],
        emit: Emit,
    ) -> list[tuple[str, int]]:
        """Call the handlers in order; answers with the named parts' keys, each with a position."""
        named: list[tuple[str, int]] = []
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
                function, arguments = calls[number]
                function(*arguments())
        except Exception as error:
            event = walks[number].reading.event_type.name
            raise FoldError(event, places.row(emit.position, named=True)) from error
        return named

    @staticmethod
    def _touched(
        walks: list[_Walk], named: list[tuple[str, int]], places: pl.DataFrame
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


def _causes(groups: Iterable[Group], positions: set[int]) -> dict[int, Envelope]:
    """The envelopes of the events at some positions."""
    names = Envelope.__struct_fields__
    found: dict[int, Envelope] = {}
    for group in groups:
        at = [index for index, position in enumerate(group.positions) if position in positions]
        if at:
            rows = group.frame.select(names)[at].iter_rows(named=True)
            found |= {group.positions[i]: Envelope(**row) for i, row in zip(at, rows, strict=True)}
    return found


def _prefixed(prefix: str, key: pl.Expr, several: bool) -> pl.Expr:
    """The key of a part with the kind of the part before it, or a list of such keys."""
    if several:
        return key.list.eval(pl.concat_str(pl.lit(f"{prefix}:"), pl.element()))
    return pl.concat_str(pl.lit(f"{prefix}:"), key.cast(pl.String))
