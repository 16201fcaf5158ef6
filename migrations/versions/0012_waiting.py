"""What waits on one side is found by what is new on the other

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

WAITING = "(wait > 1 OR settled = 2)"
TRAITS = {
    "date": "coalesce(internal_date, mtime_ns / 1000000000)",
    "size": "coalesce(size, wire_size)",
}


def upgrade() -> None:
    for name, trait in TRAITS.items():
        op.create_index(
            f"messages_waiting_{name}",
            "messages",
            ["mailbox", sa.text(trait)],
            unique=False,
            sqlite_where=sa.text(WAITING),
        )
