"""Says in a sentence that a port is taken, by whom, and which setting chooses another."""

from __future__ import annotations

import socket

import psutil

from infra.settings import variable
from infra.stack.part import Part, StackError


def refuse_taken_ports(part: Part) -> None:
    """Raises StackError where somebody else listens on a port that `part` is about to use."""
    for setting, port in part.ports.items():
        if not _is_free(part.settings.host, port):
            raise StackError(
                f"Port {port}, which {part.name} needs, is taken{_holder(port)}; "
                f"end that, or set {variable(setting)} to a free port."
            )


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Servers set this too: a connection that lingers from the last run is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    """` by NAME (process PID)`, where the system tells."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return ""
