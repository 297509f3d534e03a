"""State parts in memory: a bounded cache whose parts handlers change in place."""

from collections.abc import Iterable, Mapping
from itertools import islice

import msgspec

from projections.parts import Part
from projections.projection import Projection
from projections.store.store import StoredPart


class PartCache:
    """Parts by key. Dropped as a whole when partitions are revoked."""

    def __init__(self, projection: Projection, parts_max: int) -> None:
        self._projection = projection
        self._parts_max = parts_max
        self.parts: dict[str, Part] = {}

    def missing(self, keys: Iterable[str]) -> list[str]:
        """The keys whose parts must be looked up."""
        return [key for key in keys if key not in self.parts]

    def add(self, missing: Iterable[str], stored: Mapping[str, StoredPart]) -> None:
        """Take what a look-up found; what it did not find is a new, empty part."""
        for key in missing:
            kind = self._projection.part_of(key)
            found = stored.get(key)
            self.parts[key] = msgspec.msgpack.decode(found.body, type=kind) if found else kind()

    def shrink(self) -> None:
        """Let go of the parts that came first, if there are too many."""
        for key in list(islice(self.parts, max(0, len(self.parts) - self._parts_max))):
            del self.parts[key]

    def clear(self) -> None:
        """Forget everything."""
        self.parts.clear()
