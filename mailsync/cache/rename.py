# ruff: noqa: S608 (the statements are put together from constants of this room)
"""A mailbox was renamed by us on one side, to repeat what happened on the other (rule 10).

`mailbox` keeps its rows; the cache's row of the new name, which was made when the other side's
rename was seen, is swallowed with its rows: those that are the same message by UID (the rename
was the server's) or by unique name (the Maildir's) are joined, the others come along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from mailsync.cache.keywords import REMASK
from mailsync.cache.mailboxes import BACK
from mailsync.cache.pairing import pair
from mailsync.cache.relink import doubt_server
from mailsync.cache.schema import KEYWORDS
from mailsync.cache.sql import FREE, SHOWABLE, agree, free_unless, many, spared, want
from mailsync.model.ids import MailboxId
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import ServerMailbox
from mailsync.model.rows import Side

_BOX = text("SELECT * FROM mailboxes WHERE id = :box")
_ONE_FILE = """
    {new}.mailbox = :new AND {new}.name IS NOT NULL AND old.mailbox = :box
        AND old.name = {new}.name AND {new}.uid IS NULL AND old.file_size IS {new}.file_size
        AND old.mtime_ns IS {new}.mtime_ns"""
_SAME_NAME = text(f"""
    SELECT old.id, new.id, old.synced FROM messages AS new CROSS JOIN messages AS old
    WHERE {_ONE_FILE.format(new="new")}""")
# Keywords that the file's name never showed go along, as those do that it shows; and all where a
# mail reader dropped the letters of all.
_UNSHOWN = f"""
    ((old.local_kept | old.local_lost | CASE WHEN messages.local_shown & {KEYWORDS} THEN 0
        ELSE old.local_shown END) & {KEYWORDS} & ~messages.local_shown)"""
_KEYWORDS = text(f"""
    UPDATE messages SET
        local_kept = {_UNSHOWN} & ~{SHOWABLE}, local_lost = {_UNSHOWN} & {SHOWABLE},
        local_flags = messages.local_flags | {_UNSHOWN}
    FROM messages AS old
    WHERE {_ONE_FILE.format(new="messages")}""")
# What the guard holds was there before, and is as it was: its new name is no accept.
_HELD_FILES = text(f"""
    SELECT old.wait, old.wait_side, old.wait_reason, old.wait_policy, old.id
    FROM messages AS new CROSS JOIN messages AS old
    WHERE {_ONE_FILE.format(new="new")}
        AND old.wait = 1 AND old.local = 1 AND old.local_flags = new.local_flags""")
_HOLD = """
    UPDATE messages SET wait = ?, wait_side = ?, wait_reason = ?, wait_policy = ? WHERE id = ?"""
_SAME_UID = text("""
    SELECT old.id, new.id, new.server_flags, new.server_shown, new.server_extra,
        new.internal_date, new.size, new.email_id
    FROM messages AS new CROSS JOIN messages AS old
    WHERE new.mailbox = :new AND new.uid IS NOT NULL AND old.mailbox = :box
        AND old.uid = new.uid AND new.name IS NULL""")
_HELD = "(wait = 1 AND server = 1 AND server_flags = ?2)"
_TAKE = f"""
    UPDATE messages SET server = 1, server_flags = ?2, server_shown = ?3, server_extra = ?4,
        internal_date = coalesce(?5, internal_date), size = coalesce(?6, size),
        email_id = coalesce(?7, email_id),
        settled = CASE WHEN server = 1 AND settled IN (1, 2) THEN settled
            ELSE {spared("?2 | local_flags")} END,
        {free_unless(_HELD)}
    WHERE id = ?1"""
# What the listing under the new name does not have has left: UIDs below its UIDNEXT never come.
_LEFT = text(f"""
    UPDATE messages SET server = 2, marked = 0, settled = {spared("local_flags")}, {FREE}
    WHERE mailbox = :box AND server = 1 AND uid < :uid_next AND NOT EXISTS (
        SELECT 1 FROM messages AS new WHERE new.mailbox = :new AND new.uid = messages.uid)""")
_INTENTS = [
    text("UPDATE intents SET row = :old WHERE row = :new"),
    text("UPDATE intents SET source = :old WHERE source = :new"),
]
_DOUBT_CLASHES = [
    # What is left under the same uid or name is another message: the old row loses the hint.
    text(f"""
    UPDATE messages SET {column} = NULL, {side} = CASE WHEN {side} = 1 THEN 3 ELSE {side} END
    WHERE mailbox = :box AND {column} IN (
        SELECT {column} FROM messages WHERE mailbox = :new AND {column} IS NOT NULL)""")
    for column, side in (("uid", "server"), ("name", "local"))
]
_COME_ALONG = text("UPDATE messages SET mailbox = :box WHERE mailbox = :new")
_TARGETS = text("UPDATE intents SET mailbox = :box WHERE mailbox = :new")
_REMOVALS = text("DELETE FROM removals WHERE mailbox = :new")
_REPEATED = text("UPDATE repeated SET mailbox = :box WHERE mailbox = :new")
_FOLLOWERS = text("UPDATE mailboxes SET renamed = :box WHERE renamed = :new")
_DROP = text("DELETE FROM mailboxes WHERE id = :new")
_RENAMED = text("""
    UPDATE mailboxes SET
        name = :name, wire_name = coalesce(:wire_name, wire_name), server = 1, local = 1,
        role = CASE WHEN guessed THEN :role ELSE coalesce(:role, role) END,
        guessed = CASE WHEN guessed OR :role IS NOT NULL THEN :guessed ELSE 0 END,
        mailbox_id = coalesce(:mailbox_id, mailbox_id),
        uid_validity = :uid_validity, uid_next = :uid_next, messages = NULL,
        highest_modseq = NULL, stamp = NULL, held = 0, wait_side = NULL, wait_reason = NULL,
        accepted_until = NULL, renamed = NULL, renaming = NULL
    WHERE id = :box""")

_RENAMING = text("UPDATE mailboxes SET renaming = :new WHERE id = :box")
_UNDER_WAY = text("""
    SELECT mailboxes.id, mailboxes.name, new.id AS new, new.name AS new_name,
        mailboxes.local = 1 AS here
    FROM mailboxes LEFT JOIN mailboxes AS new ON new.id = mailboxes.renaming
    WHERE mailboxes.renaming IS NOT NULL ORDER BY mailboxes.id""")
# Below a mailbox, and in the Maildir not where they were.
_BELOW = text("""
    SELECT id, name, wire_name FROM mailboxes
    WHERE substr(name, 1, length(:above)) = :above AND server = 1 AND local <> 1""")
# There as before in the Maildir, which has another one, not on the server yet, by the name under
# which they went along.
_STAYED = text("""
    SELECT box.id, box.name, box.wire_name, box.selected, new.id AS new
    FROM mailboxes AS box JOIN mailboxes AS new
        ON new.name = :name || substr(box.name, length(:above))
    WHERE substr(box.name, 1, length(:above)) = :above AND box.server = 1 AND box.local = 1
        AND new.server <> 1 AND new.local = 1
    ORDER BY box.name LIMIT 1""")
_ANEW = text("""
    INSERT INTO mailboxes (name, selected, local, relink)
    SELECT :name, :selected, 1, relink FROM account""")
_TAKEN = text("SELECT EXISTS (SELECT 1 FROM mailboxes WHERE name = :name)")
_GO_ALONG = text("UPDATE mailboxes SET name = :name, wire_name = :wire_name WHERE id = :box")


def renaming(c: Connection, mailbox: MailboxId, new: MailboxId | None) -> None:
    c.execute(_RENAMING, {"box": mailbox, "new": new})


def finish(
    c: Connection, listed: Sequence[ServerMailbox], local: Sequence[MailboxName] | None
) -> None:
    """The rename of a run that was cut off: what is listed under the new name alone was renamed by
    us.  Without that, what went along below it on the server would look renamed by somebody else;
    and in the Maildir both names would be other mailboxes, of which nobody knows what was deleted
    and kept, or waits.  `local` None: nobody looked there."""
    shown = {box.name: box.wire_name for box in listed if box.selectable}
    for box, name, new, new_name, here in c.execute(_UNDER_WAY).all():
        if here and local is None:
            continue
        if here and new_name in (local or ()) and name not in (local or ()):
            mailbox_renamed(c, box, new, Side.LOCAL, shown.get(new_name))
        elif not here and new_name in shown and name not in shown:
            mailbox_renamed(c, box, new, Side.SERVER, shown[new_name])
        else:
            renaming(c, box, None)


def mailbox_renamed(
    c: Connection, mailbox: MailboxId, new: MailboxId, side: Side, wire_name: bytes | None = None
) -> None:
    """`wire_name`: what the server calls it now, where the rename was repeated there."""
    bound: dict[str, Any] = {"box": mailbox, "new": new}
    c.execute(BACK, bound)
    old_box = c.execute(_BOX, {"box": mailbox}).one()
    new_box = c.execute(_BOX, {"box": new}).one()
    validity, uid_next = old_box.uid_validity, old_box.uid_next
    if new_box.uid_validity is not None:
        if validity is not None and validity != new_box.uid_validity:
            doubt_server(c, mailbox)
        validity, uid_next = new_box.uid_validity, new_box.uid_next
    if side is Side.SERVER:
        # A file that is there under both names is the new mailbox's: join takes it from there.
        c.execute(_KEYWORDS, bound)
        found = [(old, file, synced) for old, file, synced in c.execute(_SAME_NAME, bound)]
        held = [tuple(row) for row in c.execute(_HELD_FILES, bound)]
        pair(c, found)
        many(c, _HOLD, held)
        _go_along(c, old_box, new_box.name, wire_name)
    else:
        if validity == old_box.uid_validity is not None and new_box.uid_next is not None:
            c.execute(_LEFT, {**bound, "uid_next": new_box.uid_next})
        _join_uids(c, bound)
    for statement in _DOUBT_CLASHES:
        c.execute(statement, bound)
    for statement in (_COME_ALONG, _TARGETS, _REMOVALS, _REPEATED, _FOLLOWERS, _DROP):
        c.execute(statement, bound)
    c.execute(
        _RENAMED,
        {
            "box": mailbox,
            "name": new_box.name,
            "wire_name": wire_name or new_box.wire_name,
            "role": new_box.role,
            "guessed": new_box.guessed,
            "mailbox_id": new_box.mailbox_id,
            "uid_validity": validity,
            "uid_next": uid_next,
        },
    )
    # What was seen under the new name was held against what a mailbox keeps that nobody had asked.
    c.execute(REMASK, {"box": mailbox, "permanent": old_box.permanent})


def _go_along(c: Connection, old: Any, name: str, wire_name: bytes | None) -> None:
    """A server's RENAME takes what lies below along (RFC 9051 §6.3.6).  What the Maildir has under
    that very name is joined when its own rename comes, or now if it has one of the old name, too:
    that is a new mailbox from now on."""
    for box, child, child_wire in c.execute(_BELOW, {"above": f"{old.name}/"}).all():
        bound = {"box": box, "name": name + child[len(old.name) :]}
        bound["wire_name"] = _carried(child_wire, old.wire_name, wire_name)
        if not c.execute(_TAKEN, bound).scalar_one():
            c.execute(_GO_ALONG, bound)
    above = {"above": f"{old.name}/", "name": name}
    while (stayed := c.execute(_STAYED, above).first()) is not None:
        wire = _carried(stayed.wire_name, old.wire_name, wire_name)
        mailbox_renamed(c, stayed.id, stayed.new, Side.SERVER, wire)
        c.execute(_ANEW, {"name": stayed.name, "selected": stayed.selected})


def _carried(child: bytes | None, old: bytes | None, new: bytes | None) -> bytes | None:
    """The name on the wire of what was below `old`, which is `new` now."""
    return new + child[len(old) :] if new and old and child and child.startswith(old) else None


def _join_uids(c: Connection, bound: dict[str, Any]) -> None:
    found = [tuple(row) for row in c.execute(_SAME_UID, bound)]
    for old, new, *_ in found:
        for statement in _INTENTS:
            c.execute(statement, {"old": old, "new": new})
    want(c, [row[1] for row in found])
    c.execute(text("DELETE FROM messages WHERE id IN (SELECT id FROM wanted)"))
    many(c, _TAKE, [(row[0], *row[2:]) for row in found])
    want(c, [row[0] for row in found])
    agree(c)
