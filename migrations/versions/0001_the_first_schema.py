"""The first schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OPEN = (
    "NOT (settled = 2 OR (server = 1 AND local = 1"
    " AND synced IS server_flags AND synced IS local_flags))"
)


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("account_uuid", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("relink", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("account_pkey")),
    )
    op.create_table(
        "deletions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("info", sa.Text(), nullable=False),
        sa.Column("flags", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("email_id", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("internal_date", sa.BigInteger(), nullable=True),
        sa.Column("undo", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("done", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("deletions_pkey")),
        sa.UniqueConstraint("undo", name=op.f("deletions_undo_key")),
    )
    with op.batch_alter_table("deletions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("deletions_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("deletions_body"), ["body"], unique=False)
        batch_op.create_index(batch_op.f("deletions_email_id"), ["email_id"], unique=False)

    op.create_table(
        "mailboxes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("wire_name", sa.LargeBinary(), nullable=True),
        sa.Column("server", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("local", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("mailbox_id", sa.Text(), nullable=True),
        sa.Column("uid_validity", sa.BigInteger(), nullable=True),
        sa.Column("uid_next", sa.BigInteger(), nullable=True),
        sa.Column("messages", sa.BigInteger(), nullable=True),
        sa.Column("highest_modseq", sa.BigInteger(), nullable=True),
        sa.Column("permanent", sa.Integer(), server_default=sa.text("(63)"), nullable=False),
        sa.Column("read_only", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=True),
        sa.Column("selected", sa.Boolean(), server_default=sa.text("1"), nullable=False),
        sa.Column("synced", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("relink", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("deletions", sa.Text(), nullable=True),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("held", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("wait_side", sa.Text(), nullable=True),
        sa.Column("wait_reason", sa.Text(), nullable=True),
        sa.Column("accepted_until", sa.Float(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try", sa.Float(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("audit_uid", sa.BigInteger(), nullable=True),
        sa.Column("audit_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("mailboxes_pkey")),
        sa.UniqueConstraint("name", name=op.f("mailboxes_name_key")),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailbox", sa.Integer(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=True),
        sa.Column("hint_uid", sa.BigInteger(), nullable=True),
        sa.Column("server", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("server_flags", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("server_shown", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("server_extra", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("folder", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("info", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("local", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("local_flags", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("local_shown", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("file_size", sa.BigInteger(), nullable=True),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=True),
        sa.Column("origin", sa.BigInteger(), nullable=True),
        sa.Column("synced", sa.Integer(), nullable=True),
        sa.Column("synced_extra", sa.Text(), nullable=True),
        sa.Column("internal_date", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("wire_size", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("header", sa.LargeBinary(), nullable=True),
        sa.Column("server_header", sa.LargeBinary(), nullable=True),
        sa.Column("message_id", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("email_id", sa.Text(), nullable=True),
        sa.Column("wait", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("wait_side", sa.Text(), nullable=True),
        sa.Column("wait_reason", sa.Text(), nullable=True),
        sa.Column("wait_policy", sa.Text(), nullable=True),
        sa.Column("settled", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("accepted_until", sa.Float(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try", sa.Float(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["mailbox"], ["mailboxes.id"], name=op.f("messages_mailbox_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("messages_pkey")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index(
            "messages_body",
            ["body"],
            unique=False,
            sqlite_where=sa.text(f"body IS NOT NULL AND (local <> 1 OR {OPEN})"),
        )
        batch_op.create_index(
            "messages_deleted",
            ["mailbox"],
            unique=False,
            sqlite_where=sa.text("(synced & 32) <> 0"),
        )
        batch_op.create_index(
            "messages_email",
            ["email_id"],
            unique=False,
            sqlite_where=sa.text("email_id IS NOT NULL"),
        )
        batch_op.create_index(
            "messages_extra",
            ["mailbox"],
            unique=False,
            sqlite_where=sa.text("synced_extra IS NOT server_extra"),
        )
        batch_op.create_index(
            "messages_header",
            ["header"],
            unique=False,
            sqlite_where=sa.text(f"header IS NOT NULL AND {OPEN}"),
        )
        batch_op.create_index(
            "messages_name",
            ["mailbox", "name"],
            unique=True,
            sqlite_where=sa.text("name IS NOT NULL"),
        )
        batch_op.create_index(
            "messages_open", ["wait", "next_try"], unique=False, sqlite_where=sa.text(OPEN)
        )
        batch_op.create_index("messages_sides", ["mailbox", "server", "local"], unique=False)
        batch_op.create_index(
            "messages_uid", ["mailbox", "uid"], unique=True, sqlite_where=sa.text("uid IS NOT NULL")
        )

    op.create_table(
        "removals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailbox", sa.Integer(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox"], ["mailboxes.id"], name=op.f("removals_mailbox_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("removals_pkey")),
    )
    with op.batch_alter_table("removals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("removals_at"), ["at"], unique=False)

    op.create_table(
        "intents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("source", sa.Integer(), nullable=True),
        sa.Column("mailbox", sa.Integer(), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("uid_next", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("header", sa.LargeBinary(), nullable=True),
        sa.Column("internal_date", sa.BigInteger(), nullable=True),
        sa.Column("flags", sa.Integer(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("began", sa.Float(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox"], ["mailboxes.id"], name=op.f("intents_mailbox_fkey")),
        sa.ForeignKeyConstraint(["row"], ["messages.id"], name=op.f("intents_row_fkey")),
        sa.ForeignKeyConstraint(["source"], ["messages.id"], name=op.f("intents_source_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("intents_pkey")),
    )
    with op.batch_alter_table("intents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("intents_row"), ["row"], unique=False)
        batch_op.create_index(batch_op.f("intents_source"), ["source"], unique=False)
