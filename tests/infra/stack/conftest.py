"""A stack of the tests' own, which they may kill, stop and start again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.settings import Settings
from infra.stack import Stack
from tests.local_stack import local_settings


@pytest.fixture(scope="module")
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a stack that no other module uses; what tests publish there is no event."""
    return local_settings(tmp_path_factory.mktemp("own"), dead_letter_share_max_bp=10_000)


@pytest.fixture(scope="module")
def _own_stack(own_settings: Settings) -> Iterator[Stack]:
    yield Stack(own_settings)
    Stack.whole(own_settings).down()


@pytest.fixture
def own_stack(_own_stack: Stack) -> Stack:
    """A stack that is up when the test starts, whatever the test before did to it."""
    _own_stack.up()
    return _own_stack


def processes_of(home: Path) -> list[list[str]]:
    """The command lines of all processes that work in the folder `home`."""
    found: list[list[str]] = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if any(str(home) in argument for argument in command):
                found.append(command)
        except psutil.Error:
            continue
    return found
