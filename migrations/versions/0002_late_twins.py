"""What was sent again although the server may still execute the first command (rule 8)

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "repeated",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailbox", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox"], ["mailboxes.id"], name=op.f("repeated_mailbox_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("repeated_pkey")),
    )
    with op.batch_alter_table("repeated", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("repeated_body"), ["body"], unique=False)
