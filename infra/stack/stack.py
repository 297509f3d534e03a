"""Starts, stops and watches the parts of the local stack."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.connections import ensure_tables
from infra.settings import Settings
from infra.stack import processes
from infra.stack.api import Api
from infra.stack.broker import Broker
from infra.stack.clickhouse import ClickHouse
from infra.stack.lock import exclusive
from infra.stack.part import Part, StackError
from infra.stack.ports import refuse_taken_ports
from infra.stack.status import PartStatus, status_of
from infra.stack.worker import WORKERS, Worker
from streams.topics import TopicError, ensure_topics

LOG_LINES_SHOWN = 15
LOG_TAIL_BYTES = 16_384

Progress = Callable[[str], None]


class Stack:
    """The broker and ClickHouse of the folder `settings.home`, or the external ones it names."""

    def __init__(
        self, settings: Settings, workers: Sequence[str] = (), *, with_api: bool = False
    ) -> None:
        """The servers, the workers of the projections that are named, and the API if asked."""
        self.settings = settings
        # ClickHouse first: it starts while the broker's data is being formatted.
        self.servers: list[Part] = [ClickHouse(settings), Broker(settings)]
        self.services: list[Part] = [Worker(settings, name) for name in workers]
        if with_api:
            self.services.append(Api(settings))
        self.parts = [*self.servers, *self.services]

    @classmethod
    def whole(cls, settings: Settings) -> Stack:
        """What `workledger up` starts: the servers, every worker, and the API."""
        return cls(settings, WORKERS, with_api=True)

    def up(self, progress: Progress | None = None) -> list[PartStatus]:
        """Start the servers, make topics and tables, then the workers and the API. Idempotent.

        Calls `progress` with a sentence at each step. Where it fails or is interrupted, what it
        started is stopped again. Raises StackError with a sentence for people.
        """
        tell = progress or (lambda _: None)
        patience_s = 2 * self.settings.stack_start_timeout_s
        with exclusive(self._lock_path, patience_s):
            started: list[Part] = []
            try:
                self._bring_up(self.servers, started, tell)
                self._ensure_topics()
                ensure_tables(self.settings)
                self._bring_up(self.services, started, tell)
            except BaseException:
                with processes.interrupts_deferred():
                    self._stop(started)
                raise
        return self.status()

    def down(self, progress: Progress | None = None) -> None:
        """Stop all parts that run here and wait until they have ended. Idempotent."""
        tell = progress or (lambda _: None)
        with exclusive(self._lock_path, 2 * self.settings.stack_start_timeout_s):
            own = [part for part in self.parts if not part.is_external]
            for part in own:
                if processes.running(part.pid_path):
                    tell(f"Stopping {part.name}")
            self._stop(own)

    def status(self) -> list[PartStatus]:
        """How each part is. Blocks for at most about a second; changes nothing."""
        with ThreadPoolExecutor(max_workers=len(self.parts)) as pool:
            return list(pool.map(status_of, self.parts))

    def part(self, name: str) -> Part:
        """The part called `name`. Raises KeyError where there is none."""
        return {part.name: part for part in self.parts}[name]

    @property
    def _lock_path(self) -> Path:
        return self.settings.home / "run" / "stack.lock"

    def _bring_up(self, parts: Sequence[Part], started: list[Part], tell: Progress) -> None:
        for part in parts:
            if self._needs_start(part):
                started.append(part)
                self._start(part, tell)
        self._wait_until_ready(parts, tell)

    def _needs_start(self, part: Part) -> bool:
        if part.is_external:
            return False
        process = processes.running(part.pid_path)
        if process is None:
            return True
        if process.address != part.address:
            raise StackError(
                f"The {part.name} of {self.settings.home} runs at {process.address}, not at "
                f"{part.address}; run workledger down first."
            )
        return False

    def _start(self, part: Part, tell: Progress) -> None:
        refuse_taken_ports(part)
        tell(f"Starting {part.name} at {part.address}")
        part.prepare()
        processes.spawn(
            part.command(), part.environment(), part.log_path, part.pid_path, part.address
        )

    def _stop(self, parts: Sequence[Part]) -> None:
        # Workers first: they finish and commit the batch in hand, for which they need the servers.
        for group in (self.services, self.servers):
            pid_files = [part.pid_path for part in group if part in parts]
            processes.stop(pid_files, self.settings.stack_stop_timeout_s)

    def _wait_until_ready(self, parts: Sequence[Part], tell: Progress) -> None:
        deadline = time.monotonic() + self.settings.stack_start_timeout_s
        waiting = list(parts)
        while True:
            for part in list(waiting):
                if part.answers():
                    waiting.remove(part)
                    tell(f"{part.name} answers")
                elif not part.is_external and processes.running(part.pid_path) is None:
                    raise StackError(f"The {part.name} ended while it started. {_log_tail(part)}")
            if not waiting:
                return
            if time.monotonic() >= deadline:
                raise StackError(self._too_slow(waiting[0]))
            time.sleep(processes.POLL_S)

    def _too_slow(self, part: Part) -> str:
        timeout_s = self.settings.stack_start_timeout_s
        said = f"The {part.name} at {part.address} did not answer within {timeout_s:g} s."
        return said if part.is_external else f"{said} {_log_tail(part)}"

    def _ensure_topics(self) -> None:
        try:
            ensure_topics(
                self.settings.bootstrap_servers,
                self.settings.topic_replication_factor,
                timeout_s=self.settings.stack_start_timeout_s,
            )
        except TopicError as error:
            raise StackError(str(error)) from error


def _log_tail(part: Part) -> str:
    """The last lines of a part's log, below the file's name."""
    if not part.log_path.exists():
        return f"It wrote nothing to {part.log_path}."
    with part.log_path.open("rb") as log:
        log.seek(max(0, part.log_path.stat().st_size - LOG_TAIL_BYTES))
        lines = log.read().decode("utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    return "\n  ".join([f"The end of {part.log_path}:", *lines])
