"""The measurements of a run as a table for people and as a line of docs/bench/runs.jsonl."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from infra.settings import CHECKOUT
from tests.bench.jobs import Measured
from tests.bench.rows import worker_of

RUNS = CHECKOUT / "docs" / "bench" / "runs.jsonl"
GIGABYTE = 1 << 30
MILLION = 1_000_000
Line = dict[str, Any]


def line_of(measured: dict[str, list[Measured]]) -> Line:
    """The line of a run: medians of each row's rounds, and each job's worker by its peers."""
    rows = {row: _row(runs) for row, runs in measured.items()}
    ratios: dict[str, dict[str, float]] = {}
    for name in rows:
        job, _, peer = name.partition(".")
        if name != worker_of(job):
            ratios.setdefault(job, {})[peer] = _ratio(rows[worker_of(job)], rows[name])
    return {"commit": commit(), "machine": machine(), "rows": rows, "ratios": ratios}


def _row(runs: Sequence[Measured]) -> Line:
    def per_million(seconds: Sequence[float]) -> float:
        each = (s / run.events * MILLION for s, run in zip(seconds, runs, strict=True))
        return round(median(each), 2)

    return {
        "events_per_second": round(median(run.events_per_second for run in runs)),
        "cpu_seconds_per_million": per_million([run.cpu_seconds for run in runs]),
        "engine_cpu_seconds_per_million": per_million([run.engine_cpu_seconds for run in runs]),
        "broker_cpu_seconds_per_million": per_million([run.broker_cpu_seconds for run in runs]),
        "events_per_second_warm": round(median(run.events_per_second_warm for run in runs)),
        "rounds": len(runs),
        "events": runs[0].events,
        "events_per_second_by_round": [round(run.events_per_second) for run in runs],
    }


def _ratio(row: Line, peer: Line) -> float:
    return round(row["events_per_second"] / peer["events_per_second"], 2)


def append(line: Line, runs: Path) -> None:
    """Add a line to the file of runs."""
    runs.parent.mkdir(parents=True, exist_ok=True)
    with runs.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def show(line: Line, steps: dict[str, dict[str, float]], console: Console) -> None:
    """The table for people: rows, ratios, and where the workers' rounds spend their time.

    `steps`: worker to step to seconds.
    """
    table = Table(title="Events a second, medians of interleaved rounds")
    table.add_column("row", no_wrap=True)
    for heading in (
        "events/s",
        "lowest",
        "highest",
        "second half",
        "CPU s per million",
        "of ClickHouse",
        "of Kafka",
    ):
        table.add_column(heading, justify="right")
    for name, row in line["rows"].items():
        each = row["events_per_second_by_round"]
        table.add_row(
            name,
            *(f"{rate:,}" for rate in (row["events_per_second"], min(each), max(each))),
            f"{row['events_per_second_warm']:,}" if row["events_per_second_warm"] else "–",
            f"{row['cpu_seconds_per_million']:.1f}",
            f"{row['engine_cpu_seconds_per_million']:.1f}",
            f"{row['broker_cpu_seconds_per_million']:.1f}",
        )
    console.print(table)
    for job, ratios in line["ratios"].items():
        for peer, ratio in ratios.items():
            console.print(f"{job}: {ratio:.2f} times {peer}")
    for worker, by_step in steps.items():
        told = ", ".join(f"{step} {seconds:.1f}" for step, seconds in by_step.items())
        console.print(f"Seconds by step of {worker}'s last run (steps overlap): {told}")
    console.print(f"{line['machine']}, commit {line['commit']}")


def machine() -> str:
    """The machine in words: processors, memory, system, Python."""
    memory_gb = round(psutil.virtual_memory().total / GIGABYTE)
    return (
        f"{psutil.cpu_count()} x {_processor()}, {memory_gb} GB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """The commit that was measured, with a plus sign where the checkout differs from it."""
    found = _git("rev-parse", "HEAD")
    if not found:
        return "unknown"
    changed = _git("status", "--porcelain", "--", ".", f":!{RUNS.relative_to(CHECKOUT)}")
    return found + ("+" if changed else "")


def _git(*arguments: str) -> str:
    try:
        command = ["git", "-C", str(CHECKOUT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
