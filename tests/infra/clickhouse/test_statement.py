"""How a request's query is read: where data begins, which format, how many statements."""

import time

import pytest

from infra.clickhouse.errors import ClickHouseError
from infra.clickhouse.statement import Kind, parse


@pytest.mark.parametrize(
    ("query", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1,2", b"1,2"),
        (b"INSERT INTO t FORMAT CSV 1,2", b"1,2"),
        (b"insert into t (a) format CSV\r\n1,2", b"1,2"),
        (b"INSERT INTO t FORMAT TSV\n\n\tx", b"\n\tx"),
        (b"-- a comment\nINSERT INTO t FORMAT Native\n\x00\xff;'", b"\x00\xff;'"),
        (b"INSERT INTO t (a, b) VALUES (1, 'x'), (2, ';')", b" (1, 'x'), (2, ';')"),
        (b"INSERT INTO t SETTINGS async_insert = 0 FORMAT CSV\n1", b"1"),
        (b"INSERT INTO `format CSV` FORMAT CSV\n1", b"1"),
        (b"INSERT INTO t FORMAT Values (1)", b"(1)"),
    ],
)
def test_the_data_of_an_insert_begins_where_a_server_sees_it_begin(
    query: bytes, data: bytes
) -> None:
    statement = parse(query)
    assert statement.kind is Kind.INSERT_DATA
    assert query[statement.data_start :] == data


@pytest.mark.parametrize(
    ("query", "output_format", "around"),
    [
        (b"SELECT 1", None, (b"SELECT 1", b"")),
        (b"SELECT 1 FORMAT JSON", "JSON", (b"SELECT 1 ", b"")),
        (b"SELECT 1 format JSON ; ", "JSON", (b"SELECT 1 ", b"")),
        (
            b"SELECT 1 FORMAT JSON SETTINGS max_threads = 1",
            "JSON",
            (b"SELECT 1 ", b" SETTINGS max_threads = 1"),
        ),
        (b"SELECT 'FORMAT CSV'", None, (b"SELECT 'FORMAT CSV'", b"")),
        (b"SELECT 1 -- FORMAT CSV", None, (b"SELECT 1", b"")),
        (b"SELECT (SELECT 1 AS format) AS x", None, (b"SELECT (SELECT 1 AS format) AS x", b"")),
    ],
)
def test_the_format_clause_of_a_query_is_found_at_its_end(
    query: bytes, output_format: str | None, around: tuple[bytes, bytes]
) -> None:
    statement = parse(query)
    assert statement.kind is Kind.SELECT
    assert statement.output_format == output_format
    assert (statement.before_format, statement.after_format) == around


@pytest.mark.parametrize(
    "query",
    [
        b"SELECT 1; SELECT 2",
        b"SELECT 1;;DROP TABLE t",
        b"SELECT ';' ; /* ; */ SELECT 2",
        b"DROP TABLE a; DROP TABLE b",
    ],
)
def test_a_second_statement_is_refused(query: bytes) -> None:
    with pytest.raises(ClickHouseError, match="Multi-statements") as caught:
        parse(query)
    assert caught.value.code == 62


@pytest.mark.parametrize(
    "query", [b"SELECT ';'", b"SELECT 1;", b"SELECT 1 ; -- ; done", b"SELECT $$;$$, `;`"]
)
def test_a_semicolon_in_a_text_or_at_the_end_is_no_second_statement(query: bytes) -> None:
    assert parse(query).kind is Kind.SELECT


@pytest.mark.parametrize(
    "query",
    [
        b"SELECT * FROM python(x)",
        b"SELECT * FROM Python (x)",
        b"SELECT * FROM `python`(x)",
        b'SELECT * FROM "pyth\\x6fn"(x)',
        b"SELECT * FROM python/* ( */(x)",
        b"SELECT * FROM python\xc2\xa0(x)",
        b"SELECT * FROM python -- (\n (x)",
        b"SELECT * FROM \xe2\x80\x9cpython\xe2\x80\x9d(x)",
        b"SELECT \xe2\x80\x98'\xe2\x80\x99, * FROM python(x), (SELECT '')",
        b"SELECT $q$'$q$, * FROM python(x)",
        b"SELECT 'it''s', '\\'', * FROM python(x)",
        b"SELECT 1 # '\n, * FROM python(x)",
    ],
)
def test_a_called_name_is_seen_however_it_is_written(query: bytes) -> None:
    assert "python" in parse(query).mentions.called


@pytest.mark.parametrize(
    "query",
    [
        b"SELECT 'python(x)'",
        b"SELECT 1 -- python(x)",
        b"SELECT 1 /* python(x) */",
        b"SELECT python",
    ],
)
def test_a_name_in_a_text_or_a_comment_is_not_called(query: bytes) -> None:
    assert "python" not in parse(query).mentions.called


def test_an_insert_from_input_knows_the_structure_of_its_data() -> None:
    statement = parse(b"INSERT INTO t SELECT a + 1 FROM input('a UInt8, b String') FORMAT CSV\n1,x")
    start, end = statement.input_span
    assert statement.kind is Kind.INSERT_INPUT
    assert statement.sql[start:end] == b"input('a UInt8, b String')"
    assert statement.input_structure == b"'a UInt8, b String'"


def test_a_long_list_of_keys_is_read_in_no_time() -> None:
    keys = ",".join(f"'{number:032x}'" for number in range(100_000))
    numbers = ", ".join(map(str, range(100_000)))
    query = f"SELECT * FROM t WHERE k IN ({keys}) AND n IN ({numbers}) FORMAT Native".encode()
    begun = time.process_time()
    assert parse(query).output_format == "Native"
    assert time.process_time() - begun < 0.5


def test_a_query_of_dollar_signs_does_not_hold_the_server_up() -> None:
    query = b"SELECT " + b"".join(b"$%d " % number for number in range(200_000))
    begun = time.process_time()
    with pytest.raises(ClickHouseError, match="dollar"):
        parse(query)
    assert time.process_time() - begun < 0.5
