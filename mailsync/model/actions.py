"""The plan: pure data.  Actions name many messages each (architecture.md, decision 11)."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from mailsync.model.flags import Flags
from mailsync.model.ids import UID, MailboxId, RowId
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Row, Settled, Side, Wait
from mailsync.model.uidset import UIDSet


def uids_of(rows: tuple[Row, ...]) -> UIDSet:
    """The UIDs of the rows that have one."""
    return UIDSet(row.uid for row in rows if row.uid is not None)


class Rung(enum.StrEnum):
    """The rung of the pairing ladder that held (semantics.md, rule 4)."""

    EMAIL_ID = "same EMAILID"
    OWN_NAME = "own name and date"
    HEADER = "same header"
    BODY = "same content"
    MESSAGE_ID = "same Message-ID and date"
    FORMER = "paired by another program before"  # beside the ladder: only `adopt`


# -- the cache only ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """A message that is there on the server and a file that is there are one message.

    `keep` is the row that stays (it has the uid), `file` the row that it swallows (it has the
    file).  `synced` is the merge base from then on, None for a union.  `behind` has the same file
    where the message was: what is told by its flags the pair has, so nothing there saves it.
    """

    mailbox: MailboxId
    keep: Row
    file: Row
    rung: Rung
    synced: Flags | None
    behind: RowId | None = None


@dataclass(frozen=True, slots=True)
class Forget:
    mailbox: MailboxId
    rows: tuple[Row, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Defer:
    """Rows that stay open and are not due: held, unsent or kept; `settled` closes them."""

    mailbox: MailboxId
    rows: tuple[Row, ...]
    wait: Wait
    reason: str
    side: Side  # the side that would have been changed
    settled: Settled = Settled.NO


@dataclass(frozen=True, slots=True)
class DeferMailbox:
    mailbox: MailboxId
    reason: str
    side: Side


# -- mailboxes ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CreateMailbox:
    mailbox: MailboxId


@dataclass(frozen=True, slots=True)
class CreateLocalMailbox:
    mailbox: MailboxId


@dataclass(frozen=True, slots=True)
class RenameMailbox:
    """Repeat on the server what happened in the Maildir: `mailbox` (rows stay) is now `new`."""

    mailbox: MailboxId
    new: MailboxId  # the cache's row of the new name; swallowed by `mailbox`


@dataclass(frozen=True, slots=True)
class RenameLocalMailbox:
    mailbox: MailboxId
    new: MailboxId


@dataclass(frozen=True, slots=True)
class RemoveMailbox:
    """DELETE an empty mailbox on the server."""

    mailbox: MailboxId


@dataclass(frozen=True, slots=True)
class RemoveLocalMailbox:
    mailbox: MailboxId


# -- messages ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Move:
    """UID MOVE.  `joins[i]` is the row in `target` that has the file of `rows[i]`; empty when
    the messages go to the \\Trash mailbox because their files were deleted.  `unmark`: because
    both sides have them \\Deleted, without which they go; else they were expunged there next."""

    mailbox: MailboxId
    target: MailboxId
    rows: tuple[Row, ...]
    joins: tuple[Row, ...]
    reason: str
    unmark: bool = False


@dataclass(frozen=True, slots=True)
class MoveLocal:
    """The files of `rows` go to `target`, where `joins[i]` is the row with the new UID."""

    mailbox: MailboxId
    target: MailboxId
    rows: tuple[Row, ...]
    joins: tuple[Row, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Copy:
    """UID COPY from `rows` (there on the server) instead of uploading the files of `joins`.

    `bases[i]` is the merge base from then on of the copy's flags and the file's.
    """

    mailbox: MailboxId
    target: MailboxId
    rows: tuple[Row, ...]
    joins: tuple[Row, ...]
    reason: str
    bases: tuple[Flags, ...]


@dataclass(frozen=True, slots=True)
class CopyLocal:
    """Copies of the files of `rows` instead of fetching the bodies of `joins`."""

    mailbox: MailboxId
    target: MailboxId
    rows: tuple[Row, ...]
    joins: tuple[Row, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class StoreFlags:
    mailbox: MailboxId
    rows: tuple[Row, ...]
    add: Flags
    remove: Flags


@dataclass(frozen=True, slots=True)
class SetLocalFlags:
    mailbox: MailboxId
    rows: tuple[Row, ...]
    add: Flags
    remove: Flags


@dataclass(frozen=True, slots=True)
class Download:
    """`maybe`: files that are not uploaded yet, because only the body tells whether one of these
    messages is theirs (the ladder's last rung)."""

    mailbox: MailboxId
    rows: tuple[Row, ...]
    reason: str
    maybe: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Upload:
    mailbox: MailboxId
    rows: tuple[Row, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class RemoveLocal:
    mailbox: MailboxId
    rows: tuple[Row, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Expunge:
    """`after`: where there are any, for each row the one that must be on the server before."""

    mailbox: MailboxId
    rows: tuple[Row, ...]
    reason: str
    after: tuple[Row, ...] = ()


CacheOnly = Pair | Forget | Defer | DeferMailbox
Step = (
    CreateMailbox
    | CreateLocalMailbox
    | RenameMailbox
    | RenameLocalMailbox
    | RemoveMailbox
    | RemoveLocalMailbox
    | Move
    | MoveLocal
    | Copy
    | CopyLocal
    | StoreFlags
    | SetLocalFlags
    | Download
    | Upload
    | RemoveLocal
    | Expunge
)
Action = CacheOnly | Step


@dataclass(frozen=True, slots=True)
class Plan:
    """Actions in a safe order: cache, mailboxes, moves and copies, flags, downloads, uploads,
    deletions, removed mailboxes."""

    actions: tuple[Action, ...] = ()


def lines(plan: Plan, names: dict[MailboxId, MailboxName], keywords: Keywords) -> Iterator[str]:
    """The plan for a person: a line for an action, but one for all pairs that share a reason."""
    pairs: dict[tuple[MailboxId, Rung], list[Row]] = {}
    for action in plan.actions:
        if isinstance(action, Pair):
            pairs.setdefault((action.mailbox, action.rung), []).append(action.keep)
    for (mailbox, rung), rows in pairs.items():
        where = names.get(mailbox, MailboxName("?"))
        yield f"Pair {where} {_which(tuple(rows))} with files that are there: {rung}"
    for action in plan.actions:
        if not isinstance(action, Pair):
            yield describe(action, names, keywords)


def describe(action: Action, names: dict[MailboxId, MailboxName], keywords: Keywords) -> str:
    """One line for a dry run or a log: what, where, which, why."""
    verb = type(action).__name__
    where = names.get(action.mailbox, MailboxName("?"))
    match action:
        case Pair():
            return f"{verb} {where} UID {action.keep.uid} with {action.file.name}: {action.rung}"
        case Move() | MoveLocal() | Copy() | CopyLocal():
            to = names.get(action.target, MailboxName("?"))
            return f"{verb} {where} -> {to} {_which(action.rows)}: {action.reason}"
        case StoreFlags() | SetLocalFlags():
            change = [f"+{keywords.describe(action.add)}"] if action.add else []
            change += [f"-{keywords.describe(action.remove)}"] if action.remove else []
            return f"{verb} {where} {' '.join(change)} {_which(action.rows)}: flags differ"
        case Defer():
            return f"{action.wait.name.capitalize()} {where} {_which(action.rows)}: {action.reason}"
        case DeferMailbox():
            return f"Held {where}: {action.reason}"
        case Forget() | Download() | Upload() | RemoveLocal() | Expunge():
            return f"{verb} {where} {_which(action.rows)}: {action.reason}"
        case RenameMailbox() | RenameLocalMailbox():
            side = "in the Maildir" if verb == "RenameMailbox" else "on the server"
            return f"{verb} {where} -> {names.get(action.new, MailboxName('?'))}: renamed {side}"
        case CreateMailbox() | RemoveMailbox():
            return f"{verb} {where}: {_BECAUSE[verb]} the Maildir"
        case _:
            return f"{verb} {where}: {_BECAUSE[verb]} the server"


_BECAUSE = {
    "CreateMailbox": "new in",
    "CreateLocalMailbox": "new on",
    "RemoveMailbox": "removed from",
    "RemoveLocalMailbox": "removed from",
}


def _which(rows: tuple[Row, ...]) -> str:
    uids = uids_of(rows)
    files = [row.name for row in rows if row.uid is None and row.name is not None]
    parts = [f"UID {uids}"] if uids else []
    if len(files) > 3:
        parts.append(f"{len(files)} files, {files[0]} …")
    elif files:
        parts.append(", ".join(files))
    return " and ".join(parts) or f"{len(rows)} rows"


def uid_of(row: Row) -> UID:
    """The row's UID; a row without one here is a bug of the planner."""
    assert row.uid is not None, f"row {row.id} has no UID"
    return row.uid
