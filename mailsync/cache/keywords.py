# ruff: noqa: S608 (the statements are put together from constants of this room)
"""Keywords: the account's table, and what each mailbox on the server can keep."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import Connection, text

from mailsync.cache.schema import KEYWORDS as BITS
from mailsync.cache.sql import agreed
from mailsync.model.flags import KEYWORDS, Flags
from mailsync.model.ids import MailboxId
from mailsync.model.keywords import Keywords
from mailsync.model.observation import ServerObservation

ANY = "\\*"

_ALL = text("SELECT name FROM keywords ORDER BY number")
_INSERT = text("INSERT INTO keywords (number, name) VALUES (:number, :name)")
_LISTS = text("SELECT id, listed, refused FROM mailboxes WHERE listed IS NOT NULL")
_PERMIT = text("UPDATE mailboxes SET permanent = permanent | :more WHERE id = :box")
_REFUSE = text("""
    UPDATE mailboxes SET refused = refused | :flags, permanent = permanent & ~:flags
    WHERE id = :box""")
# What the name shows, and what it does not.
LOCAL = "(local_shown | local_kept | local_lost)"
_AGREED = agreed("(server_shown & :permanent)", f"({LOCAL} & :permanent)", "(synced & :permanent)")
# A flag that the server keeps again: what it shows may be what it lost meanwhile, so both sides
# have the union.  Where one side is gone, it is no news on the other that it had before.
_HELD = f"CASE WHEN server = 1 THEN server_shown ELSE {LOCAL} END"
_BASE = f"((synced | (synced_masked & {_HELD})) & :permanent)"
REMASK = text(f"""
    UPDATE messages SET
        server_flags = server_shown & :permanent, local_flags = {LOCAL} & :permanent,
        synced = CASE WHEN server = 1 AND local = 1 THEN {_AGREED} ELSE {_BASE} END,
        synced_masked = coalesce(synced | synced_masked, 0) & ~:permanent
    WHERE mailbox = :box""")
_PERMANENT = text("SELECT permanent FROM mailboxes WHERE id = :box")
# Keywords that could not be shown get their letters when there is room, and the other way round.
RELETTER = text(f"""
    UPDATE messages SET
        local_lost = (local_lost | local_kept) & :lettered,
        local_kept = (local_lost | local_kept) & ~:lettered
    WHERE mailbox = :box AND local = 1 AND folder = 'cur'
        AND ((local_kept & :lettered) <> 0 OR (local_lost & ~:lettered & {BITS}) <> 0)""")


_LETTERS_FOUND = text("""
    UPDATE messages SET
        local_lost = local_lost | (local_kept & :flags), local_kept = local_kept & ~:flags
    WHERE mailbox = :box AND local = 1 AND folder = 'cur' AND (local_kept & :flags) <> 0""")


def table(c: Connection) -> Keywords:
    return Keywords(c.execute(_ALL).scalars())


def learn(c: Connection, names: Iterable[str]) -> Keywords:
    """The table with these; those that PERMANENTFLAGS names somewhere may be sent there."""
    had = table(c)
    now = had.learn(names)
    new = list(enumerate(now.names))[len(had.names) :]
    if new:
        c.execute(_INSERT, [{"number": number, "name": name} for number, name in new])
        fresh = now.all & ~had.all
        for box, listed, refused in c.execute(_LISTS).all():
            more = _mask(now, frozenset(json.loads(listed))) & fresh & ~Flags(refused)
            if more:
                c.execute(_PERMIT, {"box": box, "more": int(more)})
    return now


def listed(obs: ServerObservation) -> str:
    """What PERMANENTFLAGS says of keywords, to be told from what it says another time."""
    more = {ANY} if obs.permanent is not None and obs.permanent & KEYWORDS else set()
    return json.dumps(sorted(obs.listed | more))


def permanent(known: Keywords, obs: ServerObservation, refused: Flags) -> int:
    """The flags that the mailbox can keep, less keywords that it was found not to."""
    assert obs.permanent is not None
    return int((obs.permanent | _mask(known, obs.listed)) & ~refused)


def letters_found(c: Connection, box: MailboxId, flags: Flags) -> None:
    c.execute(_LETTERS_FOUND, {"box": box, "flags": int(flags)})


def _mask(known: Keywords, names: frozenset[str]) -> Flags:
    return KEYWORDS if ANY in names else known.split(names)[0] & KEYWORDS


def refuse(c: Connection, box: MailboxId, flags: Flags) -> None:
    """The server did not keep these keywords there: until PERMANENTFLAGS says something else they
    are no matter between the sides, and each keeps what it has."""
    c.execute(_REFUSE, {"box": box, "flags": int(flags & KEYWORDS)})
    c.execute(REMASK, {"box": box, "permanent": c.execute(_PERMANENT, {"box": box}).scalar_one()})
