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
from projections.payout.fold import payout
from tests.bench import codec, report
from tests.bench.fill import fill
from tests.bench.jobs import LIMIT, STOCK, WORKER, Bench, BenchError, Measured
from tests.local_stack import local_settings

EVENTS, STOCK_EVENTS, ROUNDS = 400_000, 60_000, 5
QUICK_EVENTS, QUICK_STOCK_EVENTS, QUICK_ROUNDS = 40_000, 20_000, 1
INTERRUPTED = 130
messages = Console(stderr=True, soft_wrap=True, highlight=False)


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    events: int
    stock_events: int
    """The stock peer is slower by so much that it reads only the first of them."""
    rounds: int


def tell(step: str) -> None:
    """A line of progress, on a terminal only."""
    if messages.is_terminal:
        messages.print(step, markup=False)


def measure_round(bench: Bench, sizes: Sizes, number: int) -> dict[str, Measured]:
    """Each row once; raises BenchError where worker and stock peer differ in what they make."""
    events = {WORKER: sizes.events, STOCK: sizes.stock_events, LIMIT: sizes.events}
    order = list(events)
    first = number % len(order)
    databases = {row: bench.make_database() for row in (WORKER, STOCK)}
    measured: dict[str, Measured] = {}
    for row in order[first:] + order[:first]:  # no row always runs first
        measured[row] = bench.measure(row, events[row], databases.get(row, "default"))
        rate = measured[row].events_per_second
        tell(f"  round {number + 1}, {row}: {rate:,.0f} events/s over {measured[row].events:,}")
    upto = measured[STOCK].upto
    ours, theirs = (bench.totals(databases[row], upto) for row in (WORKER, STOCK))
    if ours != theirs:
        raise BenchError(f"Over the same events {WORKER} made {ours}, {STOCK} {theirs}.")
    for database in databases.values():
        bench.drop_database(database)
    return measured


def measure(stack: Stack, sizes: Sizes) -> dict[str, list[Measured]]:
    """All rounds, by row."""
    tell(f"Publishing {sizes.events:,} events")
    fill(stack.settings.bootstrap_servers, payout.topic, sizes.events)
    bench = Bench(stack)
    try:
        rounds = [measure_round(bench, sizes, number) for number in range(sizes.rounds)]
    finally:
        bench.close()
    return {row: [one[row] for one in rounds] for row in (WORKER, STOCK, LIMIT)}


def arguments() -> argparse.Namespace:
    """The command line's arguments."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--events", type=int, help=f"events in the topic ({EVENTS:,})")
    parser.add_argument(
        "--stock-events", type=int, help=f"how many of them stock Faust reads ({STOCK_EVENTS:,})"
    )
    parser.add_argument("--rounds", type=int, help=f"times that each row is run ({ROUNDS})")
    parser.add_argument("--codec", action="store_true", help="the codec alone, without a stack")
    parser.add_argument("--quick", action="store_true", help="few events, one round")
    parser.add_argument("--runs", type=Path, default=report.RUNS, help="file that gets the line")
    return parser.parse_args()


def main() -> int:
    """Measure, show and record; returns the exit code."""
    given = arguments()
    # Ended from outside, it still takes its stack down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    usual = (QUICK_EVENTS, QUICK_STOCK_EVENTS, QUICK_ROUNDS) if given.quick else (
        EVENTS, STOCK_EVENTS, ROUNDS,
    )  # fmt: skip
    console = Console(soft_wrap=True)
    codec_batches = codec.BATCHES[:1] if given.quick else codec.BATCHES
    codec_line = codec.measure(usual[2], codec_batches)
    codec.show(codec_line, console)
    if given.codec:
        return 0
    chosen = (given.events, given.stock_events, given.rounds)
    sizes = Sizes(*(own or default for own, default in zip(chosen, usual, strict=True)))
    with tempfile.TemporaryDirectory(prefix="workledger-bench-") as folder:
        stack = Stack(local_settings(Path(folder), broker_heap_mb=512))
        try:
            stack.up(tell)
            measured = measure(stack, sizes)
        except CommandError as error:
            messages.print(str(error), markup=False)
            return error.exit_code
        except KeyboardInterrupt:
            return INTERRUPTED
        finally:
            stack.down(tell)
    line = report.line_of(measured) | {"codec": codec_line}
    report.append(line, given.runs)
    report.show(line, measured[WORKER][-1].steps, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
