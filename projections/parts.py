"""The pieces of a fold's state, and how a handler says which of them it means."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import msgspec
import polars as pl


class Part(msgspec.Struct, array_like=True, gc=False):
    """A piece of a fold's state that is read and written as one: mutable while events pass.

    A tree, so the collector of cycles need not know of it.
    """


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
