"""Files that were delivered, of which a crash kept the cache from being told, where that cannot
be seen from file and message alone: one of them has moved on since.

The name of such a file says which message it is (architecture.md, decision 6).  Were that not
looked at, the message would be fetched once more where it was, and the file be sent where it is; or
our own move would look like the user's.  A name is a hint: the date has to agree (rule 4).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mailsync.cache import DeliveredRow
from mailsync.executor import Run
from mailsync.executor.files import entry_of, seen_as
from mailsync.model.ids import UID, MailboxId
from mailsync.model.rows import Presence, Row
from mailsync.modes.finish import on_both

Claims = Mapping[MailboxId, Mapping[UID, Row]]  # files, by the message that their name claims


async def learn_departed(run: Run, rows: Sequence[Row]) -> bool:
    """Whether the cache was told of some of `rows`: the plan finds the move then."""
    files = [row for row in rows if _is_alone(row)]
    if not files:
        return False
    moved_there = [
        DeliveredRow(
            row.id, entry_of(file), replace(seen_as(file), origin=row.uid), row.server_flags
        )
        for row, file in await _messages(run, _at_home(files))
        if row.server is Presence.GONE
    ]
    moved_here = [
        (row.id, entry_of(file).name)
        for row, file in await _messages(run, _elsewhere(run, files))
        if row.server is Presence.THERE
    ]
    if moved_there:
        await run.stored(run.cache.delivered, moved_there)
    told = await run.stored(run.cache.departed, moved_here)
    return bool(moved_there) or told > 0


def _is_alone(row: Row) -> bool:
    """A file that is no message's."""
    nobody = row.server is Presence.NONE and row.synced is None and not row.intent
    return nobody and row.local is Presence.THERE


def _at_home(files: Iterable[Row]) -> Claims:
    claims: defaultdict[MailboxId, dict[UID, Row]] = defaultdict(dict)
    for row in files:
        if row.origin is not None:
            claims[row.mailbox][row.origin] = row
    return claims


def _elsewhere(run: Run, files: Iterable[Row]) -> Claims:
    """Of messages in other mailboxes, which were looked at here: it is not there, too."""
    by_name = {row.name: row for row in files if row.name is not None and row.origin is None}
    looked_at = {
        box.name: box
        for box in run.mailboxes.values()
        if box.selected and on_both(box) and box.name not in run.unseen_local
    }
    validities = {
        name: box.uid_validity for name, box in looked_at.items() if box.uid_validity is not None
    }
    claims: defaultdict[MailboxId, dict[UID, Row]] = defaultdict(dict)
    for name, (mailbox, uid) in run.maildir.origins(by_name, validities).items():
        claims[looked_at[mailbox].id][uid] = by_name[name]
    return claims


async def _messages(run: Run, claims: Claims) -> list[tuple[Row, Row]]:
    """Each message that never had a file, as far as the cache knows, with the one claiming it."""
    found: list[tuple[Row, Row]] = []
    for mailbox, by_uid in claims.items():
        for uid, row in (await run.stored(run.cache.row_of_uid, mailbox, list(by_uid))).items():
            never = row.local is Presence.NONE and row.synced is None and not row.intent
            if never and row.internal_date == by_uid[uid].mtime:
                found.append((row, by_uid[uid]))
    return found
