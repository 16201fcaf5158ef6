"""Messages that mailsync itself marked \\Deleted, to expunge them

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("marked", sa.Boolean(), server_default=sa.text("0"), nullable=False)
        )
        batch_op.create_index(
            "messages_marked", ["mailbox"], unique=False, sqlite_where=sa.text("marked")
        )
