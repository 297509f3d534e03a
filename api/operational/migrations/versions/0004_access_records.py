"""Records of reads wait here for the broker."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "access_records",
        sa.Column("event_id", sa.String(36), primary_key=True),
        sa.Column("actor", sa.String(300), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_index("access_records_by_time", "access_records", ["recorded_at"])
