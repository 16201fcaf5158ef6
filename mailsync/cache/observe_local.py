"""Store what the Maildir showed; the twin of `observe`."""

# ruff: noqa: S608 (the statements are put together from constants of this room)
from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from mailsync.cache.keywords import RELETTER
from mailsync.cache.schema import KEYWORDS, OLDER, unpack
from mailsync.cache.sql import (
    BOTH_GONE,
    FREE,
    FREE_UNLESS_FIRM,
    NEVER_SENT,
    agreed,
    load_files,
    no_base_where,
    removal_told,
    spared,
    want,
)
from mailsync.model.flags import Flags
from mailsync.model.ids import UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts, LocalEntry, LocalObservation, Stamp
from mailsync.model.rows import Role

_BOX = text("SELECT id, role, permanent, relink, lettered FROM mailboxes WHERE name = :name")
_NEW_BOX = text("INSERT INTO mailboxes (name, local, relink) SELECT :name, 1, relink FROM account")
_SAME = "messages.mailbox = :box AND messages.name = +files.name"
# A name alone proves nothing: with other bytes it is another file.  THERE becomes GONE, a
# doubtful side stays so, but without its hint.  What has no bytes any more was damaged, not edited:
# doubtful too, so that it is fetched, not deleted.  But an editor empties a draft before it writes
# it anew, and a draft is deleted only when its new version was sent.
LOST_FILE = text(f"""
    UPDATE messages SET
        local = CASE WHEN messages.local <> 1 THEN messages.local
            WHEN files.size = 0 AND messages.file_size > 0 AND NOT :drafts THEN 3 ELSE 2 END,
        name = NULL, folder = '', info = '', file_size = NULL, mtime_ns = NULL, origin = NULL,
        settled = 0, {FREE}
    FROM files
    WHERE {_SAME} AND files.size IS NOT NULL
        AND (messages.file_size IS NOT files.size
            OR messages.mtime_ns IS NOT files.mtime_ns)""")
# What was copied without its times has other ones and the same bytes: where those were read it is
# the file that it was.
TOUCHED = text(f"""
    UPDATE messages SET mtime_ns = files.mtime_ns
    FROM files
    WHERE files.body IS NOT NULL AND {_SAME}
        AND files.size = messages.file_size AND files.body = messages.body""")
_MASKED = "(files.flags & :permanent)"
# Keywords that the name does not show any more.  In new/, and without a letter, they are kept here
# alone.  A rename that drops the letters of all is none that removes keywords: mail readers write
# the flags that they know.  Where a program is at work that knows keywords too, it is one unless
# something else was changed with it.
_OFF = f"""
    ((messages.local_shown & {KEYWORDS} | messages.local_kept | messages.local_lost)
        & ~files.flags)"""
_UNSHOWABLE = f"(CASE files.folder WHEN 'new' THEN {KEYWORDS} ELSE {KEYWORDS} & ~:lettered END)"
_DROPPED = f"""
    ((files.flags & {KEYWORDS}) = 0 AND (messages.local_shown & {KEYWORDS}) <> 0 AND (NOT :exact
        OR files.folder <> messages.folder OR (files.flags & 63) <> (messages.local_shown & 63)))"""
_KEPT = f"({_OFF} & {_UNSHOWABLE})"
_LOST = f"""
    ({_OFF} & ~{_UNSHOWABLE} & CASE WHEN {_DROPPED} THEN {KEYWORDS}
        ELSE messages.local_kept | messages.local_lost END)"""
_LOCAL = f"((files.flags | {_KEPT} | {_LOST}) & :permanent)"
# An older copy of a file never had the flags that were set since: those were not removed here.
_AN_OLDER = f"(:relink = {OLDER} AND messages.local = 3)"
_BASE = f"(CASE WHEN {_AN_OLDER} THEN messages.synced & {_LOCAL} ELSE messages.synced END)"
_AGREED = agreed("messages.server_flags", _LOCAL, _BASE)
# What comes back after both sides had lost it is a new file: not one whose message went elsewhere,
# as into the \\Trash mailbox by our own hand.  What an intent speaks of is left to its outcome.
RENEWED = text(f"""
    UPDATE messages SET {NEVER_SENT}
    FROM files
    WHERE {_SAME} AND +messages.server = 2 AND +messages.local = 2 AND files.size IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM intents WHERE messages.id IN ("row", source))""")
