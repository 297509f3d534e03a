"""The real broker and the real engine for the tests that ask for them, started once a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.settings import Settings
from infra.stack import Stack
from tests.local_stack import local_settings


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
