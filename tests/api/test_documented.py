"""The examples of docs/api.md do what they say, against a running API."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from clickhouse_connect.driver.client import Client as ClickHouse

from api.access.roles import Role
from api.app import Ledger, create_app
from projections.registry import PROJECTIONS
from tests.api.logs import KnownLog
from tests.api.serving import serving
from tests.infra.kept_histories import keep
from tests.projections.payout_events import READY, entry

pytestmark = pytest.mark.stack
PAGE = Path(__file__).parent.parent.parent / "docs" / "api.md"
ADDRESS = "127.0.0.1:18080"
FENCE = re.compile(r"^```(python)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENDED_BY_MAX_TIME = 28
EVENTS = [*READY, *(entry(hour, hour + 1, f"e{hour}") for hour in range(14)), entry(0, 2, "twice")]


def test_every_documented_example_is_answered(
    ledger: Ledger,
    clickhouse: ClickHouse,
    reader: ClickHouse,
    as_role: dict[Role, dict[str, str]],
    tmp_path: Path,
) -> None:
    keep(clickhouse, EVENTS, *PROJECTIONS.values())
    log = KnownLog({("workforce.experts", 3): len(EVENTS)})
    key = as_role[Role.admin]["Authorization"].removeprefix("Bearer ")
    examples = [
        (language, code)
        for language, code in FENCE.findall(PAGE.read_text(encoding="utf-8"))
        # A decision about a request needs the id of one: tests/api has it.
        if language or ("curl" in code and "$REQUEST_ID" not in code)
    ]
    assert len(examples) > 5
    with serving(create_app({}, replace(ledger, reader=lambda: reader, log=log))) as address:
        for language, code in examples:
            command = [sys.executable, "-c"] if language else ["bash", "-c"]
            # Each curl says what it was answered, on a line of its own behind the answer.
            shown = code.replace("curl -s", "curl -w '\\nHTTP %{http_code}\\n' -s")
            ran = subprocess.run(
                [*command, shown.replace(ADDRESS, address)],
                cwd=tmp_path,
                env=os.environ | {"KEY": key},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert ran.returncode in (0, ENDED_BY_MAX_TIME), (code, ran.stdout, ran.stderr)
            statuses = re.findall(r"^HTTP (\d+)$", ran.stdout, re.MULTILINE)
            assert len(statuses) == code.count("curl -s"), (code, ran.stdout)
            assert all(status.startswith("2") for status in statuses), (code, ran.stdout)
            if "/stream" in code:
                assert "data: {" in ran.stdout
    ids = pl.read_csv(tmp_path / "lines.csv", infer_schema=False)["line_id"].to_list()
    assert pl.read_parquet(tmp_path / "lines.parquet")["line_id"].to_list() == ids
    assert len(ids) >= 15
