"""mbsync's state: `.mbsyncstate` in the mailbox, or a file for it in the directory of SyncState.

Header lines `Key value`, an empty line, then a line a message: the UID on the far side (the
server), the one on the near side (`,U=` in the file's name), and the flags that both had; 0 is a
side that was gone.  Before the flags may stand `~` (expired by MaxMessages), `<` or `>` (a
placeholder by MaxSize) and `^` (skipped).  Of versions before 1.3 the sides are Master and Slave.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

from mailsync.local.former.text import Unreadable, number, read
from mailsync.model.flags import from_letters
from mailsync.model.former import FormerMailbox, FormerMessage, Kind
from mailsync.model.ids import UID
from mailsync.system.trouble import translated

PROGRAM = "mbsync"
STATE = ".mbsyncstate"
_FAR = ("FarUidValidity", "MasterUidValidity")
_NEAR = ("NearUidValidity", "SlaveUidValidity")
_EXPIRED = ("MaxExpiredFarUid", "MaxExpiredMasterUid")
_MARKS = {"~": Kind.EXPIRED, "X": Kind.EXPIRED, "<": Kind.PLACEHOLDER, ">": Kind.PLACEHOLDER}


def parse(text: str, path: str) -> tuple[FormerMailbox, int]:
    """The mailbox, and the UIDVALIDITY of its near side.  Raises Unreadable."""
    head: dict[str, str] = {}
    lines = text.splitlines()
    at = 0
    for at, line in enumerate(lines):  # noqa: B007 (where the header ends)
        if not line:
            break
        key, _, value = line.partition(" ")
        head[key] = value
    far = _first(head, _FAR)
    near = _first(head, _NEAR)
    if far is None or near is None:
        raise Unreadable(f"{path}: not a state of mbsync 1.1 or newer")
    found = tuple(
        one
        for place, line in enumerate(lines[at + 1 :], at + 2)
        if (one := _message(line, f"{path}:{place}")) is not None
    )
    expired = _first(head, _EXPIRED) or 0
    return FormerMailbox(PROGRAM, path, far, found, expired_to=expired), near


def _first(head: dict[str, str], keys: tuple[str, str]) -> int | None:
    return next((number(head[key]) for key in keys if key in head), None)


def _message(line: str, place: str) -> FormerMessage | None:
    """None: it was never on both sides."""
    fields = line.split(" ")
    if len(fields) not in (2, 3):
        raise Unreadable(f"{place}: not a line of an mbsync state")
    far, near = (number(field.removeprefix("-")) for field in fields[:2])
    if far is None or near is None:
        raise Unreadable(f"{place}: not a line of an mbsync state")
    flags = fields[2] if len(fields) == 3 else ""
    if line.startswith("-") or fields[1].startswith("-") or "^" in flags or not (far or near):
        return None
    kind = next((_MARKS[mark] for mark in flags if mark in _MARKS), Kind.SYNCED)
    return FormerMessage(UID(far) if far else None, near or None, from_letters(flags), kind)


def near_validity(directory: str) -> int | None:
    """What the numbers in the names of a mailbox belong to, by its `.uidvalidity`."""
    text = read(f"{directory}/.uidvalidity") or ""
    return number(text.partition("\n")[0].strip())


def in_mailbox(directory: str) -> Iterator[str]:
    yield f"{directory}/{STATE}"


def in_places(places: Collection[str], names: Collection[str]) -> Iterator[str]:
    """State files of mailboxes with one of these names.  A place is a directory, or a path that
    the names of the files begin with, as SyncState has it."""
    for place in places:
        folder, _, start = place.rpartition("/")
        with translated("list", folder or "/"):
            try:
                files = sorted(os.listdir(folder or "/"))
            except (FileNotFoundError, NotADirectoryError):
                continue
        for file in files:
            if file.startswith(start) and _box(file[len(start) :]) in names:
                yield f"{folder}/{file}"


def _box(file: str) -> str:
    """The near mailbox of `:STORE:BOX_:STORE:BOX`, or of a name that is only the mailbox's."""
    if file.startswith(":"):
        file = file.rpartition("_:")[2].partition(":")[2]
    return file.replace("!", "/")


def is_unfinished(path: str) -> bool:
    """mbsync was cut off, and part of what it knew is in its journal only."""
    return os.path.exists(f"{path}.journal")
