"""Inserts: formats, bodies in chunks, large and broken-off bodies, data read by a query."""

import http.client
import io
import json
import struct
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client

from tests.infra.clickhouse.server_process import ServerProcess, until


def arrow_stream(table: pa.Table, rows_per_batch: int | None = None) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=rows_per_batch)
    return sink.getvalue()


ARROW = arrow_stream(pa.table({"a": [1, 2], "b": ["x", "y;"]}))
BODIES = {
    "TabSeparated": b"1\tx\n2\ty;\n",
    "CSV": b'1,x\n2,"y;"\n',
    "CSVWithNames": b'"b","a"\nx,1\ny;,2\n',
    "JSONEachRow": b'{"a":1,"b":"x"}\n{"a":2,"b":"y;"}\n',
    "JSONCompactEachRow": b'[1,"x"]\n[2,"y;"]\n',
    "Values": b"(1, 'x'), (2, concat('y', ';'))",
    "RowBinary": struct.pack("<QB1sQB2s", 1, 1, b"x", 2, 2, b"y;"),
    "Native": b"\x02\x02\x01a\x06UInt64" + struct.pack("<QQ", 1, 2) + b"\x01b\x06String\x01x\x02y;",
    "ArrowStream": ARROW,
}


@pytest.fixture
def table(http: httpx.Client, database: str) -> str:
    """An empty table of a number and a text."""
    name = f"`{database}`.t"
    http.post("/", content=f"CREATE TABLE {name} (a UInt64, b String) ENGINE MergeTree ORDER BY a")
    return name


def rows(http: httpx.Client, table: str) -> str:
    return http.post("/", content=f"SELECT a, b FROM {table} ORDER BY a").text


@pytest.mark.parametrize("data_format", BODIES)
def test_data_behind_the_query_in_the_body(
    http: httpx.Client, table: str, data_format: str
) -> None:
    query = f"INSERT INTO {table} FORMAT {data_format}\n".encode()
    answer = http.post("/", content=query + BODIES[data_format])
    assert answer.status_code == 200, answer.text
    assert rows(http, table) == "1\tx\n2\ty;\n"


@pytest.mark.parametrize("data_format", BODIES)
def test_data_in_the_body_and_the_query_in_the_url(
    http: httpx.Client, table: str, data_format: str
) -> None:
    params = {"query": f"INSERT INTO {table} FORMAT {data_format}"}
    assert http.post("/", params=params, content=BODIES[data_format]).status_code == 200
    assert rows(http, table) == "1\tx\n2\ty;\n"


def _bytewise(data: bytes) -> Iterator[bytes]:
    for position in range(len(data)):
        yield data[position : position + 1]


@pytest.mark.parametrize("data_format", BODIES)
def test_a_body_may_come_in_chunks_of_any_size(
    http: httpx.Client, table: str, data_format: str
) -> None:
    query = f"INSERT INTO {table} FORMAT {data_format}\n".encode()
    answer = http.post("/", content=_bytewise(query + BODIES[data_format]))
    assert answer.status_code == 200, answer.text
    assert rows(http, table) == "1\tx\n2\ty;\n"


@pytest.mark.parametrize(
    "write", [lambda q: q, lambda q: q.lower(), lambda q: f"/* first */ {q}", lambda q: q + ";"]
)
def test_values_in_the_query_are_inserted(
    http: httpx.Client, table: str, write: Callable[[str], str]
) -> None:
    query = write(f"INSERT INTO {table} VALUES (1, 'x'), (1 + 1, 'y;')")
    assert http.post("/", content=query).status_code == 200
    assert rows(http, table) == "1\tx\n2\ty;\n"


def test_what_follows_the_values_is_no_statement(http: httpx.Client, table: str) -> None:
    http.post("/", content=f"INSERT INTO {table} VALUES (1, 'x'); DROP TABLE {table}")
    assert http.post("/", content=f"EXISTS TABLE {table}").text == "1\n"


