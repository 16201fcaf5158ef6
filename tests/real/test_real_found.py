"""What the churn found (tests/real/churn.py), each as small as it gets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.dovecot import Dovecot, without
from support.rig import message
from support.wired import Wired

from mailsync.model.settings import Deletions

pytestmark = pytest.mark.dovecot


def flagged(path: Path, letters: str, unique: str = "") -> Path:
    name = unique or path.name.partition(":")[0]
    return path.rename(path.parent.parent / "cur" / f"{name}:2,{letters}")


def done(rig: Wired) -> None:
    rig.settle()
    rig.assert_idle()


def test_a_parent_renamed_in_the_maildir(wired: Wired) -> None:
    """RENAME takes the mailboxes below along: theirs is refused, and done."""
    wired.fill(2, "INBOX")
    with wired.client() as client:
        for box in ("A", "A/C"):
            client.create(box)
            client.append(message(box), box)
    wired.settle()
    wired.box("A").rename(wired.box("B"))
    done(wired)
    assert wired.local_boxes() == ["B", "B/C", "INBOX"]
    assert wired.traffic.sent_bytes == 0


def test_an_empty_mailbox_goes_along_with_its_parent(wired: Wired) -> None:
    """Nothing in it says that it was renamed; that its parent was does."""
    with wired.client() as client:
        for box in ("A", "A/C", "A/D"):
            client.create(box)
        client.append(message("a"), "A")
        client.append(message("c"), "A/C")
    wired.settle()
    wired.box("A").rename(wired.box("B"))
    done(wired)
    assert wired.local_boxes() == ["B", "B/C", "B/D", "INBOX"]


def test_a_message_leaves_a_mailbox_before_its_parent_is_renamed(wired: Wired) -> None:
    """The mailbox below goes along although not all of its UIDs do."""
    with wired.client() as client:
        for box in ("A", "A/C"):
            client.create(box)
            client.append(message(box), box)
        client.append(message("c"), "A/C", "\\Draft")
    wired.settle()
    with wired.client() as client:
        client.move(client.uids("A/C")[:1], "A/C", "A")
        client.select("INBOX")
        client.rename("A", "B")
    done(wired)
    assert wired.local_boxes() == ["B", "B/C", "INBOX"]
    assert len(wired.files("B")) == 2
    assert len(wired.files("B/C")) == 1
    assert wired.traffic.sent_bytes == 0


def test_what_came_into_an_accepted_mailbox_is_rejected(wired: Wired) -> None:
    """After accept a mailbox that is gone holds only what was put there since: reject makes it
    again with that."""
    with wired.client() as client:
        client.create("A")
        client.append(message(1), "A")
        client.append(message(2), "INBOX")
    wired.settle()
    shutil.rmtree(wired.box("A"))
    with wired.client() as client:
        client.append(message(3), "A")
    assert wired.sync().exit == 3
    assert wired.accept() > 0
    if wired.sync().exit:
        assert wired.reject() > 0
    done(wired)


def test_a_move_into_an_accepted_mailbox_is_taken_back(wired: Wired) -> None:
    with wired.client() as client:
        client.create("A")
        client.append(message(1), "A")
        client.append(message(2), "INBOX")
    wired.settle()
    shutil.rmtree(wired.box("A"))
    with wired.client() as client:
        client.move(client.uids(), "INBOX", "A")
    assert wired.sync().exit == 3
    assert wired.accept() > 0
    done(wired)
    assert sum(len(wired.files(box)) for box in wired.local_boxes()) >= 1


def test_a_message_moves_into_a_mailbox_that_is_renamed(wired: Wired) -> None:
    """Renames go first: until then what lies in those mailboxes is seen by no plan."""
    with wired.client() as client:
        client.create("A")
        client.create("B")
        client.append(message(1), "A", "\\Seen")
        client.append(message(2), "B")
        client.append(message(3), "B")
    wired.settle()
    with wired.client() as client:
        client.move(client.uids("A"), "A", "B")
    flagged(wired.files("A")[0], "FS", unique="1234.new.reader")
    wired.box("B").rename(wired.box("C"))
    done(wired)
    assert wired.files("A") == []
    assert len(wired.files("C")) == 3
    assert wired.traffic.sent_bytes == 0


def test_a_message_left_a_mailbox_that_is_renamed_and_was_copied(wired: Wired) -> None:
    with wired.client() as client:
        client.create("B")
        for number in range(3):
            client.append(message(number), "B")
    wired.settle()
    with wired.client() as client:
        client.move(client.uids("B")[:1], "B", "INBOX")
    flagged(sorted(wired.files("B"), key=lambda path: path.read_bytes())[0], "S")
    wired.box("B").rename(wired.box("C"))
    done(wired)
    assert len(wired.files("C")) == 2
    assert {flags for _, flags in wired.local_view("INBOX")} == {"S"}


def test_a_draft_moved_on_the_server_and_changed_here(wired: Wired) -> None:
    """A header does not tell a draft's versions apart: its body is read before it is taken for
    one that was expunged, which would put a second copy back."""
    with wired.client() as client:
        client.create("Later")
        client.append(message("draft"), "INBOX", "\\Draft")
    wired.settle()
    flagged(wired.files()[0], "DF")
    with wired.client() as client:
        client.move(client.uids(), "INBOX", "Later")
    done(wired)
    assert sum(wired.local_view("Later").values()) == 1
    assert {flags for _, flags in wired.local_view("Later")} == {"DF"}
    assert wired.files() == []


def test_a_new_name_and_flags_here_and_moved_on_the_server(wired: Wired) -> None:
    """The row takes the new name first, so that the move has its merge base."""
    with wired.client() as client:
        client.create("Later")
        client.append(message("one"), "INBOX", "\\Flagged \\Seen")
    wired.settle()
    flagged(wired.files()[0], "RS", unique="1234.new.reader")
    with wired.client() as client:
        client.move(client.uids(), "INBOX", "Later")
    done(wired)
    assert {flags for _, flags in wired.local_view("Later")} == {"RS"}
    assert wired.files() == []
    assert wired.traffic.bodies == 0


def test_a_new_uid_there_and_moved_here(wired: Wired) -> None:
    """The mirror image: the message went away and came back under another UID."""
    with wired.client() as client:
        client.create("Later")
        client.append(message("one"), "INBOX", "\\Flagged \\Seen")
    wired.settle()
    path = wired.files()[0]
    path.rename(wired.box("Later") / "cur" / path.name)
    with wired.client() as client:
        client.move(client.uids(), "INBOX", "Later")
        client.move(client.uids("Later"), "Later", "INBOX")
        client.store(client.uids(), "-FLAGS (\\Flagged)")
    done(wired)
    assert {flags for _, flags in wired.local_view("Later")} == {"S"}
    assert wired.files() == []
    assert wired.traffic.sent_bytes == 0


def test_a_mailbox_made_again_under_an_old_name(wired: Wired) -> None:
    """One that was removed on both sides is forgotten: a new one is not taken for a lost one."""
    with wired.client() as client:
        client.create("A")
        client.create("N")
        client.append(message(1), "A")
    wired.settle()
    with wired.client() as client:
        client.delete("N")
    wired.settle()
    wired.make("N")
    done(wired)
    (wired.box("N") / "cur").parent.rename(wired.root / "away")
    wired.settle()
    wired.box("A").rename(wired.box("N"))
    done(wired)
    assert wired.local_boxes() == ["INBOX", "N"]
    assert wired.traffic.commands["RENAME"] == 0, "of the idle run"


def test_a_draft_edited_in_place_while_all_else_rests(wired: Wired) -> None:
    """It changes no stamp: the quick path looks at each draft's size and mtime."""
    with wired.client() as client:
        client.create("Drafts")
        client.append(message("draft"), "Drafts", "\\Draft")
    wired.settle()
    wired.disk.ahead = 5  # stamps hold
    wired.assert_idle()
    wired.assert_idle()
    (path,) = wired.files("Drafts")
    path.write_bytes(path.read_bytes() + b"more\n")
    os.utime(path, (1, 1))
    done(wired)
    assert b"more" in next(iter(wired.local_view("Drafts")))[0]
    assert len(wired.files("Drafts")) == 1


