"""The state that another program left for a mailbox, held against what is there now."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailsync.local.former import mbsync, offlineimap
from mailsync.local.former.text import Unreadable, read, stopped
from mailsync.model.former import FormerMailbox

_NUMBER = re.compile(r",U=([0-9]{1,10})(?=[,:;!]|$)")
_TAG = re.compile(r",FMD5=([0-9a-f]{32})(?=[,:;!]|$)")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the state may be.  `sync_states`: directories, or starts of paths, of mbsync.
    `account`, `repository`: of OfflineIMAP; None: any."""

    sync_states: tuple[str, ...] = ()
    metadata: str = ""
    account: str | None = None
    repository: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A mailbox: its directory, what other programs may call it here, its name on the server as
    sent, and the server's UIDVALIDITY."""

    directory: str
    names: frozenset[str]
    wire_name: str
    uid_validity: int


def number_of(former: FormerMailbox, info: str) -> int | None:
    """The number that a file's name has for this mailbox; of another mailbox it means nothing."""
    found, tag = _NUMBER.search(info), _TAG.search(info)
    if found is None or (tag is not None) != bool(former.tags):
        return None
    if tag is not None and tag[1] not in former.tags:
        return None
    return int(found[1])


def has_number(info: str) -> bool:
    """Whether another program numbered the file."""
    return _NUMBER.search(info) is not None


class Former:
    """Looks in `places`, and in the mailboxes themselves."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def state(self, asked: Asked) -> tuple[FormerMailbox | None, list[str]]:
        """The state that fits, and what is to be said of those that do not.

        Raises StorageError, and Locked while the former program is at work."""
        others: list[str] = []  # of another account, or out of date
        found = [*self._mbsync(asked, others), *self._offlineimap(asked, others)]
        if not found:
            return None, others
        if len(found) > 1:
            files = ", ".join(one.path for one in found)
            return None, [f"several states may be of this mailbox, none is used: {files}"]
        if mbsync.is_unfinished(found[0].path):
            return found[0], [f"{found[0].path}: mbsync was cut off; its journal is not read"]
        return found[0], []

    def _mbsync(self, asked: Asked, others: list[str]) -> Iterator[FormerMailbox]:
        for path in (
            *mbsync.in_mailbox(asked.directory),
            *mbsync.in_places(self._places.sync_states, asked.names),
        ):
            try:
                text = read(path)
                if text is None:
                    continue
                stopped(mbsync.PROGRAM, f"{path}.lock")
                seen, near = mbsync.parse(text, path)
                here = mbsync.near_validity(asked.directory)
            except Unreadable as error:
                others.append(str(error))
                continue
            if seen.uid_validity != asked.uid_validity:
                others.append(other(path, "the server's UIDVALIDITY", seen.uid_validity))
            elif near != here:
                others.append(other(path, "the UIDVALIDITY in .uidvalidity", near))
            else:
                yield seen

    def _offlineimap(self, asked: Asked, others: list[str]) -> Iterator[FormerMailbox]:
        metadata = self._places.metadata
        if not metadata:
            return
        known = offlineimap.validities(metadata, self._places.repository, asked.wire_name)
        tags = offlineimap.tags(asked.names)
        for path in offlineimap.statuses(metadata, self._places.account, asked.names):
            try:
                seen = offlineimap.status(path, asked.uid_validity, tags)
            except Unreadable as error:
                others.append(str(error))
                continue
            if seen is None:
                continue
            stopped(offlineimap.PROGRAM, offlineimap.lock(path))
            if asked.uid_validity in known:
                yield seen
            else:
                was = next(iter(sorted(known)), "not known")
                others.append(other(path, "the server's UIDVALIDITY", was))


def other(path: str, what: str, was: object) -> str:
    return f"{path} is not used: {what} is not the one it has ({was})"
