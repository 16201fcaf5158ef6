"""What a cache that was lost knew of undo/: the notes beside it tell."""

from __future__ import annotations

from typing import cast

import pytest

from mailsync.cache import NewDeletion
from mailsync.executor.undo import forgotten, note_of
from mailsync.local import Maildir, Note
from mailsync.model.flags import Flags
from mailsync.model.ids import RowId, UniqueName
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import FileFacts, LocalEntry

NOW = 1_700_000_000.0
FACTS = FileFacts(5, 6)


class Kept:
    """What lies in undo, and the notes of it."""

    def __init__(self, files: str, *notes: Note) -> None:
        self.files, self.notes = files.split(), {note.undo: note for note in notes}

    def undo_files(self, undo: str) -> dict[str, FileFacts]:
        assert undo == "/undo"
        return dict.fromkeys(self.files, FACTS)

    def undo_notes(self, undo: str) -> dict[str, Note]:
        assert undo == "/undo"
        return self.notes


def found(kept: Kept, *known: str) -> dict[float, list[NewDeletion]]:
    return forgotten(cast(Maildir, kept), "/undo", set(known), NOW)


def removed(undo: str, body: bytes | None, row: RowId | None = None) -> NewDeletion:
    entry = LocalEntry(UniqueName("1.a.host"), "cur", ":2,FS", Flags.FLAGGED | Flags.SEEN)
    return NewDeletion(row, MailboxName("Work"), entry, body, undo)


@pytest.mark.parametrize("body", [None, bytes(range(16))])
def test_a_note_tells_all_but_the_row(body: bytes | None) -> None:
    note = note_of(removed("u", body, RowId(7)), NOW - 5)
    assert found(Kept("k u", note), "k") == {NOW - 5: [removed("u", body)]}
    assert found(Kept("k u", note), "k", "u") == {}


def test_a_clock_that_was_wrong_keeps_nothing_longer() -> None:
    assert list(found(Kept("u", note_of(removed("u", None), NOW + 5)))) == [NOW]


def test_a_file_without_a_note_was_in_inbox() -> None:
    """Those of one moment together, in the order of their names."""
    entries = [LocalEntry(UniqueName(name), "cur", "", Flags.NONE) for name in ("u", "v")]
    other = note_of(removed("w", None), NOW - 5)
    assert found(Kept("v w u", other)) == {
        NOW: [NewDeletion(None, INBOX, entry, None, entry.name) for entry in entries],
        NOW - 5: [removed("w", None)],
    }
