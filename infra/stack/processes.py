"""Processes that outlive the command which starts them, and are never confused with others."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

POLL_S = 0.05

# A child of this very process stays a zombie until it is waited for, and a Popen object that is
# collected while its child runs warns; so each is kept here until its child has ended.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Process:
    """A process of ours: its id, when it was born, and the address that it serves.

    `born` is an opaque text that no later process with the same id can have.
    """

    pid: int
    born: str
    address: str

    def is_alive(self) -> bool:
        """Whether this very process (not another one under its id) still runs."""
        alive = birth(self.pid) == self.born
        if not alive and self.pid in _children:
            _children.pop(self.pid).wait()  # it has ended: this only buries it
        return alive

    def uptime_s(self) -> float | None:
        """Seconds since it was started, or None where it has ended."""
        try:
            return max(0.0, time.time() - psutil.Process(self.pid).create_time())
        except psutil.Error:
            return None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process and all that it started; nothing where it has ended."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def birth(pid: int) -> str | None:
    """What tells the process `pid` from any earlier or later one with that id.

    None where there is none, or only a zombie that nobody has waited for.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if sys.platform == "linux":
            # Clock ticks since boot, unlike a time of day, do not move when the clock is set.
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            return f"{boot}:{text.rpartition(')')[2].split()[19]}"
        return f"{process.create_time():.6f}"
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None


def spawn(
    command: Sequence[str], environment: Mapping[str, str], log: Path, pid_file: Path, address: str
) -> Process:
    """Start `command` in a session of its own, its output appended to `log`; write `pid_file`.

    Raises OSError where the program cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    # An interrupt must not come between a process and the file that names it.
    with log.open("ab") as output, interrupts_deferred():
        child = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        _children[child.pid] = child
        process = Process(child.pid, birth(child.pid) or "ended at once", address)
        _write(pid_file, process)
    return process


@contextlib.contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back until the end of the block, in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is ever interrupted
        return
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {
        number: signal.signal(number, lambda given, _: received.append(given)) for number in numbers
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in received:
            os.kill(os.getpid(), number)


def running(pid_file: Path) -> Process | None:
    """The process that `pid_file` names, where it still runs."""
    try:
        process = Process(**json.loads(pid_file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return process if process.is_alive() else None


def stop(pid_files: Sequence[Path], timeout_s: float) -> None:
    """End the processes that `pid_files` name, side by side: SIGTERM, SIGKILL after `timeout_s`.

    Returns when none of them runs. Idempotent.
    """
    alive = [process for process in map(running, pid_files) if process]
    for process in alive:
        process.send(signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while (alive := [process for process in alive if process.is_alive()]) and (
        time.monotonic() < deadline
    ):
        time.sleep(POLL_S)
    for process in alive:
        process.send(signal.SIGKILL)
    while any(process.is_alive() for process in alive):  # SIGKILL cannot be refused
        time.sleep(POLL_S)
    for pid_file in pid_files:
        pid_file.unlink(missing_ok=True)


def _write(pid_file: Path, process: Process) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    temporary = pid_file.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(process)) + "\n", encoding="utf-8")
    temporary.replace(pid_file)
