"""To which mailbox a deleted message goes, and when it is expunged instead (rules 7 and 9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sim.oracle import body_of
from sim.server_profile import Profile, gmail, plain, strict_qresync
from support.storied import Story

from mailsync.model.settings import Deletions, Guard


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


PLAIN = replace(plain(), move=True)  # no special uses


def went_to(s: Story, box: str) -> None:
    """a was deleted in the Maildir."""
    ran = s.tell()
    assert (ran.exit, ran.total.moved, ran.total.expunged) == (0, 1, 0), ran.report
    assert s.server.ghosts(box)["a"] == 1
    s.tell()
    s.idle()


def test_a_trash_that_is_gone_is_not_chosen() -> None:
    """The provider has another one now."""
    with story("another") as s:
        s.server.delete("Trash")
        s.server.create("Aaa", ["\\Trash"])
        s.serve("Aaa", "old")
        s.serve("INBOX", "a")
        s.tell()
        s.oracle.deleted.add("old")
        s.server.delete("Aaa")
        s.server.create("Bin", ["\\Trash"])
        s.tell()
        s.unlink("INBOX", "a")
        ran = s.tell()
        assert (ran.total.moved, ran.total.expunged) == (1, 0)
        assert s.server.ghosts("Bin")["a"] == 1


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("mailboxes", [("*",), ("*", "!Papierkorb")])
def test_the_named_trash_beats_one_that_only_has_the_name(
    there: bool, mailboxes: tuple[str, ...]
) -> None:
    """It is made when it is not there."""
    with story("named", PLAIN, trash="Papierkorb", mailboxes=mailboxes) as s:
        if there:
            s.server.create("Papierkorb")
        s.serve("INBOX", "a")
        s.tell()
        assert (b"Papierkorb" in s.server.boxes) is there
        s.unlink("INBOX", "a")
        went_to(s, "Papierkorb")


def test_what_the_server_says_beats_the_named_trash() -> None:
    with story("told", trash="Papierkorb") as s:
        s.server.create("Papierkorb")
        s.serve("INBOX", "a")
        s.tell()
        s.unlink("INBOX", "a")
        went_to(s, "Trash")


@pytest.mark.parametrize(
    ("box", "profile", "account", "held"),
    [
        ("Spam", PLAIN, {}, 40),
        ("Trash", PLAIN, {}, 40),
        ("Trash", PLAIN, {"trash": "Trash"}, 0),
        ("Trash", strict_qresync(), {}, 0),
    ],
)
def test_a_name_alone_does_not_unguard(
    box: str, profile: Profile, account: dict[str, object], held: int
) -> None:
    """40 of 40 gone: held, but where the server or the user says that this is where junk or
    deleted messages lie."""
    with story("guard", profile, guard=Guard(), **account) as s:
        if box.encode() not in s.server.boxes:
            s.server.create(box)
        for number in range(40):
            s.serve(box, f"m{number}")
        s.tell()
        for number in range(40):
            s.unlink(box, f"m{number}")
        ran = s.tell()
        assert (ran.total.held, ran.total.expunged) == (held, 40 - held), ran.report


# -- Gmail ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("deletions", list(Deletions))
def test_gmail(deletions: Deletions) -> None:
    r"""Deletions go to \Trash whatever is configured, and \Deleted is never sent (rule 9)."""
    with Story("gmail", gmail(), deletions=deletions, expunge_deleted=True) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.serve("Drafts", "x", "\\Draft")
        s.tell()
        since = len(s.server.executed)
        s.unlink("INBOX", "a")
        s.flag("INBOX", "b", "T")
        s.flag("INBOX", "c", "ST")
        s.oracle.deleted.add("x")
        body, old = body_of("x2", 5), s.path_of("Drafts", "x")
        s.fs.unlink(old)
        s.oracle.born("x2", body)
        s.write(old, body, 1_700_009_999)
        for _ in range(3):
            assert s.tell().exit == 0
        sent = [one for one in s.server.changing(since) if one.name != "APPEND"]
        assert {one.name for one in sent} <= {"UID MOVE", "UID STORE"}
        assert not any(b"\\DELETED" in one.text.upper() for one in sent)
        assert s.server.ghosts("Trash") == {"a": 1, "x": 1}
        assert s.server.ghosts("INBOX") == {"b": 1, "c": 1}
        assert "\\Seen" in next(m.flags for m in s.server.contents("INBOX") if m.ghost == "c")
        assert s.server.ghosts("Drafts") == {"x2": 1}
        s.idle()


def unlisted(answer: bytes) -> bytes:
    """LIST without the \\Trash mailbox."""
    lines = answer.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not (line.startswith(b"*") and b"Trash" in line))


@pytest.mark.parametrize("holds", [True, False])
@pytest.mark.parametrize("mailboxes", [("*",), ("*", "!Trash")])
@pytest.mark.parametrize("profile", [strict_qresync, gmail])
def test_a_trash_that_is_not_listed_for_a_while(
    profile: Callable[[], Profile], mailboxes: tuple[str, ...], holds: bool
) -> None:
    """What is deleted just then goes there all the same."""
    with story("unlisted", profile(), mailboxes=mailboxes) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        if holds:
            s.serve("Trash", "t")
        assert s.tell().exit == 0
        s.unlink("INBOX", "b")
        for nth in (1, 2):
            s.server.fault("LIST", unlisted, nth)
        assert s.tell().exit in (0, 3)
        assert s.tell().exit == 0
        assert s.server.ghosts("Trash") == dict.fromkeys("bt" if holds else "b", 1)
        s.idle()


def test_a_slip_of_the_pen_is_said_by_every_run() -> None:
    with story("slip") as s:
        s.server.delete("Trash")
        s.server.create("Papierkorb")
        s.serve("INBOX", "a")
        s.tell()
        s.idle()
        s.change(trash="Papierkob")
        for _ in range(2):
            ran = s.tell()
            assert ran.exit == 2
            assert 'did you mean "Papierkorb"?' in ran.text
        s.change(trash="Papierkorb")
        s.unlink("INBOX", "a")
        assert s.tell().total.moved == 1
        s.idle()
