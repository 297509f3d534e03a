"""The demo's history: a simulated marketplace, and what trickles in afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable

from clickhouse_connect.driver.client import Client

from infra.simulation.output import publish
from infra.simulation.run import Simulation
from infra.verify.wait import await_projections
from streams.offsets import LogReader
from streams.publisher import Publisher

EXPERTS, WEEKS, SEED = 40, 2, 520
"""The seed of a history in which each detector has somebody to find, and somebody innocent."""
LIVE_EVENTS = 2_000
"""So many of the last events are kept back, and told one after another while the demo is up."""
LIVE_EVERY_S = 0.5
WAIT_S = 60.0


class Marketplace:
    """The history, cut where it goes on live."""

    def __init__(self) -> None:
        told = list(Simulation(EXPERTS, WEEKS, SEED).events())
        self.past, self._live = told[:-LIVE_EVENTS], told[-LIVE_EVENTS:]

    def play(
        self,
        publisher: Publisher,
        client: Client,
        log: LogReader,
        on_progress: Callable[[int, int], None],
    ) -> None:
        """Publish the past, and wait until every projection includes it."""

        def on_count(done: int) -> None:
            on_progress(done, len(self.past))

        def await_agents() -> None:
            await_projections(client, log, WAIT_S, ["agents"])

        publish(self.past, publisher, on_count, await_agents)
        await_projections(client, log, WAIT_S)

    def trickle(self, publisher: Publisher) -> None:
        """Tell what was kept back, slowly; returns when all is told."""
        for one in self._live:
            told = one.message()
            publisher.send(told.topic, told.key, told.value)
            time.sleep(LIVE_EVERY_S)
