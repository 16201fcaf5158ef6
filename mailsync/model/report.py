"""What a run is asked for, what it says while it works, and what it reports at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mailsync.model.errors import Exit, worst
from mailsync.model.ids import UniqueName
from mailsync.model.rows import Side
from mailsync.model.settings import Account
from mailsync.model.uidset import UIDSet

Json = dict[str, object]

DONE = (
    "downloaded",
    "uploaded",
    "flags_local",
    "flags_server",
    "removed",
    "expunged",
    "moved",
    "renamed",
)
COUNTS = (*DONE, "held", "failed", "parked", "unsent", "waiting")
ASKED = ("kept", "out of scope")  # the configuration wants it so
LEFT = ("held", "failed", "parked", "unsent")  # these stay until somebody acts
IN_DOUBT = "in doubt"  # commands whose outcome is not known: a sync at work has some, too


def key(field: str) -> str:
    """A field's name as it stands in JSON."""
    return field.replace("_", "-")


# -- asking ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """One account and the mailboxes of it that are meant; empty: every selected one."""

    account: Account
    mailboxes: tuple[str, ...] = ()


class Progress(Protocol):
    """How far a run is.  A place is "ACCOUNT/MAILBOX"."""

    def look(self, place: str) -> None:
        """What is at `place` was listed; what there is to do is not known yet."""

    def start(self, account: str, mailboxes: int, messages: int, size: int | None) -> None:
        """Work found for `account`, once for each plan; `size` in bytes, None when the server
        did not say."""

    def advance(self, messages: int, size: int, place: str) -> None:
        """So much more is done, at `place`."""

    def note(self, text: str) -> None:
        """One line that a person should see."""

    def finish(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """`interactive`: somebody sits at a terminal and may be asked for a password.

    `pull`: nothing is changed on the server in this run; `push`: nothing in the Maildir;
    `no_delete`: nothing is deleted.  What is left so is done by a run without.
    """

    dry_run: bool = False
    no_wait: bool = False
    pull: bool = False
    push: bool = False
    no_delete: bool = False
    interactive: bool = False
    progress: Progress | None = None


# -- after a sync ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MailboxReport:
    """What was done in one mailbox, and what is left there.  Numbers of messages."""

    name: str
    downloaded: int = 0
    uploaded: int = 0
    flags_local: int = 0
    flags_server: int = 0
    removed: int = 0
    expunged: int = 0
    moved: int = 0
    renamed: int = 0  # the mailbox itself, on one side
    held: int = 0
    failed: int = 0
    parked: int = 0
    unsent: int = 0
    waiting: int = 0  # for more of the day's budget
    notices: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        return {key(name): getattr(self, name) for name in COUNTS}

    def as_json(self) -> Json:
        return {**self.counts(), "notices": list(self.notices)}


@dataclass(frozen=True, slots=True)
class AccountReport:
    """`plan` has the lines of a dry run; `exits` every status that something led to."""

    name: str
    mailboxes: tuple[MailboxReport, ...] = ()
    errors: tuple[str, ...] = ()
    exits: frozenset[Exit] = frozenset()
    plan: tuple[str, ...] = ()

    def total(self) -> MailboxReport:
        """The sum over the mailboxes, under the account's name."""
        sums = {name: sum(getattr(box, name) for box in self.mailboxes) for name in COUNTS}
        return MailboxReport(self.name, **sums)

    @property
    def exit(self) -> Exit:
        return worst(set(self.exits) | _left(self.total().counts()))

    def as_json(self) -> Json:
        return {
            **self.total().counts(),
            "mailboxes": {box.name: box.as_json() for box in self.mailboxes},
            "errors": list(self.errors),
            "plan": list(self.plan),
            "exit-status": int(self.exit),
        }


def _left(counts: Mapping[str, int]) -> set[Exit]:
    """What is left over says its status by itself (semantics.md, rule 11)."""
    found = {Exit.HELD} if counts["held"] else set()
    found |= {Exit.TEMPORARY} if counts.get("waiting") else set()
    return found | ({Exit.FAILED} if counts["failed"] or counts["parked"] else set())


@dataclass(frozen=True, slots=True)
class Report:
    accounts: tuple[AccountReport, ...] = ()

    @property
    def exit(self) -> Exit:
        return worst({account.exit for account in self.accounts})

    def as_json(self) -> Json:
        """The one object of `sync --json`."""
        return {
            "accounts": {account.name: account.as_json() for account in self.accounts},
            "exit-status": int(self.exit),
        }


# -- status ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Remark:
    """Why `count` messages are not in agreement.  `kind`: one of LEFT or ASKED, or in doubt.
    0: the mailbox as a whole, which counts as one.

    `side` is the one that would be changed, where that is known.
    """

    kind: str
    count: int
    reason: str
    side: Side | None = None

    def as_json(self) -> Json:
        side = None if self.side is None else str(self.side)
        return {"kind": self.kind, "count": self.count, "reason": self.reason, "side": side}


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """`last_success` in seconds since 1970, `age` in seconds; None: never yet."""

    name: str
    messages: int
    last_success: float | None = None
    age: float | None = None
    selected: bool = True
    remarks: tuple[Remark, ...] = ()

    def count(self, kind: str) -> int:
        return sum(max(1, remark.count) for remark in self.remarks if remark.kind == kind)

    def as_json(self) -> Json:
        return {
            "messages": self.messages,
            "last-success": self.last_success,
            "age": self.age,
            "selected": self.selected,
            **{kind.replace(" ", "-"): self.count(kind) for kind in (*LEFT, *ASKED)},
            "remarks": [remark.as_json() for remark in self.remarks],
        }


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """`errors`: why the account as a whole cannot be spoken of, or is not being synced."""

    name: str
    last_success: float | None = None
    age: float | None = None
    mailboxes: tuple[MailboxStatus, ...] = ()
    errors: tuple[str, ...] = ()
    exits: frozenset[Exit] = frozenset()

    def count(self, kind: str) -> int:
        return sum(box.count(kind) for box in self.mailboxes)

    @property
    def exit(self) -> Exit:
        return worst(set(self.exits) | _left({kind: self.count(kind) for kind in LEFT}))

    def as_json(self) -> Json:
        return {
            "messages": sum(box.messages for box in self.mailboxes),
            "last-success": self.last_success,
            "age": self.age,
            **{kind.replace(" ", "-"): self.count(kind) for kind in (*LEFT, *ASKED)},
            "mailboxes": {box.name: box.as_json() for box in self.mailboxes},
            "errors": list(self.errors),
            "exit-status": int(self.exit),
        }


@dataclass(frozen=True, slots=True)
class StatusReport:
    accounts: tuple[AccountStatus, ...] = ()

    @property
    def exit(self) -> Exit:
        return worst({account.exit for account in self.accounts})

    def as_json(self) -> Json:
        return {
            "accounts": {account.name: account.as_json() for account in self.accounts},
            "exit-status": int(self.exit),
        }


# -- looking and deciding ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MailboxLine:
    """One mailbox for `mailsync mailboxes`; `messages` None: nothing known.  `server_name`,
    `directory`: what it is called there, and where it lies here, where that is another name."""

    name: str
    server: bool
    local: bool
    selected: bool
    why: str
    messages: int | None = None
    server_name: str = ""
    directory: str = ""

    def as_json(self) -> Json:
        return {key(name): getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class HeldLine:
    """What waits for accept or reject; `side` would lose `count` messages: `uids`, or the files of
    these `names`."""

    account: str
    mailbox: str
    side: Side
    count: int
    reason: str
    uids: UIDSet = field(default_factory=UIDSet)
    names: tuple[UniqueName, ...] = ()


@dataclass(frozen=True, slots=True)
class Undeleted:
    """`files` came back (or would); of those that could not, `errors` and `exits` tell."""

    files: tuple[str, ...]
    errors: tuple[str, ...] = ()
    exits: frozenset[Exit] = frozenset()


def held_total(lines: Iterable[HeldLine]) -> int:
    return sum(line.count for line in lines)
