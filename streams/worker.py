"""One Faust worker a projection: rounds between Kafka and ClickHouse, from start to SIGTERM."""

import asyncio
import faulthandler
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NoReturn

import faust
from faust.types import TP, Message

from projections.agents.state import agents
from projections.projection import Projection
from projections.store.clickhouse import ClickHouseStore
from projections.store.client import connect
from projections.store.generations import Pointer, pointer_of
from projections.store.store import Place, Progress
from streams.carrier import Carrier
from streams.collector import freeze_after_start
from streams.dead_letters import LetterShare
from streams.gather import Gatherer
from streams.log_check import RoadError, check_log
from streams.log_damper import damp_repeated_lines
from streams.outbox import KafkaOutbox
from streams.rounds import Rounds
from streams.ticker import TICK_S, tick
from streams.topics import TASKS
from streams.worker_options import WorkerOptions

log = logging.getLogger(__name__)

EXIT_UNEXPECTED = 70
"""The exit code after an exception that nobody expected; nothing later was committed."""
POINTER_S = 1.0
"""How often a worker looks which generation is live."""
LOG_CHECK_S = 20.0
"""How often a running worker looks whether the log is still the one that it reads."""
STOP_MAX_S = 25.0
"""A worker that has not stopped this long after SIGTERM ends at once: what is durable stays, and
the rest comes again."""

LIBRARIES = ("faust", "mode", "aiokafka", "kafka", "asyncio")
"""They tell what only their own developers want to know: warnings and above are shown."""


class LedgerApp(faust.App):
    """A Faust app with one agent that carries one projection's rounds."""

    def __init__(self, projection: Projection, options: WorkerOptions, **settings: Any) -> None:
        self.projection = projection
        self.options = options
        self._carrier: Carrier | None = None
        self._pointer = Pointer()
        self._is_held = False
        self.starts_anew = False
        """Whether the process is to run again once this app has stopped."""
        self.start_anew: Callable[[], None] = lambda: None
        """Finish, commit, leave the group, and run again."""
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
            self._client = connect(options.clickhouse)
            self._pointer = pointer_of(self._client, self.projection)
            rounds = rounds_of(self.projection, options, self._live_store())
            self._carrier = Carrier(rounds, gatherer, self.acknowledge)
        return self._carrier

    def _live_store(self) -> ClickHouseStore:
        return ClickHouseStore(self._client, self.projection, self._pointer.generation)

    async def follow_pointer(self) -> None:
        """Stand still while a rebuild compares, and go on with the generation that is live then."""
        if self._carrier is None:
            return
        try:
            pointer = await asyncio.to_thread(pointer_of, self._client, self.projection)
        except Exception as error:
            log.warning("the pointer cannot be read: %s", error)
            return
        before, self._pointer = self._pointer, pointer
        if pointer.is_paused and not self._is_held:
            await self._carrier.hold()
            self._is_held = True
        elif self._is_held and not pointer.is_paused:
            self._is_held = False
            self._carrier.release()
        if pointer.generation != before.generation:
            log.warning("generation %s is live now: starting anew with it", pointer.generation)
            self.start_anew()

    def missing(self) -> list[str]:
        """What is not ready, a sentence each; nothing where all is well."""
        if self._carrier is None:
            return ["no partitions are assigned yet"]
        return self._carrier.rounds.readiness.missing()

    async def watch_log(self) -> None:
        """Stop where a topic is made anew or cut while the worker runs."""
        if self._carrier is None:
            return
        positions = dict(self._carrier.rounds.positions)
        try:
            await asyncio.to_thread(check_log, self.options.bootstrap_servers, positions)
        except RoadError as error:
            stop_the_process(error)
        except Exception as error:  # a broker that does not answer is the consumer's to wait for
            log.warning("the log cannot be looked at: %s", error)

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
        log.info("%s reads %s", self.projection.name, _told(progress))
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


