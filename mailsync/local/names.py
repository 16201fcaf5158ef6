"""File names: unique names of our own (architecture.md, decision 6) and the info of any name.

A file name is `<unique name><info>`; info is everything from the first `,` or `:2,` on, as seen:
`,S=123:2,FS` is an info with a field that some other program wrote and the flags F and S.
"""

from __future__ import annotations

import os
import re
from base64 import b32encode
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b

from mailsync.model.flags import LETTERS, Flags, from_letters, letters
from mailsync.model.ids import UID, UIDValidity, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import LocalEntry
from mailsync.system.seams import Rand

LONGEST_HOST = 64
LONGEST_NAME = 255  # bytes, on nearly every file system

_SPLIT = re.compile(r"(.[^,:;!]*(?:[:;!](?!2,)[^,:;!]*)*)(.*)", re.DOTALL)
_INFO = re.compile(r"(.*?[:;!]2,)([^,]*)(.*)", re.DOTALL)
_OWN = re.compile(r"[0-9]+\.O([a-z2-7]{8})U([0-9]{10})R[0-9a-f]{16}\.")
_ODD_IN_HOST = re.compile(r"[^A-Za-z0-9._-]")


@lru_cache(4096)
def _place(account: str, mailbox: MailboxName, uid_validity: UIDValidity) -> str:
    """Eight characters that stand for the mailbox in own names."""
    text = f"{account}\0{mailbox}\0{uid_validity}".encode("utf-8", "surrogateescape")
    return b32encode(blake2b(text, digest_size=5).digest()).decode().lower()


def host_part(host: str) -> str:
    """`host` as unique names may hold it: odd bytes as `\\` and three octal digits."""
    text = _ODD_IN_HOST.sub(
        lambda found: "".join(f"\\{b:03o}" for b in found[0].encode("utf-8", "surrogateescape")),
        host,
    )
    return text[:LONGEST_HOST].strip(".") or "localhost"


def own_name(
    account: str,
    mailbox: MailboxName,
    uid_validity: UIDValidity,
    uid: UID,
    internal_date: int | None,
    host: str,
    rand: Rand,
) -> UniqueName:
    """`<seconds>.O<8 characters>U<uid, 10 digits>R<64 random bits>.<host>`.

    `host` as `host_part` made it.  Also unique where the file system folds case.
    """
    seconds = max(0, internal_date or 0)
    place = _place(account, mailbox, uid_validity)
    return UniqueName(f"{seconds}.O{place}U{uid:010d}R{rand.bits(64):016x}.{host}")


def fresh_name(seconds: int, host: str, rand: Rand) -> UniqueName:
    """A unique name of ours that claims no origin: `<seconds>.R<64 random bits>.<host>`."""
    return UniqueName(f"{max(0, seconds)}.R{rand.bits(64):016x}.{host}")


def undeleted_name(seconds: int, undo_file: str, host: str) -> UniqueName:
    """A fresh name that is the same each time for one file in undo: `<seconds>.R<undo>.<host>`."""
    return UniqueName(f"{max(0, seconds)}.R{undo_file}.{host}")


def scratch_name(host: str, rand: Rand) -> UniqueName:
    """For tmp/ only: known as ours by `is_own`, claims no origin."""
    return UniqueName(f"0.OmailsyncU0000000000R{rand.bits(64):016x}.{host}")


def is_own(file_name: str) -> bool:
    """Whether we made this file name, for any mailbox."""
    return _OWN.match(file_name) is not None


def origin(
    unique: UniqueName, account: str, mailbox: MailboxName, uid_validity: UIDValidity
) -> UID | None:
    """The UID that one of our own names claims, for exactly this account, mailbox and
    UIDVALIDITY; None for every other name.  A hint, never proof."""
    found = _OWN.match(unique)
    if found is None or found[1] != _place(account, mailbox, uid_validity):
        return None
    uid = int(found[2])
    return UID(uid) if 1 <= uid <= 0xFFFF_FFFF else None


def origins(
    uniques: Iterable[UniqueName], account: str, mailboxes: Mapping[MailboxName, UIDValidity]
) -> dict[UniqueName, tuple[MailboxName, UID]]:
    """As `origin`, for whichever of the mailboxes it is; names that claim none are left out."""
    places = {_place(account, name, validity): name for name, validity in mailboxes.items()}
    found: dict[UniqueName, tuple[MailboxName, UID]] = {}
    for unique in uniques:
        own = _OWN.match(unique)
        name = None if own is None else places.get(own[1])
        uid = None if name is None else origin(unique, account, name, mailboxes[name])
        if name is not None and uid is not None:
            found[unique] = name, uid
    return found


def split_name(file_name: str) -> tuple[UniqueName, str]:
    """`(unique name, info)`; joined again they are the file name.

    The unique name has at least one character and ends before the first `,` (fields such as
    `,S=` are not part of it) or before the first `:2,`, `;2,` or `!2,`.
    """
    found = _SPLIT.match(file_name)
    if found is None:
        raise ValueError("a file name is empty")
    return UniqueName(found[1]), found[2]


def fits(unique: UniqueName, info: str) -> bool:
    """Whether a disk takes this file name."""
    return len(os.fsencode(unique + info)) <= LONGEST_NAME


def named(entry: LocalEntry, unique: UniqueName) -> LocalEntry:
    """The file under this unique name, without the fields of other programs where the file name
    would be too long."""
    info = entry.info
    if not fits(unique, info):
        found = letters_of(info)
        info = f":2,{found}" if found else ""
    return replace(entry, name=unique, info=info)


def letters_of(info: str) -> str:
    found = _INFO.match(info)
    return found[2] if found else ""


def flags_of(info: str) -> Flags:
    """Without keywords, whose letters have a meaning in their mailbox only."""
    return from_letters(letters_of(info))


def with_flags(
    info: str, flags: Flags, more: Collection[str] = (), known: Collection[str] = ()
) -> str:
    """`info` with exactly these flags and, of the letters `known`, those in `more`; letters sorted
    and unique, every letter and field that is not ours as it was.  An empty info becomes `:2,` and
    the letters."""
    found = _INFO.match(info)
    head, had, tail = (f"{info}:2,", "", "") if found is None else found.groups()
    others = "".join(dict.fromkeys(c for c in had if c not in LETTERS and c not in known))
    others += "".join(sorted(more))
    if others.isascii() and others.isalnum():
        text = "".join(sorted(letters(flags) + others))
    else:  # not letters at all: no order is known for them
        text = letters(flags) + others
    return f"{head}{text}{tail}"
