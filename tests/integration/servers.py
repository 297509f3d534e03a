"""Processes of the stack that a test runs beside the session's own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.stack.part import Part

START_S = 30.0
STOP_S = 15.0


@contextmanager
def serving(part: Part, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a part as `workledger up` would, and end it by SIGTERM, which it must take for an end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            part.command(),
            env=os.environ | part.environment() | environment,
            stdout=output,
            stderr=output,
        )
        try:
            deadline = time.monotonic() + START_S
            while not part.answers():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_S) == 0, log.read_text()
