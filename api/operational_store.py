"""The operational store: what the API itself must remember, in SQL. Never money, never events.

SQLite beside the other data by default, PostgreSQL by setting; all access goes through SQLAlchemy.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

metadata = sa.MetaData()

API_KEYS = sa.Table(
    "api_keys", metadata,
    sa.Column("key_id", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("role", sa.String(32), nullable=False),
    sa.Column("expert_id", sa.String(200), nullable=False, default=""),
    sa.Column("secret_sha256", sa.LargeBinary(32), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
)  # fmt: skip
"""Times in microseconds since 1970; of a key's secret only the hash is kept."""

ANSWERS = sa.Table(
    "idempotent_answers", metadata,
    sa.Column("key_id", sa.String(16), primary_key=True),
    sa.Column("idempotency_key", sa.String(255), primary_key=True),
    sa.Column("body_sha256", sa.LargeBinary(32), nullable=False),
    sa.Column("lease_until", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("answer", sa.LargeBinary),
    sa.Index("idempotent_answers_by_lease", "lease_until"),
)  # fmt: skip
"""What was answered to a request with an `Idempotency-Key`; no status while it is in flight."""


def open_store(url: str) -> sa.Engine:
    """An engine on the store at a SQLAlchemy URL, with its tables made where they are missing."""
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _as_many_threads_need)
    metadata.create_all(engine)
    return engine


def _as_many_threads_need(connection: Any, _: object) -> None:
    """Readers beside a writer, and a writer that waits for another instead of failing."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()
