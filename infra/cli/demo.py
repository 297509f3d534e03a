"""`workledger demo`: a small history, and who is owed what."""

from __future__ import annotations

import signal
from typing import Annotated, Any

import typer

from infra.cli.console import progress_bar, results, say
from infra.errors import CommandError
from infra.settings import Settings, load_settings

WAIT_S = 30.0
WAITING_SHOWN = 12
NEXT = """
Three things to try while it runs:
  workledger query "SELECT * FROM payout_lines WHERE reason = 'overlap' FORMAT Vertical"
  workledger query "SELECT fields.rate_minor_per_hour, occurred_at FROM events \\
                    WHERE event_type = 'RateChanged'"
  workledger verify
The commands are in .workledger/venv/bin."""


def demo(
    once: Annotated[bool, typer.Option(help="End when the history is in and verified.")] = False,
) -> None:
    """Start the stack, play ten experts' two weeks, show who is owed what and what waits.

    Stays up until Ctrl-C, unless it is to run once.

    Example: workledger demo --once
    """
    from infra.stack import Stack

    settings = load_settings()
    stack = Stack.whole(settings)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        stack.up(progress=say)
        play(settings)
        holds = show(settings)
        if not once and holds:
            say(
                f"ClickHouse answers at {settings.clickhouse_http_url}, Kafka at "
                f"{settings.bootstrap_servers}, the API at "
                f"http://{settings.host}:{settings.api_port}/schema."
            )
            say(NEXT)
            say("\nUp until Ctrl-C.")
            signal.pause()
    except KeyboardInterrupt:
        say("\nStopping.")
        return
    finally:
        stack.down(progress=say)
    if not holds:
        raise typer.Exit(1)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def play(settings: Settings) -> None:
    """Publish the history and wait until every projection includes it."""
    from infra.connections import client, reader_address
    from infra.demo.history import history
    from infra.importing.run import publish_events
    from infra.registry import use_registry
    from infra.verify.wait import wait_for
    from streams.offsets import log_reader
    from streams.publisher import Publisher

    use_registry(settings)
    made = list(history())
    with Publisher(settings.bootstrap_servers) as publisher:
        report = publish_events(made, publisher)
    if report.bad_rows:
        raise CommandError(f"The history is not sound: {report.bad_rows[0].reason}")
    connection = client(reader_address(settings))
    with (
        log_reader(settings.bootstrap_servers) as log,
        progress_bar("Playing two weeks", 0) as show_progress,
    ):
        lag = wait_for(
            connection, log.offsets, WAIT_S, lambda left, total: show_progress(total - left, total)
        )
    connection.close()
    if lag:
        raise CommandError(f"The workers are {lag} events behind; see {settings.home / 'logs'}.")


def show(settings: Settings) -> bool:
    """Print the tables and the proof; answers whether the proof holds."""
    from api.payouts import engine, owed, waiting
    from infra.cli.proof import report
    from infra.connections import reader_address
    from infra.demo.tables import owed_table, reasons, waiting_table

    address = reader_address(settings)
    source = engine(address.url, address.user, address.password, address.database)
    with source.connect() as connection:
        results.print(owed_table(owed(connection)))
        results.print()
        lines = waiting(connection, WAITING_SHOWN)
        results.print(waiting_table(lines))
        for reason in reasons(lines):
            results.print(reason)
        results.print()
    return report(settings, WAIT_S)
