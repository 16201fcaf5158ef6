"""Store what the Maildir showed; the twin of `observe`."""

# ruff: noqa: S608 (the statements are put together from constants of this room)
from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, text

from mailsync.cache.schema import pack, unpack
from mailsync.cache.sql import FREE, FREE_UNLESS_FIRM, agreed, many
from mailsync.model.ids import UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import LocalEntry, LocalObservation, Stamp

_BOX = text("SELECT id, permanent, relink FROM mailboxes WHERE name = :name")
_NEW_BOX = text("INSERT INTO mailboxes (name, local, relink) SELECT :name, 1, relink FROM account")
_SEEN = """
    INSERT INTO seen_local
        (name, folder, info, flags, looked, size, mtime_ns, origin, wire_size, body, header,
         message_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_SAME = "messages.mailbox = :box AND messages.name = +seen_local.name"
# A name alone proves nothing: with other bytes it is another file.  THERE becomes GONE, a
# doubtful side stays so, but without its hint.
LOST_FILE = text(f"""
    UPDATE messages SET
        local = CASE WHEN messages.local = 1 THEN 2 ELSE messages.local END,
        name = NULL, folder = '', info = '', file_size = NULL, mtime_ns = NULL, origin = NULL,
        settled = 0, {FREE}
    FROM seen_local
    WHERE {_SAME} AND seen_local.looked
        AND (messages.file_size IS NOT seen_local.size
            OR messages.mtime_ns IS NOT seen_local.mtime_ns)""")
_MASKED = "(seen_local.flags & :permanent)"
_AGREED = agreed("messages.server_flags", _MASKED)
_CHANGE = f"""
    UPDATE messages SET
        local = 1, folder = seen_local.folder, info = seen_local.info,
        local_shown = seen_local.flags, local_flags = {_MASKED},
        synced = CASE WHEN messages.server = 1 THEN {_AGREED} ELSE messages.synced END
        %s
    FROM seen_local
    WHERE {_SAME} AND %s"""
CAME_BACK = text(_CHANGE % (f", settled = 0, {FREE}", "messages.local <> 1 AND seen_local.looked"))
CHANGED = text(
    _CHANGE
    % (
        f", {FREE_UNLESS_FIRM}",
        "messages.local = 1 AND messages.local_shown <> seen_local.flags",
    )
)
RENAMED = text(
    _CHANGE
    % (
        "",
        "messages.local = 1 AND"
        " (messages.folder <> seen_local.folder OR messages.info <> seen_local.info)",
    )
)
# During a relink our own name says that it once had a UID: a hint, never proof.
ADDED = text(f"""
    INSERT INTO messages
        (mailbox, name, folder, info, local, local_shown, local_flags, file_size, mtime_ns,
         origin, server, hint_uid, wire_size, body, header, message_id)
    SELECT :box, name, folder, info, 1, flags, {_MASKED}, size, mtime_ns, origin,
        CASE WHEN :relink AND origin IS NOT NULL THEN 3 ELSE 0 END,
        CASE WHEN :relink THEN origin END,
        wire_size, body, header, coalesce(message_id, '')
    FROM seen_local
    WHERE looked AND NOT EXISTS (
        SELECT 1 FROM messages WHERE messages.mailbox = :box AND messages.name = seen_local.name)
    ORDER BY name""")
_UNSEEN = """
    WHERE messages.mailbox = :box AND messages.name IS NOT NULL AND messages.local = 1
        AND NOT EXISTS (SELECT 1 FROM seen_local WHERE seen_local.name = messages.name)"""
ABSENT = text(f"UPDATE messages SET local = 2, settled = 0, {FREE} {_UNSEEN}")
LACKS = text(f"SELECT EXISTS (SELECT 1 FROM messages {_UNSEEN})")
_STAMP = text("UPDATE mailboxes SET local = 1, stamp = :stamp WHERE id = :box")
_NAMES = text("""
    SELECT messages.name FROM messages
    WHERE mailbox = (SELECT id FROM mailboxes WHERE name = :name)
        AND messages.name IS NOT NULL AND local = 1""")


def known_names(c: Connection, mailbox: MailboxName) -> set[str]:
    """The unique names of the files that are there."""
    found = c.execute(_NAMES, {"name": mailbox}).cursor.fetchall()
    return {unpack(name) for (name,) in found}


def unknown_names(
    c: Connection, mailbox: MailboxName, entries: Sequence[LocalEntry]
) -> list[LocalEntry]:
    known = known_names(c, mailbox)
    return [entry for entry in entries if entry.name not in known]


def lacks(c: Connection, mailbox: MailboxName, names: Collection[UniqueName]) -> bool:
    return not known_names(c, mailbox) <= set(names)


def store_local(c: Connection, obs: LocalObservation) -> None:
    box = c.execute(_BOX, {"name": obs.mailbox}).one_or_none()
    if box is None:
        c.execute(_NEW_BOX, {"name": obs.mailbox})
        box = c.execute(_BOX, {"name": obs.mailbox}).one()
    _load(c, obs)
    bound = {"box": box.id, "permanent": box.permanent, "relink": box.relink}
    if obs.facts:
        c.execute(LOST_FILE, bound)
        c.execute(CAME_BACK, bound)
    c.execute(CHANGED, bound)
    c.execute(RENAMED, bound)
    if obs.facts:
        c.execute(ADDED, bound)
    stamp = obs.stamp
    if obs.proven:
        c.execute(ABSENT, bound)
    elif c.execute(LACKS, bound).scalar_one():
        stamp = None
    if _left_out(c, box.id):
        stamp = None
    c.execute(_STAMP, {"box": box.id, "stamp": None if stamp is None else dump_stamp(stamp)})


def _load(c: Connection, obs: LocalObservation) -> None:
    c.exec_driver_sql("DELETE FROM seen_local")
    rows = []
    nothing = (False, None, None, None, None, None, None, None)
    for entry in obs.entries:
        seen = (pack(entry.name), entry.folder, pack(entry.info), int(entry.flags))
        facts = obs.facts.get(entry.name)
        if facts is None:
            rows.append(seen + nothing)
            continue
        d = facts.digest
        content = (None,) * 4 if d is None else (d.wire_size, d.body, d.header, d.message_id)
        rows.append((*seen, True, facts.size, facts.mtime_ns, facts.origin, *content))
    many(c, _SEEN, rows)


_LEFT_OUT = text("""
    SELECT EXISTS (
        SELECT 1 FROM seen_local WHERE NOT looked AND NOT EXISTS (
            SELECT 1 FROM messages WHERE messages.mailbox = :box
                AND messages.name = seen_local.name AND messages.local = 1))""")


def _left_out(c: Connection, box: int) -> bool:
    """Some name was seen that nobody could look at: list again next time."""
    return bool(c.execute(_LEFT_OUT, {"box": box}).scalar_one())


def dump_stamp(stamp: Stamp) -> str:
    return json.dumps([stamp.new, stamp.cur])


def load_stamp(stored: str) -> Stamp:
    (a, b, c), (d, e, f) = json.loads(stored)
    return Stamp(new=(a, b, c), cur=(d, e, f))
