"""Measure this machine: python -m tests.bench [--quick]. See docs/benchmarks.md."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from infra.errors import CommandError
from infra.stack import Stack
from tests.bench import codec, ingest, latency, report
from tests.bench.fill import fill
from tests.bench.jobs import Bench, Measured
from tests.bench.road import road
from tests.bench.rows import SYSTEMS, Output, Row, rows_of, worker_of
from tests.local_stack import local_settings

EVENTS, SLOW_EVENTS, ROUNDS = 400_000, 60_000, 5
QUICK_EVENTS, QUICK_SLOW_EVENTS, QUICK_ROUNDS = 40_000, 20_000, 1
INTERRUPTED = 130
TABLE_CHARS = 130
"""Narrower, a table would cut its figures off."""
messages = Console(stderr=True, soft_wrap=True, highlight=False)


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    events: int
    slow_events: int
    """Some peers are slower by so much that they read only the first of them."""
    rounds: int
    earlier_events: int = 0


def tell(step: str) -> None:
    """A line of progress, on a terminal only."""
    if messages.is_terminal:
        messages.print(step, markup=False)


def measure_round(bench: Bench, rows: list[Row], sizes: Sizes, number: int) -> dict[str, Measured]:
    """Each row once; raises BenchError where a worker and a peer differ in what they make."""
    first = number % len(rows)
    places = {row: bench.make_place(row, sizes.earlier_events) for row in rows}
    measured: dict[str, Measured] = {}
    for row in rows[first:] + rows[:first]:  # no row always runs first
        events = sizes.slow_events if row.is_slow else sizes.events
        measured[row.name] = one = bench.measure(row, events, places[row])
        tell(f"  round {number + 1}, {row.name}: {one.events_per_second:,.0f} events/s")
    workers = {row.job: row for row in rows if row.name == worker_of(row.job)}
    for row in rows:
        worker = workers[row.job]
        if row is not worker and row.output is not Output.NOWHERE:
            bench.check(worker, places[worker], row, places[row], measured[row.name].upto)
    for place in places.values():
        bench.drop_place(place)
    return measured


def measure(stack: Stack, rows: list[Row], sizes: Sizes) -> dict[str, list[Measured]]:
    """All rounds, by row."""
    tell(f"Publishing {sizes.events:,} events")
    fill(stack.settings.bootstrap_servers, road.topics[0], sizes.events)
    bench = Bench(stack)
    try:
        rounds = [measure_round(bench, rows, sizes, number) for number in range(sizes.rounds)]
    finally:
        bench.close()
    return {row.name: [one[row.name] for one in rounds] for row in rows}


def arguments() -> argparse.Namespace:
    """The command line's arguments."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--events", type=int, help=f"events in the topic ({EVENTS:,})")
    parser.add_argument(
        "--slow-events", type=int, help=f"how many of them stock Faust reads ({SLOW_EVENTS:,})"
    )
    parser.add_argument("--rounds", type=int, help=f"times that each row is run ({ROUNDS})")
    parser.add_argument(
        "--job", choices=("road", "payout", "api", "all"), default="all", help="which rows"
    )
    parser.add_argument(
        "--systems", nargs="+", choices=SYSTEMS, help="what the worker is held against (all)"
    )
    parser.add_argument(
        "--earlier-events",
        type=int,
        default=0,
        help="ids of earlier events before one more row, road.worker_after_earlier_events",
    )
    parser.add_argument("--codec", action="store_true", help="the codec alone, without a stack")
    parser.add_argument("--quick", action="store_true", help="few events, one round")
    parser.add_argument("--runs", type=Path, default=report.RUNS, help="file that gets the line")
    return parser.parse_args()


def measure_gateway(runs: Path) -> None:
    """How fast it takes events, and how long until they can be read."""
    measured = {"ingest": ingest.measure(), "accepted_to_queryable": latency.measure()}
    report.append({"commit": report.commit(), "machine": report.machine(), "api": measured}, runs)


def main() -> int:
    """Measure, show and record; returns the exit code."""
    given = arguments()
    # Ended from outside, it still takes its stack down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    usual = (QUICK_EVENTS, QUICK_SLOW_EVENTS, QUICK_ROUNDS) if given.quick else (
        EVENTS, SLOW_EVENTS, ROUNDS,
    )  # fmt: skip
    console = Console(width=max(Console().width, TABLE_CHARS))
    codec_line: codec.Line = {}
    if given.codec or given.job == "all":
        codec_batches = codec.BATCHES[:1] if given.quick else codec.BATCHES
        codec_line = codec.measure(usual[2], codec_batches)
        codec.show(codec_line, console)
    if given.codec:
        return 0
    if given.job == "api":
        measure_gateway(given.runs)
        return 0
    chosen = (given.events, given.slow_events, given.rounds)
    counts = (own or default for own, default in zip(chosen, usual, strict=True))
    sizes = Sizes(*counts, earlier_events=given.earlier_events)
    rows = rows_of(given.job, given.systems or (), with_earlier=sizes.earlier_events > 0)
    with tempfile.TemporaryDirectory(prefix="workledger-bench-") as folder:
        stack = Stack(local_settings(Path(folder), broker_heap_mb=512))
        try:
            stack.up(tell)
            measured = measure(stack, rows, sizes)
        except CommandError as error:
            messages.print(str(error), markup=False)
            return error.exit_code
        except KeyboardInterrupt:
            return INTERRUPTED
        finally:
            stack.down(tell)
    line = report.line_of(measured) | ({"codec": codec_line} if codec_line else {})
    report.append(line, given.runs)
    steps = {name: runs[-1].steps for name, runs in measured.items() if name.endswith(".worker")}
    report.show(line, steps, console)
    if given.job == "all" and not given.quick:
        measure_gateway(given.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
