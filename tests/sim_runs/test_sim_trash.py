"""To which mailbox a deleted message goes, and when it is expunged instead (rules 7 and 9)."""

from __future__ import annotations

import pytest
from support.storied import Story

from mailsync.model.settings import Deletions


def story(name: str, *args: object, **account: object) -> Story:
    return Story(name, *args, deletions=Deletions.TRASH, **account)  # type: ignore[arg-type]


def test_what_was_taken_out_of_an_unselected_trash_goes_there_again() -> None:
    """The cache's rows of a mailbox that nobody looks at prove nothing."""
    with story("unselected", mailboxes=("*", "!Trash")) as s:
        s.serve("INBOX", "a")
        s.tell()
        s.unlink("INBOX", "a")
        assert s.tell().total.moved == 1
        s.idle()
        s.server.move("Trash", s.uid_of("Trash", "a"), "INBOX")
        s.oracle.deleted.clear()
        assert s.tell().total.downloaded == 1
        s.unlink("INBOX", "a")
        assert s.tell().total.moved == 1
        assert s.server.ghosts("Trash")["a"] == 1
        s.idle()


@pytest.mark.parametrize("shut", [True, False])
def test_a_trash_that_cannot_be_looked_at_proves_nothing(shut: bool) -> None:
    """The copy that lay there was expunged on another device."""
    with story("shut") as s:
        uid = s.serve("INBOX", "a")
        s.server.copy("INBOX", uid, "Trash")
        s.tell()
        s.server.expunge("Trash", s.uid_of("Trash", "a"))
        if shut:
            s.server.fault("SELECT", "NO [INUSE] busy", mailbox="Trash")
        path = s.path_of("INBOX", "a")
        s.fs.unlink(path)
        s.tell()
        s.tell()
        assert s.server.ghosts("Trash")["a"] == 1
