"""A caller is known by an identity, not by one key; a revoked key's name may be given again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
ACTIVE = sa.text("revoked_at IS NULL")


def upgrade() -> None:
    """Answers by the caller's identity; names unique among the keys that are not revoked."""
    with op.batch_alter_table("idempotent_answers") as answers:
        answers.alter_column(
            "key_id", new_column_name="caller", type_=sa.String(300), existing_type=sa.String(16)
        )
    op.execute(
        "UPDATE idempotent_answers SET caller = coalesce("
        "(SELECT 'key:' || name FROM api_keys WHERE key_id = caller), caller)"
    )
    # The unnamed constraint has another name in each database: the table is made without it.
    with op.batch_alter_table("api_keys", recreate="always", copy_from=_keys_without_constraint()):
        pass
    op.create_index(
        "api_keys_by_name", "api_keys", ["name"], unique=True,
        sqlite_where=ACTIVE, postgresql_where=ACTIVE,
    )  # fmt: skip


def _keys_without_constraint() -> sa.Table:
    return sa.Table(
        "api_keys",
        sa.MetaData(),
        sa.Column("key_id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("expert_id", sa.String(200), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
    )
