"""Faust's transport for URLs of the scheme `batch`: messages of lists, offsets that are durable.

It keeps Faust's agents, groups, rebalancing and command line, and changes four things: what is
fetched (`streams/fetch.py`), where a partition starts (at the projection's progress plus one),
which offset is committed (the last one acknowledged, in order), and that gaps in offsets cost
nothing.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any, cast

import aiokafka
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, Message

from streams.fetch import fetch_in_batches

log = logging.getLogger(__name__)

COMMIT_MAX_S = 5.0
"""How long a commit may take. Progress in ClickHouse decides; Kafka only hears of it."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that talks to Kafka."""

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer

    async def committed(self, places: Iterable[TP]) -> dict[TP, int]:
        """The offset that the group has committed of each partition, where it has one."""
        consumer = self._ensure_consumer()

        async def ask() -> dict[TP, int]:
            found = {tp: await consumer.committed(tp) for tp in places}
            return {tp: offset for tp, offset in found.items() if offset is not None}

        return await self.call_thread(ask)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # Without a limit it waits for minutes behind a broker that was killed, and everything
        # else that is asked of this thread, a stop included, waits behind it.
        try:
            async with asyncio.timeout(COMMIT_MAX_S):
                return await super()._commit(offsets)
        except TimeoutError:
            log.warning("a commit took more than %s s: the next one tells more", COMMIT_MAX_S)
            return False

    async def on_start(self) -> None:
        """Connect, and fetch in batches."""
        await super().on_start()
        fetch_in_batches(self._ensure_consumer())


class Consumer(driver.Consumer):
    """A consumer of batches. `app` is a `streams.worker.LedgerApp`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._durable: dict[TP, int] = {}

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Start each assigned partition at the progress in ClickHouse plus one, or at zero."""
        assigned = {TP(tp.topic, tp.partition) for tp in self.assignment()}
        thread = cast(ConsumerThread, self._thread)
        committed = await thread.committed(assigned)
        progress: Mapping[TP, int] = await cast(Any, self.app).progress_of(assigned, committed)
        await self.seek_wait({tp: progress.get(tp, -1) + 1 for tp in assigned})
        for tp in assigned:
            # The offset before the one sought: Faust drops what it takes for read already.
            self._read_offset[tp] = progress.get(tp)
            self._committed_offset[tp] = None
            self._durable.pop(tp, None)

    def ack(self, message: Message) -> bool:
        """Everything up to the message is durable. The worker acknowledges in order."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        self._durable[message.tp] = message.offset + 1
        self._acked.setdefault(message.tp, [])
        return True

    def _new_offset(self, tp: TP) -> int | None:
        return self._durable.get(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: a batch's offset is its last one's, so gaps are the rule."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: the worker reports its own progress and lag."""


class Transport(driver.Transport):
    """The transport `batch://host:port`."""

    Consumer = Consumer
