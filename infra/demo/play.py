"""The demo's history: a simulated marketplace, week by week, and what trickles in afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from clickhouse_connect.driver.client import Client

from infra.errors import CommandError
from infra.simulation.marketplace import START_US, WEEK_US
from infra.simulation.run import Simulation
from infra.simulation.told import Told
from infra.verify.wait import wait_for
from projections.registry import PROJECTIONS
from streams.offsets import LogReader
from streams.publisher import Publisher

EXPERTS, WEEKS, SEED = 40, 2, 34
LIVE_EVENTS = 2_000
"""So many of the last events are kept back, and told one after another while the demo is up."""
LIVE_EVERY_S = 0.5
WAIT_S = 60.0


class Marketplace:
    """The history, cut where it goes on live."""

    def __init__(self) -> None:
        told = list(Simulation(EXPERTS, WEEKS, SEED).events())
        self.past, self._live = told[:-LIVE_EVENTS], told[-LIVE_EVENTS:]

    def weeks(self) -> Iterator[list[Told]]:
        """The past in the order in which it was told, a week at a time; first all before work."""
        week: list[Told] = []
        ends = START_US
        for one in self.past:
            if one.recorded_at >= ends:
                yield week
                week, ends = [], ends + WEEK_US
            week.append(one)
        yield week

    def play(
        self,
        publisher: Publisher,
        client: Client,
        log: LogReader,
        on_progress: Callable[[int, int], None],
    ) -> None:
        """Publish the past, and wait until every projection includes it.

        Each week waits for the agents to have answered the one before: a project's policy reaches
        an expert before the hours that it is about, as it would in the world.
        """
        done = 0
        for week in self.weeks():
            for one in week:
                told = one.message()
                publisher.send(told.topic, told.key, told.value)
                done += 1
                if done % 1_000 == 0:
                    on_progress(done, len(self.past))
            publisher.flush()
            _await(client, log, "agents")
        on_progress(done, len(self.past))
        _await(client, log)

    def trickle(self, publisher: Publisher) -> None:
        """Tell what was kept back, slowly; returns when all is told."""
        for one in self._live:
            told = one.message()
            publisher.send(told.topic, told.key, told.value)
            time.sleep(LIVE_EVERY_S)


def _await(client: Client, log: LogReader, *projections: str) -> None:
    lag = wait_for(client, log.offsets, WAIT_S, projections=projections or tuple(PROJECTIONS))
    if lag:
        raise CommandError(f"The workers are {lag:,} events behind. Try: workledger status")
