"""One request's work in the engine. All of it blocks, so it runs in a thread of the pool."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from chdb.state.sqlitelike import Connection, StreamingInserter

from infra.clickhouse.connections import Connections, Readiness
from infra.clickhouse.engine import (
    Counts,
    Engine,
    ask,
    change,
    lock,
    quoted,
    quoted_name,
    unescaped,
)
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

    def __init__(
        self,
        engine: Engine,
        connections: Connections,
        around: Surroundings,
        session: SessionState | None,
    ) -> None:
        self._engine, self._connections = engine, connections
        self._around = around
        self._session = session
        self._connection: Connection | None = None
        self._kept_as: Readiness | None = None
        """What the connection is ready for as long as it is as it was taken."""
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
        if error is not None:
            self._kept_as = None
        self.close()

    def open(self) -> None:
        """Connect and prepare; a failure leaves nothing open."""
        around, session = self._around, self._session
        database = around.database or (session.database if session else "")
        # A connection that is locked for reading takes no tables: those of the request come first.
        locked = around.read_only and not around.externals
        settings = tuple(around.settings.items())
        readiness = Readiness(database or self._engine.database, settings, locked)
        if session is None or session.connection is None:
            self._connection, self._kept_as = self._connections.take(readiness), readiness
        else:
            self._connection = session.connection
        try:
            if self._kept_as is None:
                self._before = _values_of(self._connection, around.settings)
                readiness.prepare(self._connection)
            if around.externals:
                self._kept_as = None
                for table in around.externals:
                    self._create(self._connection, table)
                if around.read_only:
                    lock(self._connection)
        except BaseException:
            self._kept_as = None
            self.close()
            raise

    def _create(self, connection: Connection, table: ExternalTable) -> None:
        """Make a table of the request."""
        columns = self._engine.columns_of(table.structure)
        ask(connection, f"CREATE TEMPORARY TABLE {quoted_name(table.name)} ({columns})")
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

    def _ask(self, sql: str, output_format: str = "TabSeparated", added: str = "") -> Any:
        return ask(self._open(), sql, output_format, added, self._around.placeholders)

    def answer(self, statement: Statement, default_format: str) -> bytes:
        """Run a statement and return its whole answer, which is small."""
        self.check(statement)
        self._kept_as = None  # what it says may stay in the connection
        result = self._ask(_text(statement.sql), default_format)
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
            result = self._ask(sql + _text(statement.after_format), added=added)
        except ClickHouseError as error:
            if error.code != SYNTAX_ERROR:
                raise
            # Ask as the client wrote it, so that the error speaks of the client's text alone.
            result = self._ask(_text(statement.sql), default_format)
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
        self._count(self._ask(sql))

    def begin_insert(self, statement: Statement) -> None:
        """Start an insert; its data follows by `append` and `finish_insert`."""
        if self._around.placeholders:
            # The engine takes none with the data of an insert: they are set, and stay.
            self._kept_as = None
            change(self._open(), {f"param_{k}": v for k, v in self._around.placeholders.items()})
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
        self._inserter = None
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
        """Cancel what is open; give the connection back to whom it is from, or close it.

        It is kept for others after a query or an insert that went well. A SELECT leaves nothing in
        a connection, and every setting and table of a request is part of what it is taken for.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if self._inserter is not None:
                self._kept_as = None
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
        if self._kept_as is not None:
            self._connections.give_back(self._kept_as, connection)
        else:
            connection.close()


def _text(sql: bytes) -> str:
    """SQL as chDB takes it. Raises code 62 for bytes that are no UTF-8."""
    try:
        return sql.decode()
    except UnicodeDecodeError as error:
        raise ClickHouseError(
            SYNTAX_ERROR, f"Syntax error: the query is not UTF-8: {error}", "SYNTAX_ERROR"
        ) from error


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
        values[name] = quoted(unescaped(value)) if changed == "1" else "DEFAULT"
    return values
