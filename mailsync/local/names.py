"""File names: unique names of our own (architecture.md, decision 6) and the info of any name."""

from __future__ import annotations

from mailsync.model.flags import Flags
from mailsync.model.ids import UID, UIDValidity, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.system.seams import Rand


def own_name(
    account: str,
    mailbox: MailboxName,
    uid_validity: UIDValidity,
    uid: UID,
    internal_date: int | None,
    host: str,
    rand: Rand,
) -> UniqueName:
    """`<seconds>.O<8 characters>U<uid, 10 digits>R<64 random bits>.<host>`."""
    raise NotImplementedError


def fresh_name(seconds: int, host: str, rand: Rand) -> UniqueName:
    """A unique name of ours that claims no origin: `<seconds>.R<64 random bits>.<host>`."""
    raise NotImplementedError


def origin(
    unique: UniqueName, account: str, mailbox: MailboxName, uid_validity: UIDValidity
) -> UID | None:
    """The UID that one of our own names claims, for exactly this account, mailbox and
    UIDVALIDITY; None for every other name.  A hint, never proof."""
    raise NotImplementedError


def split_name(file_name: str) -> tuple[UniqueName, str]:
    """`(unique name, info)`; joined again they are the file name.

    The unique name ends before the first `,` (fields such as `,S=` are not part of it) or before
    the first `:2,`, `;2,` or `!2,`.
    """
    raise NotImplementedError


def flags_of(info: str) -> Flags:
    raise NotImplementedError


def with_flags(info: str, flags: Flags) -> str:
    """`info` with exactly these flags; letters sorted and unique, every letter and field that is
    not ours as it was.  An empty info becomes `:2,` and the letters."""
    raise NotImplementedError
