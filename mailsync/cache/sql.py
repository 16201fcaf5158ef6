"""Pieces that the statements of this room share."""

# ruff: noqa: S608 (the statements are put together from constants of this room)
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import Connection, text

from mailsync.cache.schema import ALIKE, pack
from mailsync.model.flags import Flags
from mailsync.model.observation import FileFacts, LocalEntry

SPANS = 10_000  # that are loaded at once
NO_WAIT = "wait = 0, wait_side = NULL, wait_reason = NULL, wait_policy = NULL"
# Nothing holds a row back any more.  A wait without a policy stays until accept or reject,
# unless a side came or went.
FREE = f"""
    {NO_WAIT},
    accepted_until = NULL, attempts = 0, next_try = NULL, error = NULL"""
NO_BASE = "synced = NULL, synced_masked = 0"
# A file of which the server has nothing.
NEVER_SENT = f"""
    uid = NULL, hint_uid = NULL, server = 0, server_flags = 0, server_shown = 0,
    server_extra = NULL, email_id = NULL, {NO_BASE}, synced_extra = NULL"""
BOTH_GONE = "(messages.server = 2 AND messages.local = 2)"
NO_TROUBLE = "attempts = 0, next_try = NULL, error = NULL"
FIRM = "(messages.wait <> 0 AND messages.wait_policy IS NULL)"


def free_unless(holds: str) -> str:
    """FREE, but where `holds` the wait stays."""
    return f"""
    wait = CASE WHEN {holds} THEN messages.wait ELSE 0 END,
    wait_side = CASE WHEN {holds} THEN messages.wait_side END,
    wait_reason = CASE WHEN {holds} THEN messages.wait_reason END,
    wait_policy = CASE WHEN {holds} THEN messages.wait_policy END,
    accepted_until = NULL, {NO_TROUBLE}"""


FREE_UNLESS_FIRM = free_unless(FIRM)
# Deletions of the last hour; a wall clock that jumps cannot hide those of this boot (rule 10).
LATELY = """
    CASE WHEN boot_id = :boot_id THEN boot > :boot - 3600.0 ELSE at > :now - 3600.0 END"""
# In a relink: an outcome, and what waits because its file was removed (rule 4).
STAYS = "(messages.settled <> 0 OR (messages.wait <> 0 AND messages.local = 2))"
FREE_BY_US = FREE_UNLESS_FIRM.replace("accepted_until = NULL, ", "")  # accept still holds
PERMANENT = "(SELECT permanent FROM mailboxes WHERE mailboxes.id = messages.mailbox)"
# Keywords that a file's name can show there; in new/ it shows none.
SHOWABLE = """
    (CASE messages.folder WHEN 'new' THEN 0 ELSE (
        SELECT lettered FROM mailboxes WHERE mailboxes.id = messages.mailbox) END)"""


def no_base_where(condition: str) -> str:
    """NO_BASE there; elsewhere it stays."""
    return f"""
        synced = CASE WHEN {condition} THEN NULL ELSE synced END,
        synced_masked = CASE WHEN {condition} THEN 0 ELSE synced_masked END"""


def agreed(server: str, local: str, synced: str = "messages.synced") -> str:
    """Synced where both sides are there: each flag on which they agree, the rest as it was."""
    return (
        f"CASE WHEN {synced} IS NULL THEN CASE WHEN {server} = {local} THEN {server} END"
        f" ELSE ({synced} & ({server} | {local})) | ({server} & {local}) END"
    )


_LOAD = "INSERT INTO wanted (id) VALUES (?)"
_AGREE = text(f"""
    UPDATE messages SET synced = {agreed("messages.server_flags", "messages.local_flags")}
    WHERE id IN (SELECT id FROM wanted) AND server = 1 AND local = 1""")
_NO_TROUBLE_LEFT = text(f"""
    UPDATE messages SET {NO_TROUBLE}
    WHERE id IN (SELECT id FROM wanted) AND next_try IS NOT NULL AND {ALIKE}""")
_DROP_STAMPS = text("""
    UPDATE mailboxes SET stamp = NULL
    WHERE id IN (SELECT mailbox FROM messages WHERE messages.id IN (SELECT id FROM wanted))""")
# What a later row of the same number loses is another file.
_REMOVAL_TOLD = text("""UPDATE deletions SET "row" = NULL WHERE "row" IN (SELECT id FROM wanted)""")


def spared(flags: str, settled: str = "messages.settled = 3") -> str:
    """What `reject` spared (Settled.SPARED) goes along with its file or UID: as long as a side has
    \\Deleted of these `flags`, it is to be taken away."""
    return f"CASE WHEN {settled} AND ({flags}) & {Flags.DELETED:d} THEN 3 ELSE 0 END"


def want(c: Connection, ids: Iterable[int]) -> None:
    """Fill the temporary table `wanted` with row ids."""
    c.exec_driver_sql("DELETE FROM wanted")
    many(c, _LOAD, [(number,) for number in set(ids)])


def many(c: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """executemany with plain tuples: a third of the time of dictionaries by Core."""
    if rows:
        c.exec_driver_sql(statement, list(rows))


def load_spans(c: Connection, spans: Iterable[tuple[int, int]]) -> None:
    c.exec_driver_sql("DELETE FROM spans")
    left = iter(spans)  # a hostile server's may be half a million
    while some := list(islice(left, SPANS)):
        many(c, "INSERT INTO spans (low, high) VALUES (?, ?)", some)


def agree(c: Connection) -> None:
    """Synced of the `wanted` rows takes every flag on which both sides agree; where those are
    all, nothing is left to be tried again."""
    c.execute(_AGREE)
    c.execute(_NO_TROUBLE_LEFT)


def drop_stamps(c: Connection) -> None:
    """The mailboxes of the `wanted` rows are listed again: we wrote there."""
    c.execute(_DROP_STAMPS)


def removal_told(c: Connection) -> None:
    """That files of the `wanted` rows were put into undo is known by now: another file of the same
    name, put back by hand, was removed by nobody but a user when it is missing."""
    c.execute(_REMOVAL_TOLD)


def dump_extra(extra: frozenset[str]) -> str | None:
    return json.dumps(sorted(extra)) if extra else None


@lru_cache(maxsize=1024)
def load_extra(stored: str) -> frozenset[str]:
    return frozenset(json.loads(stored))


_LOAD_FILES = """
    INSERT INTO files
        (id, synced, name, folder, info, flags, size, mtime_ns, origin, wire_size, body, header,
         message_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def load_files(
    c: Connection,
    found: Iterable[tuple[int | None, int | None, LocalEntry, FileFacts | None]],
) -> None:
    """Fill the temporary table `files`: row id and merge base where known, entry, facts."""
    c.exec_driver_sql("DELETE FROM files")
    rows: list[tuple[Any, ...]] = []
    for number, synced, entry, facts in found:
        seen = (
            number,
            synced,
            pack(entry.name),
            entry.folder,
            pack(entry.info),
            int(entry.flags),
        )
        if facts is None:
            rows.append((*seen, None, None, None, None, None, None, None))
            continue
        look = (*seen, facts.size, facts.mtime_ns, facts.origin)
        d = facts.digest
        if d is None:
            rows.append((*look, None, None, None, None))
        else:
            rows.append((*look, d.wire_size, d.body, d.header, d.message_id))
    many(c, _LOAD_FILES, rows)
