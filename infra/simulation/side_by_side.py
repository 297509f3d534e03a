"""The same marketplace told by several processes: each tells, and encodes, a share of the lives."""

from __future__ import annotations

import heapq
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import NamedTuple

from infra.errors import CommandError
from infra.simulation.run import Label, Simulation

EVENTS_A_CHUNK = 200
"""What a process sends at once; it waits while the last chunk lies unread."""
END_S = 10.0
"""So long a process that is told to end may take."""


class Encoded(NamedTuple):
    """An event as it goes to Kafka, behind what sorts it as `Told` sorts."""

    recorded_at: int
    number: int
    subject_id: str
    occurred_at: int
    topic: str
    key: bytes
    value: bytes


class SideBySide:
    """A `Simulation` in several processes: however many, the same events in the same order."""

    def __init__(self, simulation: Simulation, processes: int) -> None:
        self._simulation, self._processes = simulation, processes

    def events(self) -> Iterator[Encoded]:
        """Every event, by the time at which it is told; then the simulation has its labels.

        Raises `CommandError` where a process ends before it has told its share.
        """
        with ExitStack() as stack:
            shares = [self._start(number, stack) for number in range(self._processes)]
            yield from heapq.merge(*(self._received(share) for share in shares))
        self._simulation.labels.sort(key=lambda one: (len(one.expert_id), one.expert_id))

    def _start(self, number: int, stack: ExitStack) -> Connection:
        context = multiprocessing.get_context("spawn")  # a progress bar's thread is no one to fork
        receiver, sender = context.Pipe(duplex=False)
        share = self._simulation.share(number, self._processes)
        process = context.Process(target=_tell, args=(share, sender), daemon=True)
        process.start()
        sender.close()
        stack.callback(process.join, END_S)
        stack.callback(process.terminate)
        stack.callback(receiver.close)
        return receiver

    def _received(self, share: Connection) -> Iterator[Encoded]:
        labels: list[Label] | None = None
        while labels is None:
            try:
                chunk, labels = share.recv()
            except EOFError:
                raise CommandError(
                    "A process of the simulation ended before its time. "
                    "Its own words stand above; with less memory than it needs it has none."
                ) from None
            yield from chunk
        self._simulation.labels.extend(labels)


def _tell(make: Callable[[], Simulation], sender: Connection) -> None:
    """Send the events in chunks, the labels with the last."""
    simulation = make()
    chunk: list[Encoded] = []
    for told in simulation.events():
        one = told.message()
        chunk.append(Encoded(*told[:4], one.topic, one.key, one.value))
        if len(chunk) == EVENTS_A_CHUNK:
            sender.send((chunk, None))
            chunk = []
    sender.send((chunk, simulation.labels))
