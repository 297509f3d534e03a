"""The benchmark runs, its rows agree on the money, and its line is of the documented shape."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import CHECKOUT
from schemas.columns import decode_columns
from schemas.rules import broken_rules
from tests.bench.history import history


def test_the_history_is_the_same_every_time_and_breaks_no_rule() -> None:
    records = list(history(3_000))
    assert records == list(history(3_000))
    groups, failures = decode_columns([record.value for record in records])
    assert not failures
    assert [failure for group in groups for failure in broken_rules(group)] == []
    assert {group.event_type.name for group in groups} >= {"ExpertHired", "TimeEntryRecorded"}


@pytest.mark.stack
@pytest.mark.long
def test_a_quick_run_adds_a_line_with_every_row_and_both_ratios(tmp_path: Path) -> None:
    runs = tmp_path / "runs.jsonl"
    # The peers that `make bench` builds are not here: they need a compiler and minutes.
    chosen = ["--job", "road", "--systems", "stock_faust", "limit", "limit_columns"]
    command = [sys.executable, "-m", "tests.bench", "--quick", *chosen, "--runs", str(runs)]
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "times stock_faust" in ended.stdout
    (text,) = runs.read_text(encoding="utf-8").splitlines()
    line = json.loads(text)
    assert line["commit"]
    assert line["machine"]
    assert set(line["rows"]) == {
        *("road.worker", "road.stock_faust", "road.limit", "road.limit_columns"),
    }
    for row in line["rows"].values():
        assert row["events_per_second"] > 0
        assert row["cpu_seconds_per_million"] > 0
        assert row["rounds"] == 1
    for job, ratios in line["ratios"].items():
        worker = line["rows"][f"{job}.worker"]["events_per_second"]
        for peer, ratio in ratios.items():
            rate = line["rows"][f"{job}.{peer}"]["events_per_second"]
            assert ratio == pytest.approx(worker / rate, abs=0.01)
