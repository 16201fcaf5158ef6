"""What the cache would hold of one mailbox: observations applied one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailsync.model.ids import UID
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, ServerItem, ServerObservation
from mailsync.server import Ask, Server


async def observe(server: Server, *asks: Ask) -> dict[MailboxName, ServerObservation]:
    """All observations; the error of a mailbox is raised."""
    found = {}
    async for seen in server.observe(asks):
        if isinstance(seen, tuple):
            raise seen[1]
        found[seen.mailbox] = seen
    return found


class Replica:
    def __init__(self, name: MailboxName, wire_name: bytes = b"") -> None:
        self.name = name
        self.wire_name = wire_name or name.encode()
        self.items: dict[UID, ServerItem] = {}
        self.cursor: Cursor | None = None

    def ask(self, full: bool = False) -> Ask:
        return Ask(self.name, self.wire_name, self.cursor, full, len(self.items))

    def apply(self, seen: ServerObservation) -> bool:
        """False: it does not add up, and nothing was changed."""
        items = dict(self.items)
        if self.cursor is None or self.cursor.uid_validity != seen.cursor.uid_validity:
            items.clear()
        listed = {item.uid for item in seen.items}
        for uid in list(items):
            if uid in seen.vanished or (uid in seen.complete and uid not in listed):
                del items[uid]
        for item in seen.items:
            had = items.get(item.uid)
            if had is not None:
                item = replace(had, flags=item.flags, extra=item.extra)
            items[item.uid] = item
        if len(items) != seen.cursor.messages:
            return False
        self.items, self.cursor = items, seen.cursor
        return True


async def follow(server: Server, replicas: Sequence[Replica]) -> list[ServerObservation]:
    """Observe all together; what does not add up is asked again in full."""
    full: set[MailboxName] = set()
    for _ in range(6):
        asks = [one.ask(one.name in full) for one in replicas if not full or one.name in full]
        seen = await observe(server, *asks)
        full = {one.name for one in replicas if one.name in seen and not one.apply(seen[one.name])}
        if not full:
            return list(seen.values())
    raise AssertionError(f"never adds up: {full}")