_CHANGE = f"""
    UPDATE messages SET
        local = 1, folder = files.folder, info = files.info,
        local_shown = files.flags, local_kept = {_KEPT}, local_lost = {_LOST},
        local_flags = {_LOCAL},
        synced = CASE WHEN messages.server = 1 THEN {_AGREED}
            WHEN {BOTH_GONE} THEN NULL
            ELSE {_BASE} END,
        synced_masked = CASE WHEN {_AN_OLDER} OR {BOTH_GONE} THEN 0 ELSE messages.synced_masked END
        %s
    FROM files
    WHERE {_SAME} AND %s"""
CAME_BACK = text(
    _CHANGE
    % (
        f", settled = {spared('messages.server_flags | files.flags')}, {FREE}",
        "messages.local <> 1 AND files.size IS NOT NULL"
        " AND NOT (messages.local = 3 AND messages.settled <> 0)",
    )
)
FOUND_AGAIN = text(_CHANGE % ("", "messages.local = 3 AND files.size IS NOT NULL"))
CHANGED = text(
    _CHANGE
    % (
        f", {FREE_UNLESS_FIRM}, settled = CASE WHEN messages.settled = 3"
        f" AND NOT files.flags & {Flags.DELETED:d} THEN 0 ELSE messages.settled END",
        "messages.local = 1 AND messages.local_shown <> files.flags",
    )
)
RENAMED = text(
    _CHANGE
    % (
        "",
        "messages.local = 1 AND (messages.folder <> files.folder OR messages.info <> files.info)",
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
    FROM files
    WHERE size IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM messages WHERE messages.mailbox = :box AND messages.name = files.name)
    ORDER BY name""")
_PUT_AWAY = """((id, name, folder, info) IN (SELECT "row", name, folder, info FROM deletions))"""
# One that a run put into undo just before it was killed was not removed by a user.
ABSENT = text(f"""
    UPDATE messages SET local = 2, settled = {spared("messages.server_flags")}, {FREE},
        {no_base_where(_PUT_AWAY)}
    WHERE id IN (SELECT id FROM wanted)""")
_STAMP = text("""
    UPDATE mailboxes SET local = 1, stamp = :stamp, lettered = :lettered WHERE id = :box""")
_FILES = text("""
    SELECT messages.name, id, folder, info, local_shown, file_size, mtime_ns, body IS NOT NULL
    FROM messages
    WHERE mailbox = (SELECT id FROM mailboxes WHERE name = :name)
        AND messages.name IS NOT NULL AND local = 1""")
_DOUBTFUL = text("""
    SELECT name, file_size, mtime_ns FROM messages
    WHERE mailbox = :box AND name IS NOT NULL AND local = 3 AND body IS NOT NULL""")
_NAMES = text("""
    SELECT messages.name FROM messages
    WHERE mailbox = (SELECT id FROM mailboxes WHERE name = :name)
        AND messages.name IS NOT NULL AND local = 1""")
_GONE_HERE = text("""
    SELECT name FROM messages
    WHERE mailbox = (SELECT id FROM mailboxes WHERE name = :name) AND name IS NOT NULL
        AND local IN (2, 3) AND server IN (1, 3)""")
_IN_NEW = text("""
    SELECT count(*) FROM messages
    WHERE mailbox = (SELECT id FROM mailboxes WHERE name = :name) AND local = 1
        AND folder = 'new'""")


def in_new(c: Connection, mailbox: MailboxName) -> int:
    found: int = c.execute(_IN_NEW, {"name": mailbox}).scalar_one()
    return found


def known_names(c: Connection, mailbox: MailboxName) -> set[str]:
    """The unique names of the files that are there."""
    found = c.execute(_NAMES, {"name": mailbox}).cursor.fetchall()
    return {unpack(name) for (name,) in found}


def unknown_names(
    c: Connection, mailbox: MailboxName, entries: Sequence[LocalEntry]
) -> list[LocalEntry]:
    known = known_names(c, mailbox)
    return [entry for entry in entries if entry.name not in known]


def come_back(
    c: Connection, mailbox: MailboxName, entries: Sequence[LocalEntry]
) -> list[LocalEntry]:
    found = c.execute(_GONE_HERE, {"name": mailbox}).cursor.fetchall()
    gone = {unpack(name) for (name,) in found}
    return [entry for entry in entries if entry.name in gone]


def lacks(c: Connection, mailbox: MailboxName, names: Collection[UniqueName]) -> bool:
    return not known_names(c, mailbox) <= set(names)


@dataclass(slots=True)
class _Diff:
    """`moved`: new, or not as stored.  `gone`: rows whose name was not seen.  `left_out`: some
    new name has no facts, so that nothing can be stored of it.  `touched`: with another mtime and
    bytes that were not read, but could be told."""

    moved: dict[UniqueName, LocalEntry]
    gone: list[int]
    left_out: bool
    touched: list[LocalEntry]


def _diff(c: Connection, obs: LocalObservation) -> _Diff:
    """Compared here rather than in SQL, because sending 100,000 names costs more than
    fetching them."""
    stored = c.execute(_FILES, {"name": obs.mailbox}).cursor.fetchall()
    known = {unpack(row[0]): row[1:] for row in stored}
    diff = _Diff({}, [], False, [])
    seen: set[str] = set()
    for entry in obs.entries:
        name = entry.name
        seen.add(name)
        facts = obs.facts.get(name)
        row = known.get(name)
        if row is None:
            diff.left_out |= facts is None
            same = facts is None
        else:
            _, folder, info, flags, size, mtime_ns, told = row
            same = folder == entry.folder and flags == entry.flags and unpack(info) == entry.info
            if facts is not None:
                as_it_was = (facts.size, facts.mtime_ns) == (size, mtime_ns)
                same = same and as_it_was
                if told and not as_it_was and _only_touched(facts, size, mtime_ns):
                    diff.touched.append(entry)
        if not same:
            diff.moved[name] = entry
    diff.gone = [row[0] for name, row in known.items() if name not in seen]
    return diff


def _only_touched(facts: FileFacts, size: int | None, mtime_ns: int | None) -> bool:
    """Whether the bytes, which were not read, tell if it is the file of that size and mtime."""
    return facts.digest is None and facts.size == size and facts.mtime_ns != mtime_ns


def _touched_in_relink(c: Connection, box: int, obs: LocalObservation) -> list[LocalEntry]:
    """Of those that nobody knows to be there, as where a copy of the Maildir was put back."""
    found = c.execute(_DOUBTFUL, {"box": box}).cursor.fetchall()
    known = {unpack(name): (size, mtime_ns) for name, size, mtime_ns in found}
    return [
        entry
        for entry in obs.entries
        if entry.name in known and (facts := obs.facts.get(entry.name)) is not None
        if _only_touched(facts, *known[entry.name])
    ]


def store_local(c: Connection, obs: LocalObservation, ask: bool = False) -> list[LocalEntry]:
    box = c.execute(_BOX, {"name": obs.mailbox}).one_or_none()
    if box is None:
        c.execute(_NEW_BOX, {"name": obs.mailbox})
        box = c.execute(_BOX, {"name": obs.mailbox}).one()
    diff = _diff(c, obs)
    if ask and box.relink:
        diff.touched += _touched_in_relink(c, box.id, obs)
    if ask and diff.touched:
        return diff.touched
    lettered = box.lettered if obs.lettered is None else int(obs.lettered)
    bound = {
        "box": box.id,
        "permanent": box.permanent,
        "relink": box.relink,
        "lettered": lettered,
        "exact": obs.exact,
        "drafts": box.role == Role.DRAFTS,
    }
    if diff.moved:
        load_files(c, ((None, None, entry, obs.facts.get(n)) for n, entry in diff.moved.items()))
        for statement in (
            TOUCHED,
            LOST_FILE,
            RENEWED,
            CAME_BACK,
            FOUND_AGAIN,
            CHANGED,
            RENAMED,
            ADDED,
        ):
            c.execute(statement, bound)
    if diff.gone and obs.proven:
        want(c, diff.gone)
        c.execute(ABSENT)
        removal_told(c)
    if lettered != box.lettered:
        c.execute(RELETTER, bound)
    stamp = obs.stamp
    if diff.left_out or (diff.gone and not obs.proven):
        stamp = None  # what was not stored must be seen again (I14)
    c.execute(_STAMP, {**bound, "stamp": None if stamp is None else dump_stamp(stamp)})
    return []


def dump_stamp(stamp: Stamp) -> str:
    return json.dumps([stamp.new, stamp.cur])


def load_stamp(stored: str) -> Stamp:
    (a, b, c), (d, e, f) = json.loads(stored)
    return Stamp(new=(a, b, c), cur=(d, e, f))
