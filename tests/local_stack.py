"""Settings for a stack of a test's own: free ports and a temporary folder."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

from infra.settings import Settings


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def local_settings(home: Path, **overrides: object) -> Settings:
    """Settings of a stack that shares nothing with any other but the broker's jars."""
    broker_port, broker_controller_port, clickhouse_port = free_ports(3)
    chosen: dict[str, object] = {
        "home": home,
        "broker_port": broker_port,
        "broker_controller_port": broker_controller_port,
        "clickhouse_port": clickhouse_port,
        "broker_heap_mb": 384,
    }
    return Settings.model_validate(chosen | overrides)
