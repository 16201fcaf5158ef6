"""What is so in layout maildir++ alone: INBOX is the root, every other mailbox a directory in it.

Dovecot, Courier and others keep their books beside the messages.  In the root those are nobody's
business here; what they keep of a mailbox goes with it, and they make it anew where it is missing.
"""

from __future__ import annotations

import contextlib

from mailsync.local.listing import look_at
from mailsync.local.tree import FOLDERS, Tree
from mailsync.model.errors import Reach, StorageError
from mailsync.model.layout import Layout, mailbox
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.system.text import safe
from mailsync.system.trouble import translated

FOLDER_FILE = "maildirfolder"  # says to delivery agents that this is no Maildir of its own
_BOOKS = frozenset({FOLDER_FILE, "dovecot-uidlist", "dovecot-keywords"})
_INDEX = "dovecot.index"


def walk(tree: Tree, closed: dict[str, StorageError] | None) -> tuple[list[MailboxName], list[str]]:
    found: list[MailboxName] = []
    notices: list[str] = []
    with translated("list", tree.root):
        inside = sorted(tree.fs.list(f"{tree.root}/."))
    if (FOLDERS[-1], "dir") in inside:
        found.append(INBOX)
    for part, kind in inside:
        if kind == "dir" and part not in FOLDERS:
            _take(tree, part, found, notices, closed)
        elif kind == "link" and part.startswith("."):
            path = safe(f"{tree.root}/{part}")
            notices.append(f"skipped {path}: symbolic links are not followed")
    return sorted(found), notices


def _take(
    tree: Tree,
    part: str,
    found: list[MailboxName],
    notices: list[str],
    closed: dict[str, StorageError] | None,
) -> None:
    path = f"{tree.root}/{part}"
    try:
        name = mailbox(part) if part.startswith(".") else None
    except ValueError:
        name = None
    try:
        with translated("look at", path):
            seen = look_at(tree, f"{path}/{FOLDERS[-1]}")
    except StorageError as error:
        if name is None:
            return
        if closed is None or error.reach is Reach.ACCOUNT:
            raise
        closed[name] = error
        return
    if seen is None or seen.kind != "dir":
        return
    if name is not None:
        found.append(name)
    elif part.startswith("."):
        notices.append(
            f"skipped {safe(path)}: a mailbox cannot have this name; rename it (a dot, and the "
            "name in modified UTF-7, as Dovecot writes it)"
        )
    else:
        notices.append(
            f"skipped {safe(path)}: its name does not begin with a dot, as those of mailboxes do "
            'in this layout; layout = "nested" is the one that has such'
        )


def note(tree: Tree, path: str) -> list[str]:
    """Make the file that marks a mailbox which is not INBOX, as Dovecot does; the directories
    whose entries changed.  Raises OSError."""
    if tree.layout is not Layout.MAILDIRPP or path == tree.root:
        return []
    with contextlib.suppress(FileExistsError):
        tree.fs.create(f"{path}/{FOLDER_FILE}").close()
    return [path]


def is_bookkeeping(tree: Tree, file: str) -> bool:
    """Whether a file beside cur/ is what a reader keeps about the mailbox, and makes anew."""
    return tree.layout is Layout.MAILDIRPP and (file in _BOOKS or file.startswith(_INDEX))


def clear(tree: Tree, path: str) -> None:
    """Remove a mailbox's bookkeeping.  Raises OSError."""
    if tree.layout is not Layout.MAILDIRPP:
        return
    for file, kind in list(tree.fs.list(path)):
        if kind == "file" and is_bookkeeping(tree, file):
            with contextlib.suppress(FileNotFoundError):
                tree.fs.unlink(f"{path}/{file}")


def make_way(tree: Tree, path: str) -> None:
    """What is left of a mailbox that had this directory: bookkeeping, and nothing else.  Where
    there is more it stays.  Raises OSError."""
    if tree.layout is not Layout.MAILDIRPP or path == tree.root:
        return
    try:
        inside = list(tree.fs.list(path))
    except FileNotFoundError:
        return
    if all(kind == "file" and is_bookkeeping(tree, file) for file, kind in inside):
        clear(tree, path)
        tree.fs.rmdir(path)
