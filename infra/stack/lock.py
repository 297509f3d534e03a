"""One command at a time changes the stack of a folder."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.stack.part import StackError

POLL_S = 0.05


@contextmanager
def exclusive(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock file `path`; the system releases it even when this process is killed.

    Raises StackError where another command holds it for longer than `timeout_s`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_s
    with path.open("ab") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise StackError(
                        f"Another workledger command has held {path} for over {timeout_s:g} s; "
                        "wait for it, or end it."
                    ) from None
                time.sleep(POLL_S)
        yield
