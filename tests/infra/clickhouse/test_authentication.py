"""Who may ask: the three ways to say a name and a password, and how a wrong one is told."""

import httpx
import pytest

from tests.infra.clickhouse.server_process import ServerProcess

HEADERS = {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "reader"}


def test_the_account_may_stand_in_the_url(server: ServerProcess) -> None:
    params = {"query": "SELECT 1", "user": "reader", "password": "reader"}
    assert httpx.get(server.url, params=params).text == "1\n"


def test_the_account_may_stand_in_headers(server: ServerProcess) -> None:
    assert httpx.post(server.url, content="SELECT 1", headers=HEADERS).text == "1\n"


def test_the_account_may_come_as_basic_authorization(server: ServerProcess) -> None:
    assert httpx.post(server.url, content="SELECT 1", auth=("reader", "reader")).text == "1\n"


@pytest.mark.parametrize("auth", [("reader", "wrong"), ("nobody", ""), ("writer", ""), None])
def test_a_wrong_account_is_refused_with_code_516(
    server: ServerProcess, auth: tuple[str, str] | None
) -> None:
    answer = httpx.post(server.url, content="SELECT 1", auth=auth)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    name = auth[0] if auth else "default"
    assert answer.text.startswith(f"Code: 516. DB::Exception: {name}: Authentication failed")
    assert "(AUTHENTICATION_FAILED)" in answer.text


@pytest.mark.parametrize("authorization", ["Bearer abc", "Basic %%%", "Basic"])
def test_an_authorization_that_cannot_be_read_is_refused(
    server: ServerProcess, authorization: str
) -> None:
    answer = httpx.post(server.url, content="SELECT 1", headers={"Authorization": authorization})
    assert answer.headers["X-ClickHouse-Exception-Code"] == "516"


def test_two_ways_at_once_are_refused(server: ServerProcess) -> None:
    answer = httpx.post(server.url, content="SELECT 1", headers=HEADERS, auth=("writer", "writer"))
    assert answer.headers["X-ClickHouse-Exception-Code"] == "516"
