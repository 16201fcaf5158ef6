"""Names that another mailbox of the server has by now: the one that had them was renamed (rule 10).

`Sent` is renamed to `Sent-2025`, and a new `Sent` is made.  Taken by its name, that would be a
mailbox which lost all that was in it, and one that came from nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import ServerMailbox
from mailsync.model.rows import Mailbox, Presence

T, G = Presence.THERE, Presence.GONE


def exchanged(
    boxes: Collection[Mailbox], listed: Iterable[ServerMailbox]
) -> frozenset[MailboxName]:
    """Those of `listed` that are not to be seen before the mailbox which had their name here has
    its new one: it is listed by one that is free, or that becomes free by such a rename.
    One that is gone here needs none: it is to be forgotten first."""
    shown = {box.name: box for box in listed if box.selectable}
    taken = {box.name for box in boxes if box.local is T or box.synced}
    homes: dict[MailboxName, MailboxName] = {}
    hidden: set[MailboxName] = set()
    for box in boxes:
        now = shown.get(box.name)
        if now is None or box.name == INBOX or not _kept(box) or _same(box, now) is not False:
            continue
        found = [one.name for one in shown.values() if _same(box, one)]
        if len(found) == 1:
            homes[box.name] = found[0]
            hidden.update([box.name] if box.local is G else [])
    while more := {
        name
        for name, home in homes.items()
        if name not in hidden and (home not in taken or home in hidden)
    }:
        hidden |= more
    return frozenset(hidden)


def _kept(box: Mailbox) -> bool:
    return box.synced and box.selected and box.local in (T, G)


def _same(box: Mailbox, now: ServerMailbox) -> bool | None:
    """By MAILBOXID (RFC 8474), else by UIDVALIDITY; None: that cannot be told."""
    if box.mailbox_id is not None and now.mailbox_id is not None:
        return box.mailbox_id == now.mailbox_id
    if box.uid_validity is None or now.cursor is None:
        return None
    return box.uid_validity == now.cursor.uid_validity
