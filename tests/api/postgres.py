"""A PostgreSQL server of the tests' own, from Debian's package, in a temporary folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

PROGRAMS = Path("/usr/lib/postgresql")
UNPRIVILEGED = "nobody"
START_S, STOP_S = 30.0, 20.0


def programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs; none where none is installed."""
    found = PROGRAMS.glob("*/bin/postgres")
    return max(
        (path.parent for path in found), key=lambda bin_: int(bin_.parent.name), default=None
    )


@contextmanager
def server(bin_: Path) -> Iterator[Callable[[], str]]:
    """Run a server on a socket of its own; answers with what makes a fresh database's URL."""
    home = Path(tempfile.mkdtemp(prefix="workledger-postgres-"))
    # It refuses to run as root.
    user: dict[str, Any] = {"user": UNPRIVILEGED} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(home, UNPRIVILEGED)
    data = home / "data"
    made = subprocess.run(
        [bin_ / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync",
         "--locale=C"],
        cwd=home, capture_output=True, text=True, **user,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    process = subprocess.Popen(
        [bin_ / "postgres", "-D", data, "-k", home, "-c", "listen_addresses=", "-c", "fsync=off",
         "-c", "shared_buffers=16MB", "-c", "max_connections=40"],
        cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user,
    )  # fmt: skip
    admin = sa.create_engine(_url(home, "postgres"), isolation_level="AUTOCOMMIT")

    def fresh() -> str:
        name = f"test_{uuid.uuid4().hex}"
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        return _url(home, name)

    try:
        _await(admin, process)
        yield fresh
    finally:
        admin.dispose()
        process.send_signal(signal.SIGINT)  # ends without waiting for clients
        process.wait(STOP_S)
        shutil.rmtree(home)


def _url(home: Path, database: str) -> str:
    return f"postgresql+psycopg://tests@/{database}?host={home}"


def _await(admin: sa.Engine, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            admin.connect().close()
            return
        except OperationalError:
            assert process.poll() is None, "PostgreSQL ended while it started"
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.05)
