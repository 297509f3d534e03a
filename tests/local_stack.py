"""Settings for a stack of a test's own: free ports and a temporary folder."""

from __future__ import annotations

import os
import random
import socket
from contextlib import ExitStack
from pathlib import Path

from infra.settings import Settings
from infra.stack.worker import WORKERS

# Below the range that systems take the ports of outgoing connections from: one of those could
# be taken by any client between the moment it is found free and the moment a server binds it.
LOWEST_PORT, HIGHEST_PORT = 10_000, 32_000
SLICES = 8
"""Processes of one test session that take ports of their own slice of the range."""
_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different, and never given before by this process.

    What one process finds free another may find free too, until one of them listens: each process
    of a session looks in a slice of its own.
    """
    system = random.SystemRandom()  # the test session's own order must not decide it
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % SLICES
    width = (HIGHEST_PORT - LOWEST_PORT) // SLICES
    lowest = LOWEST_PORT + number * width
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            probe = held.enter_context(socket.socket())
            port = system.randrange(lowest, lowest + width)
            if port in _given:
                continue
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
            _given.add(port)
        return ports


def local_settings(home: Path, **overrides: object) -> Settings:
    """Settings of a stack that shares nothing with any other but the broker's jars."""
    workers = [f"{name}_metrics_port" for name in WORKERS]
    ports = free_ports(4 + len(workers))
    chosen: dict[str, object] = {
        "home": home,
        "broker_port": ports[0],
        "broker_controller_port": ports[1],
        "clickhouse_port": ports[2],
        "api_port": ports[3],
        "broker_heap_mb": 384,
        **dict(zip(workers, ports[4:], strict=True)),
    }
    return Settings.model_validate(chosen | overrides)
