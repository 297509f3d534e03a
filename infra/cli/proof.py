"""`workledger verify`: the proof that the numbers are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from infra.cli.console import AsJson, print_json, results, say
from infra.errors import CommandError, UsageError
from infra.settings import Settings, load_settings


def verify(
    wait_s: Annotated[
        float, typer.Option("--wait", help="Seconds to wait for projections that do not move.")
    ] = 10.0,
    projection: Annotated[
        list[str] | None,
        typer.Option(help="Hold only this one against Kafka, and others named so; all without it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove the numbers: every offset of Kafka accounted for, journal balanced, lines recomputed.

    Exits with 1 and says what differs.

    Example: workledger verify
    """
    if not report(load_settings(), wait_s, as_json, projection or ()):
        raise typer.Exit(1)


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """The projections of some names, all where there are none. Raises `UsageError`."""
    from projections.registry import PROJECTIONS

    for name in names:
        if name not in PROJECTIONS:
            raise UsageError(f"There is no projection {name}; there are {', '.join(PROJECTIONS)}.")
    return tuple(names) or tuple(PROJECTIONS)


def report(
    settings: Settings,
    wait_s: float,
    as_json: bool = False,
    names: Sequence[str] = (),
) -> bool:
    """Verify some projections (all, if none is named) and print; answers whether nothing differs.

    Raises `UsageError` for a name that is none.
    """
    from kafka.errors import KafkaError

    from infra.connections import client, writer_address
    from infra.verify.checks import Verifier
    from infra.verify.wait import wait_for
    from streams.offsets import log_reader

    projections = chosen(names)
    connection = client(writer_address(settings))
    try:
        with log_reader(settings.bootstrap_servers) as log:
            lag = wait_for(connection, log.offsets, wait_s, projections=projections)
            if lag:
                say(
                    f"The projections are {lag:,} events behind and do not move; see: "
                    "workledger worker archive, and likewise every other projection"
                )
            outcomes = Verifier(connection, log.offsets, log.exists, projections).run()
    except KafkaError as error:
        raise CommandError(f"No broker answers: {error}. Try: workledger up") from error
    finally:
        connection.close()
    if as_json:
        print_json([outcome._asdict() for outcome in outcomes])
    else:
        table = Table("check", "looked at", "result", box=None, header_style="bold")
        for outcome in outcomes:
            differing = len(outcome.differences)
            result = f"[red]{differing} differ[/]" if differing else "[green]holds[/]"
            table.add_row(outcome.name, outcome.looked_at, result)
        results.print(table)
        for outcome in outcomes:
            for difference in outcome.differences:
                say(f"{outcome.name}: {difference}")
    return not any(outcome.differences for outcome in outcomes)
