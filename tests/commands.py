"""The command line as a process, with a stack's settings in its environment."""

from __future__ import annotations

import os
import subprocess
import sys

from infra.settings import Settings, variable


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
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_workledger(settings: Settings, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    with start_workledger(settings, *arguments) as process:
        output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors
