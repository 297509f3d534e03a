"""A key may be a person's: who holds it and a token is one, where two are needed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Keys so far are nobody's."""
    column = sa.Column("person", sa.String(255), nullable=False, server_default="")
    op.add_column("api_keys", column)
