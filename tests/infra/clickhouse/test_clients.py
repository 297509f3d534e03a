"""The clients that the product uses work through the server as through a server of ClickHouse."""

import io

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from sqlalchemy import create_engine, text

from tests.infra.clickhouse.server_process import ServerProcess

TABLE = "CREATE TABLE lines (a UInt64, b String) ENGINE ReplacingMergeTree ORDER BY a"


def arrow_stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


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
    finally:
        await client.close()


def test_sqlalchemy_reads_with_bound_values(
    server: ServerProcess, writer: Client, database: str
) -> None:
    writer.command(TABLE)
    writer.insert("lines", [[1, "x"], [2, "it's"]], column_names=["a", "b"])
    engine = create_engine(f"clickhousedb://reader:reader@127.0.0.1:{server.port}/{database}")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT a FROM lines WHERE b = :b"), {"b": "it's"}).all()
    assert rows == [(2,)]
    engine.dispose()
