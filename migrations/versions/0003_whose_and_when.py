"""The login that a cache belongs to; deletions by the boot's clock (rules 4 and 10)

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("login", sa.Text(), nullable=True))
    with op.batch_alter_table("removals", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("boot_id", sa.Text(), server_default=sa.text("''"), nullable=False)
        )
        batch_op.add_column(
            sa.Column("boot", sa.Float(), server_default=sa.text("0"), nullable=False)
        )
