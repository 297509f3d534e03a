"""A stack of the tests' own, which they may kill, stop and start again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.settings import Settings, variable
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


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give another process these settings."""
    ours = {
        variable(name): str(value)
        for name, value in settings.model_dump().items()
        if value is not None
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WORKLEDGER_")}
    return kept | ours


def start_workledger(settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "infra.cli.main", *arguments],
        env=environment_of(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_workledger(settings: Settings, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    with start_workledger(settings, *arguments) as process:
        output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


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
