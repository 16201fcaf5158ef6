"""The mail a simulated server holds, and what another client does with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

Uids = int | Iterable[int]

INBOX = b"INBOX"
_GHOST = re.compile(rb"^X-Ghost:[ \t]*([^\r\n]*)", re.I | re.M)
_CANONICAL = {
    name.lower(): name
    for name in ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft", "\\Recent")
}


def wire(name: str | bytes) -> bytes:
    """A mailbox name as it goes over the wire; INBOX in one spelling (RFC 3501 §5.1)."""
    raw = name.encode("ascii") if isinstance(name, str) else name
    return INBOX if raw.upper() == INBOX else raw


def ghost_of(body: bytes) -> str | None:
    """The ghost id that a message carries in its X-Ghost field."""
    head = body[: max(body.find(b"\n\n"), body.find(b"\r\n\r\n"), 0) or len(body)]
    found = _GHOST.search(head)
    return found[1].decode("ascii", "replace").strip() if found else None


@dataclass(slots=True)
class Message:
    """One message in one mailbox.  `date` and `save_date` in seconds since 1970."""

    uid: int
    body: bytes
    flags: set[str]
    date: int
    modseq: int
    email_id: str
    ghost: str | None
    save_date: int


@dataclass(slots=True)
class Box:
    """One mailbox.  `gone` is the log of expunges: (modseq, uid)."""

    name: bytes
    uid_validity: int
    mailbox_id: str
    special_use: set[str] = field(default_factory=set)
    uid_next: int = 1
    highest: int = 1
    messages: dict[int, Message] = field(default_factory=dict)
    gone: list[tuple[int, int]] = field(default_factory=list)
    forgotten: int = 0  # expunges up to this modseq are no longer in the log
    recent_from: int = 1  # the lowest UID that no session was told is \\Recent
    read_only: bool = False
    no_modseq: bool = False
    modseq_asked: bool = False  # some session wanted CONDSTORE here
    selectable: bool = True
    spellings: dict[str, str] = field(default_factory=dict)

    def spell(self, flag: str) -> str:
        """Flags compare without case; a keyword keeps the spelling it came with first."""
        return _CANONICAL.get(flag.lower()) or self.spellings.setdefault(flag.lower(), flag)

    def bump(self) -> int:
        self.highest += 1
        return self.highest

    def add(self, message: Message) -> None:
        """Give it the next UID."""
        message.uid = self.uid_next
        self.uid_next += 1
        message.modseq = self.bump()
        message.flags = {self.spell(flag) for flag in message.flags}
        self.messages[message.uid] = message

    def remove(self, uids: Iterable[int], remember: int | None = None) -> list[int]:
        found = [uid for uid in uids if uid in self.messages]
        if found:
            modseq = self.bump()
            for uid in found:
                del self.messages[uid]
                self.gone.append((modseq, uid))
        if remember is not None and len(self.gone) > remember:
            cut = len(self.gone) - remember
            self.forgotten = self.gone[cut - 1][0]
            del self.gone[:cut]
        return found

    def change(self, uid: int, add: Iterable[str] = (), remove: Iterable[str] = ()) -> bool:
        message = self.messages[uid]
        flags = (message.flags | {self.spell(f) for f in add}) - {self.spell(f) for f in remove}
        if flags == message.flags:
            return False
        message.flags = flags
        message.modseq = self.bump()
        return True

    def unseen(self) -> int:
        return sum("\\Seen" not in message.flags for message in self.messages.values())


class State:
    """All mailboxes, and the hands of another client.  Names: `str` or wire bytes."""

    def __init__(self, delimiter: str, remember: int | None, wall: Callable[[], float]) -> None:
        self.delimiter = delimiter.encode()
        self.remember = remember
        self.wall = wall
        self.boxes: dict[bytes, Box] = {}
        self.subscribed: set[bytes] = set()
        self.changed: Callable[[Box], None] = lambda box: None
        # Told before it happens, whoever does it: messages leave a mailbox (True: for another),
        # a mailbox gets another name; and after another client set flags: ghost, before, after.
        self.removing: Callable[[Box, list[Message], bool], None] = lambda *_: None
        self.renaming: Callable[[bytes, bytes], None] = lambda *_: None
        self.flagged: Callable[[str | None, set[str], set[str]], None] = lambda *_: None
        self._validity = 1_700_000_000
        self._made = 0
        self.create(INBOX)

    def box(self, name: str | bytes) -> Box:
        """Raises KeyError."""
        return self.boxes[wire(name)]

    def contents(self, name: str | bytes) -> Iterator[Message]:
        yield from self.box(name).messages.values()

    def _number(self) -> int:
        self._made += 1
        return self._made

    def make(
        self, body: bytes, flags: Iterable[str], date: int | None, ghost: str | None
    ) -> Message:
        """A message that is in no mailbox yet."""
        now = int(self.wall())
        email_id = f"M{self._number():08d}"
        return Message(0, body, set(flags), now if date is None else date, 0, email_id, ghost, now)

    # -- another client ------------------------------------------------------------------------

    def deliver(
        self,
        mailbox: str | bytes,
        body: bytes,
        flags: Iterable[str] = (),
        date: int | None = None,
        ghost: str | None = None,
    ) -> int:
        """A new message; its UID.  `ghost` None: what its X-Ghost field says."""
        box = self.box(mailbox)
        message = self.make(body, flags, date, ghost if ghost is not None else ghost_of(body))
        box.add(message)
        self.changed(box)
        return message.uid

    def set_flags(
        self,
        mailbox: str | bytes,
        uids: Uids,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
    ) -> None:
        box = self.box(mailbox)
        more, less = tuple(add), tuple(remove)
        for uid in [uids] if isinstance(uids, int) else uids:
            before = box.messages[uid].flags
            if box.change(uid, more, less):
                self.flagged(box.messages[uid].ghost, before, box.messages[uid].flags)
        self.changed(box)

    def expunge(self, mailbox: str | bytes, uids: Uids) -> None:
        """Out of the mailbox for good, \\Deleted or not."""
        self._take(mailbox, [uids] if isinstance(uids, int) else list(uids))

    def _take(self, mailbox: str | bytes, uids: list[int], *, moved: bool = False) -> None:
        box = self.box(mailbox)
        there = [box.messages[uid] for uid in uids if uid in box.messages]
        if there:
            self.removing(box, there, moved)
        box.remove(uids, self.remember)
        self.changed(box)

    def copy(self, mailbox: str | bytes, uids: Uids, target: str | bytes) -> list[int]:
        """The UIDs in `target`, in the order of `uids`; what is not there is left out."""
        box, to = self.box(mailbox), self.box(target)
        made = []
        for uid in [uids] if isinstance(uids, int) else list(uids):
            if (old := box.messages.get(uid)) is not None:
                new = self.make(old.body, old.flags, old.date, old.ghost)
                new.email_id = old.email_id
                to.add(new)
                made.append(new.uid)
        self.changed(to)
        return made

    def move(self, mailbox: str | bytes, uids: Uids, target: str | bytes) -> list[int]:
        asked = [uids] if isinstance(uids, int) else list(uids)
        made = self.copy(mailbox, asked, target)
        self._take(mailbox, asked, moved=True)
        return made

    def create(self, name: str | bytes, special_use: Iterable[str] = ()) -> Box:
        """Raises ValueError when it is there already."""
        key = wire(name)
        if key in self.boxes and self.boxes[key].selectable:
            raise ValueError(f"{key!r} exists")
        self._validity += 1
        box = Box(key, self._validity, f"F{self._number():08d}", set(special_use))
        self.boxes[key] = box
        self.subscribed.add(key)
        return box

    def delete(self, name: str | bytes) -> None:
        """The mailbox with its mail; its children stay.  Raises KeyError."""
        box = self.boxes[wire(name)]
        self.removing(box, list(box.messages.values()), False)
        del self.boxes[wire(name)]
        box.selectable = False
        self.subscribed.discard(box.name)
        self.changed(box)

    def rename(self, old: str | bytes, new: str | bytes) -> None:
        """With its children.  INBOX gives its messages away and stays (RFC 3501 §6.3.5)."""
        source, target = wire(old), wire(new)
        if target in self.boxes:
            raise ValueError(f"{target!r} exists")
        if source == INBOX:
            self.create(target)
            self.move(INBOX, list(self.box(INBOX).messages), target)
            return
        below = source + self.delimiter
        names = [name for name in self.boxes if name == source or name.startswith(below)]
        if not names:
            raise KeyError(source)
        self.renaming(source, target)
        for name in names:
            box = self.boxes.pop(name)
            box.name = target + name[len(source) :]
            self.boxes[box.name] = box
            if name in self.subscribed:
                self.subscribed.remove(name)
                self.subscribed.add(box.name)

    def other_validity(self, name: str | bytes) -> None:
        """Another UIDVALIDITY, also of the mailboxes below, for UIDs that stay what they were."""
        above = wire(name)
        for box in self.boxes.values():
            if box.name == above or box.name.startswith(above + self.delimiter):
                self._validity += 1
                box.uid_validity = self._validity

    def new_uidvalidity(self, name: str | bytes, shift: int = 0) -> None:
        """All UIDs lose their meaning: numbered anew from 1 + shift, in the order they had."""
        box = self.box(name)
        self._validity += 1
        box.uid_validity = self._validity
        messages = list(box.messages.values())
        box.messages, box.gone, box.uid_next, box.recent_from = {}, [], 1 + shift, 1
        for message in messages:
            box.add(message)
        self.changed(box)
