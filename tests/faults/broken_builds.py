"""Builds that are broken on purpose: the simulation is worth something only if it catches them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from projections.store.store import Place, StoredPart
from streams.ready import Ready
from streams.rounds import Rounds
from tests.faults.memory_store import MemoryStore, Row
from tests.faults.simulation import Build


class StateBeforeRows(Rounds):
    """A crash between the two leaves progress without rows."""

    async def _write(self, ready: Ready, on_durable: Callable[[], None]) -> None:
        await self._write_state(ready)
        await self._write_rows(ready)
        on_durable()


class CommitBeforeWrite(Rounds):
    """Kafka hears of what is not durable."""

    async def _write(self, ready: Ready, on_durable: Callable[[], None]) -> None:
        on_durable()
        await super()._write(ready, lambda: None)


class NoCheckForAnotherWriter(Rounds):
    """A round is folded over parts that include its events already."""

    def _refuse_another_writer(
        self, stored: Mapping[str, StoredPart], starts: Mapping[Place, int]
    ) -> None:
        pass


class VersionLeftOut(MemoryStore):
    """A late write of an older round takes the place of a newer one."""

    @staticmethod
    def keeps(old: Row, new: Row) -> bool:
        """The row that is written last stands, whatever its offset."""
        return False


BROKEN = (
    Build("state before rows", rounds=StateBeforeRows),
    Build("commit before write", rounds=CommitBeforeWrite),
    Build("version left out", store=VersionLeftOut),
    Build("no check for another writer", rounds=NoCheckForAnotherWriter),
)
