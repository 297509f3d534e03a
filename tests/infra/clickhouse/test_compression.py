"""Compressed bodies both ways, above 65,536 rows: no frame after the first may be lost."""

import gzip
import zlib
from collections.abc import Callable

import clickhouse_connect
import cramjam
import httpx
import lz4.frame
import pytest
import zstandard
from clickhouse_connect.driver.client import Client

from tests.infra.clickhouse.server_process import ServerProcess

ROWS = 200_000
BODY = "".join(f"{number}\n" for number in range(ROWS)).encode()
FRAMES = [BODY[start : start + 100_000] for start in range(0, len(BODY), 100_000)]

PACK: dict[str, Callable[[bytes], bytes]] = {
    "lz4": lz4.frame.compress,
    "zstd": zstandard.compress,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "lz4": lz4.frame.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": lambda data: bytes(cramjam.brotli.decompress(data)),
}


@pytest.fixture
def table(http: httpx.Client, database: str) -> str:
    """An empty table of one number."""
    name = f"`{database}`.t"
    http.post("/", content=f"CREATE TABLE {name} (a UInt64) ENGINE MergeTree ORDER BY a")
    return name


def insert(http: httpx.Client, table: str, data: bytes, encoding: str) -> httpx.Response:
    return http.post(
        "/",
        params={"query": f"INSERT INTO {table} FORMAT CSV"},
        content=data,
        headers={"Content-Encoding": encoding},
    )


def stored(http: httpx.Client, table: str) -> str:
    return http.post("/", content=f"SELECT count(), sum(a), uniqExact(a) FROM {table}").text


ALL = f"{ROWS}\t{ROWS * (ROWS - 1) // 2}\t{ROWS}\n"


@pytest.mark.parametrize("encoding", PACK)
def test_every_frame_of_a_body_is_inserted(http: httpx.Client, table: str, encoding: str) -> None:
    packed = b"".join(PACK[encoding](frame) for frame in FRAMES)
    assert insert(http, table, packed, encoding).status_code == 200
    assert stored(http, table) == ALL


@pytest.mark.parametrize("encoding", PACK)
def test_one_long_frame_is_inserted_whole(http: httpx.Client, table: str, encoding: str) -> None:
    assert insert(http, table, PACK[encoding](BODY), encoding).status_code == 200
    assert stored(http, table) == ALL


@pytest.mark.parametrize("encoding", PACK)
def test_a_query_and_its_data_may_be_compressed_together(
    http: httpx.Client, table: str, encoding: str
) -> None:
    query = f"INSERT INTO {table} FORMAT CSV\n".encode()
    packed = PACK[encoding](query) + b"".join(PACK[encoding](frame) for frame in FRAMES)
    answer = http.post("/", content=packed, headers={"Content-Encoding": encoding})
    assert answer.status_code == 200
    assert stored(http, table) == ALL


@pytest.mark.parametrize("encoding", PACK)
def test_a_body_that_ends_within_a_frame_inserts_nothing(
    http: httpx.Client, table: str, encoding: str
) -> None:
    answer = insert(http, table, PACK[encoding](BODY)[:-20], encoding)
    assert answer.status_code == 400
    assert f"Cannot decompress the {encoding} request body" in answer.text
    assert stored(http, table) == "0\t0\t0\n"


@pytest.mark.parametrize("encoding", PACK)
def test_a_body_that_is_not_what_it_says_is_told(
    http: httpx.Client, table: str, encoding: str
) -> None:
    answer = insert(http, table, b"not compressed at all" * 20, encoding)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "36")


@pytest.mark.parametrize("encoding", ["rot13", "br"])
def test_an_unknown_compression_is_told(http: httpx.Client, table: str, encoding: str) -> None:
    answer = insert(http, table, BODY, encoding)
    assert answer.headers["X-ClickHouse-Exception-Code"] == "89"


@pytest.mark.parametrize("rows", [0, 1, ROWS, 2_000_000])
@pytest.mark.parametrize("encoding", UNPACK)
def test_an_answer_is_compressed_as_asked(asks: httpx.Client, encoding: str, rows: int) -> None:
    query = f"SELECT number FROM numbers({rows})"
    headers = {"Accept-Encoding": encoding}
    with asks.stream("POST", "/", content=query, headers=headers) as answer:
        packed = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == encoding
    numbers = UNPACK[encoding](packed).split()
    assert len(numbers) == rows
    assert numbers[-1:] == ([str(rows - 1).encode()] if rows else [])


def test_an_answer_stays_plain_if_the_client_says_so(http: httpx.Client) -> None:
    plain = http.post("/", content="SELECT 1", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    off = http.post("/", content="SELECT 1", params={"enable_http_compression": "0"})
    assert "Content-Encoding" not in off.headers


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip", False])
def test_clickhouse_connect_writes_and_reads_with_every_codec(
    server: ServerProcess, writer: Client, database: str, encoding: str | bool
) -> None:
    writer.command("CREATE TABLE t (a UInt64, b String) ENGINE MergeTree ORDER BY a")
    with clickhouse_connect.get_client(
        host="127.0.0.1",
        port=server.port,
        username="writer",
        password="writer",
        database=database,
        compress=encoding,
    ) as client:
        columns = [list(range(ROWS)), [str(number) for number in range(ROWS)]]
        client.insert("t", columns, column_names=["a", "b"], column_oriented=True)
        rows = client.query("SELECT a, b FROM t ORDER BY a").result_columns
    assert [list(column) for column in rows] == columns
