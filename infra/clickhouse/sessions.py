"""Sessions of the HTTP interface: what `session_id` keeps from one request to the next.

Most clients send a session with every request and never use it, so a session costs a connection
only once a statement has left something in it: a setting, a temporary table.
"""

import time
from dataclasses import dataclass

from chdb.state.sqlitelike import Connection

from infra.clickhouse.errors import SESSION_IS_LOCKED, SESSION_NOT_FOUND, ClickHouseError
from infra.clickhouse.lexer import tokens
from infra.clickhouse.statement import Statement

SESSIONS_MAX = 10_000


@dataclass
class SessionState:
    """One session: its database, and its connection once it needs one of its own."""

    database: str = ""
    connection: Connection | None = None
    busy: bool = False
    ends_at_s: float = 0.0

    def note(self, statement: Statement, connection: Connection, read_only: bool) -> None:
        """Keep what a statement that has just run leaves for the requests to come."""
        if statement.verb == b"USE":
            names = [token.name for token in tokens(statement.sql)]
            self.database = next((name for name in reversed(names) if name), "")
        elif not read_only and (statement.verb == b"SET" or _makes_temporary(statement)):
            # A reader's connection is locked by `readonly`: nothing can be left in it.
            self.connection = connection


def _makes_temporary(statement: Statement) -> bool:
    if statement.verb != b"CREATE":
        return False
    words = [token.keyword for token, _ in zip(tokens(statement.sql), range(4), strict=False)]
    return b"TEMPORARY" in words


class Sessions:
    """The sessions of all users, each for one request at a time. For one thread: the loop's."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], SessionState] = {}

    def take(self, user: str, session_id: str, must_exist: bool) -> SessionState:
        """Lock a session, or make it. Raises code 373 if it is in use, 372 if it is not there."""
        self._drop_old()
        state = self._states.get((user, session_id))
        if state is None:
            if must_exist:
                raise ClickHouseError(
                    SESSION_NOT_FOUND, f"Session {session_id} not found", "SESSION_NOT_FOUND"
                )
            state = self._states[user, session_id] = SessionState()
        if state.busy:
            raise ClickHouseError(
                SESSION_IS_LOCKED,
                f"Session {session_id} is locked by a concurrent client",
                "SESSION_IS_LOCKED",
            )
        state.busy = True
        return state

    def give_back(self, user: str, session_id: str, timeout_s: int, close: bool) -> None:
        """Unlock a session; it ends after the timeout, or at once."""
        state = self._states[user, session_id]
        state.busy = False
        state.ends_at_s = time.monotonic() + timeout_s
        if close:
            self._drop((user, session_id))

    def _drop(self, key: tuple[str, str]) -> None:
        state = self._states.pop(key)
        if state.connection is not None:
            state.connection.close()
            state.connection = None

    def _drop_old(self) -> None:
        now_s = time.monotonic()
        idle = [key for key, state in self._states.items() if not state.busy]
        for key in idle:
            if self._states[key].ends_at_s <= now_s or len(self._states) >= SESSIONS_MAX:
                self._drop(key)

    def close(self) -> None:
        """End all sessions."""
        for key in list(self._states):
            self._drop(key)
