"""The tables of the operational store, as they are; `migrations/versions` says how they came."""

import sqlalchemy as sa

metadata = sa.MetaData()

API_KEYS = sa.Table(
    "api_keys", metadata,
    sa.Column("key_id", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("role", sa.String(32), nullable=False),
    sa.Column("expert_id", sa.String(200), nullable=False, default=""),
    sa.Column("secret_sha256", sa.LargeBinary(32), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
    sa.Column("person", sa.String(255), nullable=False, server_default=""),
    sa.Index(
        "api_keys_by_name", "name", unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    ),
)  # fmt: skip
"""Times in microseconds since 1970; of a key's secret only the hash is kept. A name is free again
once its key is revoked. `person` is the `sub` of whose key it is; empty for a program's."""

ANSWERS = sa.Table(
    "idempotent_answers", metadata,
    sa.Column("caller", sa.String(300), primary_key=True),
    sa.Column("idempotency_key", sa.String(255), primary_key=True),
    sa.Column("body_sha256", sa.LargeBinary(32), nullable=False),
    sa.Column("lease_until", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("answer", sa.LargeBinary),
    sa.Index("idempotent_answers_by_lease", "lease_until"),
)  # fmt: skip
"""What was answered to a request with an `Idempotency-Key`; no status while it is in flight.
`caller` is the identity of who asked (`Caller.identity`)."""

REQUESTS = sa.Table(
    "requests", metadata,
    sa.Column("event_id", sa.String(36), primary_key=True),
    sa.Column("event_type", sa.String(100), nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("requested_by", sa.String(300), nullable=False),
    sa.Column("requested_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("decided_by", sa.String(300)),
    sa.Column("decided_at", sa.BigInteger),
    sa.Column("reason", sa.Text),
    sa.Column("value", sa.LargeBinary),
    sa.Column("token", sa.String(300)),
    sa.Index("requests_by_state", "state", "requested_at"),
)  # fmt: skip
"""What needs two people, from the asking to the log: see `api.requests.store.Request`."""

ACCESS_RECORDS = sa.Table(
    "access_records", metadata,
    sa.Column("event_id", sa.String(36), primary_key=True),
    sa.Column("actor", sa.String(300), nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("recorded_at", sa.BigInteger, nullable=False),
    sa.Index("access_records_by_time", "recorded_at"),
)  # fmt: skip
"""`AccessRecorded` events that are not on the log yet, as the bytes that they will be."""
