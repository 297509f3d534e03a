"""Answers flow: they are not held, several run at once, and who goes away ends the query."""

import http.client
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client

from tests.infra.clickhouse.server_process import ServerProcess, running, until

READER = {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "reader"}
SLOW = "SELECT sum(sipHash64(number)) FROM numbers(100000000000)"


@pytest.fixture
def wire(server: ServerProcess) -> Iterator[http.client.HTTPConnection]:
    """A connection whose answer is read at the test's pace."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    yield connection
    connection.close()


@pytest.mark.parametrize("output_format", ["Native", "JSONEachRow", "JSON", "ArrowStream", "CSV"])
def test_a_large_answer_is_not_held_in_memory(
    server: ServerProcess, http: httpx.Client, output_format: str
) -> None:
    rows = "SELECT number, leftPad(toString(number), 100, '0') AS text FROM numbers(4e6)"
    as_it_is = {"output_format_arrow_compression_method": "none"}
    before = server.memory_bytes()
    size = 0
    with http.stream(
        "POST",
        "/",
        content=f"{rows} FORMAT {output_format}",
        params=as_it_is,
        headers={"Accept-Encoding": "identity"},
    ) as answer:
        for piece in answer.iter_raw():
            size += len(piece)
    assert size > 400 << 20
    assert server.memory_peak_bytes() - before < size // 2


def test_an_answer_begins_before_the_query_ends(wire: http.client.HTTPConnection) -> None:
    wire.request("POST", "/?max_block_size=65536", "SELECT * FROM numbers(1e18)", READER)
    answer = wire.getresponse()
    assert answer.read(20) == b"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"


def test_an_arrow_stream_of_many_blocks_is_one_stream(reader: Client) -> None:
    body = reader.raw_query("SELECT number FROM numbers(300000)", fmt="ArrowStream")
    with pa.ipc.open_stream(io.BytesIO(body)) as stream:
        table = stream.read_all()
    assert table.column("number").to_pylist() == list(range(300_000))


def test_clickhouse_connect_streams_blocks(reader: Client) -> None:
    total = 0
    with reader.query_column_block_stream("SELECT number FROM numbers(1000000)") as stream:
        for block in stream:
            total += sum(block[0])
    assert total == 1_000_000 * 999_999 // 2


def test_a_short_query_does_not_wait_for_a_long_one(asks: httpx.Client, http: httpx.Client) -> None:
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(asks.post, "/", content=SLOW)
        until(lambda: SLOW in running(http), "the long query runs")
        assert http.post("/", content="SELECT 1").text == "1\n"
        assert not long.done()
        http.post(
            "/", content="KILL QUERY WHERE query LIKE '%sipHash64%' AND query NOT LIKE 'KILL%'"
        )
        assert long.result().headers["X-ClickHouse-Exception-Code"] == "394"


def test_many_queries_at_once_get_their_own_answers(server: ServerProcess) -> None:
    def ask(number: int) -> str:
        with server.client("reader") as client:
            return client.post("/", content=f"SELECT {number}").text

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(ask, range(120)))
    assert answers == [f"{number}\n" for number in range(120)]


def test_each_query_has_its_own_database_and_settings(http: httpx.Client) -> None:
    def ask(number: int) -> tuple[str, str]:
        database = ("system", "workledger")[number % 2]
        params = {"database": database, "max_block_size": str(number + 1)}
        query = "SELECT currentDatabase(), getSetting('max_block_size')"
        return http.post("/", content=query, params=params).text, f"{database}\t{number + 1}\n"

    with ThreadPoolExecutor(8) as pool:
        for got, wanted in pool.map(ask, range(40)):
            assert got == wanted


def test_readers_who_do_not_read_on_do_not_hold_up_the_writer(
    server: ServerProcess, http: httpx.Client, database: str
) -> None:
    lazy = [http_client(server) for _ in range(40)]
    for connection in lazy:
        connection.request("POST", "/", "SELECT * FROM numbers(1e18)", READER)
    where = {"database": database}
    http.post("/", params=where, content="CREATE TABLE t (a UInt8) ENGINE Log")
    assert http.post("/", params=where, content="INSERT INTO t VALUES (1)").status_code == 200
    assert http.post("/", params=where, content="SELECT a FROM t").text == "1\n"
    for connection in lazy:
        connection.close()
    until(lambda: "numbers(1e18)" not in running(http), "the queries of those who left end")


def http_client(server: ServerProcess) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)


@pytest.mark.parametrize("query", [SLOW, "SELECT * FROM numbers(1e18)"])
def test_a_client_that_goes_away_ends_its_query(
    wire: http.client.HTTPConnection, http: httpx.Client, query: str
) -> None:
    wire.request("POST", "/", query, READER)
    until(lambda: query in running(http), "the query runs")
    wire.close()
    until(lambda: query not in running(http), "the query has ended")
