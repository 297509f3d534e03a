"""A trace as JSON holds it: for the API, and for `workledger trace --json`."""

from collections.abc import Container
from datetime import UTC, datetime
from typing import Any

from api.trace.outcomes import Outcome, Row
from api.trace.trace import Delivery, Relative, Trace
from projections.registry import PROJECTIONS
from schemas.json_form import instant_us, time_text, to_json


def as_json(trace: Trace, shown: Container[str] = frozenset(PROJECTIONS)) -> dict[str, Any]:
    """A trace as JSON holds it, with the rows of the projections that are `shown`.

    Of others the rows are null.
    """
    first = trace.deliveries[0].record.appended_at
    return {
        "event_id": trace.event_id,
        "deliveries": [_told_delivery(one, first, shown) for one in trace.deliveries],
        "deliveries_more": trace.deliveries_more,
        "cause": _told_relative(trace.cause, first) if trace.cause else None,
        "caused": [_told_relative(one, first) for one in trace.caused],
        "caused_more": trace.caused_more,
    }


def _told_delivery(delivery: Delivery, first: int | None, shown: Container[str]) -> dict[str, Any]:
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
            one._asdict() | {"rows": _told_rows(one) if one.projection in shown else None}
            for one in delivery.outcomes
        ],
    }


def _told_rows(outcome: Outcome) -> dict[str, list[Row]]:
    return {table: [_plain(row) for row in rows] for table, rows in outcome.rows.items()}


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
    return None if at_us is None else time_text(at_us)


def _plain(row: Row) -> Row:
    return {k: _instant(v) if isinstance(v, datetime) else v for k, v in row.items()}


def _instant(at: datetime) -> str:
    """ClickHouse's times are of UTC, and its client leaves that out."""
    return time_text(instant_us(at if at.tzinfo else at.replace(tzinfo=UTC)))
