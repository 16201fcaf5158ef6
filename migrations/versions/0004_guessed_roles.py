"""Roles that the server did not tell: they are by the mailbox's name (rules 9 and 10)

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("mailboxes", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("guessed", sa.Boolean(), server_default=sa.text("0"), nullable=False)
        )
