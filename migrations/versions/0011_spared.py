# ruff: noqa: S608 (the statements are put together from constants of this file)
"""What waits or is parked although both sides agree is open: what `expunge-deleted` would delete

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ALIKE = (
    "server = 1 AND local = 1 AND synced IS server_flags AND synced IS local_flags"
    " AND local_lost = 0"
)
OPEN = f"NOT (settled = 2 OR ({ALIKE} AND wait = 0 AND next_try IS NULL AND settled <> 3))"
INDICES = {
    "messages_open": (["wait", "next_try"], OPEN),
    "messages_body": (["body"], f"body IS NOT NULL AND (local <> 1 OR {OPEN})"),
    "messages_header": (["header"], f"header IS NOT NULL AND {OPEN}"),
}


def upgrade() -> None:
    op.execute(
        "UPDATE messages SET attempts = 0, next_try = NULL, error = NULL"
        f" WHERE next_try IS NOT NULL AND {ALIKE} AND settled <> 2"
    )
    for name, (columns, where) in INDICES.items():
        op.drop_index(name, table_name="messages")
        op.create_index(name, "messages", columns, unique=False, sqlite_where=sa.text(where))
