"""Errors: the code, the name, the status and the text that a server gives, and in mid-stream."""

import http.client
import re

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.infra.clickhouse.server_process import ServerProcess

FAILS_LATE = "SELECT throwIf(number = 3000000, 'too late') FROM numbers(4000000)"


@pytest.mark.parametrize(
    ("query", "status", "code", "name"),
    [
        ("SELECT * FROM nope", 404, 60, "UNKNOWN_TABLE"),
        ("SELECT nope", 404, 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT nope()", 404, 46, "UNKNOWN_FUNCTION"),
        ("SELEC 1 2", 400, 62, "SYNTAX_ERROR"),
        ("", 400, 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", 400, 62, "SYNTAX_ERROR"),
        ("SELECT * FROM nowhere.t", 404, 81, "UNKNOWN_DATABASE"),
        ("SELECT 1 FORMAT Nope", 404, 73, "UNKNOWN_FORMAT"),
        ("SELECT throwIf(1)", 500, 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("SELECT toDate('x')", 400, 38, "CANNOT_PARSE_DATE"),
        ("SELECT 1 INTO OUTFILE 'x'", 500, 358, "INTO_OUTFILE_NOT_ALLOWED"),
        ("INSERT INTO nope FORMAT CSV\n1", 404, 60, "UNKNOWN_TABLE"),
        ("INSERT INTO nope VALUES (1)", 404, 60, "UNKNOWN_TABLE"),
        ("INSERT INTO t FROM INFILE '/etc/hosts' FORMAT CSV", 404, 78, "UNKNOWN_TYPE_OF_QUERY"),
        ("SELECT * FROM python(x)", 404, 46, "UNKNOWN_FUNCTION"),
    ],
)
def test_an_error_has_the_servers_code_status_and_text(
    http: httpx.Client, query: str, status: int, code: int, name: str
) -> None:
    answer = http.post("/", content=query)
    assert answer.headers["X-ClickHouse-Exception-Code"] == str(code)
    assert answer.status_code == status
    text = rf"Code: {code}\. DB::Exception: .*\({name}\) \(version [\d.]+ \(official build\)\)\n"
    assert re.fullmatch(text, answer.text, re.DOTALL)


def test_an_error_tells_nothing_of_how_the_query_was_run(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1 FROM system.one WHERE FORMAT JSON")
    assert answer.status_code == 400
    assert "failed at position 39 (JSON): JSON." in answer.text
    assert "OUTFILE '" not in answer.text
    assert "/dev/fd" not in answer.text


def test_a_query_over_its_time_is_ended(http: httpx.Client) -> None:
    query = "SELECT sum(sipHash64(number)) FROM numbers(100000000000)"
    answer = http.post("/", content=query, params={"max_execution_time": "0.2"})
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (408, "159")


def test_an_error_amid_the_rows_is_appended_with_the_tag_and_breaks_the_answer_off(
    server: ServerProcess,
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "reader"}
    connection.request("POST", "/", FAILS_LATE, headers)
    answer = connection.getresponse()
    tag = answer.headers["X-ClickHouse-Exception-Tag"]
    with pytest.raises(http.client.IncompleteRead) as broken:
        answer.read()
    body = broken.value.partial
    assert answer.status == 200
    assert body.endswith(f" {tag}\r\n__exception__\r\n".encode())
    assert f"\r\n__exception__\r\n{tag}\r\nCode: 395. DB::Exception: ".encode() in body
    connection.close()


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", None])
def test_clickhouse_connect_notices_an_error_amid_the_rows(
    server: ServerProcess, reader: Client, compress: str | None
) -> None:
    reader.compression = compress
    with (
        pytest.raises(StreamFailureError, match="too late"),
        reader.query_row_block_stream(FAILS_LATE) as stream,
    ):
        for _block in stream:
            pass


def test_who_waits_for_the_end_of_the_query_gets_a_plain_error(http: httpx.Client) -> None:
    answer = http.post("/", content=FAILS_LATE, params={"wait_end_of_query": "1"})
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (500, "395")
    assert answer.text.startswith("Code: 395.")


def test_clickhouse_connect_raises_what_the_server_says(reader: Client) -> None:
    with pytest.raises(DatabaseError, match=r"Code: 47\. .*UNKNOWN_IDENTIFIER"):
        reader.query("SELECT nope")
    with pytest.raises(DatabaseError, match="too late"):
        reader.query(FAILS_LATE)


def test_the_server_goes_on_after_errors(http: httpx.Client) -> None:
    for _ in range(20):
        http.post("/", content="SELECT * FROM nope")
    assert http.post("/", content="SELECT 1").text == "1\n"
