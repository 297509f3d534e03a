"""What a part of the local stack must say of itself so that it can be run and watched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

import httpx

from infra.errors import CommandError
from infra.settings import Settings, variable

ANSWER_TIMEOUT_S = 1.0


class StackError(CommandError):
    """The stack cannot be started or stopped; the message is for people and says what to do."""


class Part(ABC):
    """One server of the stack: its own process here, or an external one at a given address."""

    name: str

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    @abstractmethod
    def address(self) -> str:
        """Where clients reach it, for people and for the pid file."""

    @property
    @abstractmethod
    def is_external(self) -> bool:
        """True where its address is set: then it is used, and never started or stopped."""

    @property
    @abstractmethod
    def ports(self) -> Mapping[str, int]:
        """The ports that it listens on, by the name of the setting that chooses each."""

    @abstractmethod
    def prepare(self) -> None:
        """Make its folders and files. Idempotent; may block for seconds; raises StackError."""

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments. Raises StackError where the program is missing."""

    def environment(self) -> dict[str, str]:
        """Variables for its process, in addition to this process's own."""
        return {}

    def settings_environment(self) -> dict[str, str]:
        """The settings that are not the defaults, for a process of our own that reads them."""
        chosen = self.settings.model_dump(exclude_unset=True, mode="json")
        return {variable(name): str(value) for name, value in chosen.items() if value is not None}

    @abstractmethod
    def answers(self) -> bool:
        """Whether it answers a request now. Blocks for at most about a second; never raises."""

    @property
    def log_path(self) -> Path:
        """The file that its process writes to; kept, and appended to, over restarts."""
        return self.settings.home / "logs" / f"{self.name}.log"

    @property
    def data_path(self) -> Path:
        """The folder that holds its data."""
        return self.settings.home / "data" / self.name

    @property
    def pid_path(self) -> Path:
        """The file that names its process while it runs."""
        return self.settings.home / "run" / f"{self.name}.json"


def answers_ok(url: str) -> bool:
    """Whether an HTTP server answers a GET with 200, within about a second."""
    try:
        answer = httpx.get(url, timeout=ANSWER_TIMEOUT_S, trust_env=False)
    except (httpx.HTTPError, OSError):
        return False
    return answer.status_code == HTTPStatus.OK