def test_an_insert_may_read_a_query(http: httpx.Client, table: str) -> None:
    http.post("/", content=f"INSERT INTO {table} SELECT number, 'n' FROM numbers(2)")
    assert rows(http, table) == "0\tn\n1\tn\n"


@pytest.mark.parametrize("data_format", ["CSV", "ArrowStream", "JSONEachRow"])
def test_a_query_may_change_the_data_on_its_way_in(
    http: httpx.Client, table: str, data_format: str
) -> None:
    query = (
        f"INSERT INTO {table} SELECT a * 10, upper(b) FROM input('a UInt64, b String') "
        f"WHERE a > 1 FORMAT {data_format}\n"
    )
    answer = http.post("/", content=query.encode() + BODIES[data_format])
    assert answer.status_code == 200, answer.text
    assert rows(http, table) == "20\tY;\n"


def test_much_data_may_go_through_a_query(http: httpx.Client, table: str) -> None:
    params = {"query": f"INSERT INTO {table} SELECT a, 'n' FROM input('a UInt64') FORMAT CSV"}
    data = "".join(f"{number}\n" for number in range(500_000)).encode()
    assert http.post("/", params=params, content=_pieces(data)).status_code == 200
    assert http.post("/", content=f"SELECT count(), max(a) FROM {table}").text == "500000\t499999\n"


def test_an_error_in_data_that_goes_through_a_query_is_told(http: httpx.Client, table: str) -> None:
    params = {"query": f"INSERT INTO {table} SELECT a, 'n' FROM input('a UInt64') FORMAT CSV"}
    data = b"1\n" * 300_000 + b"x\n" + b"1\n" * 300_000
    answer = http.post("/", params=params, content=_pieces(data))
    assert answer.status_code == 400
    assert answer.headers["X-ClickHouse-Exception-Code"] in ("27", "117")
    assert "300001" in answer.text


def _pieces(data: bytes, size: int = 70_000) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("data_format", ["CSV", "JSONEachRow", "ArrowStream", "Native"])
def test_an_insert_without_rows_is_no_error(
    writer: Client, http: httpx.Client, table: str, data_format: str
) -> None:
    empty = arrow_stream(pa.table({"a": pa.array([], pa.uint64()), "b": pa.array([], pa.string())}))
    data = empty if data_format == "ArrowStream" else b""
    params = {"query": f"INSERT INTO {table} FORMAT {data_format}"}
    answer = http.post("/", params=params, content=data)
    assert answer.status_code == 200, answer.text
    assert rows(http, table) == ""


@pytest.mark.parametrize(
    ("data_format", "data"),
    [
        ("CSV", b"1,x\ny,2\n"),
        ("JSONEachRow", b'{"a":1}{"a":'),
        ("ArrowStream", ARROW[: len(ARROW) // 2]),
        ("Native", BODIES["Native"][:-2]),
        ("RowBinary", BODIES["RowBinary"][:-1]),
        ("Values", b"(1, 'x'), (2, "),
    ],
)
def test_broken_data_is_told_and_nothing_of_it_stays(
    http: httpx.Client, table: str, data_format: str, data: bytes
) -> None:
    answer = http.post(
        "/", params={"query": f"INSERT INTO {table} FORMAT {data_format}"}, content=data
    )
    assert answer.status_code in (400, 500)
    assert answer.headers["X-ClickHouse-Exception-Code"].isdigit()
    assert rows(http, table) == ""


@pytest.mark.parametrize("source", ["", "SELECT a, b FROM input('a UInt64, b String')"])
def test_a_client_that_goes_away_amid_its_data_leaves_nothing(
    server: ServerProcess, client: httpx.Client, table: str, source: str
) -> None:
    query_id = f"gone-{len(source)}"
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.putrequest("POST", f"/?query_id={query_id}")
        for name, value in WRITER.items():
            connection.putheader(name, value)
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        piece = f"INSERT INTO {table} {source} FORMAT CSV\n".encode() + b"1,x\n" * 200_000
        for _ in range(4):
            connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            piece = b"1,x\n" * 200_000
    until(lambda: f"{query_id}: the client went away" in server.log, "the insert has ended")
    assert rows(client, table) == ""


WRITER = {"X-ClickHouse-User": "writer", "X-ClickHouse-Key": "writer"}


def test_a_body_of_several_batches_becomes_one_part(http: httpx.Client, table: str) -> None:
    data = arrow_stream(pa.table({"a": range(300_000), "b": ["x"] * 300_000}), 10_000)
    http.post("/", params={"query": f"INSERT INTO {table} FORMAT ArrowStream"}, content=data)
    query = "SELECT rows FROM system.parts WHERE active AND database = {d:String}"
    database = table.split("`")[1]
    assert http.post("/", params={"param_d": database}, content=query).text == "300000\n"


def test_a_repeated_insert_with_the_same_token_is_there_once(
    http: httpx.Client, database: str
) -> None:
    where = {"database": database}
    settings = "SETTINGS non_replicated_deduplication_window = 100"
    create = f"CREATE TABLE t (a UInt64) ENGINE MergeTree ORDER BY a {settings}"
    http.post("/", params=where, content=create)
    for value in (1, 2):
        params = where | {"insert_deduplication_token": "once", "query": "INSERT INTO t FORMAT CSV"}
        http.post("/", params=params, content=f"{value}\n".encode())
    assert http.post("/", params=where, content="SELECT a FROM t").text == "1\n"


def test_a_large_body_is_not_held_in_memory(
    server: ServerProcess, http: httpx.Client, database: str
) -> None:
    where = {"database": database}
    http.post("/", params=where, content="CREATE TABLE t (a UInt64) ENGINE Null")
    before = server.memory_bytes()
    piece = b"1234567\n" * 125_000
    params = where | {"query": "INSERT INTO t FORMAT TSV"}
    answer = http.post("/", params=params, content=(piece for _ in range(300)))
    summary = json.loads(answer.headers["X-ClickHouse-Summary"])
    assert summary["written_rows"] == str(300 * 125_000)
    # The engine gathers a block of a million rows; the body is 300 MB.
    assert server.memory_peak_bytes() - before < 150_000_000


def test_arrow_texts_become_json(writer: Client) -> None:
    writer.command("CREATE TABLE t (j JSON) ENGINE MergeTree ORDER BY tuple()")
    data = arrow_stream(pa.table({"j": ['{"a": 1, "b": {"c": "x"}}', "{}"]}))
    writer.raw_insert("t", column_names=["j"], insert_block=data, fmt="ArrowStream")
    answer = writer.query("SELECT j.a::Nullable(Int64), j.b.c::Nullable(String) FROM t ORDER BY 1")
    assert answer.result_rows == [(1, "x"), (None, None)]


@pytest.mark.parametrize("kind", [pa.binary(16), pa.binary(), pa.large_binary()])
def test_arrow_bytes_become_a_fixed_string(writer: Client, kind: pa.DataType) -> None:
    writer.command("CREATE TABLE t (id FixedString(16)) ENGINE MergeTree ORDER BY id")
    data = arrow_stream(pa.table({"id": pa.array([bytes(range(16))], kind)}))
    writer.raw_insert("t", column_names=["id"], insert_block=data, fmt="ArrowStream")
    answer = writer.query("SELECT UUIDNumToString(id) FROM t").result_rows
    assert answer == [("00010203-0405-0607-0809-0a0b0c0d0e0f",)]


def test_arrow_timestamps_keep_their_microseconds(writer: Client) -> None:
    writer.command("CREATE TABLE t (at DateTime64(6, 'UTC')) ENGINE MergeTree ORDER BY at")
    data = arrow_stream(pa.table({"at": pa.array([1_700_000_000_123_456], pa.timestamp("us"))}))
    writer.raw_insert("t", column_names=["at"], insert_block=data, fmt="ArrowStream")
    answer = writer.query("SELECT toUnixTimestamp64Micro(at) FROM t").result_rows
    assert answer == [(1_700_000_000_123_456,)]
