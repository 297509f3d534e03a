"""A worker that kills itself with SIGKILL at a named point of its work.

python -m tests.faults.killing_worker PROJECTION POINT ROUND
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from infra.cli.worker import worker
from streams.rounds import Rounds
from streams.worker import LedgerApp

POINTS = ("before-rows", "after-rows", "after-state", "before-commit", "in-revoke")


def kill_at(point: str, round_number: int) -> None:
    """Let this process die at a point of its n-th round (of its first revocation)."""
    write_rows, write_state, wait_empty = (
        Rounds._write_rows, Rounds._write_state, LedgerApp._consumer_wait_empty,
    )  # fmt: skip
    seen = 0

    def die_if(here: str) -> None:
        if here == point and seen >= round_number:
            os.kill(os.getpid(), signal.SIGKILL)

    async def rows(self: Rounds, ready: Any) -> None:
        nonlocal seen
        seen += 1
        die_if("before-rows")
        await write_rows(self, ready)
        die_if("after-rows")

    async def state(self: Rounds, ready: Any) -> None:
        await write_state(self, ready)
        die_if("after-state")

    acknowledge: Callable[[LedgerApp, Any], None] = LedgerApp.acknowledge

    def acknowledged(self: LedgerApp, event: Any) -> None:
        acknowledge(self, event)
        die_if("before-commit")  # acknowledged; the commit comes with the next second

    async def revoked(self: LedgerApp, consumer: Any, logger: Any) -> None:
        die_if("in-revoke")
        await wait_empty(self, consumer, logger)

    Rounds._write_rows = rows  # type: ignore[method-assign]
    Rounds._write_state = state  # type: ignore[method-assign]
    LedgerApp.acknowledge = acknowledged  # type: ignore[method-assign]
    LedgerApp._consumer_wait_empty = revoked  # type: ignore[method-assign]


if __name__ == "__main__":
    name, where, number = sys.argv[1:]
    kill_at(where, int(number))
    worker(name)
