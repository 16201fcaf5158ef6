"""Does the cache tell the truth?  Compared with the Maildir and the server, without bodies."""

from __future__ import annotations

from collections.abc import Sequence

from mailsync.executor.run import Run
from mailsync.model.flags import letters
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import ServerMailbox, ServerObservation
from mailsync.model.rows import Mailbox, Presence, Row, Side
from mailsync.modes.observe import Selector
from mailsync.server import Ask

SHOWN = 10  # differences named one by one for each mailbox and side


async def compare(
    run: Run, listed: Sequence[ServerMailbox] | None, selected: Selector
) -> tuple[list[str], set[Side]]:
    """A line for each difference, and the sides on which there are any.

    `listed` None: the server is not asked.
    """
    lines: list[str] = []
    wrong: set[Side] = set()
    checked = 0
    for box in sorted(run.mailboxes.values(), key=lambda box: box.name):
        if not box.selected:
            continue
        rows = await run.stored(run.cache.rows_of, box.id)
        if box.local is Presence.THERE:
            found = await _local(run, box, rows)
            checked += sum(row.local is Presence.THERE for row in rows)
            if found:
                wrong.add(Side.LOCAL)
            lines += found
        if listed is not None and box.server is Presence.THERE:
            found = await _server(run, box, rows, listed)
            if found:
                wrong.add(Side.SERVER)
            lines += found
    if not wrong:
        sides = "cache and Maildir" if listed is None else "cache, Maildir and server"
        lines.append(f"{checked:,} messages: {sides} agree")
    return lines, wrong


async def _local(run: Run, box: Mailbox, rows: Sequence[Row]) -> list[str]:
    listing = await run.disk(run.maildir.entries, box.name, True)
    if listing is None:
        return [f"{box.name}: the directory is missing"]
    entries = {entry.name: entry for entry in listing.entries}
    facts = await run.disk(run.maildir.inspect, box.name, listing.entries, None)
    found: list[str] = []
    for row in rows:
        if row.local is not Presence.THERE or row.name is None:
            continue
        entry = entries.pop(row.name, None)
        seen = facts.get(row.name)
        if entry is None or seen is None:
            found.append(f"file {row.name} is missing")
        elif (seen.size, seen.mtime_ns) != (row.file_size, row.mtime_ns):
            found.append(f"file {row.name} was changed in place")
        elif entry.flags & box.permanent != row.local_flags:
            found.append(f"file {row.name} has other flags: {letters(entry.flags) or 'none'}")
    found += [f"file {name} is not known" for name in entries]
    return _named(box.name, found)


async def _server(
    run: Run, box: Mailbox, rows: Sequence[Row], listed: Sequence[ServerMailbox]
) -> list[str]:
    shown = next((one for one in listed if one.name == box.name), None)
    if shown is None:
        return [f"{box.name}: not on the server any more"]
    ask = Ask(name=box.name, wire_name=shown.wire_name, cursor=None, full=True)
    async for seen in run.server.observe([ask], read_only=True):
        if isinstance(seen, tuple):
            return [f"{box.name}: {str(seen[1]).removeprefix(f'{box.name}: ')}"]
        return _named(box.name, _against(box, rows, seen))
    return []


def _against(box: Mailbox, rows: Sequence[Row], seen: ServerObservation) -> list[str]:
    if seen.cursor.uid_validity != box.uid_validity:
        return ["the server has another UIDVALIDITY: all UIDs lost their meaning"]
    items = {item.uid: item for item in seen.items}
    found: list[str] = []
    for row in rows:
        if row.server is not Presence.THERE or row.uid is None:
            continue
        item = items.pop(row.uid, None)
        if item is None:
            found.append(f"UID {row.uid} is not on the server")
        elif item.flags & box.permanent != row.server_flags:
            found.append(f"UID {row.uid} has other flags on the server")
    return found + [f"UID {uid} is not known" for uid in items]


def _named(name: MailboxName, found: list[str]) -> list[str]:
    lines = [f"{name}: {text}" for text in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"{name}: and {len(found) - SHOWN} more")
    return lines
