"""A look: how far every projection has come at one moment, and statements that read just that.

A view finds out with every query how far it may show its tables, and so does each view that it
reads: to plan that takes longer than to read the rows of a small question. A look finds it out
once, for any number of questions, and all of them see the same.
"""

import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple, cast

from clickhouse_connect.driver.client import Client

from projections.registry import PROJECTIONS
from projections.store.generations import FIRST
from projections.store.layout import at_or_below, clock_of, progress_of, table_of, visible

SHARED_S = 0.25
"""From this age on a look that questions are answered from is renewed: a round takes as long."""
log = logging.getLogger(__name__)
SOURCES = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)", re.IGNORECASE)
ENDS = re.compile(r"\{ends_(\w+):")
CLOCKS = {
    f"clock_{p.name}_{topic.replace('.', '_')}": (p.name, topic)
    for p in PROJECTIONS.values()
    for topic in p.topics
}
"""Parameters in the place of `clock_of`, by what they tell the latest time of."""


def _told_the_time(sql: str) -> str:
    """A statement that is told each clock that it would ask for."""
    for name, of in CLOCKS.items():
        instant = f"fromUnixTimestamp64Micro({{{name}:Int64}}, 'UTC')"
        sql = sql.replace(clock_of(*of), instant)
    return sql


TABLES = {table.name: (p, table) for p in PROJECTIONS.values() for table in p.tables}
VIEWS = {view.name: _told_the_time(view.select) for p in PROJECTIONS.values() for view in p.views}
WATERMARKS = """SELECT told.projection AS projection, told.topic AS topic,
  told.partition AS partition, told.offset AS offset,
  fromUnixTimestamp64Micro(told.occurred_at, 'UTC') AS occurred_at,
  fromUnixTimestamp64Micro(told.appended_at, 'UTC') AS appended_at, told.version AS version
FROM (SELECT arrayJoin({progress:Array(Tuple(projection String, topic String, partition UInt16,
  offset Int64, occurred_at Int64, appended_at Int64, version Int64))}) AS told)"""


class Reached(NamedTuple):
    """How far a projection has come in a partition: the last event that it includes."""

    topic: str
    partition: int
    offset: int
    occurred_at_us: int
    """The latest of all that it includes."""
    appended_at_us: int
    version: int


