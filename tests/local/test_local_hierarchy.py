"""Mailboxes as directories."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sim.fs import SimFs
from sim.rand import SimRand
from support.maildirs import BOX, Ground, entry_of, on_disk, on_sim

from mailsync.local import Maildir
from mailsync.local.names import scratch_name
from mailsync.model.errors import Help, Reach, StorageError
from mailsync.model.mailboxname import MailboxName

DEEP = MailboxName("A/B/C")
WORK = MailboxName("Work")


def names_of(ground: Ground) -> list[str]:
    return list(ground.maildir.mailboxes()[0])


def test_a_root_that_is_missing(tmp_path: Path) -> None:
    for ground in (on_disk(tmp_path), on_sim()):
        assert not ground.maildir.exists()
        with pytest.raises(StorageError, match="cannot list"):
            ground.maildir.mailboxes()
        ground.maildir.create()
        assert ground.maildir.exists()
        assert ground.maildir.mailboxes() == ([], [])


def test_a_root_by_way_of_a_link(disk: Ground) -> None:
    os.symlink(disk.root, f"{disk.root}-link")
    other = Maildir(f"{disk.root}-link/", "acc", disk.fs, "host", SimRand(1))
    assert other.exists()
    assert other.mailboxes() == ([BOX], [])
    other.create(WORK)
    assert names_of(disk) == ["INBOX", "Work"]


@pytest.mark.parametrize("fails", [False, True])
def test_another_account_makes_the_directories_above_too(
    disk: Ground, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """At the same moment, as two accounts of one first sync do.  What is the other's stays."""
    make, above = disk.fs.mkdir, f"{disk.root}/new/Mail"

    def late(path: str) -> None:
        if path == above:
            make(path)
        if path == f"{above}/me" and fails:
            raise OSError(errno.ENOSPC, "full")
        make(path)

    monkeypatch.setattr(disk.fs, "mkdir", late)
    mine = Maildir(f"{above}/me", "acc", disk.fs, "host", SimRand(1))
    if not fails:
        mine.create()
        assert mine.exists()
        return
    with pytest.raises(StorageError, match="full"):
        mine.create()
    assert os.path.isdir(above)


def test_create_makes_parents_that_are_no_mailboxes(ground: Ground) -> None:
    ground.maildir.create(DEEP)
    assert names_of(ground) == ["A/B/C", "INBOX"]
    ground.maildir.create(DEEP, MailboxName("A/B"))
    assert names_of(ground) == ["A/B", "A/B/C", "INBOX"]
    assert ground.names("A/B") == ["C", "cur", "new", "tmp"]


def test_what_is_no_mailbox_is_told(disk: Ground) -> None:
    disk.maildir.create(WORK)
    os.symlink(f"{disk.root}/Work", f"{disk.root}/Link")
    for path in (".Sent/cur", ".notmuch", "cur", "lower/inbox/cur", "Inbox/cur", "a%2zb/cur",
                 "a%2Fb/cur", "trailing./cur", "\udcff/cur", "%FF/cur", "plain/deep"):  # fmt: skip
        os.makedirs(f"{disk.root}/{path}")
    disk.put("dovecot.index")
    found, notices = disk.maildir.mailboxes()
    assert found == ["%FF", "INBOX", "Work", "a%2Fb", "a%2zb", "lower/inbox"]
    told = sorted(notice for notice in notices)
    assert len(told) == 6
    for part in ("Link", ".Sent", "itself has a cur/", "Inbox", "trailing.", "\\xff"):
        assert sum(part in notice for notice in told) == 1, part


def test_an_unreadable_directory_could_hide_mailboxes(sim: Ground) -> None:
    assert isinstance(sim.fs, SimFs)
    sim.maildir.create(DEEP)
    sim.fs.disk.find(f"{sim.root}/A").closed = True
    with pytest.raises(StorageError, match=r"/A: Permission denied"):
        sim.maildir.mailboxes()
    sim.fs.disk.find(f"{sim.root}/A").closed = False
    for where in (sim.root, f"{sim.root}/A/B/C"):  # a mailbox may be a file system of its own
        sim.fs.disk.plant(f"{where}/lost+found", kind="dir").closed = True
    assert names_of(sim) == ["A/B/C", "INBOX"]


