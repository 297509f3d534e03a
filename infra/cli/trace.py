"""`workledger trace EVENT_ID`: where is my event, and what has become of it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.console import AsJson, print_json, results
from infra.settings import load_settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from streams.offsets import LogReader

LINE_CHARS_MAX = 2_000
"""How long a line of the tree may be where no terminal's width limits it."""


def trace(
    event: Annotated[str, typer.Argument(help="An event's id, or topic/partition/offset.")],
    as_json: AsJson = False,
) -> None:
    """Tell the life of one event: each time it came, what projections made of it, what followed.

    Exits with 1 where it is nowhere, and says how fresh that answer is.

    Delays are told as far as Kafka: from what happened to what was recorded, appended, told again.
    A projection's rows carry no clock, so that every rebuild makes the same ones; how far it is
    behind stands beside its verdict, and `workledger_event_age_seconds` measures it.

    Example: workledger trace 019b2f6e-8a40-7c15-9d2e-3f4a5b6c7d8e
    """
    from api.trace.told import as_json as told
    from api.trace.trace import NoNameError, trace_of
    from infra.cli.trace_tree import tree_of
    from infra.connections import inspecting
    from infra.errors import CommandError, UsageError
    from infra.log_ends import OpenLog
    from streams.offsets import log_reader

    settings = load_settings()
    with inspecting(settings) as client, log_reader(settings.bootstrap_servers) as log:
        try:
            found = trace_of(client, OpenLog(log), event)
        except NoNameError as error:
            raise UsageError(str(error)) from None
        if found is None:
            raise CommandError(_nowhere(client, log, event))
    if as_json:
        print_json(told(found))
    else:
        width = None if results.is_terminal else LINE_CHARS_MAX
        results.print(tree_of(found), soft_wrap=False, width=width)


def _nowhere(client: Client, log: LogReader, named: str) -> str:
    from infra.verify.wait import freshness
    from projections.registry import PROJECTIONS
    from schemas.log_address import is_address

    what = "no record at" if is_address(named) else "no event"
    fresh = ", ".join(
        f"{one.projection} includes {one.events:,} events up to {one.last_appended_at or 'never'} "
        f"and is {one.lag_events:,} behind Kafka"
        for one in freshness(client, log.offsets)
    )
    names = list(PROJECTIONS)
    where = f"what {', '.join(names[:-1])} and {names[-1]} applied, repeats or dead letters"
    kafka = " or on Kafka" if is_address(named) else ""
    return f"There is {what} {named} in {where}{kafka}. {fresh}."
