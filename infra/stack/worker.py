"""A projection's Faust worker, as a part of the local stack."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from infra.settings import Settings
from infra.stack.part import Part, answers_ok
from projections.registry import PROJECTIONS

WORKERS = tuple(PROJECTIONS)
"""The projections whose workers `workledger up` runs."""


class Worker(Part):
    """One worker; it is known by the port of its metrics."""

    def __init__(self, settings: Settings, projection: str) -> None:
        super().__init__(settings)
        self.projection = projection
        self.name = f"worker-{projection}"

    @property
    def _port_setting(self) -> str:
        return f"{self.projection}_metrics_port"

    @property
    def _port(self) -> int:
        return int(getattr(self.settings, self._port_setting))

    @property
    def address(self) -> str:
        return f"http://{self.settings.host}:{self._port}/metrics"

    @property
    def is_external(self) -> bool:
        return False

    @property
    def ports(self) -> Mapping[str, int]:
        return {self._port_setting: self._port}

    def prepare(self) -> None:
        self.data_path.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "infra.cli.main", "worker", self.projection),
            *("--metrics-port", str(self._port)),
        ]

    def environment(self) -> dict[str, str]:
        return self.settings_environment()

    def answers(self) -> bool:
        return answers_ok(self.address)
