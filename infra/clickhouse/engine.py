"""The engine: one chDB in this process, opened over one folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from chdb.state.sqlitelike import Connection, connect

from infra.clickhouse.errors import ABORTED, ClickHouseError, from_engine
from infra.clickhouse.statement import SHORT_BYTES_MAX, SHORT_KEPT

SETTINGS = {
    "compile_expressions": "0",
    "compile_aggregate_expressions": "0",
    "compile_sort_description": "0",
}
"""What a connection begins with, where it differs from the engine's defaults.

The engine compiles an expression when it is used for the fourth time: 100 to 250 ms of processor
in the midst of a question of 40, and hardly anything off the next ones.
"""


@dataclass
class Counts:
    """What a query read and wrote, for the summary that a client sees."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0


def quoted(value: str) -> str:
    """A string literal of ClickHouse."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_name(name: str) -> str:
    """An identifier of ClickHouse."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def ask(
    connection: Connection,
    sql: str,
    output_format: str = "TabSeparated",
    added: str = "",
    placeholders: Mapping[str, str] | None = None,
) -> Any:
    """Run one statement; raises ClickHouseError, without the text that this server `added`."""
    try:
        return connection.query(sql, output_format, params=dict(placeholders or {}))
    except Exception as error:
        raise from_engine(error, added) from error


def change(connection: Connection, settings: Mapping[str, str]) -> None:
    """Set settings (`param_` placeholders among them) of a connection, in one statement."""
    if settings:
        changes = ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items())
        ask(connection, f"SET {changes}")


def lock(connection: Connection) -> None:
    """Let a connection read only, from now on."""
    change(connection, {"readonly": "1"})


def unescaped(value: str) -> str:
    """A value of a TabSeparated answer."""
    pairs = (("\\t", "\t"), ("\\n", "\n"), ("\\'", "'"))
    parts = value.split("\\\\")
    for escaped, plain in pairs:
        parts = [part.replace(escaped, plain) for part in parts]
    return "\\".join(parts)


def _names(connection: Connection, query: str) -> frozenset[str]:
    return frozenset(ask(connection, query).bytes().decode().split())


@dataclass
class Engine:
    """The engine over one folder, open from `start` to `close`."""

    data_folder: Path
    database: str
    version: str = field(default="", init=False)
    timezone: str = field(default="UTC", init=False)
    table_functions: frozenset[str] = field(default=frozenset(), init=False)
    text_settings: frozenset[str] = field(default=frozenset(), init=False)
    _keeper: Connection | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._known_verdict = lru_cache(SHORT_KEPT)(self._verdict)
        self._known_columns = lru_cache(SHORT_KEPT)(self._columns)

    def start(self) -> None:
        """Open the folder and make the database. Blocks; raises if another process holds it."""
        self.data_folder.mkdir(parents=True, exist_ok=True)
        # The engine lives as long as one connection is open.
        keeper = connect(self._address())
        self._keeper = keeper
        ask(keeper, f"CREATE DATABASE IF NOT EXISTS {quoted_name(self.database)}")
        row = ask(keeper, "SELECT version(), timezone()").bytes().decode()
        self.version, self.timezone = row.rstrip("\n").split("\t")
        self.table_functions = _names(keeper, "SELECT lower(name) FROM system.table_functions")
        self.text_settings = _names(
            keeper, "SELECT name FROM system.settings WHERE type = 'String'"
        )

    def connect(self) -> Connection:
        """A new connection; it costs a sixth of a millisecond."""
        if self._keeper is None:
            raise ClickHouseError(ABORTED, "The server is shutting down", "ABORTED")
        return connect(self._address())

    def _address(self) -> str:
        return f"{self.data_folder}?" + "&".join(f"{k}={v}" for k, v in SETTINGS.items())

    def verdict(self, sql: str) -> tuple[str, int]:
        """What the engine's own parser takes a text for: its class, and how many statements."""
        kept = len(sql) <= SHORT_BYTES_MAX
        return self._known_verdict(sql) if kept else self._verdict(sql)

    def _verdict(self, sql: str) -> tuple[str, int]:
        with self.connect() as connection:
            raw: Any = connection._conn  # the parser, which chDB's Python class does not show
            told = raw.classify_query(sql)
        return str(told["query_class"].name), int(told["statement_count"])

    def columns_of(self, structure: str) -> str:
        """The columns that a structure declares, as a statement names them.

        It is read by a connection that cannot write, and once: programs send the same tables.
        """
        kept = len(structure) <= SHORT_BYTES_MAX
        return self._known_columns(structure) if kept else self._columns(structure)

    def _columns(self, structure: str) -> str:
        with self.connect() as reader:
            lock(reader)
            described = ask(reader, f"DESCRIBE TABLE null({quoted(structure)})")
        lines = described.bytes().decode().splitlines()
        columns = ([unescaped(value) for value in line.split("\t")[:2]] for line in lines)
        return ", ".join(f"{quoted_name(name)} {kind}" for name, kind in columns)

    def kill(self, mark: str | None) -> bool:
        """Ask the engine to end the queries that begin with a mark, or all of them. Blocks.

        Returns whether there was such a query.
        """
        if self._keeper is None:
            return False
        which = "1" if mark is None else f"startsWith(query, {quoted(mark)})"
        with self.connect() as connection:
            return bool(ask(connection, f"KILL QUERY WHERE {which} ASYNC").bytes())

    def close(self) -> None:
        """Close the engine; it writes what it still holds."""
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None
