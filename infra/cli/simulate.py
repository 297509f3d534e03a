"""`workledger simulate`: a believable marketplace from a seed, to a file or to the broker."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.console import AsJson, print_json, progress_bar, results
from infra.errors import UsageError
from infra.settings import load_settings

EXPERTS_MAX = 1_000_000
WEEKS_MAX = 520


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
    as_json: AsJson = False,
) -> None:
    """Tell the life of a marketplace: hiring, terms, work, reviews, and known frauds.

    The same experts, weeks and seed give the same events, ids included: published twice, they
    change nothing. Labels go to a file of their own; nothing in the events says who is honest.

    Example: workledger simulate --experts 200 --weeks 8 --out events.avro --labels labels.csv
    """
    from infra.registry import use_registry
    from infra.simulation.output import publish, write_file, write_labels
    from infra.simulation.run import Simulation
    from streams.publisher import Publisher

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
            count = write_file(simulation.events(), out, on_progress)
        else:
            use_registry(settings)
            with Publisher(settings.bootstrap_servers) as publisher:
                count = publish(simulation.events(), publisher, on_progress)
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
