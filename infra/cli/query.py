"""`workledger query SQL`: read-only SQL on the projections."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import httpx
import typer

from infra.cli.console import say
from infra.errors import CommandError, UsageError
from infra.settings import load_settings

TIMEOUT_S = 300.0


class Format(StrEnum):
    """How an answer is written."""

    table = "table"
    csv = "csv"
    tsv = "tsv"
    json = "json"
    jsonlines = "jsonlines"
    parquet = "parquet"
    arrow = "arrow"


CLICKHOUSE_FORMAT = {
    Format.table: "PrettyCompact",
    Format.csv: "CSVWithNames",
    Format.tsv: "TSVWithNames",
    Format.json: "JSON",
    Format.jsonlines: "JSONEachRow",
    Format.parquet: "Parquet",
    Format.arrow: "Arrow",
}


def query(
    sql: Annotated[str, typer.Argument(help="One statement that reads; - takes standard input.")],
    output: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.table,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    min_token: Annotated[
        str | None,
        typer.Option("--min-token", help="topic/partition/offset that the answer must include."),
    ] = None,
    wait_s: Annotated[
        float, typer.Option("--wait", min=0, max=600, help="Seconds to wait for it at most.")
    ] = 5.0,
) -> None:
    """Ask the projections, whose tables and views are read as one.

    payout: payout_lines, payout_summary, payout_holds, payout_journal, payout_lines_opened,
    payout_lines_closed, payout_approvals, payout_hold_changes, payout_without_effect.
    utilization: utilization_hours, utilization_overlap_free,
    utilization_by_day, hiring_candidates, hiring_funnel, claim_health, utilization_intervals,
    utilization_pieces, reported_hours, declared_availability, hiring_steps, published_tasks,
    claim_changes. fraud: fraud_alerts, fraud_alert_changes. agents: task_claims,
    opened_projects. archive: events. Of each projection: watermarks, repeats, dead_letters.

    A write tells its token (topic/partition/offset); with --min-token the answer includes it, or
    the command ends with 1 and says how far each projection is.

    Example: workledger query "SELECT status, count() FROM payout_lines GROUP BY status"
    """
    settings = load_settings()
    chosen = CLICKHOUSE_FORMAT[Format.json if as_json else output]
    parameters = {
        "database": settings.clickhouse_database,
        "default_format": chosen,
        "output_format_pretty_color": int(sys.stdout.isatty()),
        "output_format_pretty_row_numbers": 0,
    }
    headers = {
        "X-ClickHouse-User": settings.clickhouse_reader,
        "X-ClickHouse-Key": settings.clickhouse_reader_password,
    }
    if min_token is not None:
        _wait_for(min_token, wait_s)
    body = sys.stdin.read() if sql == "-" else sql
    try:
        with httpx.stream(
            "POST",
            settings.clickhouse_http_url,
            params=parameters,
            headers=headers,
            content=body.encode(),
            timeout=TIMEOUT_S,
        ) as answer:
            if answer.status_code != httpx.codes.OK:
                raise UsageError(answer.read().decode(errors="replace").strip())
            written = 0
            for chunk in answer.iter_bytes():
                written += sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            if not written:
                say("No rows.")  # on the error stream: what is piped on stays empty
    except httpx.TransportError as error:
        raise CommandError(
            f"ClickHouse does not answer at {settings.clickhouse_http_url}. Try: workledger up "
            f"({error})"
        ) from error


def _wait_for(token: str, wait_s: float) -> None:
    """Return when every projection of its topic includes it; raises `CommandError` if not."""
    from infra.connections import client, reader_address
    from infra.verify.wait import wait_until_included
    from schemas.log_address import parse_address

    connection = client(reader_address(load_settings()))
    try:
        behind = wait_until_included(connection, parse_address(token), wait_s)
    finally:
        connection.close()
    if behind:
        told = ", ".join(f"{name} is at offset {at}" for name, at in behind.items())
        raise CommandError(f"{token} is not included after {wait_s:g} s: {told}.")