class Bound(NamedTuple):
    """A statement whose tables and views end where a look does."""

    sql: str
    given: dict[str, Any]
    """What it is asked with, besides its own parameters."""
    projections: frozenset[str]
    """Whose rows it reads."""

    def rows(
        self, client: Client, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """The answer, by the names of the columns."""
        asked = cast(Any, client).query(self.sql, parameters={**(parameters or {}), **self.given})
        return list(asked.named_results())


class Look(NamedTuple):
    """How far each projection had come, in its live generation, by its name."""

    generations: Mapping[str, int]
    progress: Mapping[str, list[Reached]]

    def bind(self, sql: str) -> Bound:
        """The select with the tables and views that it names as they stood at the look."""
        sql = _told_the_time(sql)
        selects: dict[str, str] = {}
        projections: set[str] = set()
        self._collect(sql, selects, projections)
        named = ",\n".join(f"{name} AS ({select})" for name, select in selects.items())
        whole = f"WITH {named}\n{sql}" if named else sql
        clocks = {name: of for name, of in CLOCKS.items() if f"{{{name}:" in whole}
        given: dict[str, Any] = {name: self._clock_us(*of) for name, of in clocks.items()}
        given |= {f"ends_{name}": self._ends(name) for name in projections}
        projections.update(projection for projection, _ in clocks.values())
        if "watermarks" in selects:
            rows = self.progress.items()
            given["progress"] = [(name, *row) for name, reached in rows for row in reached]
        return Bound(whole, given, frozenset(projections))

    def facts(self, name: str) -> tuple[str, str]:
        """The table itself and, where it is called `facts`, the condition of the look on its rows.

        For a statement that would read more through the view; `bind` gives it what it needs.
        """
        projection, _ = TABLES[name]
        ends = f"{{ends_{projection.name}:Array(Tuple(String, Array(Int64)))}}"
        kept = table_of(projection, name, self.generations.get(projection.name, FIRST))
        return kept, at_or_below(f"CAST({ends}, 'Map(String, Array(Int64))')")

    def digest(self, projections: Iterable[str], topics: Collection[str] | None = None) -> str:
        """What changes whenever one of some projections includes more, of some topics or of any."""
        told = [
            (
                name,
                self.generations.get(name, FIRST),
                sorted(at for at in self.progress[name] if topics is None or at.topic in topics),
            )
            for name in sorted(projections)
        ]
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def _collect(self, sql: str, selects: dict[str, str], projections: set[str]) -> None:
        """Add what a statement reads, each after what it reads itself."""
        projections |= set(ENDS.findall(sql))
        for name in SOURCES.findall(sql):
            if name in selects:
                continue
            if name in VIEWS:
                self._collect(VIEWS[name], selects, projections)
                selects[name] = VIEWS[name]
            elif name in TABLES:
                selects[name] = visible(TABLES[name][1], *self.facts(name))
                projections.add(TABLES[name][0].name)
            elif name == "watermarks":
                selects[name] = WATERMARKS

    def _clock_us(self, projection: str, topic: str) -> int:
        """The latest time of a topic's events that a projection includes; 0 where there is none."""
        times = [at.occurred_at_us for at in self.progress[projection] if at.topic == topic]
        return max(times, default=0)

    def _ends(self, projection: str) -> list[tuple[str, list[int]]]:
        """The offset after the progress of each partition, by topic; 0 where there is none."""
        ends: dict[str, list[int]] = {}
        for at in self.progress[projection]:
            places = ends.setdefault(at.topic, [])
            places += [0] * (at.partition + 1 - len(places))
            places[at.partition] = at.offset + 1
        return list(ends.items())


def look(client: Client) -> Look:
    """How far every projection has come now."""
    generations: dict[str, int] = dict(
        _rows(client, "SELECT projection, argMax(generation, step) FROM pointers GROUP BY 1")
    )
    every = PROJECTIONS.values()
    selects = (
        f"SELECT '{projection.name}', topic, partition, offset, "
        "toUnixTimestamp64Micro(occurred_at), toUnixTimestamp64Micro(appended_at), version "
        f"FROM ({progress_of(projection, generations.get(projection.name, FIRST))})"
        for projection in every
    )
    progress: dict[str, list[Reached]] = {projection.name: [] for projection in every}
    for name, *row in _rows(client, " UNION ALL ".join(selects)):
        progress[name].append(Reached(*row))
    return Look(generations, progress)


def _rows(client: Client, sql: str) -> list[Any]:
    return list(cast(Any, client).query(sql).result_rows)


class Looks:
    """The last look, which many questions share; to be asked by many threads.

    While it is shared nobody waits: once it is `shared_s` old a new one is made beside the
    questions, which are answered from the old one meanwhile, until that is twice as old.
    """

    def __init__(
        self,
        client: Callable[[], Client],
        shared_s: float = SHARED_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._shared_s, self._clock_s = client, shared_s, clock_s
        self._lock, self._renewing = threading.Lock(), threading.Lock()
        self._last: tuple[float, Look] | None = None

    def __call__(self) -> Look:
        """A look that is at most `2 * shared_s` old."""
        now_s, last = self._clock_s(), self._last
        if last is None or last[0] < now_s - 2 * self._shared_s:
            return self._since(now_s - self._shared_s)
        if last[0] < now_s - self._shared_s and self._renewing.acquire(blocking=False):
            threading.Thread(target=self._renew, daemon=True).start()
        return last[1]

    def now(self) -> Look:
        """A look that begins after this call."""
        return self._since(self._clock_s())

    def _renew(self) -> None:
        try:
            self.now()
        except Exception:
            # Whoever asks when the last look is too old asks again, and is told what is wrong.
            log.warning("a look at the progress failed", exc_info=True)
        finally:
            self._renewing.release()

    def _since(self, instant_s: float) -> Look:
        with self._lock:
            if self._last is None or self._last[0] < instant_s:
                self._last = self._clock_s(), look(self._client())
            return self._last[1]
