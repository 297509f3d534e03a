"""`workledger payouts`: what is owed, and why."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from infra.cli.console import AsJson, print_json, results
from infra.errors import CommandError
from infra.settings import load_settings

app = typer.Typer(help="What is owed, and why.", no_args_is_help=True)


@app.command()
def explain(
    line: Annotated[str, typer.Argument(help="A line's id: see payout_lines.")],
    as_json: AsJson = False,
) -> None:
    """Tell which events made a line, at which rate and terms, and how its number came about.

    Example: workledger payouts explain 019b2f6e-8a40-5c15-9d2e-3f4a5b6c7d8e
    """
    from api.explanation import explain as explained
    from infra.connections import client, reader_address
    from projections.looks import look

    connection = client(reader_address(load_settings()))
    found = explained(connection, look(connection), line.lower())
    connection.close()
    if found is None:
        raise CommandError(
            f"There is no line {line}. Ids stand in payout_lines: workledger query "
            '"SELECT line_id, status FROM payout_lines LIMIT 5"'
        )
    if as_json:
        print_json(found.as_json())
        return
    for sentence in found.words:
        results.print(sentence, markup=False, highlight=False)
    table = Table("", "event", "stands at", "happened (UTC)", box=None, header_style="bold")
    for source in found.sources:
        at = source.occurred_at[:19].replace("T", " ")
        table.add_row(source.role, source.event_type, source.address, at)
    results.print()
    results.print(table)
