"""Sessions: settings and temporary tables that outlast a request, for one request at a time."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from tests.infra.clickhouse.server_process import running, until


@pytest.fixture
def session() -> dict[str, str]:
    """The parameters of a new session."""
    return {"session_id": str(uuid.uuid4())}


def test_a_temporary_table_lasts_as_long_as_the_session(
    http: httpx.Client, session: dict[str, str]
) -> None:
    http.post("/", params=session, content="CREATE TEMPORARY TABLE x (a UInt8)")
    http.post("/", params=session, content="INSERT INTO x VALUES (1)")
    http.post("/", params=session, content="INSERT INTO x FORMAT CSV\n2\n")
    assert http.post("/", params=session, content="SELECT sum(a) FROM x").text == "3\n"
    assert http.post("/", content="SELECT sum(a) FROM x").status_code == 404
    http.post("/", params=session | {"close_session": "1"}, content="SELECT 1")
    assert http.post("/", params=session, content="SELECT sum(a) FROM x").status_code == 404


def test_a_setting_lasts_and_one_in_the_url_does_not(
    http: httpx.Client, session: dict[str, str]
) -> None:
    query = "SELECT getSetting('max_block_size')"
    http.post("/", params=session, content="SET max_block_size = 11")
    assert http.post("/", params=session, content=query).text == "11\n"
    once = session | {"max_block_size": "22"}
    assert http.post("/", params=once, content=query).text == "22\n"
    assert http.post("/", params=session, content=query).text == "11\n"
    assert http.post("/", content=query).text not in ("11\n", "22\n")


def test_the_database_of_a_session_lasts(http: httpx.Client, session: dict[str, str]) -> None:
    http.post("/", params=session, content="USE system")
    assert http.post("/", params=session, content="SELECT currentDatabase()").text == "system\n"
    assert http.post("/", content="SELECT currentDatabase()").text == "workledger\n"


def test_the_reader_may_use_a_database_in_its_session(
    http: httpx.Client, session: dict[str, str]
) -> None:
    auth = ("reader", "reader")
    http.post("/", params=session, content="USE system", auth=auth)
    asked = http.post("/", params=session, content="SELECT currentDatabase()", auth=auth)
    assert asked.text == "system\n"


def test_a_session_belongs_to_one_user(http: httpx.Client, session: dict[str, str]) -> None:
    http.post("/", params=session, content="CREATE TEMPORARY TABLE x (a UInt8)")
    answer = http.post("/", params=session, content="SELECT * FROM x", auth=("reader", "reader"))
    assert answer.status_code == 404


def test_a_session_takes_one_request_at_a_time(http: httpx.Client, session: dict[str, str]) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(http.post, "/", params=session, content="SELECT sleep(1.5), 'slow one'")
        until(lambda: "slow one" in running(http), "the first request runs")
        answer = http.post("/", params=session, content="SELECT 1")
        assert answer.headers["X-ClickHouse-Exception-Code"] == "373"
        assert slow.result().status_code == 200
    assert http.post("/", params=session, content="SELECT 1").text == "1\n"


def test_a_session_that_must_exist_and_does_not_is_told(
    http: httpx.Client, session: dict[str, str]
) -> None:
    answer = http.post("/", params=session | {"session_check": "1"}, content="SELECT 1")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "372"


def test_a_session_ends_after_its_timeout(http: httpx.Client, session: dict[str, str]) -> None:
    brief = session | {"session_timeout": "0"}
    http.post("/", params=brief, content="CREATE TEMPORARY TABLE x (a UInt8)")
    assert http.post("/", params=brief, content="SELECT * FROM x").status_code == 404


@pytest.mark.parametrize("timeout", ["x", "-1", "100000"])
def test_a_timeout_that_no_session_can_have_is_told(
    http: httpx.Client, session: dict[str, str], timeout: str
) -> None:
    answer = http.post("/", params=session | {"session_timeout": timeout}, content="SELECT 1")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "374"


def test_an_error_leaves_the_session_usable(http: httpx.Client, session: dict[str, str]) -> None:
    http.post("/", params=session, content="CREATE TEMPORARY TABLE x (a UInt8)")
    for query in ("SELECT nope", "INSERT INTO x FORMAT CSV\nz\n", "INSERT INTO nope VALUES (1)"):
        assert http.post("/", params=session, content=query).status_code != 200
    assert http.post("/", params=session, content="SELECT count() FROM x").text == "0\n"


def test_clickhouse_connect_keeps_a_temporary_table(writer: Client) -> None:
    writer.command("CREATE TEMPORARY TABLE x (a UInt8)")
    writer.insert("x", [[1], [2]], column_names=["a"])
    assert writer.query("SELECT sum(a) FROM x").result_rows == [(3,)]
