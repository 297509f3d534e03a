"""The steps of a rebuild: build, pause, build the rest, compare, swap; each can be taken again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from infra.errors import CommandError
from infra.rebuild.build import Builder, progress_of
from infra.rebuild.compare import Difference, compare
from projections.projection import Projection
from projections.registry import PROJECTIONS
from projections.store.clickhouse import create_generation, create_views, drop_generation
from projections.store.generations import generations_of, move_pointer, pointer_of
from streams.log_source import LogSource, log_source

STILL_S = 3.0
"""Progress that has not moved for so long stands still; workers follow the pointer every second."""
STILL_MAX_S = 60.0
"""How long the live workers are waited for."""
POLL_S = 0.25
Tell = Callable[[str], None]
OnProgress = Callable[[int, int], None]


class Report(NamedTuple):
    """What a rebuild came to."""

    projection: str
    live: int
    """The generation that was live when it began."""
    new: int
    differences: list[Difference]
    is_swapped: bool

    @property
    def is_same(self) -> bool:
        """Whether the two generations hold the same rows."""
        return all(difference.is_none for difference in self.differences)


class Rebuild:
    """One projection's rebuild. Interrupted anywhere, it goes on from there when run again."""

    def __init__(
        self, client: Client, bootstrap_servers: str, projection: Projection, tell: Tell
    ) -> None:
        self._client = client
        self._servers = bootstrap_servers
        self._projection = projection
        self._tell = tell

    def run(self, on_progress: OnProgress, *, swap: bool, accept: bool) -> Report:
        """Build the next generation, compare, and swap if nothing differs or `accept` says so.

        Raises `CommandError` where there is nothing to rebuild.
        """
        return asyncio.run(self._run(on_progress, swap, accept))

    async def _run(self, on_progress: OnProgress, swap: bool, accept: bool) -> Report:
        client, projection = self._client, self._projection
        live = pointer_of(client, projection).generation
        new = self._next(live)
        builder = Builder(client, projection, live, new)
        try:
            async with log_source(self._servers) as source:
                await self._build(builder, source, live, on_progress)
                with self._paused(live):
                    await asyncio.to_thread(self._wait_until_still, live)
                    await self._build(builder, source, live, on_progress)
                    upto = progress_of(client, projection, new)
                    self._tell("Comparing row by row")
                    differences = compare(client, projection, live, new, upto)
                    report = Report(projection.name, live, new, differences, False)
                    if swap and (accept or report.is_same):
                        move_pointer(client, projection, new)
                        report = report._replace(is_swapped=True)
                    return report
        finally:
            builder.close()

    def _next(self, live: int) -> int:
        """The generation to build: one that was begun before, or a new one."""
        later = [n for n in generations_of(self._client, self._projection) if n > live]
        new = later[-1] if later else live + 1
        self._tell(
            f"{'Resuming' if later else 'Building'} generation {new} of {self._projection.name} "
            f"beside generation {live}"
        )
        create_generation(self._client, self._projection, new)
        create_views(self._client, PROJECTIONS.values())
        return new

    async def _build(
        self, builder: Builder, source: LogSource, live: int, on_progress: OnProgress
    ) -> None:
        upto = await asyncio.to_thread(progress_of, self._client, self._projection, live)
        await builder.build(source, upto, on_progress)

    @contextmanager
    def _paused(self, live: int) -> Iterator[None]:
        """The live workers stand still; afterwards they go on, with the generation live then."""
        move_pointer(self._client, self._projection, live, is_paused=True)
        try:
            yield
        finally:
            pointer = pointer_of(self._client, self._projection)
            if pointer.is_paused:
                move_pointer(self._client, self._projection, pointer.generation)

    def _wait_until_still(self, live: int) -> None:
        self._tell("The workers stand still")
        deadline = time.monotonic() + STILL_MAX_S
        last, since = progress_of(self._client, self._projection, live), time.monotonic()
        while time.monotonic() - since < STILL_S and time.monotonic() < deadline:
            time.sleep(POLL_S)
            now = progress_of(self._client, self._projection, live)
            if now != last:
                last, since = now, time.monotonic()


def roll_back(client: Client, projection: Projection) -> tuple[int, int]:
    """Make the generation before the live one live again; answers with both, live first.

    Raises `CommandError` where there is none.
    """
    live = pointer_of(client, projection).generation
    earlier = [number for number in generations_of(client, projection) if number < live]
    if not earlier:
        raise CommandError(f"{projection.name} has no generation before {live}.")
    move_pointer(client, projection, earlier[-1])
    return live, earlier[-1]


def drop(client: Client, projection: Projection, generation: int) -> None:
    """Drop a generation that is not live. Raises `CommandError` where it is, or is not there."""
    live = pointer_of(client, projection).generation
    if generation == live:
        raise CommandError(f"Generation {generation} of {projection.name} is live.")
    if generation not in generations_of(client, projection):
        raise CommandError(f"{projection.name} has no generation {generation}.")
    drop_generation(client, PROJECTIONS.values(), projection, generation)
