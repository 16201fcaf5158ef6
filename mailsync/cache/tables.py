"""The tables.  A change here needs a revision in migrations/ and its number in HEAD.

Column names are those of the model's `Row` and `Mailbox` where there is one.  Flags are
`model.flags.Flags` as integers, presences `model.rows.Presence`, times whole or fractional
seconds since 1970 unless the name says `_ns`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from mailsync.cache.schema import (
    DATED,
    DELETED,
    EXTRA,
    KEYWORDS,
    LOOSE,
    MARKED,
    OPEN,
    SIZED,
    WAITING,
)

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_name)s",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def _bare(condition: str) -> str:
    """Index conditions must not name their table."""
    return condition.replace("messages.", "")


account = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True),  # 1
    Column("name", Text, nullable=False),
    Column("uuid", Text, nullable=False),  # of this cache; new with each fresh file
    Column("account_uuid", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("relink", Boolean, nullable=False, server_default=text("0")),
    Column("login", Text),  # user@host with which the UIDs were seen
)

mailboxes = Table(
    "mailboxes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("wire_name", LargeBinary),
    Column("server", Integer, nullable=False, server_default=text("0")),
    Column("local", Integer, nullable=False, server_default=text("0")),
    Column("role", Text),
    Column("guessed", Boolean, nullable=False, server_default=text("0")),  # the role, by the name
    Column("mailbox_id", Text),
    Column("uid_validity", BigInteger),
    Column("uid_next", BigInteger),
    Column("messages", BigInteger),  # with it the cursor is complete; null: list in full
    Column("highest_modseq", BigInteger),
    Column("permanent", Integer, nullable=False, server_default=text("63")),
    Column("read_only", Boolean, nullable=False, server_default=text("0")),
    Column("stamp", Text),  # JSON [[inode, mtime, ctime] of new, the same of cur]; null: list
    Column("selected", Boolean, nullable=False, server_default=text("1")),
    Column("synced", Boolean, nullable=False, server_default=text("0")),
    Column("relink", Boolean, nullable=False, server_default=text("0")),
    Column("direction", Text),  # the policy it last ran with
    Column("deletions", Text),
    Column("policy", Text),
    Column("held", Boolean, nullable=False, server_default=text("0")),
    Column("wait_side", Text),
    Column("wait_reason", Text),
    Column("accepted_until", Float),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_try", Float),
    Column("error", Text),
    Column("audit_uid", BigInteger),  # where the next audit begins
    Column("audit_at", Float),
    Column("succeeded", Float),  # last synced without trouble
    Column("renamed", Integer),  # the mailbox of its new name, where the server cannot RENAME
    Column("returned", Text),  # the side on which it was gone, until a run has gone through
    Column("renaming", Integer),  # the same, while that is under way, on either side
    Column("listed", Text),  # JSON: keywords of PERMANENTFLAGS, `\\*` too; null: not told yet
    Column("refused", BigInteger, nullable=False, server_default=text("0")),  # keywords, as flags
    # keywords that may have a letter in the Maildir
    Column("lettered", BigInteger, nullable=False, server_default=text(KEYWORDS)),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("mailbox", Integer, ForeignKey("mailboxes.id"), nullable=False),
    # server: `server_shown` has all flags as shown, `server_flags` those the mailbox can keep
    Column("uid", BigInteger),
    Column("hint_uid", BigInteger),  # under a former UIDVALIDITY, or by our own file name
    Column("server", Integer, nullable=False, server_default=text("0")),
    Column("server_flags", Integer, nullable=False, server_default=text("0")),
    Column("server_shown", Integer, nullable=False, server_default=text("0")),
    Column("server_extra", Text),  # JSON, sorted; null: none
    # local
    Column("name", Text),
    Column("folder", Text, nullable=False, server_default=text("''")),
    Column("info", Text, nullable=False, server_default=text("''")),
    Column("local", Integer, nullable=False, server_default=text("0")),
    Column("local_flags", Integer, nullable=False, server_default=text("0")),
    Column("local_shown", Integer, nullable=False, server_default=text("0")),
    Column("file_size", BigInteger),
    Column("mtime_ns", BigInteger),
    Column("origin", BigInteger),
    # synced; null: never
    Column("synced", Integer),
    Column("synced_extra", Text),
    # content
    Column("internal_date", BigInteger),
    Column("size", BigInteger),
    Column("wire_size", BigInteger),
    Column("body", LargeBinary),
    Column("header", LargeBinary),
    Column("server_header", LargeBinary),
    Column("message_id", Text, nullable=False, server_default=text("''")),
    Column("email_id", Text),
    # why not now; `wait_policy` null with a wait: until accept or reject, whatever the policy
    Column("wait", Integer, nullable=False, server_default=text("0")),
    Column("wait_side", Text),
    Column("wait_reason", Text),
    Column("wait_policy", Text),
    Column("settled", Integer, nullable=False, server_default=text("0")),
    Column("accepted_until", Float),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_try", Float),
    Column("error", Text),
    Column("marked", Boolean, nullable=False, server_default=text("0")),  # \\Deleted, by us
    # keywords of the file that its name does not show: for want of a letter, or because a rename
    # dropped it; with `local_shown` they are the local side
    Column("local_kept", BigInteger, nullable=False, server_default=text("0")),
    Column("local_lost", BigInteger, nullable=False, server_default=text("0")),
    # what `synced` had of flags that PERMANENTFLAGS does not name now; 0 where that is null
    Column("synced_masked", BigInteger, nullable=False, server_default=text("0")),
)

_m = messages.c
Index("messages_uid", _m.mailbox, _m.uid, unique=True, sqlite_where=text("uid IS NOT NULL"))
Index("messages_name", _m.mailbox, _m.name, unique=True, sqlite_where=text("name IS NOT NULL"))
Index("messages_sides", _m.mailbox, _m.server, _m.local)  # for counts, without the rows
Index("messages_open", _m.wait, _m.next_try, sqlite_where=text(_bare(OPEN)))
Index("messages_body", _m.body, sqlite_where=text(f"body IS NOT NULL AND {_bare(LOOSE)}"))
Index("messages_header", _m.header, sqlite_where=text(f"header IS NOT NULL AND {_bare(OPEN)}"))
for _name, _trait in (("date", DATED), ("size", SIZED)):
    Index(
        f"messages_waiting_{_name}",
        _m.mailbox,
        text(_bare(_trait)),
        sqlite_where=text(_bare(WAITING)),
    )
Index("messages_email", _m.email_id, sqlite_where=text("email_id IS NOT NULL"))
Index("messages_deleted", _m.mailbox, sqlite_where=text(_bare(DELETED)))
Index("messages_marked", _m.mailbox, sqlite_where=text(_bare(MARKED)))
Index("messages_extra", _m.mailbox, sqlite_where=text(_bare(EXTRA)))

keywords = Table(  # of the account: each has its number, and so its bit, for good
    "keywords",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
)

intents = Table(
    "intents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("row", Integer, ForeignKey("messages.id"), index=True),
    Column("source", Integer, ForeignKey("messages.id"), index=True),
    Column("mailbox", Integer, ForeignKey("mailboxes.id"), nullable=False),  # the target
    Column("uid_validity", BigInteger, nullable=False),
    Column("uid_next", BigInteger, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("size", BigInteger),
    Column("body", LargeBinary),
    Column("header", LargeBinary),
    Column("internal_date", BigInteger),
    Column("flags", Integer, nullable=False),
    Column("run", Text, nullable=False),
    Column("began", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
)

deletions = Table(
    "deletions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("row", Integer),  # may be gone
    Column("mailbox", Text, nullable=False),  # its name then
    Column("name", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("info", Text, nullable=False),
    Column("flags", Integer, nullable=False),
    Column("body", LargeBinary, index=True),
    Column("email_id", Text, index=True),
    Column("message_id", Text, nullable=False),
    Column("internal_date", BigInteger),
    Column("undo", Text, nullable=False, unique=True),
    Column("at", Float, nullable=False, index=True),
    Column("done", Boolean, nullable=False, server_default=text("0")),
)

removals = Table(  # what mailsync deleted lately, for the guard
    "removals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("mailbox", Integer, ForeignKey("mailboxes.id"), nullable=False),
    Column("side", Text, nullable=False),
    Column("at", Float, nullable=False, index=True),
    Column("count", Integer, nullable=False),
    Column("boot_id", Text, nullable=False, server_default=text("''")),
    Column("boot", Float, nullable=False, server_default=text("0")),  # seconds since that boot
)

repeated = Table(  # sent again, although an earlier command may still be executed (rule 8)
    "repeated",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("mailbox", Integer, ForeignKey("mailboxes.id"), nullable=False),
    Column("body", LargeBinary, nullable=False, index=True),
    Column("at", Float, nullable=False),
)

# -- of one connection, in memory ---------------------------------------------------------------

temporary = MetaData()

seen_server = Table(
    "seen_server",
    temporary,
    Column("uid", Integer, primary_key=True),
    Column("flags", Integer, nullable=False),
    Column("extra", Text),
    Column("internal_date", BigInteger),
    Column("size", BigInteger),
    Column("email_id", Text),
    prefixes=["TEMPORARY"],
)
files = Table(  # as seen or delivered; `id` only where the row is known
    "files",
    temporary,
    Column("name", Text, primary_key=True),
    Column("id", Integer),
    Column("folder", Text, nullable=False),
    Column("info", Text, nullable=False),
    Column("flags", Integer, nullable=False),
    Column("synced", Integer),
    Column("size", BigInteger),  # null: nobody looked at the file
    Column("mtime_ns", BigInteger),
    Column("origin", BigInteger),
    Column("wire_size", BigInteger),
    Column("body", LargeBinary),
    Column("header", LargeBinary),
    Column("message_id", Text),
    prefixes=["TEMPORARY"],
)
spans = Table(  # inclusive ranges of UIDs
    "spans",
    temporary,
    Column("low", Integer, primary_key=True),
    Column("high", BigInteger, nullable=False),
    prefixes=["TEMPORARY"],
)
wanted = Table(  # rows that a statement is about, with what they share with candidates
    "wanted",
    temporary,
    Column("id", Integer, primary_key=True),
    Column("mailbox", Integer),
    Column("body", LargeBinary),
    Column("header", LargeBinary),
    Column("email_id", Text),
    Column("name", Text),
    Column("origin", BigInteger),
    prefixes=["TEMPORARY"],
)
pairs = Table(  # `keep` takes the file of `file`; the columns after `synced` are filled from it
    "pairs",
    temporary,
    Column("keep", Integer, primary_key=True),
    Column("file", Integer, nullable=False),
    Column("synced", Integer),
    Column("name", Text),
    Column("folder", Text),
    Column("info", Text),
    Column("local", Integer),
    Column("local_flags", Integer),
    Column("local_shown", Integer),
    Column("local_kept", BigInteger),
    Column("local_lost", BigInteger),
    Column("file_size", BigInteger),
    Column("mtime_ns", BigInteger),
    Column("origin", BigInteger),
    Column("wire_size", BigInteger),
    Column("body", LargeBinary),
    Column("header", LargeBinary),
    Column("message_id", Text),
    Column("marked", Boolean),
    Column("settled", Integer),
    Column("wait", Integer),
    Column("wait_side", Text),
    Column("wait_reason", Text),
    Column("wait_policy", Text),
    prefixes=["TEMPORARY"],
)

alembic_version = Table(  # as Alembic itself makes it
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
