"""How far an error reaches: one message, one mailbox, or the account; nothing else is blocked."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sim.scenarios import six
from sim.server_faults import Executed, Fault, Stop
from sim.server_profile import Profile, plain, strict_qresync
from sim.stack import DATE, ROOT, Stack

from mailsync.imap import Limits
from mailsync.model.errors import Exit
from mailsync.model.report import AccountReport

PARKED = 2 * 86400.0  # longer than any message is parked


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    made = Stack(request.node.name)
    six(made)
    assert made.sync().exit == 0
    made.pass_time(60)
    yield made
    made.close()


def told(report: AccountReport) -> str:
    notices = [notice for box in report.mailboxes for notice in box.notices]
    return "\n".join([*report.errors, *notices])


def heals(stack: Stack) -> None:
    """Once the cause is gone a sync completes, and the next one has nothing to do."""
    stack.pass_time(PARKED)
    report = stack.sync()
    assert report.exit == Exit.OK, report
    executed = len(stack.server.executed)
    assert stack.sync().exit == Exit.OK
    assert not stack.server.changing(executed)
    served = stack.oracle.server_views(stack.server)
    local = stack.oracle.local_views(stack.fs.files())
    assert {b: v for b, v in served.items() if v} == {b: v for b, v in local.items() if v}


def busy(stack: Stack) -> None:
    """Work in both directions beside what fails."""
    stack.file("Work", "up")
    stack.serve("Work", "down")
    stack.expunge("Work", "d")
    stack.flag("Work", "e", "FS")


def busy_done(stack: Stack) -> None:
    ghosts = {m.ghost for m in stack.server.contents("Work")}
    assert {"up", "down", "e"} <= ghosts
    assert "d" not in ghosts
    assert "\\Seen" in next(m.flags for m in stack.server.contents("Work") if m.ghost == "e")
    assert stack.path_of("Work", "down")
    with pytest.raises(KeyError):
        stack.path_of("Work", "d")


def logins(stack: Stack, since: int) -> int:
    counts = stack.server.counts(since)
    return counts["LOGIN"] + counts["AUTHENTICATE"]


# -- one file ------------------------------------------------------------------------------------


def test_a_new_file_that_cannot_be_read(stack: Stack) -> None:
    path = stack.file("INBOX", "bad")
    stack.file("INBOX", "good")
    busy(stack)
    stack.pass_time(10)
    stack.disk.find(path).closed = True
    for _ in range(2):
        report = stack.sync()
        assert report.exit == Exit.FAILED, report
        assert report.total().parked == 1
        assert "Permission denied" in told(report)
        busy_done(stack)
        assert stack.uid_of("INBOX", "good")
        stack.pass_time(10)
    stack.disk.find(path).closed = False
    heals(stack)
    assert stack.uid_of("INBOX", "bad")


def test_a_file_that_breaks_off_while_it_is_sent(stack: Stack) -> None:
    """The third look at a file is the one that is sent."""
    path = stack.file("INBOX", "bad", size=600_000)
    stack.file("INBOX", "good")
    busy(stack)
    stack.pass_time(10)
    opened = 0

    def step(name: str, where: str) -> None:
        nonlocal opened
        opened += (name, where) == ("open", path)
        if where == path and name == "read" and opened == 2:
            raise OSError(errno.EIO, "I/O error", path)

    stack.refuse = step
    report = stack.sync()
    assert report.exit == Exit.FAILED, report
    assert report.total().parked == 1
    busy_done(stack)
    assert stack.uid_of("INBOX", "good")
    stack.refuse = None
    heals(stack)
    assert stack.server.ghosts("INBOX")["bad"] == 1


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENAMETOOLONG])
def test_a_name_that_the_disk_refuses(stack: Stack, number: int) -> None:
    """A flag for which the file would get a name that cannot be; and one that never arrives."""
    stack.serve("INBOX", "seen", "\\Seen")
    stack.serve("INBOX", "plain")
    stack.server.set_flags("INBOX", stack.uid_of("INBOX", "a"), ["\\Seen"])
    stack.server.set_flags("INBOX", stack.uid_of("INBOX", "b"), ["\\Answered"])
    busy(stack)
    stack.pass_time(10)

    def step(name: str, where: str) -> None:
        if name == "rename to" and "/INBOX/" in where and where.endswith(":2,S"):
            raise OSError(number, "no such name", where)

    stack.refuse = step
    report = stack.sync()
    assert report.exit == Exit.FAILED, report
    assert report.total().parked == 2
    busy_done(stack)
    assert stack.path_of("INBOX", "plain")
    assert stack.path_of("INBOX", "b").endswith(":2,RS")
    stack.refuse = None
    heals(stack)


def test_a_deletion_that_the_disk_refuses_for_one_file(stack: Stack) -> None:
    stack.expunge("INBOX", "a")
    stack.expunge("INBOX", "c")
    busy(stack)
    stack.pass_time(10)
    bad = stack.path_of("INBOX", "a")

    def step(name: str, where: str) -> None:
        if name == "rename" and where == bad:
            raise OSError(errno.EINVAL, "no such name", where)

    stack.refuse = step
    report = stack.sync()
    assert report.exit == Exit.FAILED, report
    assert report.total().parked == 1
    assert stack.path_of("INBOX", "a") == bad
    with pytest.raises(KeyError):
        stack.path_of("INBOX", "c")
    busy_done(stack)
    stack.refuse = None
    heals(stack)


def test_a_file_that_cannot_be_looked_at(stack: Stack) -> None:
    path = stack.file("INBOX", "bad")
    stack.file("INBOX", "good")
    busy(stack)
    stack.pass_time(10)

    def step(name: str, where: str) -> None:
        if name == "stat" and where == path:
            raise OSError(errno.EIO, "I/O error", where)

    stack.refuse = step
    for _ in range(2):
        report = stack.sync()
        assert report.exit == Exit.FAILED, report
        assert "I/O error" in told(report)
        busy_done(stack)
        assert stack.uid_of("INBOX", "good")
        stack.pass_time(10)
    stack.refuse = None
    heals(stack)
    assert stack.uid_of("INBOX", "bad")


# -- one message on the server ---------------------------------------------------------------------


def new_mail(stack: Stack) -> None:
    stack.server.create("Other")
    for ghost in ("old", "bad", "new"):
        stack.serve("Other", ghost, size=40_000 if ghost == "bad" else 0)
    busy(stack)
    stack.pass_time(10)


def all_but_bad(stack: Stack, report: AccountReport, reason: str) -> None:
    assert report.exit == Exit.FAILED, report
    assert (report.total().failed, report.total().parked) == (1, 1)
    assert reason in told(report)
    busy_done(stack)
    assert stack.path_of("Other", "old")
    assert stack.path_of("Other", "new")
    # Parked: it stops nothing that comes after it, and is not asked for.
    stack.serve("Other", "later")
    executed = len(stack.server.executed)
    report = stack.sync()
    assert report.exit == Exit.FAILED, report
    assert (report.total().failed, report.total().parked) == (0, 1)
    assert stack.path_of("Other", "later")
    assert logins(stack, executed) == 1


@pytest.mark.parametrize("lie", [False, True])
def test_a_message_that_is_too_large(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, lie: bool
) -> None:
    monkeypatch.setattr("mailsync.server.changes.Limits", lambda: Limits(body=20_000))
    new_mail(stack)
    if lie:  # RFC822.SIZE says otherwise
        stack.server.fault(
            "UID FETCH",
            lambda answer: re.sub(rb"RFC822.SIZE \d+", b"RFC822.SIZE 99", answer),
            sticky=True,
            text=b"RFC822.SIZE",
        )
    report = stack.sync()
    all_but_bad(stack, report, "too big" if lie else "at most 20000 are taken")
    monkeypatch.undo()
    stack.server.faults.clear()
    heals(stack)


@pytest.mark.parametrize("answer", ["cut", "silence", "nonsense"])
def test_a_message_at_which_the_server_fails(stack: Stack, answer: str) -> None:
    new_mail(stack)
    bad = stack.uid_of("Other", "bad")

    def fails(said: bytes) -> bytes:
        return b"* 2 FETCH (UID 2 BODY[] {10}\r\n" + b"x" * 20 + said

    def at_it(name: str, record: Executed) -> Fault | None:
        asked = record.name == "UID FETCH" and record.mailbox == b"Other"
        if asked and b"BODY" in record.text and bad in uids_in(record.text):
            told = {"cut": Stop.CUT_BEFORE, "silence": Stop.SILENCE, "nonsense": fails}[answer]
            return Fault(name, told)
        return None

    stack.server.next_fault = at_it  # type: ignore[method-assign]
    report = stack.sync()
    all_but_bad(stack, report, f"UID {bad}: the server fails at this message")
    del stack.server.next_fault
    heals(stack)


def uids_in(text: bytes) -> set[int]:
    """Of `tag UID FETCH set (…)`."""
    parts = [part.split(b":") for part in text.split()[3].split(b",")]
    return {uid for part in parts for uid in range(int(part[0]), int(part[-1]) + 1)}


# -- one mailbox ---------------------------------------------------------------------------------


def test_a_plain_file_is_named_like_a_new_mailbox(stack: Stack) -> None:
    stack.write(f"{ROOT}/Notes", b"x", DATE)
    stack.server.create("Notes")
    stack.serve("Notes", "n")
    stack.serve("INBOX", "new")
    busy(stack)
    stack.pass_time(10)
    for _ in range(2):
        report = stack.sync()
        assert report.exit == Exit.FAILED, report
        assert f"{ROOT}/Notes is no directory" in told(report)
        assert stack.path_of("INBOX", "new")
        busy_done(stack)
        stack.pass_time(10)
    stack.fs.unlink(f"{ROOT}/Notes")
    heals(stack)
    assert stack.path_of("Notes", "n")


def test_a_folder_that_cannot_be_listed(stack: Stack) -> None:
    stack.file("INBOX", "new")
    busy(stack)
    stack.pass_time(10)
    stack.disk.find(f"{ROOT}/INBOX/cur").closed = True
    report = stack.sync()
    assert report.exit == Exit.FAILED, report
    assert f"cannot list {ROOT}/INBOX/cur" in told(report)
    busy_done(stack)
    assert len(stack.server.messages("INBOX")) == 3
    stack.disk.find(f"{ROOT}/INBOX/cur").closed = False
    heals(stack)
    assert stack.uid_of("INBOX", "new")


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV])
def test_a_mailbox_on_a_file_system_of_its_own_cannot_be_renamed(stack: Stack, number: int) -> None:
    """One that is mounted on its directory, or above it."""
    stack.server.create("Other")
    stack.serve("Other", "o")
    assert stack.sync().exit == Exit.OK
    stack.server.rename("Other", "Jobs")
    stack.serve("INBOX", "new")
    busy(stack)
    stack.pass_time(10)

    def mounted(name: str, where: str) -> None:
        if (name, where) == ("rename", f"{ROOT}/Other"):
            raise OSError(number, "mounted", where)

    stack.refuse = mounted
    for _ in range(2):
        report = stack.sync()
        assert report.exit == Exit.FAILED, report
        assert f"cannot rename {ROOT}/Other to Jobs" in told(report)
        assert stack.path_of("INBOX", "new")
        busy_done(stack)
        stack.pass_time(10)
    stack.refuse = None
    heals(stack)
    assert stack.path_of("Jobs", "o")


def test_a_mailbox_on_a_file_system_of_its_own_is_removed_but_for_its_directory(
    stack: Stack,
) -> None:
    stack.server.create("Other")
    assert stack.sync().exit == Exit.OK
    stack.server.delete("Other")
    busy(stack)
    stack.pass_time(10)

    def mounted(name: str, where: str) -> None:
        if (name, where) == ("rmdir", f"{ROOT}/Other"):
            raise OSError(errno.EBUSY, "mounted", where)

    stack.refuse = mounted
    report = stack.sync()
    assert report.exit == Exit.OK, report
    assert list(stack.fs.list(f"{ROOT}/Other")) == []
    busy_done(stack)
    heals(stack)


@pytest.mark.parametrize("code", ["[SERVERBUG] ", "[UNAVAILABLE] ", ""])
def test_a_mailbox_that_does_not_give_headers(stack: Stack, code: str) -> None:
    """What pairing wants to know of it cannot be had: the other mailboxes are synced."""
    stack.server.create("Other")
    assert stack.sync().exit == Exit.OK
    stack.pass_time(60)
    stack.server.move("INBOX", stack.uid_of("INBOX", "a"), "Other")
    stack.serve("INBOX", "new")
    busy(stack)
    stack.pass_time(10)
    stack.server.profile = replace(stack.server.profile, objectid=False)
    stack.server.fault(
        "UID FETCH", f"NO {code}broken", sticky=True, mailbox="Other", text=b"HEADER]"
    )
    report = stack.sync()
    assert report.exit == Exit.FAILED, report
    assert "to give messages in Other" in told(report)
    assert stack.path_of("INBOX", "new")
    assert stack.path_of("INBOX", "a")  # where it went is not known
    assert stack.path_of("Work", "down")
    assert stack.uid_of("Work", "up")
    stack.server.faults.clear()
    heals(stack)
    assert stack.server.ghosts() == dict.fromkeys(("b", "c", "e", "a", "new", "up", "down"), 1)


def test_what_is_gone_is_no_refusal(stack: Stack) -> None:
    """RFC 2180 §4.1.2: NO to a FETCH some of whose messages were expunged meanwhile."""
    stack.server.create("Other")
    assert stack.sync().exit == Exit.OK
    stack.pass_time(60)
    stack.server.profile = replace(stack.server.profile, objectid=False)
    for ghost in "ab":
        stack.server.move("INBOX", stack.uid_of("INBOX", ghost), "Other")

    def some(answer: bytes) -> bytes:
        stack.server.expunge("Other", stack.uid_of("Other", "b"))
        tag = answer.splitlines()[-1].split()[0]
        end = answer.index(b"* ", 2)
        return answer[:end] + tag + b" NO Some of the messages no longer exist\r\n"

    stack.oracle.deleted.add("b")
    stack.server.fault("UID FETCH", some, mailbox="Other", text=b"HEADER]")
    stack.pass_time(10)
    assert stack.sync().exit == Exit.OK
    heals(stack)
    assert stack.path_of("Other", "a")


# -- a server that is busy ----------------------------------------------------------------------

TRIES = 3
BUSY = ["UNAVAILABLE", "INUSE", "LIMIT"]


def crowd(stack: Stack) -> None:
    stack.server.create("Many")
    for number in range(64):
        stack.serve("Many", f"m{number}")
    assert stack.sync().exit == Exit.OK
    stack.pass_time(60)


@pytest.mark.parametrize("code", BUSY)
@pytest.mark.parametrize("profile", [strict_qresync(), plain()], ids=lambda p: p.name)
def test_a_busy_mailbox_is_asked_thrice_and_not_in_halves(code: str, profile: Profile) -> None:
    stack = Stack(code, profile)
    try:
        six(stack)
        crowd(stack)
        for number in range(32):
            stack.flag("Many", f"m{number}", "S")
        for number in range(32, 48):
            stack.unlink("Many", f"m{number}")
        for number in range(48, 60):
            stack.move_file("Many", f"m{number}", "INBOX")
        for number in range(32):
            stack.file("Many", f"new{number}")
        busy(stack)
        stack.pass_time(10)
        commands = ["UID STORE", "APPEND", "UID MOVE" if profile.move else "UID COPY"]
        for command in commands:
            stack.server.fault(command, f"NO [{code}] later", sticky=True, mailbox="Many")
        stack.server.fault("UID MOVE", f"NO [{code}] later", sticky=True, mailbox="INBOX")
        stack.server.fault("UID COPY", f"NO [{code}] later", sticky=True, mailbox="INBOX")
        executed = len(stack.server.executed)
        report = stack.sync()
        assert report.exit == Exit.FAILED, report
        assert report.total().parked == 32 + 16 + 12 + 32
        busy_done(stack)
        counts = stack.server.counts(executed)
        assert counts["APPEND"] - 1 <= TRIES, counts
        assert counts["UID STORE"] - 2 <= 2 * TRIES, counts
        assert counts["UID MOVE"] + counts["UID COPY"] <= TRIES, counts
        stack.server.faults.clear()
        heals(stack)
    finally:
        stack.close()


def test_a_throttled_account_stops_and_leaves_no_doubt(stack: Stack) -> None:
    stack.file("INBOX", "x")
    stack.pass_time(10)
    stack.server.fault("APPEND", "NO [THROTTLED] slow down", sticky=True)
    report = stack.sync()
    assert report.exit == Exit.TEMPORARY, report
    cache = stack.cache()
    try:
        assert not cache.intents()
    finally:
        cache.close()
    stack.server.faults.clear()
    heals(stack)


# -- the account ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_full_disk_stops_the_account(stack: Stack, number: int) -> None:
    stack.serve("INBOX", "new")
    stack.serve("Work", "newer")
    stack.pass_time(10)

    def step(name: str, where: str) -> None:
        if name == "create" and "/tmp/" in where:
            raise OSError(number, "refused", where)

    stack.refuse = step
    executed = len(stack.server.executed)
    report = stack.sync()
    assert report.exit == Exit.TEMPORARY, report
    assert logins(stack, executed) == 1  # nothing that a repeat would help
    stack.refuse = None
    heals(stack)


def test_a_refused_password_is_never_tried_again(stack: Stack) -> None:
    """Not even after an attempt that got further: a server may lock the account."""
    stack.server.create("Other")
    for number in range(150):
        stack.serve("INBOX", f"m{number}")
        stack.serve("Other", f"n{number}")
    stack.server.fault("UID FETCH", Stop.CUT_AFTER, nth=3, text=b"BODY.PEEK[]")
    for command in ("LOGIN", "AUTHENTICATE"):
        answer = "NO [AUTHENTICATIONFAILED] no"
        stack.server.fault(command, answer, nth=2, sticky=True)
    executed = len(stack.server.executed)
    report = stack.sync()
    assert report.exit == Exit.AUTH, report
    assert report.total().downloaded
    assert logins(stack, executed) == 2
    stack.server.faults.clear()
    heals(stack)


# -- what is so at the end -----------------------------------------------------------------------


def test_what_failed_and_was_done_later_is_not_left(stack: Stack) -> None:
    """A round later the same mailbox can be made: exit 0, and nothing is said to have failed."""
    for nth in range(1, TRIES + 1):
        stack.server.fault("CREATE", "NO [INUSE] busy", nth=nth)
    stack.file("Fresh", "x")
    stack.pass_time(10)
    report = stack.sync()
    assert report.exit == Exit.OK, report
    assert not told(report)
    assert stack.uid_of("Fresh", "x")
    heals(stack)


def test_what_failed_for_good_is_tried_once_a_run(stack: Stack) -> None:
    stack.server.fault("CREATE", "NO [CANNOT] bad name", sticky=True)
    stack.file("Fresh", "x")
    busy(stack)
    stack.pass_time(10)
    for _ in range(2):
        executed = len(stack.server.executed)
        report = stack.sync()
        assert report.exit == Exit.FAILED, report
        assert "bad name" in told(report)
        assert stack.server.counts(executed)["CREATE"] == 1
        busy_done(stack)
        stack.pass_time(10)
    stack.oracle.deleted.add("x")
    stack.fs.unlink(stack.path_of("Fresh", "x"))
    for folder in ("/cur", "/new", "/tmp", ""):
        stack.fs.rmdir(f"{ROOT}/Fresh{folder}")
    heals(stack)


def test_a_lost_attempt_leaves_no_trouble_behind(stack: Stack) -> None:
    """What an earlier attempt could not do, and the last one did."""
    stack.serve("Work", "w")
    stack.serve("INBOX", "n")
    stack.server.fault("SELECT", "NO [INUSE] busy", mailbox="Work")
    stack.server.fault("UID FETCH", Stop.CUT_AFTER, mailbox="INBOX", text=b"BODY.PEEK[]")
    report = stack.sync()
    assert report.exit == Exit.OK, report
    assert stack.path_of("Work", "w")
    heals(stack)
