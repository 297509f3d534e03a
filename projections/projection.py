"""What a worker needs of a projection, whether it folds with state or only keeps rows."""

from typing import Protocol

from projections.batch import Batch, Output
from projections.parts import Part
from projections.tables import Table, View


class Projection(Protocol):
    """One reading of the log: which topics, which tables, and what events make of them."""

    @property
    def name(self) -> str:
        """Its name: the worker's, the group's, and the prefix of its own tables."""
        ...

    @property
    def version(self) -> int:
        """Raised with every change of what it makes of events."""
        ...

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics it reads."""
        ...

    @property
    def tables(self) -> tuple[Table, ...]:
        """The facts it keeps."""
        ...

    @property
    def views(self) -> tuple[View, ...]:
        """What people read besides: selects over facts, in the order in which they are made."""
        ...

    @property
    def identities(self) -> dict[str, tuple[str, ...]]:
        """Event to the fields that name a thing of the subject: told twice, it is a repeat."""
        ...

    def reads(self, event: str) -> tuple[str, ...]:
        """The columns of an event that it reads; none where it leaves the event out."""
        ...

    def part_of(self, key: str) -> type[Part]:
        """The kind of state part that a key belongs to."""
        ...

    def part_keys(self, batch: Batch) -> set[str]:
        """The keys of all state parts that the batch's own columns name."""
        ...

    def named_keys(self, batch: Batch, parts: dict[str, Part]) -> set[str]:
        """The keys of further parts that those parts name, once they are there; no more follow."""
        ...

    def apply(self, batch: Batch, parts: dict[str, Part]) -> Output:
        """What the batch makes of the parts, and the rows it tells. Pure."""
        ...