def test_a_draft_edited_in_the_second_it_was_made_to_the_same_length(wired: Wired) -> None:
    """Our own name, the date and the size agree; the bytes do not."""
    body = message("draft")
    with wired.client() as client:
        client.create("Drafts")
        client.append(body, "Drafts", "\\Draft", "05-Oct-2026 10:00:00 +0000")
    wired.settle()
    (path,) = wired.files("Drafts")
    second = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes().replace(b"Body", b"Text"))
    os.utime(path, ns=(second, second + 5 * 10**8))
    done(wired)
    assert b"Text" in next(iter(wired.local_view("Drafts")))[0]


def test_a_draft_edited_in_place_leaves_nothing_in_the_trash(
    dovecot: Dovecot, wired_on: Callable[..., Wired]
) -> None:
    """Not even when its Message-ID changed: the file's name says what it was."""
    wired = wired_on(dovecot, deletions=Deletions.TRASH)
    with wired.client() as client:
        client.create("Drafts")
        client.create("Trash")
        client.append(message("draft"), "Drafts", "\\Draft")
    wired.settle()
    (path,) = wired.files("Drafts")
    path.write_bytes(message("another"))
    done(wired)
    assert len(wired.files("Drafts")) == 1
    assert wired.files("Trash") == []


def test_an_accepted_mailbox_goes_to_the_trash_without_move(
    dovecot_with: Callable[..., Dovecot], wired_on: Callable[..., Wired]
) -> None:
    """After COPY the originals are expunged, although their files were never seen to go."""
    wired = wired_on(dovecot_with(capability=without("MOVE")), deletions=Deletions.TRASH)
    with wired.client() as client:
        client.create("A")
        client.create("Trash")
        client.append(message(1), "A")
    wired.settle()
    shutil.rmtree(wired.box("A"))
    assert wired.sync().exit == 3
    assert wired.accept() > 0
    done(wired)
    assert wired.local_boxes() == ["INBOX", "Trash"]
    assert len(wired.files("Trash")) == 1
