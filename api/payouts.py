"""The questions that finance asks first: what is owed, to whom, and what waits and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

PAYOUT_LINES = sa.table(
    "payout_lines",
    *(
        sa.column(name)
        for name in ("expert_id", "project_id", "entry_id", "status", "reason", "currency")
    ),
    sa.column("started_at"),
    sa.column("duration_ms", sa.BigInteger),
    sa.column("amount_minor", sa.BigInteger),
)


@dataclass(frozen=True)
class Owed:
    """What one expert is owed and what waits, in one currency."""

    expert_id: str
    currency: str
    payable_ms: int
    payable_minor: int
    waiting_ms: int
    waiting_minor: int


@dataclass(frozen=True)
class Waiting:
    """A line that waits, and why."""

    expert_id: str
    entry_id: str
    reason: str
    started_at: Any
    duration_ms: int
    amount_minor: int
    currency: str


def engine(url: str, user: str, password: str, database: str) -> sa.Engine:
    """A SQLAlchemy engine on ClickHouse's HTTP interface; `url` such as http://127.0.0.1:8123."""
    address = sa.engine.make_url(url)
    return sa.create_engine(
        sa.engine.URL.create("clickhousedb", user, password, address.host, address.port, database),
        poolclass=sa.pool.NullPool,
    )


def owed(connection: sa.Connection) -> list[Owed]:
    """What each expert is owed, by currency, the largest first."""
    lines = PAYOUT_LINES.c
    is_payable, is_waiting = lines.status == "payable", lines.status == "waiting"

    def total(column: sa.ColumnElement[int], condition: sa.ColumnElement[bool]) -> Any:
        return sa.func.sum(sa.case((condition, column), else_=0))

    payable_minor = total(lines.amount_minor, is_payable).label("payable_minor")
    question = (
        sa.select(
            lines.expert_id,
            lines.currency,
            total(lines.duration_ms, is_payable).label("payable_ms"),
            payable_minor,
            total(lines.duration_ms, is_waiting).label("waiting_ms"),
            total(lines.amount_minor, is_waiting).label("waiting_minor"),
        )
        .where(lines.currency != "")
        .group_by(lines.expert_id, lines.currency)
        .order_by(payable_minor.desc(), lines.expert_id)
    )
    return [Owed(*row) for row in connection.execute(question)]


def waiting(connection: sa.Connection, limit: int) -> list[Waiting]:
    """The lines that wait for a person, in the order of time, at most `limit`."""
    lines = PAYOUT_LINES.c
    question = (
        sa.select(
            lines.expert_id,
            lines.entry_id,
            lines.reason,
            lines.started_at,
            lines.duration_ms,
            lines.amount_minor,
            lines.currency,
        )
        .where(lines.status == "waiting")
        .order_by(lines.started_at, lines.entry_id)
        .limit(limit)
    )
    return [Waiting(*row) for row in connection.execute(question)]
