"""`workledger demo`: a marketplace's weeks, and what three groups of people see of them."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.console import progress_bar, results, say
from infra.cli.keys import demo_keys, show_first
from infra.settings import Settings, load_settings

if TYPE_CHECKING:
    from infra.demo.play import Marketplace

WAIT_S = 30.0
ALERTS_SHOWN = 10
NEXT = """
Four things to try while it runs:
  curl -s -H "Authorization: Bearer KEY" "{address}/v1/payouts/lines?status=held&limit=2"
  workledger payouts explain {line}
  workledger query "SELECT domain, status, sum(amount_minor) / 100 AS usd FROM payout_summary \\
                    GROUP BY ALL ORDER BY ALL"
  workledger detectors list
The commands are in .workledger/venv/bin."""


def demo(
    once: Annotated[bool, typer.Option(help="End when the history is in and verified.")] = False,
) -> None:
    """Start the stack, play a marketplace's weeks, show what three groups of people look at.

    What is owed and what waits, open alerts with the money at stake, hours by domain. Stays up
    until Ctrl-C while more events come in, unless it is to run once.

    Example: workledger demo --once
    """
    from infra.stack import Stack

    settings = load_settings()
    stack = Stack.whole(settings)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        show_first(settings)  # here, since the API's own words go to a log
        stack.up(progress=say)
        marketplace = play(settings)
        holds = show(settings)
        if not once and holds:
            say(
                f"ClickHouse answers at {settings.clickhouse_http_url}, Kafka at "
                f"{settings.bootstrap_servers}, the API at "
                f"http://{settings.host}:{settings.api_port}/schema."
            )
            say("Keys of the API, for a day:")
            for role, key in demo_keys(settings).items():
                say(f"  {role:17} {key}")
            address = f"http://{settings.host}:{settings.api_port}"
            say(NEXT.format(line=some_line(settings), address=address))
            say("\nMore events come in, two a second. Up until Ctrl-C.")
            go_on(settings, marketplace)
    except KeyboardInterrupt:
        say("\nStopping.")
        return
    finally:
        stack.down(progress=say)
    if not holds:
        raise typer.Exit(1)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def play(settings: Settings) -> Marketplace:
    """Publish the history and wait until every projection includes it."""
    from infra.connections import client, reader_address
    from infra.demo.play import EXPERTS, WEEKS, Marketplace
    from infra.registry import use_registry
    from streams.offsets import log_reader
    from streams.publisher import Publisher

    use_registry(settings)
    marketplace = Marketplace()
    say(f"About {EXPERTS} experts, {WEEKS} weeks, {len(marketplace.past):,} events.")
    connection = client(reader_address(settings))
    with (
        Publisher(settings.bootstrap_servers) as publisher,
        log_reader(settings.bootstrap_servers) as log,
        progress_bar("Playing", len(marketplace.past)) as show_progress,
    ):
        marketplace.play(publisher, connection, log, show_progress)
    connection.close()
    return marketplace


def go_on(settings: Settings, marketplace: Marketplace) -> None:
    """Let the rest of the history trickle in, then wait for Ctrl-C."""
    from streams.publisher import Publisher

    with Publisher(settings.bootstrap_servers) as publisher:
        marketplace.trickle(publisher)
    signal.pause()


def show(settings: Settings) -> bool:
    """Print the tables and the proof; answers whether the proof holds."""
    from api.alerts import queue
    from api.payouts import standings
    from api.utilization import by_domain
    from infra.cli.proof import report
    from infra.connections import client, reader_address
    from infra.demo.tables import alert_table, hours_table, owed_table
    from projections.looks import look

    connection = client(reader_address(settings))
    at = look(connection)
    for table in (
        owed_table(standings(connection, at)),
        alert_table(queue(connection, at, ALERTS_SHOWN)),
        hours_table(by_domain(connection, at)),
    ):
        results.print(table)
        results.print()
    connection.close()
    return report(settings, WAIT_S)


def some_line(settings: Settings) -> str:
    """The id of a line that is worth an explanation."""
    from infra.connections import client, reader_address

    connection = client(reader_address(settings))
    answer: Any = connection.query(
        "SELECT line_id FROM payout_lines WHERE kind = 'rate_difference' OR reason = 'overlap' "
        "ORDER BY kind = 'rate_difference' DESC, line_id LIMIT 1"
    )
    connection.close()
    return answer.result_rows[0][0] if answer.result_rows else "LINE_ID"
