"""What `mailsync check` found: of every mailbox what each side holds, and what differs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mailsync.model.errors import Exit, worst
from mailsync.model.rows import Side

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Difference:
    """Of one message, or without UID and file of the mailbox.

    `file` is below the mailbox's directory.  `stale`: the sides of which the cache says something
    else, so that `--repair` would teach it.  `data`: of the bytes, which were read.
    """

    what: str
    uid: int | None = None
    file: str = ""
    stale: frozenset[Side] = frozenset()
    data: bool = False

    def __str__(self) -> str:
        uid = "" if self.uid is None else f"UID {self.uid}"
        which = ", ".join(filter(None, (uid, self.file)))
        return f"{which}: {self.what}" if which else self.what

    def as_json(self) -> Json:
        stale = sorted(str(side) for side in self.stale)
        return {"uid": self.uid, "file": self.file or None, "what": self.what, "stale": stale}


@dataclass(frozen=True, slots=True)
class MailboxCheck:
    """Messages on either side and in the cache; None: it is not there, or nobody asked.

    `notes`: what is not equal and need not be.  `read`: pairs of which every byte was compared,
    and `size` how many of the server's bytes that were.
    """

    name: str
    server: int | None = None
    local: int | None = None
    cache: int | None = None
    differences: tuple[Difference, ...] = ()
    notes: tuple[Difference, ...] = ()
    read: int = 0
    size: int = 0

    @property
    def messages(self) -> int:
        return max(self.server or 0, self.local or 0, self.cache or 0)

    def as_json(self) -> Json:
        return {
            "server": self.server,
            "local": self.local,
            "cache": self.cache,
            "read": self.read,
            "bytes-read": self.size,
            "differences": [one.as_json() for one in self.differences],
            "notes": [one.as_json() for one in self.notes],
        }


@dataclass(frozen=True, slots=True)
class AccountCheck:
    """`errors`: why something could not be compared; then nothing is proven.  `repaired`: the
    cache knows by now what differs, and the next sync acts on it."""

    name: str
    mailboxes: tuple[MailboxCheck, ...] = ()
    errors: tuple[str, ...] = ()
    exits: frozenset[Exit] = frozenset()
    asked: bool = True  # the server
    repaired: bool = False

    @property
    def differences(self) -> int:
        return sum(len(box.differences) for box in self.mailboxes)

    @property
    def messages(self) -> int:
        return sum(box.messages for box in self.mailboxes)

    @property
    def exit(self) -> Exit:
        differs = self.differences > 0 and not self.repaired
        return worst({*self.exits, *([Exit.FAILED] if differs else [])})

    def as_json(self) -> Json:
        return {
            "messages": self.messages,
            "differences": self.differences,
            "server-asked": self.asked,
            "repaired": self.repaired,
            "mailboxes": {box.name: box.as_json() for box in self.mailboxes},
            "errors": list(self.errors),
            "exit-status": int(self.exit),
        }


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """`server`: ask it too.  `read_data`: compare every byte.  `repair` changes the cache only."""

    server: bool = True
    read_data: bool = False
    repair: bool = False
    interactive: bool = False


def as_json(accounts: Iterable[AccountCheck]) -> Json:
    """The one object of `check --json`."""
    found = {account.name: account.as_json() for account in accounts}
    return {"accounts": found, "exit-status": int(worst_of(accounts))}


def worst_of(accounts: Iterable[AccountCheck]) -> Exit:
    return worst({account.exit for account in accounts})
