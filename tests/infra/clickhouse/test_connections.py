"""Requests share connections one after the other, and none sees what another left behind."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from infra.clickhouse.connections import KEPT_MAX

SIZE = "SELECT getSetting('max_block_size')"


def test_a_placeholder_is_of_its_request_alone(http: httpx.Client) -> None:
    asked = "SELECT {x:UInt8}"
    assert http.post("/", content=asked, params={"param_x": "7"}).text == "7\n"
    without = http.post("/", content=asked)
    assert without.headers["X-ClickHouse-Exception-Code"] == "456"
    assert http.post("/", content=asked, params={"param_x": "8"}).text == "8\n"


def test_a_setting_is_of_its_request_alone(http: httpx.Client) -> None:
    usual = http.post("/", content=SIZE).text
    assert http.post("/", content=SIZE, params={"max_block_size": "11"}).text == "11\n"
    assert http.post("/", content=SIZE).text == usual
    assert http.post("/", content=f"{SIZE} SETTINGS max_block_size = 12").text == "12\n"
    assert http.post("/", content=SIZE).text == usual


@pytest.mark.parametrize(
    ("left", "asked"),
    [
        ("SET max_block_size = 13", SIZE),
        ("USE system", "SELECT currentDatabase()"),
        ("CREATE TEMPORARY TABLE left_behind (a UInt8)", "EXISTS TEMPORARY TABLE left_behind"),
        ("SELECT throwIf(1)", SIZE),
        ("INSERT INTO nowhere FORMAT CSV\n1\n", SIZE),
    ],
)
def test_without_a_session_nothing_is_left_behind(
    http: httpx.Client, left: str, asked: str
) -> None:
    before = http.post("/", content=asked).text
    http.post("/", content=left)
    assert http.post("/", content=asked).text == before


def test_the_reader_gets_no_connection_of_the_writer(http: httpx.Client) -> None:
    for _ in range(3):
        assert http.post("/", content="SELECT getSetting('readonly')").text == "0\n"
        asked = http.post("/", content="SELECT getSetting('readonly')", auth=("reader", "reader"))
        assert asked.text == "1\n"


def test_a_table_that_comes_with_a_request_is_gone_with_it(http: httpx.Client) -> None:
    files = {"numbers": ("numbers", b"1\n2\n")}
    asked = {"query": "SELECT sum(a) FROM numbers", "numbers_structure": "a UInt8"}
    for _ in range(2):
        for auth in (None, ("reader", "reader")):
            answer = http.post("/", params=asked, files=files, auth=auth or ("writer", "writer"))
            assert answer.text == "3\n"
        assert http.post("/", content="SELECT sum(a) FROM numbers").status_code == 404


def test_a_database_made_anew_is_the_one_that_is_asked(http: httpx.Client) -> None:
    name = f"anew_{uuid.uuid4().hex}"
    for value in ("1", "2"):
        http.post("/", content=f"CREATE DATABASE {name}")
        http.post("/", content=f"CREATE TABLE {name}.t ENGINE = Memory AS SELECT {value} AS a")
        assert http.post("/", params={"database": name}, content="FROM t").text == f"{value}\n"
        http.post("/", content=f"DROP DATABASE {name}")


def test_more_kinds_of_request_at_once_than_are_kept_are_all_answered(http: httpx.Client) -> None:
    def one(size: int) -> str:
        return http.post("/", content=SIZE, params={"max_block_size": str(size)}).text

    sizes = [100 + number % (2 * KEPT_MAX) for number in range(6 * KEPT_MAX)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, sizes)) == [f"{size}\n" for size in sizes]


def test_every_connection_begins_with_what_the_engine_is_set_to(http: httpx.Client) -> None:
    asked = (
        "SELECT name, value FROM system.settings WHERE name LIKE 'compile%expressions' AND changed"
    )
    told = "compile_aggregate_expressions\t0\ncompile_expressions\t0\n"
    for _ in range(2):  # new, then kept
        assert http.post("/", content=f"{asked} ORDER BY name").text == told
    assert (
        http.post(
            "/",
            content="SELECT getSetting('compile_expressions')",
            params={"compile_expressions": "1"},
        ).text
        == "true\n"
    )
