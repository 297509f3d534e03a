"""API keys, and the answers of requests with an `Idempotency-Key`."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables; where they stand already, from before there were revisions, they stay."""
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("expert_id", sa.String(200), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        if_not_exists=True,
    )
    op.create_table(
        "idempotent_answers",
        sa.Column("key_id", sa.String(16), primary_key=True),
        sa.Column("idempotency_key", sa.String(255), primary_key=True),
        sa.Column("body_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.LargeBinary),
        if_not_exists=True,
    )
    op.create_index(
        "idempotent_answers_by_lease", "idempotent_answers", ["lease_until"], if_not_exists=True
    )
