"""One server for all tests of this folder; a database of its own for each test."""

import re
from collections.abc import Iterator

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client

from tests.infra.clickhouse.server_process import ServerProcess


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server that all tests share."""
    process = ServerProcess(tmp_path_factory.mktemp("clickhouse"))
    process.start()
    yield process
    assert process.end() == 0, process.log


@pytest.fixture(scope="session")
def http(server: ServerProcess) -> Iterator[httpx.Client]:
    """Plain HTTP as the writer; one client for all tests, for one takes long to make."""
    with server.client("writer") as client:
        yield client


@pytest.fixture(scope="session")
def asks(server: ServerProcess) -> Iterator[httpx.Client]:
    """Plain HTTP as the reader."""
    with server.client("reader") as client:
        yield client


@pytest.fixture
def client(http: httpx.Client) -> httpx.Client:
    """The same, for tests that need the name of the module `http`."""
    return http


@pytest.fixture
def database(http: httpx.Client, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database that goes with the test."""
    name = re.sub(r"\W+", "_", request.node.name)[:60]
    assert http.post("/", content=f"CREATE DATABASE `{name}`").status_code == 200
    yield name
    http.post("/", content=f"DROP DATABASE `{name}`")


def _client(server: ServerProcess, name: str, database: str) -> Client:
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, username=name, password=name, database=database
    )


@pytest.fixture
def writer(server: ServerProcess, database: str) -> Iterator[Client]:
    """clickhouse-connect as the writer, in the test's database."""
    with _client(server, "writer", database) as client:
        yield client


@pytest.fixture
def reader(server: ServerProcess, database: str) -> Iterator[Client]:
    """clickhouse-connect as the reader, in the test's database."""
    with _client(server, "reader", database) as client:
        yield client
