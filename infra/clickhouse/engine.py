"""The engine: one chDB in this process, a connection of its own for every request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chdb.state.sqlitelike import Connection, StreamingInserter, connect

from infra.clickhouse.errors import ClickHouseError, from_engine
from infra.clickhouse.statement import Statement

# Each chunk of these is complete in itself, so chunks in a row are one valid body.
STREAMED_FORMATS = frozenset(
    ("Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow", "JSONLines", "NDJSON")
)
FIRST_ANSWER_BYTES = 1 << 20


@dataclass
class Counts:
    """What a query read and wrote, for the summary that a client sees."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    elapsed_ns: int = 0


def quoted(value: str) -> str:
    """A string literal of ClickHouse."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_name(name: str) -> str:
    """An identifier of ClickHouse."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


class Session:
    """One request's connection to the engine. Its methods block: call them in a thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stream: Any = None
        self._inserter: StreamingInserter | None = None
        self.counts = Counts()

    def prepare(
        self, database: str, settings: Mapping[str, str], placeholders: Mapping[str, str]
    ) -> None:
        """Choose the database, then set the settings, in one statement: `readonly` last."""
        changes = [f"{name} = {quoted(value)}" for name, value in settings.items()]
        changes += [f"param_{name} = {quoted(value)}" for name, value in placeholders.items()]
        self._run(f"USE {quoted_name(database)}")
        if changes:
            self._run("SET " + ", ".join(changes))

    def _run(self, sql: str | bytes, output_format: str = "TabSeparated") -> Any:
        try:
            return self._connection.query(sql, output_format)  # type: ignore[arg-type]
        except Exception as error:
            raise from_engine(error) from error

    def query(self, statement: Statement, output_format: str) -> bytes:
        """Run a statement and return its whole answer."""
        result = self._run(statement.sql.decode("utf-8", "surrogateescape"), output_format)
        self._count(result)
        return result.bytes()

    def select(self, statement: Statement, output_format: str) -> tuple[list[bytes], bool]:
        """Start a query; its first chunks and whether they are all."""
        try:
            self._stream = self._connection.send_query(
                statement.sql.decode("utf-8", "surrogateescape"), output_format
            )
        except Exception as error:
            raise from_engine(error) from error
        chunks: list[bytes] = []
        size = 0
        while size < FIRST_ANSWER_BYTES:
            chunk = self.fetch()
            if chunk is None:
                return chunks, True
            chunks.append(chunk)
            size += len(chunk)
        return chunks, False

    def fetch(self) -> bytes | None:
        """The next chunk of the answer, or None at its end."""
        try:
            result = self._stream.fetch()
        except Exception as error:
            raise from_engine(error) from error
        if result is None:
            return None
        self._count(result)
        return result.bytes()

    def _count(self, result: Any) -> None:
        self.counts.read_rows += result.storage_rows_read()
        self.counts.read_bytes += result.storage_bytes_read()
        self.counts.written_rows += result.rows_written()
        self.counts.written_bytes += result.bytes_written()
        self.counts.result_rows += result.rows_read()
        self.counts.result_bytes += result.size()

    def begin_insert(self, statement: Statement) -> None:
        """Start an insert; its data follows by `append` and `finish`."""
        try:
            self._inserter = self._connection.send_insert(
                statement.sql.decode(), statement.input_format or "Values"
            )
        except Exception as error:
            raise from_engine(error) from error

    def append(self, data: bytes) -> None:
        """Hand a piece of the data to the engine."""
        assert self._inserter is not None, "begin_insert comes first"
        try:
            self._inserter.append(data)
        except Exception as error:
            raise from_engine(error) from error

    def finish_insert(self) -> None:
        """End the data and wait until it is durable."""
        assert self._inserter is not None, "begin_insert comes first"
        try:
            result = self._inserter.finish()
        except Exception as error:
            raise from_engine(error) from error
        self.counts.written_rows = self.counts.read_rows = result.rows_written
        self.counts.written_bytes = self.counts.read_bytes = result.bytes_written

    def close(self) -> None:
        """Cancel what is open and give the connection back."""
        try:
            if self._inserter is not None:
                self._inserter.cancel()
            if self._stream is not None:
                self._stream.cancel()
        except Exception as error:
            raise from_engine(error) from error
        finally:
            self._connection.close()


@dataclass
class Engine:
    """The engine over one folder, open from `start` to `close`."""

    data_folder: Path
    database: str
    version: str = field(default="", init=False)
    timezone: str = field(default="UTC", init=False)
    _keeper: Connection | None = field(default=None, init=False)

    def start(self) -> None:
        """Open the folder and make the database. Blocks; raises if another process holds it."""
        self.data_folder.mkdir(parents=True, exist_ok=True)
        # The engine lives as long as one connection is open.
        self._keeper = connect(str(self.data_folder))
        self._keeper.query(f"CREATE DATABASE IF NOT EXISTS {quoted_name(self.database)}")
        row = self._keeper.query("SELECT version(), timezone()", "TabSeparated").bytes().decode()
        self.version, self.timezone = row.rstrip("\n").split("\t")

    def session(self) -> Session:
        """A connection for one request."""
        if self._keeper is None:
            raise ClickHouseError(236, "The server is shutting down", "ABORTED")
        return Session(connect(str(self.data_folder)))

    def close(self) -> None:
        """Close the engine; it writes what it still holds."""
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None
