"""One Faust worker a projection: rounds between Kafka and ClickHouse, from start to SIGTERM."""

import asyncio
import gc
import os
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import faust
from faust.types import TP, Message

from projections.projection import Projection
from projections.store.clickhouse import ClickHouseStore
from projections.store.client import Address, connect
from streams.carrier import Carrier
from streams.dead_letters import SHARE_MAX_BP, LetterShare
from streams.gather import Gatherer
from streams.log_check import RoadError, check_log
from streams.outbox import KafkaOutbox
from streams.rounds import Rounds

EXIT_UNEXPECTED = 70
"""The exit code after an exception that nobody expected; nothing later was committed."""
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
    dead_letter_share_max_bp: int = SHARE_MAX_BP
    """More dead letters than this among the latest events stop the worker (basis points)."""
    data_dir: str = "."


class LedgerApp(faust.App):
    """A Faust app with one agent that carries one projection's rounds."""

    def __init__(self, projection: Projection, options: WorkerOptions, **settings: Any) -> None:
        self.projection = projection
        self.options = options
        self._carrier: Carrier | None = None
        super().__init__(
            group_of(projection),
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

    @property
    def carrier(self) -> Carrier:
        """The carrier of the rounds, connected to ClickHouse when first asked for."""
        if self._carrier is None:
            options = self.options
            gatherer = Gatherer(options.batch_events_max, options.batch_time_ms / 1000)
            self._carrier = Carrier(rounds_of(self.projection, options), gatherer, self.acknowledge)
        return self._carrier

    def acknowledge(self, event: Any) -> None:
        """Everything up to the event is durable: Kafka may hear of it."""
        self.consumer.ack(event.message)

    async def progress_of(
        self, assigned: Iterable[TP], produced: Mapping[TP, int]
    ) -> dict[TP, int]:
        """The last offset that ClickHouse includes of each assigned partition.

        `produced`: the offset that the group has committed of each.
        """
        try:
            progress = await self.carrier.assigned(
                [(tp.topic, tp.partition) for tp in assigned],
                {(tp.topic, tp.partition): offset for tp, offset in produced.items()},
            )
        except RoadError as error:
            stop_the_process(error)
        return {TP(*place): at.offset for place, at in progress.items() if at.offset >= 0}

    async def carry(self, stream: Any) -> None:
        """The agent's body: rounds until the worker stops."""
        freeze_after_start()
        try:
            await self.carrier.run(stream.noack().events())
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            stop_the_process(error)

    async def _consumer_wait_empty(self, consumer: Any, logger: Any) -> None:
        """Faust calls this when partitions are revoked and when the worker stops."""
        if self._carrier:
            await self._carrier.revoked()
        await consumer.commit()


def group_of(projection: Projection) -> str:
    """The consumer group of a projection's workers."""
    return f"workledger-{projection.name}"


def rounds_of(projection: Projection, options: WorkerOptions) -> Rounds:
    """A projection's rounds on ClickHouse and Kafka; the process ends where one fails."""
    servers = options.bootstrap_servers
    return Rounds(
        projection,
        ClickHouseStore(connect(options.clickhouse), projection),
        letters=KafkaOutbox(servers, "workledger-dead-letters"),
        derived=KafkaOutbox(servers, "workledger-derived"),
        on_failure=stop_the_process,
        check_log=partial(check_log, servers),
        letter_share=LetterShare(options.dead_letter_share_max_bp),
    )


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


def stop_the_process(error: BaseException) -> NoReturn:
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
