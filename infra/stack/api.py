"""The API's process, as a part of the local stack."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from infra.stack.part import Part, answers_ok


class Api(Part):
    """The HTTP application that people and machines call."""

    name = "api"

    @property
    def address(self) -> str:
        return f"http://{self.settings.host}:{self.settings.api_port}"

    @property
    def is_external(self) -> bool:
        return False

    @property
    def ports(self) -> Mapping[str, int]:
        return {"api_port": self.settings.api_port}

    def prepare(self) -> None:
        """Nothing: it keeps no files."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "infra.cli.main", "api"]

    def environment(self) -> dict[str, str]:
        return self.settings_environment()

    def answers(self) -> bool:
        return answers_ok(f"{self.address}/health/live")
