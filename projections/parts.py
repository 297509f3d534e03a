"""The pieces of a fold's state, and how a handler says which of them it means."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import msgspec


class Part(msgspec.Struct, array_like=True, gc=False):
    """A piece of a fold's state that is read and written as one: mutable while events pass.

    A tree, so the collector of cycles need not know of it.
    """

    def become(self, other: "Part") -> None:
        """Take over everything that another one of the same kind says."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(other, name))


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