def test_a_link_or_a_file_in_the_way(ground: Ground) -> None:
    ground.put("Work")
    with pytest.raises(StorageError, match="no directory") as caught:
        ground.maildir.create(MailboxName("Work/Sub"))
    assert caught.value.reach is Reach.MAILBOX
    with pytest.raises(StorageError):
        ground.deliver(ground.message(1, mailbox=WORK))


def test_nothing_is_delivered_through_a_link(disk: Ground) -> None:
    disk.maildir.create(WORK)
    os.symlink(f"{disk.root}/Work", f"{disk.root}/Link")
    with pytest.raises(StorageError, match="no directory"):
        disk.deliver(disk.message(1, mailbox=MailboxName("Link")))
    assert disk.names("Work/new") == []


@pytest.mark.parametrize("name", ["../evil", "", "a//b", "cur", "a/tmp", ".hidden", "a\0b"])
def test_names_that_are_not_canonical_are_bugs(ground: Ground, name: str) -> None:
    for call in (ground.maildir.create, ground.maildir.entries, ground.maildir.remove):
        with pytest.raises(ValueError):
            call(MailboxName(name))


def test_remove(ground: Ground) -> None:
    ground.maildir.create(DEEP, WORK)
    ours = scratch_name("host", SimRand(1))
    ground.put(f"A/B/C/tmp/{ours}")
    assert ground.maildir.remove(DEEP)
    assert ground.names("") == ["INBOX", "Work"], "empty plain directories above go too"
    assert ground.maildir.remove(DEEP)
    assert ground.maildir.remove(WORK)
    assert names_of(ground) == ["INBOX"]


@pytest.mark.parametrize(
    "place", ["Work/cur/a:2,", "Work/new/.a", "Work/tmp/1.M1P1.host", "Work/dovecot-uidlist"]
)
def test_what_holds_a_file_stays(ground: Ground, place: str) -> None:
    ground.maildir.create(WORK)
    ground.put(place)
    assert not ground.maildir.remove(WORK)
    assert ground.names("Work")[-3:] == ["cur", "new", "tmp"] or "dovecot" in place
    assert names_of(ground) == ["INBOX", "Work"]


def test_a_message_that_comes_while_we_remove(sim: Ground) -> None:
    assert isinstance(sim.fs, SimFs)
    sim.maildir.create(WORK)
    fs = SimFs(SimRand(1), sim.fs.disk)

    def arrive(step: str) -> None:
        if step == "fs.rmdir" and not sim.names("Work/cur"):
            sim.put("Work/cur/late:2,S")

    fs.step = arrive
    assert not sim.again(fs).remove(WORK)
    assert sim.names("Work") == ["cur", "new", "tmp"]
    assert sim.names("Work/cur") == ["late:2,S"]


def test_a_parent_keeps_its_children(ground: Ground) -> None:
    ground.maildir.create(MailboxName("A"), MailboxName("A/B"))
    assert ground.maildir.remove(MailboxName("A"))
    assert names_of(ground) == ["A/B", "INBOX"]
    assert ground.names("A") == ["B"]


def test_rename(ground: Ground) -> None:
    ground.maildir.create(MailboxName("A"), MailboxName("A/B"), WORK)
    ground.put("A/B/new/x")
    new = MailboxName("X/Y")
    assert ground.maildir.rename(MailboxName("A"), new)
    assert names_of(ground) == ["A/B", "INBOX", "Work", "X/Y"], "the one below has its own rename"
    assert ground.maildir.rename(MailboxName("A"), new), "it has happened already"
    assert ground.maildir.rename(MailboxName("A/B"), MailboxName("X/Y/B"))
    assert names_of(ground) == ["INBOX", "Work", "X/Y", "X/Y/B"]
    assert ground.names("X/Y/B/new") == ["x"]
    assert "A" not in ground.names("."), "what is empty by then goes"
    assert not ground.maildir.rename(WORK, new)
    assert not ground.maildir.rename(MailboxName("No"), MailboxName("Where"))


