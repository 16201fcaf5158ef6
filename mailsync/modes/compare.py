"""Server, Maildir and cache side by side, without bodies: every message by UID, file, flags, size.

A side that is not asked is taken to be as the cache says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mailsync.executor.files import entry_of
from mailsync.executor.run import Run
from mailsync.local import Listing
from mailsync.model.checked import Difference, MailboxCheck
from mailsync.model.errors import MailsyncError, Reach
from mailsync.model.flags import KEYWORDS
from mailsync.model.ids import UID, UniqueName
from mailsync.model.keywords import Keywords, is_keyword
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import (
    FileFacts,
    LocalEntry,
    ServerItem,
    ServerMailbox,
    ServerObservation,
    is_another,
)
from mailsync.model.rows import Mailbox, Presence, Row, Settled, Side, Wait
from mailsync.modes.names import Selector
from mailsync.server import Ask

SERVER, LOCAL, BOTH = frozenset({Side.SERVER}), frozenset({Side.LOCAL}), frozenset(Side)
HERE, THERE = "in the Maildir", "on the server"
WANTED = {Wait.UNSENT, Wait.KEPT, Wait.OUT}  # differences that the configuration asks for


@dataclass(slots=True)
class Found:
    """One mailbox on its way; `pairs` are the messages that are on both sides, with the size that
    the server tells."""

    box: Mailbox | None
    name: MailboxName
    server: int | None = None
    local: int | None = None
    cache: int | None = None
    differences: list[Difference] = field(default_factory=list)
    notes: list[Difference] = field(default_factory=list)
    pairs: dict[UID, tuple[Row, LocalEntry, int | None]] = field(default_factory=dict)
    errors: list[MailsyncError] = field(default_factory=list)
    read: int = 0
    size: int = 0

    def differ(self, what: str, stale: frozenset[Side] = frozenset()) -> None:
        self.differences.append(Difference(what, stale=stale))

    def failed(self, error: MailsyncError) -> None:
        """What reaches further ends it all: half a proof is none."""
        if error.reach is Reach.ACCOUNT:
            raise error
        self.errors.append(error)

    def done(self) -> MailboxCheck:
        return MailboxCheck(
            self.name,
            self.server,
            self.local,
            self.cache,
            tuple(self.differences),
            tuple(self.notes),
            self.read,
            self.size,
        )


class Comparison:
    """`listed` None: the server is not asked.  `only`: these mailboxes; None: all in scope."""

    def __init__(
        self,
        run: Run,
        listed: Sequence[ServerMailbox] | None,
        selected: Selector,
        only: Collection[str] | None = None,
    ) -> None:
        self.run, self.selected, self.only = run, selected, only
        self.listed = None if listed is None else {b.name: b for b in listed if b.selectable}
        self.boxes = {box.name: box for box in run.mailboxes.values()}
        self.notices: list[str] = []  # of directories that are passed over, with what is in them

    async def found(self) -> list[Found]:
        """Every mailbox in scope on any side."""
        local, self.notices = await self.run.disk(self.run.maildir.mailboxes)
        made: dict[MailboxName, Found] = {}
        asks: list[Ask] = []
        for name in sorted({*local, *self.boxes, *(self.listed or ())}):
            if not self._in_scope(name):
                continue
            made[name] = one = Found(self.boxes.get(name), name)
            if not self._on_both(one, name in local):
                await self._by_the_way(one)
                continue
            if self.listed is None:
                await self._messages(one, None)
            else:
                asks.append(Ask(name, self.listed[name].wire_name, full=True))
        if not asks:
            return list(made.values())
        async for seen in self.run.server.observe(asks, read_only=True):
            if self.run.progress is not None:
                place = seen[0] if isinstance(seen, tuple) else seen.mailbox
                self.run.progress.look(f"{self.run.account.name}/{place}")
            if isinstance(seen, tuple):
                made[seen[0]].failed(seen[1])
            else:
                await self._messages(made[seen.mailbox], seen)
        return list(made.values())

    def _in_scope(self, name: MailboxName) -> bool:
        if self.only is not None and name not in self.only:
            return False
        box, shown = self.boxes.get(name), (self.listed or {}).get(name)
        if box is None:
            return self.selected(name, None if shown is None else shown.role)
        return box.selected

    def _on_both(self, one: Found, here: bool) -> bool:
        """Whether there is anything to compare message by message."""
        box = one.box
        known = (box.server, box.local) if box is not None else (Presence.NONE, Presence.NONE)
        there = known[0] is Presence.THERE if self.listed is None else one.name in self.listed
        if not (here or there):
            if Presence.THERE in known:
                one.differ("the mailbox is on neither side, and in the cache", BOTH)
            return False
        one.cache = box.messages if box is not None else None
        stale = SERVER if there is not (known[0] is Presence.THERE) else frozenset()
        stale |= LOCAL if here is not (known[1] is Presence.THERE) else frozenset()
        if here and there and box is not None and not stale:
            return True
        if here and there:
            one.differ("the mailbox is on both sides, and new to the cache", stale)
        else:
            one.differ(f"the mailbox is not {HERE if there else THERE}", stale)
        return False

    async def _by_the_way(self, one: Found) -> None:
        """A mailbox that was removed on one side and is empty on the other is left there by every
        sync, if others are below it or it has a role: it holds nothing that could be missing."""
        box = one.box
        if box is None or box.messages or not (box.has_children or box.role or box.name == INBOX):
            return
        if Presence.GONE not in (box.server, box.local) or any(d.stale for d in one.differences):
            return
        if box.local is Presence.THERE:
            listing = await self.run.disk(self.run.maildir.entries, box.name, True)
            empty = listing is not None and not listing.entries
        else:
            cursor = None if self.listed is None else self.listed[box.name].cursor
            empty = self.listed is None or (cursor is not None and not cursor.messages)
        if empty:
            one.notes, one.differences = [*one.notes, *one.differences], []

    async def _messages(self, one: Found, seen: ServerObservation | None) -> None:
        run, box = self.run, one.box
        assert box is not None
        items = None if seen is None else {item.uid: item for item in seen.items}
        if seen is not None and seen.cursor.uid_validity != box.uid_validity:
            one.differ("the server has another UIDVALIDITY: all UIDs lost their meaning", SERVER)
            items = None
        elif seen is not None and len(seen.items) != seen.cursor.messages:
            counts = f"counts {seen.cursor.messages:,} messages and lists {len(seen.items):,}"
            one.differ(f"the server {counts}: nothing is proven")
        rows = await run.stored(run.cache.rows_of, box.id)
        try:
            listing = await run.disk(run.maildir.entries, box.name, True)
            if listing is None:
                one.differ("its directory new/ or cur/ is missing", LOCAL)
                return
            facts = await run.disk(run.maildir.inspect, box.name, listing.entries, None)
        except MailsyncError as error:
            one.failed(error)
            return
        _notices(one, listing)
        by_name = {entry.name: entry for entry in listing.entries if entry.name in facts}
        one.local = len(by_name)
        one.server = None if items is None else len(items)
        one.cache = sum(Presence.THERE in (row.server, row.local) for row in rows)
        sides = Sides(box, items, by_name, facts, self.run.keywords)
        # The UID of one that is not known to be there may be another message's by now.
        for row in sorted(rows, key=lambda row: row.server is Presence.UNKNOWN):
            sides.compare(one, row)
        one.differences += sides.left()


def _notices(one: Found, listing: Listing) -> None:
    """A file that shares its unique name with another message is in no sync."""
    one.notes += [Difference(text) for text in listing.notices]
    taken = f"not {THERE}: its name is taken"
    one.differences += [Difference(taken, file=file.path) for file in listing.taken]


class Sides:
    """What both sides show of one mailbox; `compare` takes from it what the cache knows."""

    def __init__(
        self,
        box: Mailbox,
        items: dict[UID, ServerItem] | None,
        entries: dict[UniqueName, LocalEntry],
        facts: Mapping[UniqueName, FileFacts],
        keywords: Keywords,
    ) -> None:
        self.box, self.items, self.entries, self.facts = box, items, entries, facts
        self.keywords = keywords

    def compare(self, one: Found, row: Row) -> None:
        entry = item = None
        if row.name is not None and row.local in (Presence.THERE, Presence.UNKNOWN):
            entry = self.entries.pop(row.name, None)
        if row.uid is not None and row.server in (Presence.THERE, Presence.UNKNOWN):
            item = self._item(row, row.uid)
        said: list[str] = []
        stale: set[Side] = set()
        if (entry is not None) != (row.local is Presence.THERE):
            stale.add(Side.LOCAL)
        if (item is not None) != (row.server is Presence.THERE):
            stale.add(Side.SERVER)
        if entry is not None and item is not None:
            one.pairs[item.uid] = (row, entry, item.size)
            said += self._flags(row, entry, item, stale)
            said += self._another(row, item, stale) or self._sizes(row, item)
        elif entry is None and item is None:
            if Presence.THERE not in (row.server, row.local):
                return  # nothing is left of it but the memory
            said.append("on neither side any more, and in the cache")
        else:
            said.append(self._alone(row, THERE if item is None else HERE))
        if entry is not None:
            said += self._edited(row, stale)
        if not said:
            return
        if entry is None and row.name is not None:
            entry = entry_of(row)
        file = "" if entry is None else entry.path
        found = Difference("; ".join(said), row.uid, file, frozenset(stale))
        by_wish = not stale and (row.wait in WANTED or row.settled is Settled.KEPT)
        (one.notes if by_wish else one.differences).append(found)

    def _item(self, row: Row, uid: UID) -> ServerItem | None:
        if self.items is not None:
            return self.items.pop(uid, None)
        if row.server is not Presence.THERE:
            return None
        return ServerItem(uid, row.server_flags, size=row.size)  # by the cache's word

    def _flags(
        self, row: Row, entry: LocalEntry, item: ServerItem, stale: set[Side]
    ) -> Iterator[str]:
        permanent = self.box.permanent
        shown_there, rest = self.keywords.split(item.extra)
        there = (item.flags | shown_there) & permanent
        here = entry.flags & permanent
        if (entry.folder, entry.info) == (row.folder, row.info):
            here = row.local_flags  # with keywords that the name does not show
        elif not entry.flags & KEYWORDS:
            here |= row.local_flags & KEYWORDS  # a reader that drops letters removes none
        if here != row.local_flags:
            stale.add(Side.LOCAL)
        if there != row.server_flags:
            stale.add(Side.SERVER)
        if new := sorted(word for word in rest - row.server_extra if is_keyword(word)):
            stale.add(Side.SERVER)
            yield f"keywords {', '.join(new)} {THERE}, new to the cache"
        if here != there:
            shown = tuple(self.keywords.describe(one) or "none" for one in (there, here))
            yield f"flags are {shown[0]} {THERE}, {shown[1]} {HERE}"
        elif here not in (row.local_flags, row.server_flags) or row.local_flags != row.server_flags:
            told = self.keywords.describe(here) or "none"
            yield f"flags are {told} on both sides, not in the cache"

    def _another(self, row: Row, item: ServerItem, stale: set[Side]) -> list[str]:
        if not is_another(row, item):
            return []
        stale.add(Side.SERVER)
        return [f"another message has this UID {THERE}, which was synced with the file"]

    def _sizes(self, row: Row, item: ServerItem) -> Iterator[str]:
        """The server's word of a size proves something only where it was once true."""
        exact = row.size is not None and row.size == row.wire_size
        if exact and item.size is not None and item.size != row.size:
            yield f"{item.size:,} bytes {THERE}, {row.size:,} when it was synced"

    def _edited(self, row: Row, stale: set[Side]) -> Iterator[str]:
        assert row.name is not None
        seen = self.facts[row.name]
        if row.file_size is not None and (seen.size, seen.mtime_ns) != (
            row.file_size,
            row.mtime_ns,
        ):
            stale.add(Side.LOCAL)
            yield "the file was changed in place"

    def _alone(self, row: Row, where: str) -> str:
        intent = ", what a command did to it is not known" if row.intent else ""
        held = ", held" if row.wait is Wait.HELD else ", parked" if row.parked else ""
        return f"not {where}{intent or held}"

    def left(self) -> Iterator[Difference]:
        """What the cache does not know."""
        for uid in self.items or ():
            yield Difference(f"not {HERE}, new to the cache", uid, stale=SERVER)
        for entry in self.entries.values():
            yield Difference(f"not {THERE}, new to the cache", file=entry.path, stale=LOCAL)
