"""The table: what becomes of one message, by the state of its sides.

Pairing and moves come before: a row that gets here has no partner.  `Gone` on a side is proven;
`unknown` never justifies a deletion (semantics.md, rules 1, 4, 6 and 9).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NamedTuple

from mailsync.model import rows
from mailsync.model.flags import Flags
from mailsync.model.rows import Presence, Row, Settled
from mailsync.planner.flags import keyword_saves, saves
from mailsync.planner.policy import Departed, Ground


class Verdict(enum.Enum):
    DOWNLOAD = enum.auto()
    UPLOAD = enum.auto()
    MERGE = enum.auto()
    DELETE = enum.auto()  # on the server, as `deletions` says
    FOLLOW = enum.auto()  # to the mailbox that has the name of its own now
    EXPUNGE = enum.auto()  # this very UID, whatever `deletions` says
    REMOVE = enum.auto()  # the file
    FORGET = enum.auto()
    KEEP = enum.auto()
    HOLD_SERVER = enum.auto()  # held: the server's message would go
    HOLD_LOCAL = enum.auto()
    UNSENT_SERVER = enum.auto()  # the server may not be changed
    UNSENT_LOCAL = enum.auto()
    OUT = enum.auto()  # out of scope: left as it is on both sides


class Ruling(NamedTuple):
    verdict: Verdict
    reason: str


Ruled = list[tuple[Row, Ruling]]
Judge = Callable[[Row, Ground], Ruling]

NEW_ON_SERVER = Ruling(Verdict.DOWNLOAD, "new on the server")
NEW_IN_MAILDIR = Ruling(Verdict.UPLOAD, "new in the Maildir")
NEVER_AGREED_DOWN = Ruling(Verdict.DOWNLOAD, "its file is gone before it was ever synced")
NEVER_AGREED_UP = Ruling(Verdict.UPLOAD, "gone from the server before it was ever synced")
FILE_UNKNOWN = Ruling(Verdict.DOWNLOAD, "no file of it was found again")
PUT_BACK_DOWN = Ruling(Verdict.DOWNLOAD, "deleted in the Maildir, but changed on the server since")
PUT_BACK_UP = Ruling(Verdict.UPLOAD, "expunged on the server, but changed in the Maildir since")
DELETED_HERE = Ruling(Verdict.DELETE, "deleted in the Maildir")
DELETED_THERE = Ruling(Verdict.REMOVE, "expunged on the server")
FLAGGED_DELETED = Ruling(Verdict.DELETE, "\\Deleted on both sides")
DOWNLOADED_COPY = Ruling(Verdict.REMOVE, "downloaded, and expunged on the server since")
MOVED_ON = Ruling(Verdict.EXPUNGE, "moved away: the copy is confirmed")
ACCEPTED_HERE = Ruling(Verdict.DELETE, "accepted: its mailbox is gone in the Maildir")
ACCEPTED_THERE = Ruling(Verdict.REMOVE, "accepted: its mailbox is gone on the server")
ACCEPTED_LOST = Ruling(Verdict.REMOVE, "accepted: not on the server any more")
NO_SIDE = Ruling(Verdict.FORGET, "on neither side")
FLAGS = Ruling(Verdict.MERGE, "flags differ")
FOLLOWS = Ruling(Verdict.FOLLOW, "its mailbox was renamed in the Maildir")
KEPT = Ruling(Verdict.KEEP, "deletions = keep: it stays on the server")
LOST = Ruling(
    Verdict.HOLD_LOCAL, "was synced once and is not on the server; the cache cannot tell why"
)
MAILBOX_GONE_HERE = Ruling(Verdict.HOLD_SERVER, rows.MAILBOX_GONE_HERE)
MAILBOX_GONE_THERE = Ruling(Verdict.HOLD_LOCAL, rows.MAILBOX_GONE_THERE)
UNSENT_SERVER = Ruling(Verdict.UNSENT_SERVER, "the server is not to be changed here")
UNSENT_LOCAL = Ruling(Verdict.UNSENT_LOCAL, "the Maildir is not to be changed here")

CHANGES_SERVER = frozenset({Verdict.UPLOAD, Verdict.DELETE, Verdict.FOLLOW, Verdict.EXPUNGE})
CHANGES_MAILDIR = frozenset({Verdict.DOWNLOAD, Verdict.REMOVE})


def _download(row: Row, ground: Ground) -> Ruling:
    return NEW_ON_SERVER


def _file_unknown(row: Row, ground: Ground) -> Ruling:
    return FILE_UNKNOWN


def _forget(row: Row, ground: Ground) -> Ruling:
    return NO_SIDE


def _both_there(row: Row, ground: Ground) -> Ruling:
    # By us: it was on its way to \\Trash.  A change of the server's had ended that it is accepted.
    taken_off = Flags.DELETED & ~row.server_flags if row.accepted else Flags.NONE
    if (
        ground.expunge_deleted
        and row.synced is not None
        and row.synced & Flags.DELETED & row.local_flags
        and not (row.server_flags ^ row.local_flags) & ground.shared & ~taken_off
        and (row.server_flags & Flags.DELETED or taken_off)
        and row.settled is not Settled.SPARED
    ):
        return KEPT if ground.keeps else FLAGGED_DELETED
    return FLAGS


def _file_gone(row: Row, ground: Ground) -> Ruling:
    if not ground.server_ok:
        return UNSENT_SERVER  # a removed file stays removed, whatever its flags do (rule 9)
    if row.synced is None:
        return NEVER_AGREED_DOWN
    if server_changed(row, ground) and not row.accepted:
        return PUT_BACK_DOWN
    return KEPT if ground.keeps else DELETED_HERE


def _message_gone(row: Row, ground: Ground) -> Ruling:
    if not ground.local_ok:
        return UNSENT_LOCAL
    if row.synced is None:
        return DOWNLOADED_COPY if _is_copy_of_gone(row, ground) else NEVER_AGREED_UP
    return PUT_BACK_UP if local_changed(row, ground) and not row.accepted else DELETED_THERE


def _new_file(row: Row, ground: Ground) -> Ruling:
    return DOWNLOADED_COPY if _is_copy_of_gone(row, ground) else NEW_IN_MAILDIR


def _message_unknown(row: Row, ground: Ground) -> Ruling:
    if row.synced is None and row.origin is None:
        return NEW_IN_MAILDIR
    return ACCEPTED_LOST if row.accepted else LOST


N, T, G, U = Presence.NONE, Presence.THERE, Presence.GONE, Presence.UNKNOWN

# (server, local); the functions look at synced.  A missing pair of states is an error.
TABLE: dict[tuple[Presence, Presence], Judge] = {
    (T, N): _download,
    (T, U): _file_unknown,
    (T, T): _both_there,
    (T, G): _file_gone,
    (G, T): _message_gone,
    (N, T): _new_file,
    (U, T): _message_unknown,
    (N, N): _forget,
    (N, G): _forget,
    (N, U): _forget,
    (G, N): _forget,
    (G, G): _forget,
    (G, U): _forget,
    (U, N): _forget,
    (U, G): _forget,
    (U, U): _forget,
}


def judge(row: Row, server: Presence, local: Presence, ground: Ground) -> Ruling:
    """The ruling for one row, as far as it can be told from the row and its mailbox alone."""
    if row.settled is Settled.COPIED and server is Presence.THERE:
        ruling = MOVED_ON
    else:
        ruling = TABLE[server, local](row, ground)
    if ground.departed is not None:
        ruling = _in_departed(row, ruling, server, ground)
    if ruling.verdict in CHANGES_SERVER and not ground.server_ok:
        return UNSENT_SERVER
    if ruling.verdict in CHANGES_MAILDIR and not ground.local_ok:
        return UNSENT_LOCAL
    return ruling


# Flags go on where both sides have the message; a move that was begun is finished.
OUT_OF_REACH = frozenset(Verdict) - {
    Verdict.MERGE,
    Verdict.FOLLOW,
    Verdict.EXPUNGE,
    Verdict.FORGET,
}


def in_scope(row: Row, ruling: Ruling, ground: Ground) -> Ruling:
    """Out of scope nothing is fetched, sent or deleted, on neither side (rule 9)."""
    if ruling.verdict not in OUT_OF_REACH:
        return ruling
    why = ground.bounds.leaves_out(row)
    return Ruling(Verdict.OUT, why) if why else ruling


def server_changed(row: Row, ground: Ground) -> bool:
    """Changed on the server since the sides agreed, by more than \\Seen (I10)."""
    assert row.synced is not None
    synced, now = row.synced & ground.shared, row.server_flags & ground.shared
    return saves(synced, now, ground.quiet) or keyword_saves(row.synced_extra, row.server_extra)


def local_changed(row: Row, ground: Ground) -> bool:
    assert row.synced is not None
    return saves(row.synced & ground.shared, row.local_flags & ground.shared, ground.quiet)


def _is_copy_of_gone(row: Row, ground: Ground) -> bool:
    """A Download that a crash kept from the cache, of a message that was expunged meanwhile.

    Of a message that had a file before, the bytes decide: an edited file has our name, too, and
    in the second that it was made in, even its date."""
    gone = None if row.origin is None else ground.gone_uids.get(row.origin)
    if gone is None or row.mtime != gone.internal_date:
        return False
    had_file = gone.synced is not None or gone.body is not None
    if had_file and (gone.body is None or row.body != gone.body):
        return False
    was, now = gone.server_flags & ground.shared, row.local_flags & ground.shared
    return not saves(was, now, ground.quiet)


def _in_departed(row: Row, ruling: Ruling, server: Presence, ground: Ground) -> Ruling:
    """The mailbox is gone on one side: nothing goes there, nothing is deleted unasked (rule 10)."""
    if ruling.verdict is Verdict.FORGET or ruling is MOVED_ON:
        return ruling
    if ground.departed is Departed.RENAMED:
        return FOLLOWS if ruling.verdict is Verdict.DOWNLOAD else ruling
    on_server = server is Presence.THERE
    if ground.departed is Departed.UNSENT:
        return UNSENT_SERVER if on_server else UNSENT_LOCAL
    if ground.departed is Departed.ACCEPTED:
        if ruling.verdict in (Verdict.DELETE, Verdict.REMOVE, Verdict.KEEP):
            return ruling
        if row.accepted:
            return (KEPT if ground.keeps else ACCEPTED_HERE) if on_server else ACCEPTED_THERE
    return MAILBOX_GONE_HERE if on_server else MAILBOX_GONE_THERE
