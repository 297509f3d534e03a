"""Connections made ready for a request, kept for the next one that wants the same.

To connect, choose a database, set settings and lock a connection for reading costs as much as a
small query. Only what leaves nothing behind is given back: see `Execution.close`.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple

from chdb.state.sqlitelike import Connection

from infra.clickhouse.engine import ask, change, lock, quoted_name

KEPT_MAX = 16
"""Idle connections that are kept, the last used."""


class Readiness(NamedTuple):
    """What a connection has been made ready for."""

    database: str
    settings: tuple[tuple[str, str], ...]
    read_only: bool

    def prepare(self, connection: Connection) -> None:
        """Make a connection ready."""
        ask(connection, f"USE {quoted_name(self.database)}")
        change(connection, dict(self.settings))
        if self.read_only:
            lock(connection)


class Connections:
    """The idle connections; to be asked by many threads."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: list[tuple[Readiness, Connection]] = []

    def take(self, readiness: Readiness) -> Connection:
        """One that is ready, kept or new; whoever has it closes it or gives it back."""
        with self._lock:
            for place in reversed(range(len(self._idle))):
                if self._idle[place][0] == readiness:
                    return self._idle.pop(place)[1]
        connection = self._connect()
        try:
            readiness.prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def give_back(self, readiness: Readiness, connection: Connection) -> None:
        """Keep one that is as it was taken."""
        with self._lock:
            self._idle.append((readiness, connection))
            oldest = self._idle.pop(0)[1] if len(self._idle) > KEPT_MAX else None
        if oldest is not None:
            oldest.close()

    def close(self) -> None:
        """Close those that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()
