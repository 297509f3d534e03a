"""The real broker and the real engine for the tests that ask for them, started once a session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from infra.stack import Stack
from projections.store.client import Address, connect
from tests.databases import fresh_database
from tests.local_stack import local_settings

# These brokers live for seconds: to compile them well costs more than it gives.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")

# How long a draw takes says what else the machine does, nothing of the code.
hypothesis.settings.register_profile(
    "ledger", suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("ledger")

LONGEST_FIRST = (
    "test_kills", "test_real_file", "test_bench", "integration", "faults", "test_verify_payout",
)  # fmt: skip


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long: side by side with others, none is left for the end.

    Tests marked `long` are left out, and say so, unless LONG_TESTS is set.
    """
    if not os.environ.get("LONG_TESTS"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes minutes: LONG_TESTS=1 make test"))

    def rank(item: pytest.Item) -> int:
        return next((n for n, name in enumerate(LONGEST_FIRST) if name in item.nodeid), 99)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of the session's stack: a temporary folder and free ports."""
    return local_settings(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="session")
def stack(settings: Settings) -> Iterator[Stack]:
    """The session's stack: broker, ClickHouse and topics, started when a test first asks.

    A test that kills or stops a part takes a stack of its own.
    """
    stack = Stack(settings)
    stack.up()
    yield stack
    stack.down()


@pytest.fixture(scope="session")
def bootstrap_servers(stack: Stack) -> str:
    """The address of the session's broker."""
    return stack.settings.bootstrap_servers


@pytest.fixture
def clickhouse_address(stack: Stack) -> Iterator[Address]:
    """A database of the test's own on the session's engine, with every table and view."""
    with fresh_database(stack.settings) as address:
        yield address


@pytest.fixture
def clickhouse(clickhouse_address: Address) -> Iterator[Client]:
    """A writing client of the test's own database."""
    client = connect(clickhouse_address)
    yield client
    client.close()
