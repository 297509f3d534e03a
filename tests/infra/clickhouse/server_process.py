"""The server as its users start it: a process of its own, asked over HTTP."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

START_TIMEOUT_S = 30.0


def until(condition: Callable[[], bool], what: str, timeout_s: float = 20.0) -> None:
    """Wait for something that is to happen soon."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen: {what}"
        time.sleep(0.02)


def running(client: httpx.Client) -> str:
    """The queries that run, without the one that asks."""
    query = "SELECT query FROM system.processes WHERE query NOT LIKE '%system.processes%'"
    return client.post("/", content=query).text


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class ServerProcess:
    """One server over one folder; it can be started, asked, stopped and killed."""

    folder: Path
    port: int = field(default_factory=free_port)
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(encoding="utf-8")

    def client(self, name: str | None) -> httpx.Client:
        """Plain HTTP as that user, whose password is its name; as nobody for None."""
        auth = (name, name) if name else None
        return httpx.Client(base_url=self.url, auth=auth, timeout=60, verify=False)

    def start(self, *arguments: str) -> None:
        """Start the server and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "infra.clickhouse",
            "--data-dir",
            str(self.folder / "data"),
        ]
        command += ["--host", "127.0.0.1", "--port", str(self.port), *arguments]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stderr=log, stdout=log, env={**os.environ, **self.environment}
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the server ended at once: {self.log}"
            try:
                if httpx.get(self.url + "ping", timeout=1).text == "Ok.\n":
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError(f"the server did not answer: {self.log}")

    def memory_bytes(self) -> int:
        """The memory that the server holds now; `memory_peak_bytes` counts from here."""
        assert self.process is not None
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self._status("VmRSS")

    def memory_peak_bytes(self) -> int:
        """The most memory that the server held since `memory_bytes`."""
        return self._status("VmHWM")

    def _status(self, name: str) -> int:
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024

    def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit code."""
        assert self.process is not None
        self.process.send_signal(by)
        code = self.process.wait(timeout=60)
        self.process = None
        return code
