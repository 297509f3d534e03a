"""The clients that the product uses work through the server as through a server of ClickHouse."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import cast

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.cc_sqlalchemy import final
from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import String as ClickHouseString
from clickhouse_connect.cc_sqlalchemy.datatypes.sqltypes import UInt64
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.summary import QuerySummary
from sqlalchemy import Column, MetaData, Table, create_engine, inspect, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from tests.infra.clickhouse.server_process import ServerProcess
from tests.infra.clickhouse.test_errors import FAILS_LATE
from tests.infra.clickhouse.test_inserts import arrow_stream

NUMBERS = "SELECT number FROM numbers(200000)"
TABLE = "CREATE TABLE lines (a UInt64, b String) ENGINE ReplacingMergeTree ORDER BY a"


def test_rows_that_the_writer_inserts_are_what_the_reader_reads(
    writer: Client, reader: Client
) -> None:
    writer.command(TABLE)
    writer.insert("lines", [[1, "x"], [2, "y"]], column_names=["a", "b"])
    assert reader.query("SELECT * FROM lines FINAL ORDER BY a").result_rows == [(1, "x"), (2, "y")]


def test_an_arrow_stream_is_inserted_whole(writer: Client, reader: Client) -> None:
    writer.command(TABLE)
    table = pa.table({"a": range(100_000), "b": ["text"] * 100_000})
    summary = writer.raw_insert(
        "lines", column_names=["a", "b"], insert_block=arrow_stream(table), fmt="ArrowStream"
    )
    assert summary.written_rows == 100_000
    answer = reader.query_arrow("SELECT a, b FROM lines FINAL ORDER BY a")
    assert answer.num_rows == 100_000
    assert answer.column("a").to_pylist() == list(range(100_000))


def test_an_unknown_table_is_told_with_its_code(reader: Client) -> None:
    with pytest.raises(DatabaseError, match=r"Code: 60\. .*\(UNKNOWN_TABLE\) \(version "):
        reader.query("SELECT * FROM nope")


def test_a_row_that_comes_again_with_a_later_version_replaces_the_first(
    writer: Client, reader: Client
) -> None:
    writer.command(
        "CREATE TABLE states (key String, value Int64, offset UInt64) "
        "ENGINE ReplacingMergeTree(offset) ORDER BY key"
    )
    writer.command("CREATE VIEW present AS SELECT key, value FROM states FINAL")
    for offset, value in ((1, 10), (3, 30), (2, 20)):
        rows = pa.table({"key": ["k"], "value": [value], "offset": pa.array([offset], pa.uint64())})
        writer.insert_arrow("states", rows)
    assert reader.query("SELECT value FROM states FINAL").result_rows == [(30,)]
    assert reader.query_arrow("SELECT * FROM present").to_pylist() == [{"key": "k", "value": 30}]


def test_a_view_moves_to_another_table_in_one_step(writer: Client, reader: Client) -> None:
    for generation in (1, 2):
        writer.command(f"CREATE TABLE t{generation} (a UInt64) ENGINE MergeTree ORDER BY a")
        writer.insert(f"t{generation}", [[generation]], column_names=["a"])
    writer.command("CREATE VIEW t AS SELECT * FROM t1")
    writer.command("CREATE OR REPLACE VIEW t AS SELECT * FROM t2")
    assert reader.query("SELECT a FROM t").result_rows == [(2,)]
    writer.command("EXCHANGE TABLES t1 AND t2")
    assert reader.query("SELECT a FROM t").result_rows == [(1,)]


def test_many_keys_are_looked_up_with_a_raised_max_query_size(writer: Client) -> None:
    writer.command("CREATE TABLE keys (k FixedString(16)) ENGINE MergeTree ORDER BY k")
    keys = [number.to_bytes(16, "big") for number in range(40_000)]
    rows = pa.table({"k": pa.array(keys, pa.binary(16))})
    writer.raw_insert("keys", ["k"], arrow_stream(rows), fmt="ArrowStream")
    wanted = ",".join(f"'{key.hex().upper()}'" for key in keys[::2])
    answer = writer.query(
        f"SELECT count() FROM keys WHERE hex(k) IN ({wanted})",
        settings={"max_query_size": 10_000_000},
    )
    assert answer.result_rows == [(20_000,)]


def test_a_reader_may_bind_values_of_many_types(reader: Client) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5)
    answer = reader.query(
        "SELECT {a:Array(String)}, {b:DateTime}, {c:Nullable(String)}, {d:Decimal(9, 2)}",
        parameters={"a": ["it's", "a\tb", "\\"], "b": moment, "c": None, "d": "1.25"},
    )
    assert answer.result_rows == [(["it's", "a\tb", "\\"], moment, None, Decimal("1.25"))]


def test_a_command_tells_a_value_or_what_it_did(writer: Client) -> None:
    assert writer.command("SELECT 1 + 1") == 2
    assert writer.command("SELECT 1 WHERE 0") == ""
    done = writer.command("CREATE TABLE t (a UInt8) ENGINE Log")
    assert isinstance(done, QuerySummary)
    assert done.query_id()


def test_a_query_tells_what_it_read(reader: Client) -> None:
    answer = reader.query("SELECT number FROM numbers(1000)", settings={"query_id": "counted"})
    assert answer.query_id == "counted"
    assert (answer.summary["read_rows"], answer.summary["result_rows"]) == ("1000", "1000")


def test_a_query_of_no_rows_knows_its_columns(reader: Client) -> None:
    answer = reader.query("SELECT 1 AS a, 'x' AS b LIMIT 0")
    assert (answer.column_names, answer.result_rows) == (("a", "b"), [])


async def read_all(client: AsyncClient, query: str) -> None:
    async with await client.query_rows_stream(query) as stream:
        async for _row in stream:
            pass


async def test_the_asynchronous_client_writes_and_reads(
    server: ServerProcess, database: str
) -> None:
    client = await clickhouse_connect.get_async_client(
        host="127.0.0.1",
        port=server.port,
        username="writer",
        password="writer",
        database=database,
    )
    try:
        await client.command(TABLE)
        await client.insert("lines", [[1, "x"]], column_names=["a", "b"])
        assert (await client.query("SELECT * FROM lines")).result_rows == [(1, "x")]
        with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
            await client.query("SELECT * FROM nope")
        total = 0
        async with await client.query_column_block_stream(NUMBERS) as stream:
            async for block in stream:
                total += sum(cast(list[list[int]], block)[0])
        assert total == 200_000 * 199_999 // 2
        with pytest.raises(StreamFailureError, match="too late"):
            await read_all(client, FAILS_LATE)
    finally:
        await client.close()


@pytest.fixture
def engine(server: ServerProcess, database: str) -> Iterator[Engine]:
    """SQLAlchemy's engine as the writer, in the test's database."""
    made = create_engine(f"clickhousedb://writer:writer@127.0.0.1:{server.port}/{database}")
    yield made
    made.dispose()


def test_sqlalchemy_reads_with_bound_values(
    server: ServerProcess, writer: Client, database: str
) -> None:
    writer.command(TABLE)
    writer.insert("lines", [[1, "x"], [2, "it's"]], column_names=["a", "b"])
    reading = create_engine(f"clickhousedb://reader:reader@127.0.0.1:{server.port}/{database}")
    with reading.connect() as connection:
        rows = connection.execute(text("SELECT a FROM lines WHERE b = :b"), {"b": "it's"}).all()
        assert rows == [(2,)]
        with pytest.raises(SQLAlchemyError, match="READONLY"):
            connection.execute(text("DROP TABLE lines"))
    reading.dispose()


def test_sqlalchemy_makes_fills_describes_and_reads_a_table(engine: Engine) -> None:
    table = Table(
        "lines",
        MetaData(),
        Column("a", UInt64, primary_key=True),
        Column("b", ClickHouseString, comment="what it is"),
    )
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE lines (a UInt64, b String COMMENT 'what it is') "
                "ENGINE ReplacingMergeTree ORDER BY a"
            )
        )
        connection.execute(table.insert(), [{"a": 1, "b": "old"}, {"a": 2, "b": "y"}])
        connection.execute(table.insert(), [{"a": 1, "b": "new"}])
        rows = connection.execute(final(select(table)).order_by(table.c.a)).all()
    assert rows == [(1, "new"), (2, "y")]
    columns = inspect(engine).get_columns("lines")
    assert [column["name"] for column in columns] == ["a", "b"]
    assert "lines" in inspect(engine).get_table_names()