def _told(progress: Mapping[Place, Progress]) -> str:
    """Where each partition is read from."""
    starts = (f"{topic}/{part} from {at.offset + 1}" for (topic, part), at in progress.items())
    return ", ".join(starts) or "no partitions"


def group_of(projection: Projection) -> str:
    """The consumer group of a projection's workers."""
    return f"workledger-{projection.name}"


def rounds_of(projection: Projection, options: WorkerOptions, store: ClickHouseStore) -> Rounds:
    """A projection's rounds on ClickHouse and Kafka; the process ends where one fails."""
    servers = options.bootstrap_servers
    return Rounds(
        projection,
        store,
        letters=KafkaOutbox(servers, "workledger-dead-letters"),
        derived=KafkaOutbox(servers, "workledger-derived"),
        on_failure=stop_the_process,
        check_log=partial(check_log, servers),
        letter_share=LetterShare(options.dead_letter_share_max_bp),
    )


def add_ticker(app: LedgerApp) -> None:
    """Let the worker tell the log which claims have run out, for the partitions it has."""
    client = connect(app.options.clickhouse)
    outbox = KafkaOutbox(app.options.bootstrap_servers, "workledger-ticker")

    async def run() -> None:
        tasks = [tp.partition for tp in app.consumer.assignment() if tp.topic == TASKS.name]
        try:
            await asyncio.to_thread(tick, client, outbox, tasks)
        except Exception as error:  # the next tick tells what this one could not
            log.warning("the ticker failed: %s", error)

    app.timer(TICK_S)(run)


def create_app(projection: Projection, options: WorkerOptions) -> LedgerApp:
    """The Faust app of a projection's worker."""
    app = LedgerApp(projection, options)
    app.timer(POINTER_S)(app.follow_pointer)
    app.timer(LOG_CHECK_S)(app.watch_log)
    if projection.name == agents.name:
        add_ticker(app)
    app.agent(app.topic(*projection.topics, schema=FetchSchema()), name=projection.name)(app.carry)
    return app


class FetchSchema(faust.Schema):
    """A schema that leaves a message's value as the transport gave it: a `Fetch`."""

    def compile(self, app: Any, **hooks: Any) -> Any:
        """The function that makes a Faust event of a message."""

        async def decode(message: Message, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, headers={}, message=message)

        return decode


def stop_the_process(error: BaseException) -> NoReturn:
    """End the process with code 70 and the reason: Faust would restart the agent."""
    text = "".join(traceback.format_exception(error))
    os.write(2, f"{text}\nworkledger worker stops: {error}\n".encode())
    os._exit(EXIT_UNEXPECTED)


def end_at_once() -> None:
    """End a process that does not stop, and show where each of its threads stands."""
    faulthandler.dump_traceback(all_threads=True)
    os.write(2, f"workledger worker did not stop within {STOP_MAX_S:g} s and ends\n".encode())
    os._exit(EXIT_UNEXPECTED)


class LedgerWorker(faust.Worker):
    """A Faust worker that can run its process again; a signal from outside ends it for good."""

    app: Any

    def start_anew(self) -> None:
        """Stop as after SIGTERM; the process runs again then."""
        self.app.starts_anew = True
        self._schedule_shutdown(signal.SIGTERM)

    def _on_sigterm(self) -> None:
        self._end_for_good()
        super()._on_sigterm()

    def _on_sigint(self) -> None:
        self._end_for_good()
        super()._on_sigint()

    def _end_for_good(self) -> None:
        self.app.starts_anew = False
        limit = threading.Timer(STOP_MAX_S, end_at_once)
        limit.daemon = True
        limit.start()


def run_worker(app: LedgerApp, log_level: str = "info") -> None:
    """Run the app until SIGTERM or Ctrl-C; does not return."""
    import mode.loop

    mode.loop.use("uvloop")
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
    damp_repeated_lines()
    worker = LedgerWorker(app, loglevel=log_level, redirect_stdouts=False)
    app.start_anew = worker.start_anew
    try:
        worker.execute_from_commandline()
    finally:
        if app.starts_anew:
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
