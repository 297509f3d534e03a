"""One request's work in the engine. All of it blocks, so it runs in a thread of the pool."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from chdb.state.sqlitelike import Connection, StreamingInserter

from infra.clickhouse.engine import Counts, Engine, ask, change, quoted, quoted_name
from infra.clickhouse.errors import (
    BAD_ARGUMENTS,
    SYNTAX_ERROR,
    ClickHouseError,
    from_engine,
)
from infra.clickhouse.guard import check_verdict
from infra.clickhouse.pipes import AnswerPipe, DataPipe
from infra.clickhouse.sessions import SessionState
from infra.clickhouse.statement import Statement


@dataclass(frozen=True)
class ExternalTable:
    """A table that comes with a request and lasts as long as it."""

    name: str
    structure: str
    data_format: str
    data: bytes


@dataclass(frozen=True)
class Surroundings:
    """What a statement runs in: database, settings, placeholders, tables of the request."""

    user: str
    database: str
    settings: Mapping[str, str]
    placeholders: Mapping[str, str]
    read_only: bool
    by_get: bool
    externals: Sequence[ExternalTable] = field(default_factory=tuple)


_numbers = itertools.count(1)


class Execution:
    """A connection made ready for one statement; use it as a context, within one thread each time.

    A connection of a session outlives it: then the settings of this request are taken back.
    """

    def __init__(self, engine: Engine, around: Surroundings, session: SessionState | None) -> None:
        self._engine = engine
        self._around = around
        self._session = session
        self._connection: Connection | None = None
        self._inserter: StreamingInserter | None = None
        self._before: dict[str, str] = {}
        # A comment at the head of the query, by which it is found to be killed: chDB gives its
        # queries ids of its own, and the list of running queries cuts off long ends.
        self.mark = f"/* request {next(_numbers)} */ "
        self.counts = Counts()

    def __enter__(self) -> "Execution":
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Connect and prepare; a failure leaves nothing open."""
        around, session = self._around, self._session
        if session is not None and session.connection is not None:
            self._connection = session.connection
        else:
            self._connection = self._engine.connect()
        try:
            self._prepare(self._connection, around, session)
        except BaseException:
            self.close()
            raise

    def _prepare(
        self, connection: Connection, around: Surroundings, session: SessionState | None
    ) -> None:
        database = around.database
        if not database and session is not None:
            database = session.database
        ask(connection, f"USE {quoted_name(database or self._engine.database)}")
        settings = dict(around.settings)
        if session is not None and session.connection is not None:
            self._before = _values_of(connection, settings)
        settings |= {f"param_{name}": value for name, value in around.placeholders.items()}
        change(connection, settings)
        for table in around.externals:
            self._create(connection, table)
        if around.read_only:
            change(connection, {"readonly": "1"})

    def _create(self, connection: Connection, table: ExternalTable) -> None:
        """Make a table of the request. Its structure is read by a connection that cannot write."""
        with self._engine.connect() as reader:
            change(reader, {"readonly": "1"})
            described = ask(reader, f"DESCRIBE TABLE null({quoted(table.structure)})")
        columns: list[str] = []
        for line in described.bytes().decode().splitlines():
            name, kind = (_unescaped(value) for value in line.split("\t")[:2])
            columns.append(f"{quoted_name(name)} {kind}")
        ask(connection, f"CREATE TEMPORARY TABLE {quoted_name(table.name)} ({', '.join(columns)})")
        if table.data:
            try:
                with connection.send_insert(
                    f"INSERT INTO {quoted_name(table.name)}", table.data_format
                ) as inserter:
                    inserter.append(table.data)
                    inserter.finish()
            except Exception as error:
                raise from_engine(error) from error

    def check(self, statement: Statement) -> None:
        """For one that only reads: the engine's own verdict on the statement."""
        around = self._around
        if not (around.read_only or around.by_get) or statement.verb in (b"USE", b"SET"):
            return
        query_class, count = self._engine.verdict(_text(statement.sql))
        check_verdict(query_class, count, around.user, not around.read_only)

    def _open(self) -> Connection:
        if self._connection is None:
            raise ClickHouseError(BAD_ARGUMENTS, "The connection is closed", "BAD_ARGUMENTS")
        return self._connection

    def answer(self, statement: Statement, default_format: str) -> bytes:
        """Run a statement and return its whole answer, which is small."""
        self.check(statement)
        result = ask(self._open(), _text(statement.sql), default_format)
        self._count(result)
        if self._session is not None:
            self._session.note(statement, self._open(), self._around.read_only)
        return result.bytes()

    def select(self, statement: Statement, default_format: str, pipe: AnswerPipe) -> None:
        """Run a query whose rows go through the pipe, in any format, never held here."""
        self.check(statement)
        added = f"\nINTO OUTFILE {quoted(pipe.write_path)} APPEND COMPRESSION 'none'\nFORMAT "
        sql = (
            self.mark
            + _text(statement.before_format)
            + added
            + (statement.output_format or default_format)
        )
        if statement.output_format is None:
            added += default_format
        try:
            result = ask(self._open(), sql + _text(statement.after_format), added=added)
        except ClickHouseError as error:
            if error.code != SYNTAX_ERROR:
                raise
            # Ask as the client wrote it, so that the error speaks of the client's text alone.
            result = ask(self._open(), _text(statement.sql), default_format)
            pipe.write(result.bytes())
        self._count(result)

    def insert_input(self, statement: Statement, pipe: DataPipe) -> None:
        """Run INSERT ... SELECT ... FROM input(...), whose data comes through the pipe."""
        start, end = statement.input_span
        source = (
            f"file({quoted(pipe.read_path)}, {quoted(statement.data_format or '')}, "
            f"{_text(statement.input_structure)}, 'none')"
        )
        sql = self.mark + _text(statement.sql[:start]) + source + _text(statement.sql[end:])
        self._count(ask(self._open(), sql))

    def begin_insert(self, statement: Statement) -> None:
        """Start an insert; its data follows by `append` and `finish_insert`."""
        try:
            self._inserter = self._open().send_insert(
                _text(statement.sql), statement.data_format or "Values"
            )
        except Exception as error:
            raise from_engine(error) from error

    def append(self, data: bytes) -> None:
        """Hand a piece of the data to the engine; waits while the engine has enough to do."""
        assert self._inserter is not None, "begin_insert comes first"
        try:
            self._inserter.append(data)
        except Exception as error:
            raise from_engine(error) from error

    def finish_insert(self) -> None:
        """End the data and wait until the rows are in the table's files."""
        assert self._inserter is not None, "begin_insert comes first"
        try:
            result = self._inserter.finish()
        except Exception as error:
            raise from_engine(error) from error
        self.counts.written_rows = self.counts.read_rows = result.rows_written
        self.counts.written_bytes = self.counts.read_bytes = result.bytes_written

    def _count(self, result: Any) -> None:
        self.counts.read_rows += result.storage_rows_read()
        self.counts.read_bytes += result.storage_bytes_read()
        self.counts.written_rows += result.rows_written()
        self.counts.written_bytes += result.bytes_written()
        self.counts.result_rows += result.rows_read()
        self.counts.result_bytes += result.size()

    def close(self) -> None:
        """Cancel what is open; give the connection back to its session, or close it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if self._inserter is not None:
                self._inserter.cancel()
            if self._session is not None and self._session.connection is connection:
                for name, value in self._before.items():
                    ask(connection, f"SET {name} = {value}")
                return
        except BaseException:
            if self._session is not None:
                self._session.connection = None
            connection.close()
            raise
        connection.close()


def _text(sql: bytes) -> str:
    """SQL as chDB takes it. Raises code 62 for bytes that are no UTF-8."""
    try:
        return sql.decode()
    except UnicodeDecodeError as error:
        raise ClickHouseError(
            SYNTAX_ERROR, f"Syntax error: the query is not UTF-8: {error}", "SYNTAX_ERROR"
        ) from error


def _unescaped(value: str) -> str:
    """A value of a TabSeparated answer."""
    pairs = (("\\t", "\t"), ("\\n", "\n"), ("\\'", "'"))
    parts = value.split("\\\\")
    for escaped, plain in pairs:
        parts = [part.replace(escaped, plain) for part in parts]
    return "\\".join(parts)


def _values_of(connection: Connection, settings: Mapping[str, str]) -> dict[str, str]:
    """The present values of settings, as literals that SET takes; DEFAULT where unchanged."""
    names = ", ".join(quoted(name) for name in settings) or "''"
    rows = ask(
        connection,
        f"SELECT name, value, changed FROM system.settings WHERE name IN ({names})",
    )
    values: dict[str, str] = {}
    for line in rows.bytes().decode().splitlines():
        name, value, changed = line.split("\t")
        values[name] = quoted(_unescaped(value)) if changed == "1" else "DEFAULT"
    return values
