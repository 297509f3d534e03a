"""ClickHouse: the real engine behind its HTTP interface, as a part of the local stack."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from infra.settings import variable
from infra.stack.part import Part, answers_ok


class ClickHouse(Part):
    """ClickHouse, run here unless `clickhouse_url` names another."""

    name = "clickhouse"

    @property
    def address(self) -> str:
        return self.settings.clickhouse_http_url

    @property
    def is_external(self) -> bool:
        return self.settings.clickhouse_url is not None

    @property
    def ports(self) -> Mapping[str, int]:
        return {"clickhouse_port": self.settings.clickhouse_port}

    def prepare(self) -> None:
        self.data_path.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "infra.clickhouse"),
            *("--data-dir", str(self.data_path)),
            *("--host", self.settings.host),
            *("--port", str(self.settings.clickhouse_port)),
            *("--database", self.settings.clickhouse_database),
            *(["--allow-remote"] if self.settings.allow_remote else []),
        ]

    def environment(self) -> dict[str, str]:
        names = (
            "clickhouse_writer",
            "clickhouse_writer_password",
            "clickhouse_reader",
            "clickhouse_reader_password",
        )
        return {variable(name): getattr(self.settings, name) for name in names}

    def answers(self) -> bool:
        return answers_ok(f"{self.address}/ping")
