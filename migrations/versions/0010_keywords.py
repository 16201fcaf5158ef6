"""Keywords: the account's table, what each mailbox can keep, what file names do not show

Of what is there no keyword is known yet: everything is listed once, and both sides get the union.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OPEN = (
    "NOT (settled = 2 OR (server = 1 AND local = 1"
    " AND synced IS server_flags AND synced IS local_flags AND local_lost = 0))"
)
INDICES = {
    "messages_open": (["wait", "next_try"], OPEN),
    "messages_body": (["body"], f"body IS NOT NULL AND (local <> 1 OR {OPEN})"),
    "messages_header": (["header"], f"header IS NOT NULL AND {OPEN}"),
}


def upgrade() -> None:
    op.create_table(
        "keywords",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("keywords_pkey")),
    )
    none = {"server_default": sa.text("0"), "nullable": False}
    with op.batch_alter_table("mailboxes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("listed", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("refused", sa.BigInteger(), **none))
        every = sa.text("9223372036854775744")
        batch_op.add_column(
            sa.Column("lettered", sa.BigInteger(), server_default=every, nullable=False)
        )
    for name in INDICES:
        op.drop_index(name, table_name="messages")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("local_kept", sa.BigInteger(), **none))
        batch_op.add_column(sa.Column("local_lost", sa.BigInteger(), **none))
    for name, (columns, where) in INDICES.items():
        op.create_index(name, "messages", columns, unique=False, sqlite_where=sa.text(where))
    op.execute("UPDATE mailboxes SET messages = NULL, highest_modseq = NULL, stamp = NULL")
