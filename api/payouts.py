"""The question that finance asks first: what is owed, what waits, and why."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

LINES = sa.table(
    "payout_lines",
    *(sa.column(name) for name in ("status", "reason", "currency", "expert_id")),
    *(sa.column(name, sa.BigInteger) for name in ("duration_ms", "amount_minor")),
)


class Standing(NamedTuple):
    """Lines of one status, reason and currency together."""

    status: str
    reason: str
    currency: str
    experts: int
    lines: int
    duration_ms: int
    amount_minor: int


def engine(url: str, user: str, password: str, database: str) -> sa.Engine:
    """A SQLAlchemy engine on ClickHouse's HTTP interface; `url` such as http://127.0.0.1:8123."""
    address = sa.engine.make_url(url)
    return sa.create_engine(
        sa.engine.URL.create("clickhousedb", user, password, address.host, address.port, database),
        poolclass=sa.pool.NullPool,
    )


def standings(connection: sa.Connection) -> list[Standing]:
    """What is owed and what waits, by status and reason; the largest amount of each first."""
    of = LINES.c
    money = sa.func.sum(of.amount_minor).label("amount_minor")
    question = (
        sa.select(
            of.status, of.reason, of.currency,
            sa.func.count(sa.distinct(of.expert_id)).label("experts"),
            sa.func.count().label("lines"),
            sa.func.sum(of.duration_ms).label("duration_ms"), money,
        )
        .group_by(of.status, of.reason, of.currency)
        .order_by(of.status, money.desc(), of.reason)
    )  # fmt: skip
    return [Standing(*row) for row in connection.execute(question)]
