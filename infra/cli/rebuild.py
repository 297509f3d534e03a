"""`workledger rebuild PROJECTION`: build it anew beside the live one, compare, and swap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from infra.cli.console import AsJson, print_json, progress_bar, results, say
from infra.errors import UsageError
from infra.settings import load_settings

if TYPE_CHECKING:
    from infra.rebuild.run import Report


def rebuild(
    projection: Annotated[
        str, typer.Argument(help="archive, payout, agents, utilization or fraud.")
    ],
    compare_only: Annotated[
        bool, typer.Option("--compare-only", help="Build and compare; swap nothing.")
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="Swap although the two differ (a new version).")
    ] = False,
    back: Annotated[
        bool, typer.Option("--roll-back", help="Make the generation before the live one live.")
    ] = False,
    drop_generation: Annotated[
        int | None, typer.Option("--drop", help="Drop this generation; the live one stays.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build a projection from offset 0 beside the live one, compare row by row, and swap.

    The live one goes on meanwhile; nothing is sent to Kafka. Interrupted, it resumes when it is run
    again. Without a difference, or with --accept, readers get the new generation in one step; the
    old one stays until --drop. Exits with 1 where rows differ and nothing was swapped.

    Example: workledger rebuild payout
    """
    from infra.connections import client, ensure_tables, writer_address
    from infra.rebuild.run import Rebuild, drop, roll_back
    from infra.registry import use_registry
    from projections.registry import PROJECTIONS

    if projection not in PROJECTIONS:
        raise UsageError(
            f"There is no projection {projection}; there are {', '.join(PROJECTIONS)}."
        )
    if sum((compare_only, back, drop_generation is not None)) > 1:
        raise UsageError("Take one of --compare-only, --roll-back and --drop.")
    settings = load_settings()
    use_registry(settings)
    ensure_tables(settings)
    connection = client(writer_address(settings))
    chosen = PROJECTIONS[projection]
    try:
        if back:
            live, now = roll_back(connection, chosen)
            say(f"Generation {now} of {projection} is live; it was {live}.")
        elif drop_generation is not None:
            drop(connection, chosen, drop_generation)
            say(f"Generation {drop_generation} of {projection} is dropped.")
        else:
            job = Rebuild(connection, settings.bootstrap_servers, chosen, say)
            with progress_bar(f"Rebuilding {projection}", 0) as on_progress:
                report = job.run(on_progress, swap=not compare_only, accept=accept)
            show(report, as_json)
            if not (report.is_same or report.is_swapped):
                raise typer.Exit(1)
    finally:
        connection.close()


def show(report: Report, as_json: bool) -> None:
    """Print what a rebuild came to."""
    if as_json:
        differences = [_plain(d._asdict()) for d in report.differences]
        print_json({**report._asdict(), "differences": differences})
        return
    table = Table(
        "table", "rows", f"only in {report.live}", f"only in {report.new}", box=None,
        header_style="bold",
    )  # fmt: skip
    for one in report.differences:
        marked = "[green]" if one.is_none else "[red]"
        table.add_row(
            one.table, f"{one.rows:,}", f"{marked}{one.only_live:,}", f"{marked}{one.only_new:,}"
        )
    results.print(table)
    for one in report.differences:
        for generation, samples in ((report.live, one.samples_live), (report.new, one.samples_new)):
            for sample in samples:
                say(f"{one.table}, only in generation {generation}: {_plain(sample)}")
    if report.is_swapped:
        say(
            f"Generation {report.new} is live. To go back: workledger rebuild {report.projection} "
            f"--roll-back; to drop the old one: --drop {report.live}"
        )
    elif report.is_same:
        say(f"Nothing differs. Generation {report.live} stays live.")
    else:
        say(f"Rows differ, and generation {report.live} stays live; --accept swaps all the same.")


def _plain(value: Any) -> Any:
    """Bytes as hexadecimal text, all the way down."""
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {key: _plain(one) for key, one in value.items()}  # pyright: ignore
        case list():
            return [_plain(one) for one in value]  # pyright: ignore
        case int() | str() | bool() | None:
            return value
        case _:
            return str(value)
