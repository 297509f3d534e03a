"""`workledger trace EVENT_ID`: where is my event, and what has become of it?"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.console import AsJson, print_json, results
from infra.settings import load_settings

if TYPE_CHECKING:
    from infra.trace.outcomes import Row
    from infra.trace.trace import Delivery, Relative, Trace

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
    from infra.cli.trace_tree import tree_of
    from infra.connections import inspecting
    from infra.trace.trace import trace_of
    from streams.offsets import log_reader

    settings = load_settings()
    with inspecting(settings) as client, log_reader(settings.bootstrap_servers) as log:
        found = trace_of(client, log, event)
    if as_json:
        print_json(_told(found))
    else:
        width = None if results.is_terminal else LINE_CHARS_MAX
        results.print(tree_of(found), soft_wrap=False, width=width)


def _told(trace: Trace) -> dict[str, Any]:
    """A trace as JSON holds it."""
    first = trace.deliveries[0].record.appended_at
    return {
        "event_id": trace.event_id,
        "deliveries": [_told_delivery(one, first) for one in trace.deliveries],
        "deliveries_more": trace.deliveries_more,
        "cause": _told_relative(trace.cause, first) if trace.cause else None,
        "caused": [_told_relative(one, first) for one in trace.caused],
        "caused_more": trace.caused_more,
    }


def _told_delivery(delivery: Delivery, first: int | None) -> dict[str, Any]:
    from schemas.json_form import to_json

    record = delivery.record
    event_type, version, event = record.event_type, record.version, record.event or {}
    occurred_at, recorded_at = event.get("occurred_at"), event.get("recorded_at")
    return {
        "address": str(record.address),
        **record.address._asdict(),
        "event_type": event_type.name if event_type else None,
        "schema_id": version.schema_id if version else None,
        "version": version.number if version else None,
        "event": to_json(event_type.schema, event) if event_type else None,
        "appended_at": _time(record.appended_at),
        "delays_us": {
            "from_occurred_to_recorded": _delay_us(occurred_at, recorded_at),
            "from_recorded_to_appended": _delay_us(recorded_at, record.appended_at),
            "from_first_to_this": _delay_us(first, record.appended_at),
        },
        "projections": [
            one._asdict() | {"rows": {t: list(map(_plain, rows)) for t, rows in one.rows.items()}}
            for one in delivery.outcomes
        ],
    }


def _told_relative(one: Relative, first: int | None) -> dict[str, Any]:
    return {
        "event_id": one.event_id,
        "event_type": one.event_type or None,
        "subject_id": one.subject_id or None,
        "address": str(one.address) if one.address else None,
        "appended_at": _time(one.appended_at),
        "delay_us": _delay_us(first, one.appended_at),
    }


def _delay_us(earlier: int | None, later: int | None) -> int | None:
    return None if earlier is None or later is None else later - earlier


def _time(at_us: int | None) -> str | None:
    from schemas.json_form import time_text

    return None if at_us is None else time_text(at_us)


def _plain(row: Row) -> Row:
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()}
