"""`workledger up`, `down` and `status`: the local stack."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from infra.cli.console import AsJson, print_json, results, say
from infra.cli.keys import show_first
from infra.settings import load_settings

if TYPE_CHECKING:
    from infra.settings import Settings
    from infra.stack import PartStatus, Stack
    from infra.verify.wait import Freshness

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
STYLES = {"up": "green", "not answering": "yellow", "down": "red"}


def up(as_json: AsJson = False) -> None:
    """Start the local stack: broker, ClickHouse, topics, tables, workers, API; what runs stays.

    Example: workledger up
    """
    signal.signal(signal.SIGTERM, _interrupt)
    stack = _stack()
    show_first(stack.settings)  # here, since the API's own words go to a log
    _print(stack.up(progress=say), as_json)


def down(as_json: AsJson = False) -> None:
    """Stop the local stack; its data and logs are kept.

    Example: workledger down
    """
    stack = _stack()
    stack.down(progress=say)
    _print(stack.status(), as_json)


def status(as_json: AsJson = False) -> None:
    """Say how each part of the stack is, and how far each projection has come.

    Exits with 1 where a part is not up.

    Example: workledger status --json
    """
    stack = _stack()
    parts = stack.status()
    servers_are_up = all(part.is_healthy for part in parts if part.name in ("broker", "clickhouse"))
    fresh = _freshness(stack.settings) if servers_are_up else []
    _print(parts, as_json, fresh)
    if not all(part.is_healthy for part in parts):
        raise typer.Exit(1)


def _stack() -> Stack:
    # Kafka's client takes a third of a second to import, which --help need not wait for.
    from infra.stack import Stack

    return Stack.whole(load_settings())


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End an interrupted `up` as Ctrl-C does, so that nothing is left half-started."""
    raise KeyboardInterrupt


def _freshness(settings: Settings) -> list[Freshness]:
    from infra.connections import client, reader_address
    from infra.verify.wait import freshness
    from streams.offsets import log_reader

    connection = client(reader_address(settings))
    try:
        with log_reader(settings.bootstrap_servers) as log:
            return freshness(connection, log.offsets)
    finally:
        connection.close()


def _print(parts: Sequence[PartStatus], as_json: bool, fresh: Sequence[Freshness] = ()) -> None:
    if as_json:
        print_json(
            {
                "parts": [asdict(part) | {"healthy": part.is_healthy} for part in parts],
                "projections": [one._asdict() for one in fresh],
            }
        )
        return
    table = Table("part", "state", "address", "process", "uptime", box=None, header_style="bold")
    for part in parts:
        style = STYLES[part.state]
        process = "external" if part.external else str(part.pid or "")
        table.add_row(
            part.name,
            f"[{style}]{part.state}[/]",
            part.address,
            process,
            _duration(part.uptime_s),
        )
    results.print(table)
    if fresh:
        table = Table(
            "projection", "events", "behind", "last event taken", box=None, header_style="bold"
        )
        for one in fresh:
            behind = f"[yellow]{one.lag_events:,}[/]" if one.lag_events else "0"
            table.add_row(one.projection, f"{one.events:,}", behind, one.last_appended_at or "none")
        results.print()
        results.print(table)


def _duration(seconds: float | None) -> str:
    """Seconds in words that people read: `12 s`, `3 min`, `5 h 07 min`."""
    if seconds is None:
        return ""
    if seconds < MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S:.0f} min"
    return f"{seconds // HOUR_S:.0f} h {seconds % HOUR_S // MINUTE_S:02.0f} min"
