"""Notes beside undo/ of what lies there, so that it is known when the cache was lost (I21).

One file for each batch, in `<undo>.index/`, durable before anything is renamed into undo.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from mailsync.local import names
from mailsync.local.listing import pieces
from mailsync.local.tree import Tree
from mailsync.model import mailboxname
from mailsync.model.ids import UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import LocalEntry
from mailsync.system.trouble import translated


@dataclass(frozen=True, slots=True)
class Note:
    """One file in undo: where it was, under which name, and when it was removed (wall time)."""

    undo: str
    mailbox: str
    name: str
    folder: str
    info: str
    at: float
    body: str = ""  # the canonical hash in hexadecimal, where it was known

    @property
    def entry(self) -> LocalEntry:
        flags = names.flags_of(self.info)
        return LocalEntry(UniqueName(self.name), self.folder, self.info, flags)


def write(tree: Tree, undo_dir: str, file: str, notes: Iterable[Note]) -> None:
    index = _index(undo_dir)
    path = f"{index}/{file}"
    with translated("note what goes into undo", path):
        tree.make_durable_directory(index)
        writer = tree.fs.create(path)
        try:
            writer.write(b"".join(json.dumps(asdict(one)).encode() + b"\n" for one in notes))
            if tree.fsync:
                writer.sync()
        finally:
            writer.close()
        tree.make_durable([index])


def read(tree: Tree, undo_dir: str) -> dict[str, Note]:
    """By the file in undo; what cannot be understood is left out."""
    return {note.undo: note for _, notes in _all(tree, undo_dir) for note in notes}


def drop(tree: Tree, undo_dir: str, there: Iterable[str]) -> None:
    """Remove the notes of batches of which nothing is `there` any more."""
    left = set(there)
    for file, notes in _all(tree, undo_dir):
        if left.isdisjoint(note.undo for note in notes):
            path = f"{_index(undo_dir)}/{file}"
            with translated("remove", path), contextlib.suppress(FileNotFoundError):
                tree.fs.unlink(path)


def _index(undo_dir: str) -> str:
    return f"{undo_dir}.index"


def _all(tree: Tree, undo_dir: str) -> Iterator[tuple[str, list[Note]]]:
    index = _index(undo_dir)
    with translated("list", index):
        try:
            files = sorted(file for file, kind in tree.fs.list(index) if kind == "file")
        except FileNotFoundError:
            return
    for file in files:
        found = pieces(tree, f"{index}/{file}")
        data = b"" if found is None else b"".join(found)
        yield file, [note for line in data.splitlines() if (note := _note(line)) is not None]


def _note(line: bytes) -> Note | None:
    try:
        note = Note(**json.loads(line))
        MailboxName(mailboxname.join(mailboxname.split(MailboxName(note.mailbox))))
        bytes.fromhex(note.body)
        return note
    except (ValueError, TypeError):
        return None
