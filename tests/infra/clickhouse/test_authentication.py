"""Who may ask: the three ways to say a name and a password, and how a wrong one is told."""

from collections.abc import Iterator

import httpx
import pytest

from tests.infra.clickhouse.server_process import ServerProcess

HEADERS = {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "reader"}


@pytest.fixture(scope="module")
def anybody(server: ServerProcess) -> Iterator[httpx.Client]:
    """Plain HTTP without an account."""
    with server.client(None) as client:
        yield client


def test_the_account_may_stand_in_the_url(anybody: httpx.Client) -> None:
    params = {"query": "SELECT 1", "user": "reader", "password": "reader"}
    assert anybody.get("/", params=params).text == "1\n"


def test_the_account_may_stand_in_headers(anybody: httpx.Client) -> None:
    assert anybody.post("/", content="SELECT 1", headers=HEADERS).text == "1\n"


def test_the_account_may_come_as_basic_authorization(anybody: httpx.Client) -> None:
    assert anybody.post("/", content="SELECT 1", auth=("reader", "reader")).text == "1\n"


@pytest.mark.parametrize("auth", [("reader", "wrong"), ("nobody", ""), ("writer", ""), None])
def test_a_wrong_account_is_refused_with_code_516(
    anybody: httpx.Client, auth: tuple[str, str] | None
) -> None:
    answer = anybody.post("/", content="SELECT 1", auth=auth or httpx.USE_CLIENT_DEFAULT)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    name = auth[0] if auth else "default"
    assert answer.text.startswith(f"Code: 516. DB::Exception: {name}: Authentication failed")
    assert "(AUTHENTICATION_FAILED)" in answer.text


@pytest.mark.parametrize("authorization", ["Bearer abc", "Basic %%%", "Basic"])
def test_an_authorization_that_cannot_be_read_is_refused(
    anybody: httpx.Client, authorization: str
) -> None:
    answer = anybody.post("/", content="SELECT 1", headers={"Authorization": authorization})
    assert answer.headers["X-ClickHouse-Exception-Code"] == "516"


def test_two_ways_at_once_are_refused(anybody: httpx.Client) -> None:
    answer = anybody.post("/", content="SELECT 1", headers=HEADERS, auth=("writer", "writer"))
    assert answer.headers["X-ClickHouse-Exception-Code"] == "516"