def test_rename_onto_a_plain_directory(ground: Ground) -> None:
    ground.maildir.create(MailboxName("A/B"), WORK)
    ground.put("Work/cur/x:2,S")
    assert ground.maildir.rename(WORK, MailboxName("A"))
    assert names_of(ground) == ["A", "A/B", "INBOX"]
    assert ground.names("A/cur") == ["x:2,S"]


def test_rename_below_itself(ground: Ground) -> None:
    ground.maildir.create(WORK)
    ground.put("Work/cur/x:2,S")
    assert ground.maildir.rename(WORK, MailboxName("Work/Old"))
    assert names_of(ground) == ["INBOX", "Work/Old"]


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
@pytest.mark.parametrize("what", ["create", "remove", "rename"])
def test_the_nth_call_fails(what: str, number: int) -> None:
    """A mailbox that is seen afterwards is whole, and the next try works."""
    at, over = 0, False
    while not over:
        at += 1
        ground = on_sim(at)
        assert isinstance(ground.fs, SimFs)
        ground.maildir.create(BOX)
        if what != "create":
            ground.maildir.create(WORK)
        calls: dict[str, Callable[[], object]] = {
            "create": lambda maildir=ground.maildir: maildir.create(DEEP, WORK),
            "remove": lambda maildir=ground.maildir: maildir.remove(WORK),
            "rename": lambda maildir=ground.maildir: maildir.rename(WORK, DEEP),
        }
        ground.fs.calls = 0
        ground.fs.fail(at, number)
        try:
            calls[what]()
        except StorageError as error:
            assert ground.root in str(error)  # noqa: PT017
        over = ground.fs.calls < at
        ground.fs.heal()
        for name in ground.maildir.mailboxes()[0]:
            assert ground.maildir.entries(name) is not None
            assert ground.deliver(ground.message(1, mailbox=name)) if name == BOX else True
        assert calls[what]() in (None, True)
        want = {"create": [DEEP, BOX, WORK], "remove": [BOX], "rename": [DEEP, BOX]}
        assert names_of(ground) == want[what]
    assert at > 5


# -- full and read-only disks -------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Ground]:
    """A tmpfs of 1 MiB."""
    where = tmp_path / "small"
    where.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(where)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("no right to mount")
    try:
        ground = on_disk(where)
        ground.maildir.create(BOX)
        yield ground
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def test_a_full_disk(small: Ground) -> None:
    delivery = small.maildir.delivery()
    messages = [small.message(uid, b"x" * 100_000) for uid in range(1, 100)]
    with pytest.raises(StorageError, match="make room") as caught:
        delivery.add_all(messages)
    assert caught.value.reach is Reach.ACCOUNT
    assert caught.value.help is Help.WAIT
    stored = delivery.commit()
    assert 5 <= len(stored) <= 10
    assert len(small.names("INBOX/new")) == len(stored)
    assert small.names("INBOX/tmp") == []
    small.fs.unlink(f"{small.root}/INBOX/new/{stored[0].entry.name}")
    assert small.deliver(small.message(200, b"x" * 90_000))


def test_a_read_only_disk(small: Ground) -> None:
    small.deliver(small.message(1))
    mount = str(Path(small.root).parent)
    subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
    entry = entry_of(small)
    assert small.maildir.digest(BOX, entry) is not None
    small.maildir.stamp(BOX)
    for change in (
        lambda: small.deliver(small.message(2)),
        lambda: small.maildir.remove_to_undo(BOX, entry, f"{small.root}/undo", "u"),
        lambda: small.maildir.create(WORK),
    ):
        with pytest.raises(StorageError, match="read-only") as caught:
            change()
        assert caught.value.help is Help.ASK
