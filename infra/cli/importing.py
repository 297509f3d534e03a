"""`workledger import FILE --mapping MAPPING`: another system's file to events."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.console import AsJson, print_json, progress_bar, results, say
from infra.settings import load_settings

BAD_ROWS_SHOWN = 20


def import_file(
    file: Annotated[
        Path, typer.Argument(help="A CSV file or a JSON list of records; gzip is read as well.")
    ],
    mapping: Annotated[Path, typer.Option(help="The TOML file that says what is what in it.")],
    as_json: AsJson = False,
) -> None:
    """Publish a file's rows as events; the same file twice changes nothing.

    Bad rows are listed with line and reason, the rest goes in; exits with 1 if there were any.

    Example: workledger import judgements.csv.gz --mapping docs/examples/medical.toml
    """
    from infra.importing.judgements import Judgements, read_rows
    from infra.importing.mapping import TimecardMapping, load_mapping
    from infra.importing.run import publish_events
    from infra.importing.timecards import Timecards, read_records
    from infra.registry import use_registry
    from streams.publisher import Publisher

    settings = load_settings()
    chosen = load_mapping(mapping)
    recorded_at = time.time_ns() // 1_000_000 * 1000
    if isinstance(chosen, TimecardMapping):
        source = Timecards(read_records(file), chosen, recorded_at)
    else:
        source = Judgements(read_rows(file, chosen), chosen, recorded_at)
    use_registry(settings)
    with (
        Publisher(settings.bootstrap_servers) as publisher,
        progress_bar("Importing", source.row_count) as advance_to,
    ):
        report = publish_events(source.events(), publisher, advance_to)
    bad_rows = sorted(set(report.bad_rows + source.bad_rows))
    if as_json:
        print_json({"published": report.published, "bad_rows": [r._asdict() for r in bad_rows]})
    else:
        total = sum(report.published.values())
        results.print(f"{total:,} events of {source.row_count:,} rows")
        for event, count in report.published.items():
            results.print(f"  {event:20} {count:>9,}")
        for row in bad_rows[:BAD_ROWS_SHOWN]:
            say(f"line {row.line}: {row.reason}")
        if len(bad_rows) > BAD_ROWS_SHOWN:
            say(f"and {len(bad_rows) - BAD_ROWS_SHOWN:,} more bad rows; --json lists them all")
    if bad_rows:
        raise typer.Exit(1)
