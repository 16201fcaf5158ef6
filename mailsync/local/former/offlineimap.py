"""OfflineIMAP's state: below its metadata directory, a file for each folder.

`Account-NAME/LocalStatus-sqlite/FOLDER` (table `status`: id, flags) or, of old versions,
`LocalStatus/FOLDER` (a line that says what it is, then `uid:flags` or `uid|flags|…`); and
`Repository-NAME/FolderValidity/FOLDER` with the server's UIDVALIDITY.  A file's name has the UID
and the MD5 of its folder's name: `,U=7,FMD5=…`.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from urllib.parse import quote

from mailsync.local.former.text import Unreadable, number, read
from mailsync.model.flags import from_letters
from mailsync.model.former import FormerMailbox, FormerMessage
from mailsync.model.ids import UID
from mailsync.system.trouble import translated

PROGRAM = "OfflineIMAP"
_LINE = re.compile(r"([0-9]{1,10})[:|]([A-Za-z]*)(?:\|.*)?")
_MAGIC = "OFFLINEIMAP LocalStatus CACHE DATA"
_SQLITE = b"SQLite format 3\0"


def basename(folder: str) -> str:
    """The name of a folder's files in the metadata directory."""
    return re.sub(r"(^|/)\.$", r"\1dot", folder.replace("/", "."))


def tags(names: Collection[str]) -> frozenset[str]:
    """What FMD5 is for a folder that may have one of these names."""
    return frozenset(
        hashlib.md5(name.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
        for name in names
    )


def validities(metadata: str, repository: str | None, folder: str) -> set[int]:
    """The UIDVALIDITY of `folder` on the server, in one repository or (None) in any."""
    named = [f"Repository-{repository}"] if repository else _below(metadata, "Repository-")
    texts = (read(f"{metadata}/{one}/FolderValidity/{basename(folder)}") for one in named)
    found = (number(text.strip()) for text in texts if text is not None)
    return {one for one in found if one is not None}


def statuses(metadata: str, account: str | None, names: Collection[str]) -> Iterator[str]:
    """Where the status of a folder with one of these names may be."""
    accounts = [f"Account-{account}"] if account else _below(metadata, "Account-")
    files = list(dict.fromkeys(map(basename, names)))
    for one in accounts:
        for kind in ("LocalStatus-sqlite", "LocalStatus"):
            yield from (f"{metadata}/{one}/{kind}/{file}" for file in files)


def lock(path: str) -> str:
    """What OfflineIMAP locks while it syncs the account of this status."""
    account = os.path.dirname(os.path.dirname(path))
    folder, _, name = account.rpartition("/Account-")
    return f"{folder}/{name}.lock"


def _below(metadata: str, start: str) -> list[str]:
    with translated("list", metadata):
        try:
            return sorted(one for one in os.listdir(metadata) if one.startswith(start))
        except (FileNotFoundError, NotADirectoryError):
            return []


def status(path: str, uid_validity: int, tags: frozenset[str]) -> FormerMailbox | None:
    """None: there is no such file.  Raises Unreadable, StorageError."""
    with translated("read", path):
        try:
            with open(path, "rb") as file:
                start = file.read(len(_SQLITE))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
    rows = _of_database(path) if start == _SQLITE else _of_text(path)
    found = tuple(
        FormerMessage(UID(uid), uid, from_letters(flags))
        for uid, flags in rows
        if 0 < uid < 1 << 32  # what had no UID yet is negative
    )
    return FormerMailbox(PROGRAM, path, uid_validity, found, tags)


def _of_database(path: str) -> list[tuple[int, str]]:
    # Not to be changed by a byte, not even to take a lock.
    uri = f"file:{quote(os.fsencode(os.path.abspath(path)))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            found = connection.execute("SELECT id, flags FROM status").fetchall()
    except sqlite3.Error as error:
        raise Unreadable(f"{path}: {error}") from error
    return [(uid, str(flags or "")) for uid, flags in found if isinstance(uid, int)]


def _of_text(path: str) -> list[tuple[int, str]]:
    lines = (read(path) or "").splitlines()
    if not lines or not lines[0].startswith(_MAGIC):
        raise Unreadable(f"{path}: not a LocalStatus of OfflineIMAP")
    found: list[tuple[int, str]] = []
    for place, line in enumerate(lines[1:], 2):
        fields = _LINE.fullmatch(line)
        if fields is not None:
            found.append((int(fields[1]), fields[2]))
        elif line and not line.startswith("-"):
            raise Unreadable(f"{path}:{place}: not a line of a LocalStatus")
    return found
