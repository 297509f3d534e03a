"""Parts that events bring into being as their columns say: rows of state, no object each."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec
import polars as pl

from projections.batch import PARTS, PLACE_COLUMNS, Batch
from projections.parts import Part


class Birth(NamedTuple):
    """A part that an event brings into being. It is not looked up, and no handler is given it.

    Only where an identity of the fold keeps the event from being applied a second time.
    """

    key: pl.Expr
    """Its key, with the kind of the part before it."""
    told: tuple[pl.Expr, ...]
    """What of the event decides how it begins: few values among many events."""
    make: Callable[..., Part]
    """The part from those values."""


class Born(NamedTuple):
    """What a batch brings into being."""

    rows: list[pl.DataFrame]
    """The parts that nobody holds, in the columns of `PARTS`."""
    held: dict[int, tuple[str, Part]]
    """By position, those that are in memory already, as an event before its birth may name one:
    the key, and how the part begins."""


def born(births: Mapping[str, Birth], batch: Batch, held_keys: Iterable[str]) -> Born:
    """The parts that the events of a batch bring into being; `held_keys` are those in memory."""
    encode = msgspec.msgpack.Encoder().encode
    rows: list[pl.DataFrame] = []
    held: dict[int, tuple[str, Part]] = {}
    for group in batch.groups:
        birth = births.get(group.event_type.name)
        if birth is None:
            continue
        told = group.frame.select(birth.key.alias("key"), *birth.told)
        names = told.columns[1:]
        distinct = told[names].unique()
        parts = [birth.make(*values) for values in distinct.iter_rows()]
        which = pl.Series("which", range(len(parts)), dtype=pl.UInt32)
        told = told.join(distinct.hstack([which]), on=names, how="left", maintain_order="left")
        bodies = pl.Series("body", list(map(encode, parts)), dtype=pl.Binary)
        made = batch.places[list(PLACE_COLUMNS)][group.positions].hstack(
            [told["key"], bodies[told["which"]]]
        )
        keys = told["key"].to_list()
        found = [at for at, key in enumerate(keys) if key in held_keys]
        if found:
            held |= {group.positions[at]: (keys[at], parts[told["which"][at]]) for at in found}
            made = made.filter(~pl.int_range(pl.len()).is_in(found))
        rows.append(made[list(PARTS)])
    return Born(rows, held)
