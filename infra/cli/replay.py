"""`workledger deadletters replay`: what is an event by today's code is published again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.console import AsJson, messages, print_json, progress_bar, results, say
from infra.errors import CommandError, UsageError
from infra.settings import Settings, load_settings
from schemas.log_address import LogAddress, parse_address

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from infra.deadletters.judgement import Judgement
    from infra.deadletters.letters import Chosen
    from infra.deadletters.replay import Report

LISTED_MAX = 50
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Letters shown.")]


def replay(
    address: Annotated[
        str | None, typer.Argument(help="One letter, as topic/partition/offset.")
    ] = None,
    cause: Annotated[
        str | None, typer.Option(help="Those of a cause: undecodable, rule or address.")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Those of a topic.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would become of them, no more.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    limit: Limit = LISTED_MAX,
    as_json: AsJson = False,
) -> None:
    """Publish again the dead letters that are events by today's code: the same bytes.

    Each is judged as a worker would if it came now, and goes to the topic and partition where it
    belongs; what would still be refused, or is applied already, is left. Exits with 1 where some
    are still refused.

    Example: workledger deadletters replay --cause address --dry-run
    """
    from infra.connections import inspecting
    from infra.deadletters.letters import Chosen, count_letters
    from infra.deadletters.replay import replay as run

    chosen = Chosen(parse_address(address) if address else None, cause, topic)
    _refuse_unclear(chosen, every, may_ask=dry_run or yes or sys.stdin.isatty())
    settings = load_settings()
    with inspecting(settings) as client:
        total = count_letters(client, chosen)
        if address and not total:
            raise CommandError(f"There is no dead letter at {address}.")
        with progress_bar("Judging", total) as advance_to:
            report = run(client, chosen, None, limit, advance_to)
        if not dry_run:
            _print_report(report, messages)
            if _is_agreed(report, yes):
                report = _publish(settings, client, chosen, total, limit)
    if as_json:
        print_json(_told(report, dry_run))
    elif dry_run:
        _print_report(report, results)
    else:
        results.print(f"{report.published:,} published again.")
    if report.refused:
        raise typer.Exit(1)


def _refuse_unclear(chosen: Chosen, every: bool, may_ask: bool) -> None:
    """Raise `UsageError` where it is not said which letters, or nobody can be asked."""
    ways = (chosen.address is not None, chosen.cause or chosen.topic, every)
    if sum(map(bool, ways)) != 1:
        raise UsageError("Say which letters: an address, --cause and --topic, or --all.")
    if not may_ask:
        raise UsageError("Nobody can be asked here: give --yes, or --dry-run to see first.")


def _is_agreed(report: Report, yes: bool) -> bool:
    if not report.waiting:
        say("There is nothing to publish.")
        return False
    return yes or typer.confirm(f"Publish {report.waiting:,} again?", err=True)


def _publish(settings: Settings, client: Client, chosen: Chosen, total: int, limit: int) -> Report:
    from infra.deadletters.replay import replay as run
    from streams.publisher import Publisher

    with (
        Publisher(settings.bootstrap_servers, client_id="workledger-replay") as publisher,
        progress_bar("Publishing", total) as advance_to,
    ):
        return run(client, chosen, publisher, limit, advance_to)


def _print_report(report: Report, console: Console) -> None:
    table = Table("letters", "verdict", box=None, header_style="bold")
    for verdict, count in report.counts.items():
        table.add_row(f"{count:,}", verdict)
    console.print(table if report.judged else "No dead letters are meant.")
    for one in report.shown:
        reason = f": {one.reason}" if one.reason else f" on {one.topic}"
        console.print(f"{_address_of(one)}  {one.verdict}{reason}", markup=False)
    hidden = report.judged - len(report.shown)
    if hidden > 0:
        say(f"{hidden:,} more; see --limit")


def _told(report: Report, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "verdicts": dict(report.counts),
        "published": report.published,
        "letters": [
            {
                "address": _address_of(one),
                "cause": one.letter.cause,
                "verdict": one.verdict,
                "reason": one.reason,
                "topic": one.topic,
            }
            for one in report.shown
        ],
    }


def _address_of(one: Judgement) -> str:
    return str(LogAddress(*one.letter[:3]))
