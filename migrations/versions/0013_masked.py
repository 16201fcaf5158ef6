"""What both sides had of flags that the server does not keep for a while is remembered

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "messages",
        sa.Column("synced_masked", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
