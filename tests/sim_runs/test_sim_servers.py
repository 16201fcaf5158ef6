"""What Cyrus and Courier do otherwise, as model_reality found it, and the engine on it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest
from sim.server_profile import Profile, courier, cyrus, cyrus_dots, strict_qresync
from support.storied import Story


@pytest.mark.parametrize("profile", [cyrus, cyrus_dots, courier])
def test_both_ways(profile: Callable[[], Profile]) -> None:
    """Prefix, delimiter, no UIDNEXT, news only with NOOP: all the same in the end."""
    like = profile()
    prefix = like.prefix.decode()
    with Story("both ways", like) as s:
        for box in ("Trash", "Drafts") if prefix else ():
            s.server.delete(box)
            s.server.create(prefix + box)
        s.server.create(f"{prefix}Work")
        for ghost in "abcd":
            s.serve("INBOX", ghost)
        s.file("INBOX", "e", ":2,S")
        s.file("New/Below", "f")
        assert s.tell().exit == 0
        s.idle()
        s.flag("INBOX", "a", "FS")
        s.move_file("INBOX", "b", "Work")
        s.unlink("INBOX", "c")
        s.server.set_flags("INBOX", s.uid_of("INBOX", "d"), ["\\Answered"])
        s.server.move("INBOX", s.uid_of("INBOX", "e"), f"{prefix}Work")
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0)
        s.idle()
        views = s.oracle.server_views(s.server)
        assert dict(views["INBOX"]) == {("a", "FS"): 1, ("d", "R"): 1}
        assert dict(views[f"{prefix}Work"]) == {("b", ""): 1, ("e", "S"): 1}
        assert s.oracle.local_views(s.fs.files())["Work"] == views[f"{prefix}Work"]
        assert list(views[f"{prefix}New{like.delimiter}Below"]) == [("f", "")]


def test_a_parent_that_the_server_has_made_by_itself() -> None:
    """Cyrus: RENAME of A/C to B/C makes B, and CREATE of B is refused without a code."""
    with Story("parents", cyrus()) as s:
        for box in ("A", "A/C"):
            s.server.create(box)
        s.serve("A/C", "c")
        s.tell()
        s.fs.rename("/mail/A", "/mail/B")
        s.fs.sync_dir("/mail")
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
        s.agree({"B/C": "c"})
        assert b"B" in s.server.boxes
        assert b"A" not in s.server.boxes


@pytest.mark.parametrize("way", ["renamed", "made"])
def test_a_parent_that_the_server_makes_is_made_here_at_once(way: str) -> None:
    """The next run finds nothing new."""
    with Story("parent at once", cyrus()) as s:
        s.server.create("A")
        s.serve("A", "a", "\\Seen", "Work")
        s.tell()
        if way == "renamed":
            s.make("B")
            s.fs.rmdir("/mail/B/cur")
            s.fs.rmdir("/mail/B/new")
            s.fs.rmdir("/mail/B/tmp")
            s.fs.rename("/mail/A", "/mail/B/D")
            s.fs.sync_dir("/mail")
            s.fs.sync_dir("/mail/B")
        else:
            s.file("B/D", "d")
        assert s.tell().exit == 0
        assert b"B" in s.server.boxes
        files = s.fs.files()
        assert "/mail/B/dovecot-keywords" in files
        s.idle()
        assert s.fs.files() == files


def test_a_mailbox_id_that_is_garbage() -> None:
    """Cyrus 3.6 tells freed memory in STATUS: it is not asked there, and a rename is still one."""
    with Story("mailboxid", cyrus()) as s:
        s.server.create("A")
        for ghost in "abc":
            s.serve("A", ghost)
        assert s.tell().exit == 0
        s.server.rename("A", "B")
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
        s.agree({"B": "a b c"})


def test_a_rename_that_changes_uidvalidity() -> None:
    """Courier.  What else was planned for the mailbox waits for another look at it."""
    with Story("validity", courier()) as s:
        s.server.create("INBOX.A")
        for ghost in "abcd":
            s.serve("INBOX.A", ghost)
        assert s.tell().exit == 0
        s.fs.rename("/mail/A", "/mail/B")
        s.fs.sync_dir("/mail")
        s.file("B", "e", ":2,S")
        s.flag("B", "a", "F")
        s.unlink("B", "b")
        s.server.set_flags("INBOX.A", s.uid_of("INBOX.A", "d"), ["\\Answered"])
        ran = s.tell()
        assert (ran.exit, ran.fetched, ran.stored, ran.total.expunged) == (0, 0, 1, 1), ran.text
        s.idle()
        views = s.oracle.server_views(s.server)["INBOX.B"]
        assert dict(views) == {("a", "F"): 1, ("c", ""): 1, ("d", "R"): 1, ("e", "S"): 1}
        assert s.oracle.local_views(s.fs.files())["B"] == views


def test_uids_that_are_not_sticky() -> None:
    """One mailbox whose UIDs do not outlive a session is left alone and said; the others go on."""
    number = itertools.count(100)

    def other(answer: bytes) -> bytes:
        if b" EXISTS" not in answer or b"[UIDNEXT 3]" not in answer:
            return answer
        said = b"* NO [UIDNOTSTICKY] Non-persistent UIDs\r\n"
        return said + re.sub(rb"UIDVALIDITY \d+", b"UIDVALIDITY %d" % next(number), answer)

    with Story("not sticky", strict_qresync()) as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.serve("Work", "w")
        s.server.fault("SELECT", other, sticky=True)
        for attempt in range(2):
            s.file("Work", f"n{attempt}")
            ran = s.tell()
            assert (ran.exit, "UIDNOTSTICKY" in ran.text) == (4, True), ran.text
            assert s.oracle.local_views(s.fs.files()).keys() == {"Work"}
        s.server.faults.clear()
        s.tell()
        s.agree({"INBOX": "a b", "Work": "w n0 n1"})
