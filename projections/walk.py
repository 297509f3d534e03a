"""A handler on its way through the events of a batch: the keys it names, the arguments it gets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import polars as pl

from projections.emit import Emit
from projections.parts import NamedBy, Part
from schemas.catalogue import EventType
from schemas.columns import Group

AT_PLACES = ("offset", "appended_at")
"""What a handler may ask for that stands beside an event, not in it."""
NOT_COLUMNS = ("emit", *AT_PLACES)


@dataclass(frozen=True, eq=False)
class Reading:
    """A handler with what its signature asks for."""

    function: Callable[..., None]
    event_type: EventType
    part_keys: dict[str, pl.Expr]
    """Part parameter to the expression of its key."""
    lists: set[str]
    """Those of them whose key is a list: of parts."""
    named: dict[str, tuple[str, NamedBy]]
    """Part parameter to its prefix, and to what names its keys."""
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Walk:
    """A handler, and the events of a batch that it is called for."""

    reading: Reading
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
