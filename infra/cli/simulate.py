"""`workledger simulate`: a believable marketplace from a seed, to a file or to the broker."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.console import AsJson, print_json, progress_bar, results
from infra.errors import UsageError
from infra.settings import Settings, load_settings

if TYPE_CHECKING:
    from infra.simulation.told import Told

EXPERTS_MAX = 1_000_000
WEEKS_MAX = 520
PROCESSES_MAX = 4
"""That tell the events of a file: more than one process can write."""
PATIENCE_S = 60.0
LINGER_MS = 200
"""Whole fetches instead of a few events each: what publishes a history is not waited for."""


def simulate(
    experts: Annotated[
        int, typer.Option(min=1, max=EXPERTS_MAX, help="About so many are hired.")
    ] = 100,
    weeks: Annotated[int, typer.Option(min=1, max=WEEKS_MAX, help="Weeks of work.")] = 4,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Write an Avro file of records instead of publishing.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Write who commits which fraud, and who only looks like it (CSV)."),
    ] = None,
    wait_s: Annotated[
        float,
        typer.Option("--wait", min=0, help="Seconds to wait for agents that do not move; 0: none."),
    ] = PATIENCE_S,
    as_json: AsJson = False,
) -> None:
    """Tell the life of a marketplace: hiring, terms, work, reviews, and known frauds.

    The same experts, weeks and seed give the same events, ids included: published twice, they
    change nothing. Labels go to a file of their own; nothing in the events says who is honest.
    On the broker hours wait until the agents' worker has told their project's policy.

    Example: workledger simulate --experts 200 --weeks 8 --out events.avro --labels labels.csv
    """
    from infra.simulation.output import write_file, write_labels
    from infra.simulation.run import Simulation
    from infra.simulation.side_by_side import SideBySide

    for path in (out, labels):
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"There is no folder {path.parent}.")
    settings = load_settings()
    simulation = Simulation(experts, weeks, seed)
    began = time.monotonic()
    with progress_bar("Simulating", 0) as advance:

        def on_progress(done: int) -> None:
            advance(done, done)

        if out is not None:
            processes = min(os.cpu_count() or 1, PROCESSES_MAX)
            count = write_file(SideBySide(simulation, processes).events(), out, on_progress)
        else:
            count = _publish(settings, simulation.events(), on_progress, wait_s)
    seconds = time.monotonic() - began
    if labels is not None:
        write_labels(simulation.labels, labels)
    frauds = Counter(label.fraud for label in simulation.labels if label.fraud)
    look_alikes = Counter(label.look_alike for label in simulation.labels if label.look_alike)
    if as_json:
        told = {"events": count, "seconds": round(seconds, 3), "candidates": simulation.candidates}
        hired = {"experts": len(simulation.labels)}
        print_json(told | hired | {"frauds": dict(frauds), "look_alikes": dict(look_alikes)})
        return
    where = f"to {out}" if out is not None else f"to {settings.bootstrap_servers}"
    results.print(f"{count:,} events {where} in {seconds:.1f} s ({count / seconds:,.0f} a second)")
    results.print(f"{simulation.candidates:,} candidates, {len(simulation.labels):,} hired")
    for title, counts in (("frauds", frauds), ("look-alikes", look_alikes)):
        told_counts = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        results.print(f"{title}: {told_counts or 'none'}")


def _publish(
    settings: Settings, events: Iterator[Told], on_progress: Callable[[int], None], wait_s: float
) -> int:
    """Publish to the broker, at the pace of the agents unless `wait_s` is 0; answers how many."""
    from infra.connections import client, reader_address
    from infra.registry import use_registry
    from infra.simulation.output import publish
    from infra.verify.wait import await_projections
    from streams.offsets import log_reader
    from streams.publisher import Publisher

    use_registry(settings)
    with ExitStack() as stack:
        publisher = stack.enter_context(Publisher(settings.bootstrap_servers, linger_ms=LINGER_MS))
        if not wait_s:
            return publish(events, publisher, on_progress)
        log = stack.enter_context(log_reader(settings.bootstrap_servers))
        connection = client(reader_address(settings))
        stack.callback(connection.close)

        def await_agents() -> None:
            await_projections(connection, log, wait_s, ["agents"])

        return publish(events, publisher, on_progress, await_agents)
