"""One Faust worker a projection: rounds between Kafka and ClickHouse, from start to SIGTERM."""

import asyncio
import gc
import logging
import os
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import faust
from faust.types import TP, Message

from projections.projection import Projection
from projections.store.client import Address, connect
from projections.store.store import Store
from streams.batch import Fetch
from streams.dead_letters import DeadLetterOffice
from streams.gather import Gatherer
from streams.rounds import Rounds

log = logging.getLogger(__name__)

EXIT_UNEXPECTED = 70
"""The exit code after an exception that nobody expected; nothing later was committed."""
DRAIN_MAX_S = 20.0
"""How long a rebalance or a stop waits for the rounds in hand."""
COLLECTOR_THRESHOLDS = (200_000, 20, 100)
"""Python's cyclic collector costs a quarter of a pipeline that makes many objects."""


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker reads and batches; nothing here decides what comes out."""

    bootstrap_servers: str
    clickhouse: Address
    batch_time_ms: int = 50
    """How long a round waits for more events of other partitions."""
    batch_events_max: int = 100_000
    fetch_bytes_max: int = 512 << 10
    session_timeout_s: float = 10.0
    """After this long without a heartbeat a killed worker's partitions go to another."""
    heartbeat_s: float = 3.0
    data_dir: str = "."


class LedgerApp(faust.App):
    """A Faust app with one agent that carries one projection's rounds."""

    def __init__(self, projection: Projection, options: WorkerOptions, **settings: Any) -> None:
        self.projection = projection
        self.options = options
        self.gatherer = Gatherer(options.batch_events_max, options.batch_time_ms / 1000)
        self.rounds: Rounds | None = None
        self._turn = asyncio.Lock()
        super().__init__(
            f"workledger-{projection.name}",
            broker=f"batch://{options.bootstrap_servers}",
            store="memory://",
            datadir=options.data_dir,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=options.fetch_bytes_max,
            broker_session_timeout=options.session_timeout_s,
            broker_heartbeat_interval=options.heartbeat_s,
            broker_max_poll_records=None,
            broker_commit_interval=1.0,
            stream_buffer_maxsize=2,
            stream_wait_empty=False,
            worker_redirect_stdouts=False,
            **settings,
        )

    def ready_rounds(self) -> Rounds:
        """The rounds, connected to ClickHouse when first asked for."""
        if self.rounds is None:
            store = Store(connect(self.options.clickhouse), self.projection)
            office = DeadLetterOffice(self.options.bootstrap_servers, self.projection.name)
            self.rounds = Rounds(self.projection, store, office, on_failure=stop_the_process)
        return self.rounds

    async def progress_of(self, assigned: Iterable[TP]) -> dict[TP, int]:
        """The last offset that ClickHouse includes of each assigned partition."""
        async with self._turn:
            places = {(tp.topic, tp.partition) for tp in assigned}
            progress = await self.ready_rounds().start_at(places)
            return {TP(*place): at.offset for place, at in progress.items() if at.offset >= 0}

    async def carry(self, stream: Any) -> None:
        """The agent's body: rounds until the worker stops."""
        reader = asyncio.create_task(self.gatherer.read(stream.noack().events()))
        freeze_after_start()
        try:
            async for epoch, events in self.gatherer.rounds():
                async with self._turn:
                    if epoch == self.gatherer.epoch:
                        await self._carry_round(events)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            stop_the_process(error)
        finally:
            reader.cancel()

    async def _carry_round(self, events: list[Any]) -> None:
        fetches: list[Fetch] = [event.value for event in events]

        def acknowledge() -> None:
            for event in events:
                self.consumer.ack(event.message)

        await self.ready_rounds().put(fetches, acknowledge)

    async def _consumer_wait_empty(self, consumer: Any, logger: Any) -> None:
        """Faust calls this when partitions are revoked and when the worker stops.

        The round in hand is finished and committed; what is read ahead is dropped.
        """
        self.gatherer.drop()
        try:
            async with asyncio.timeout(DRAIN_MAX_S), self._turn:
                if self.rounds:
                    await self.rounds.settle()
        except TimeoutError:
            log.error(
                "the round in hand is not durable after %s s: it will come again", DRAIN_MAX_S
            )
        await consumer.commit()


def create_app(projection: Projection, options: WorkerOptions) -> LedgerApp:
    """The Faust app of a projection's worker; `faust -A … worker` can run it as well."""
    app = LedgerApp(projection, options)
    app.agent(app.topic(*projection.topics, schema=FetchSchema()), name=projection.name)(app.carry)
    return app


class FetchSchema(faust.Schema):
    """A schema that leaves a message's value as the transport gave it: a `Fetch`."""

    def compile(self, app: Any, **hooks: Any) -> Any:
        """The function that makes a Faust event of a message."""

        async def decode(message: Message, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, headers={}, message=message)

        return decode


def freeze_after_start() -> None:
    """Take what start-up made out of the collector's sight, and let it look rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def stop_the_process(error: BaseException) -> None:
    """End the process with code 70 and the reason: Faust would restart the agent."""
    text = "".join(traceback.format_exception(error))
    os.write(2, f"{text}\nworkledger worker stops: {error}\n".encode())
    os._exit(EXIT_UNEXPECTED)


def run_worker(app: LedgerApp, log_level: str = "warning") -> None:
    """Run the app until SIGTERM or Ctrl-C; does not return."""
    import mode.loop

    mode.loop.use("uvloop")
    worker = faust.Worker(app, loglevel=log_level, redirect_stdouts=False)
    worker.execute_from_commandline()
