"""Layout maildir++: INBOX is the root, mailboxes are `.A.B` in it, and others keep books there."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sim.disk import Model
from sim.fs import SimFs
from sim.rand import SimRand
from sim.steps import Crash, Steps
from support.maildirs import BOX, DATE, Ground, on_disk, on_sim

from mailsync.local import Maildir, Marker
from mailsync.model.errors import Reach, StorageError
from mailsync.model.layout import Layout, directories
from mailsync.model.mailboxname import MailboxName, join

PP = Layout.MAILDIRPP
WORK, DEEP, JOB = MailboxName("Work"), MailboxName("A/B/C"), MailboxName("Job/Now")
BOOKS = ("dovecot-uidlist", "dovecot-keywords", "dovecot.index.log", "dovecot.index.cache")
OF_THE_ROOT = (
    *BOOKS, "dovecot-uidvalidity", "dovecot-uidvalidity.6b0ac7f9", "dovecot.list.index.log",
    "subscriptions", "maildirsize", "courierimapuiddb", "cur.txt", "new-mail",
)  # fmt: skip


@pytest.fixture(params=["disk", "sim"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Ground:
    made = on_disk(tmp_path, PP) if request.param == "disk" else on_sim(layout=PP)
    made.maildir.create(BOX)
    return made


def names_of(ground: Ground) -> list[str]:
    return list(ground.maildir.mailboxes()[0])


def test_as_dovecot_makes_them(ground: Ground) -> None:
    assert ground.maildir.mailboxes() == ([BOX], [])
    assert ground.names("") == ["cur", "new", "tmp"]
    ground.maildir.create(DEEP, WORK)
    assert ground.names("") == [".A.B.C", ".Work", "cur", "new", "tmp"]
    assert ground.names(".A.B.C") == ["cur", "maildirfolder", "new", "tmp"]
    assert ground.read(".A.B.C/maildirfolder") == b""
    assert names_of(ground) == ["A/B/C", "INBOX", "Work"]
    ground.maildir.create(DEEP, BOX)
    assert names_of(ground) == ["A/B/C", "INBOX", "Work"]


def test_a_root_that_is_missing(tmp_path: Path) -> None:
    for ground in (on_disk(tmp_path, PP), on_sim(layout=PP)):
        assert not ground.maildir.exists()
        with pytest.raises(StorageError, match="cannot list"):
            ground.maildir.mailboxes()
        ground.maildir.create()
        assert ground.maildir.mailboxes() == ([], []), "a root without cur/ is no INBOX"


def test_a_root_by_way_of_a_link(tmp_path: Path) -> None:
    ground = on_disk(tmp_path, PP)
    ground.maildir.create(BOX)
    os.symlink(ground.root, f"{ground.root}-link")
    other = Maildir(f"{ground.root}-link/", "acc", ground.fs, "host", SimRand(1), True, PP)
    other.create(BOX, WORK)
    assert other.mailboxes() == ([BOX, WORK], [])
    assert names_of(ground) == ["INBOX", "Work"]


def test_messages_of_the_inbox_and_of_others(ground: Ground) -> None:
    ground.maildir.create(WORK)
    entries = ground.deliver(ground.message(1), ground.message(2, mailbox=WORK))
    assert ground.names("new") == [entries[0].name]
    assert ground.names(".Work/new") == [entries[1].name]
    listing = ground.maildir.entries(BOX)
    assert listing is not None
    assert [entry.name for entry in listing.entries] == [entries[0].name]
    moved = ground.maildir.move(BOX, entries[0], WORK)
    assert moved is not None
    ground.maildir.settle((WORK, BOX))
    assert ground.names("new") == []


def test_what_others_keep_in_the_root(ground: Ground) -> None:
    for file in OF_THE_ROOT:
        ground.put(file, b"theirs")
    for folder in (".notmuch", "sieve", "..DOVECOT-TRASHED"):
        ground.fs.mkdir(f"{ground.root}/{folder}")
    ground.maildir.write_marker(Marker("a", "c", 1, "m", "/s", PP))
    before = ground.names("")
    ground.maildir.create(WORK)
    assert ground.maildir.remove(WORK)
    assert ground.maildir.mailboxes() == ([BOX], [])
    assert ground.names("") == before
    for file in OF_THE_ROOT:
        assert ground.read(file) == b"theirs"
    found = ground.maildir.read_marker()
    assert found is not None
    assert found.layout == PP


def test_what_is_no_mailbox_is_told(ground: Ground) -> None:
    for folder in (".Entwürfe", ".a..b", ".INBOX", "nested", ".\\41", ".A"):
        ground.fs.mkdir(f"{ground.root}/{folder}")
        ground.fs.mkdir(f"{ground.root}/{folder}/cur")
    ground.fs.mkdir(f"{ground.root}/.Plain")
    ground.put(".Plain/cur")
    if not isinstance(ground.fs, SimFs):
        os.symlink(f"{ground.root}/.A", f"{ground.root}/.Link")
        os.symlink("/etc", f"{ground.root}/elsewhere")
    found, notices = ground.maildir.mailboxes()
    assert found == ["A", "INBOX"]
    assert len(notices) == (5 if isinstance(ground.fs, SimFs) else 6)
    assert sum('layout = "nested"' in notice for notice in notices) == 1
    assert sum("modified UTF-7" in notice for notice in notices) == 4


def test_one_that_cannot_be_read() -> None:
    sim = on_sim(layout=PP)
    assert isinstance(sim.fs, SimFs)
    sim.maildir.create(BOX, WORK, DEEP)
    sim.fs.mkdir(f"{sim.root}/lost+found")

    def refuse(name: str, path: str) -> None:
        if name == "stat" and path.startswith((f"{sim.root}/.Work/", f"{sim.root}/lost+found/")):
            raise PermissionError(errno.EACCES, "Permission denied", path)

    sim.fs.refuse = refuse
    with pytest.raises(StorageError, match="Permission denied"):
        sim.maildir.mailboxes()
    closed: dict[str, StorageError] = {}
    assert sim.maildir.mailboxes(closed) == ([DEEP, BOX], [])
    assert list(closed) == ["Work"]

    def dying(name: str, path: str) -> None:
        if name == "stat" and "/.Work/" in path:
            raise OSError(errno.EIO, "I/O error", path)

    sim.fs.refuse = dying
    with pytest.raises(StorageError) as caught:
        sim.maildir.mailboxes({})
    assert caught.value.reach is Reach.ACCOUNT


def test_names_without_a_directory(ground: Ground) -> None:
    """Too long as a whole, though each component is short enough."""
    good, bad = join(["a" * 100, "b" * 100]), join(["a" * 100, "b" * 100, "c" * 100])
    refused = ground.maildir.clashes([BOX], [good, bad])
    assert refused == {bad: "its directory's name would be over 255 bytes"}
    ground.maildir.create(good)
    with pytest.raises(ValueError):
        ground.maildir.create(bad)


@pytest.mark.parametrize("names", ["fold", "nfd"])
def test_names_that_a_file_system_takes_for_one(names: str) -> None:
    """Also where only their modified UTF-7 differs in case alone."""
    sim = on_sim(layout=PP)
    assert isinstance(sim.fs, SimFs)
    sim.fs.disk.names = names
    sim.maildir.create(BOX)
    sim.maildir.write_marker(Marker("a", "c", 1, "m", "/s", PP))
    there = [MailboxName(name) for name in ("Ab", "aB", "caf\u00e9", "\u00e9", "Ab/x")]
    refused = sim.maildir.clashes([BOX], there)
    assert refused == {"aB": "this file system does not tell it from .Ab"}
    one, other = same_but_for_case()
    assert list(sim.maildir.clashes([BOX, one], [other])) == [other]


def same_but_for_case() -> tuple[MailboxName, MailboxName]:
    seen: dict[str, MailboxName] = {}
    for code in range(0x4E00, 0x9FA0):
        name = join([chr(code)])
        (directory,) = directories(PP, name)
        if (had := seen.setdefault(directory.lower(), name)) != name:
            return had, name
    raise AssertionError("there are none")


# -- removing -----------------------------------------------------------------------------------


def test_a_mailbox_goes_with_its_books(ground: Ground) -> None:
    ground.maildir.create(WORK, MailboxName("Work/Sub"))
    for file in BOOKS:
        ground.put(f".Work/{file}")
    assert ground.maildir.remove(WORK)
    assert ground.maildir.remove(WORK)
    assert ground.names("") == [".Work.Sub", "cur", "new", "tmp"]


@pytest.mark.parametrize(
    "place", ["cur/a:2,", "new/.a", "tmp/1.M1P1.host", "dovecot-acl", "notes.txt"]
)
def test_what_holds_a_file_stays(ground: Ground, place: str) -> None:
    ground.maildir.create(WORK)
    ground.put(".Work/dovecot-uidlist")
    ground.put(f".Work/{place}")
    assert not ground.maildir.remove(WORK)
    assert {"cur", "new", "tmp", "dovecot-uidlist"} <= set(ground.names(".Work"))


def test_what_holds_a_directory_stays(ground: Ground) -> None:
    ground.maildir.create(WORK)
    ground.fs.mkdir(f"{ground.root}/.Work/courierimapkeywords")
    assert not ground.maildir.remove(WORK)
    assert names_of(ground) == ["INBOX", "Work"]


def test_the_inbox_is_never_removed(ground: Ground) -> None:
    assert not ground.maildir.remove(BOX)
    assert names_of(ground) == ["INBOX"]


# -- renaming -----------------------------------------------------------------------------------


def test_rename(ground: Ground) -> None:
    ground.maildir.create(WORK, MailboxName("Work/Sub"))
    ground.put(".Work/dovecot-uidlist", b"ids")
    ground.put(".Work/cur/x:2,S")
    assert ground.maildir.rename(WORK, JOB)
    assert ground.maildir.rename(WORK, JOB), "it has happened already"
    assert names_of(ground) == ["INBOX", "Job/Now", "Work/Sub"], "the one below has its own rename"
    assert ground.names(".Job.Now/cur") == ["x:2,S"]
    assert ground.read(".Job.Now/dovecot-uidlist") == b"ids"
    assert ground.maildir.rename(MailboxName("Work/Sub"), MailboxName("Job/Now/Sub"))
    assert ground.names("") == [".Job.Now", ".Job.Now.Sub", "cur", "new", "tmp"]
    assert not ground.maildir.rename(JOB, MailboxName("Job/Now/Sub"))
    assert not ground.maildir.rename(MailboxName("No"), MailboxName("Where"))


def test_rename_onto_what_is_left_of_another(ground: Ground) -> None:
    ground.maildir.create(WORK, JOB)
    for folder in ("cur", "new", "tmp"):
        ground.fs.rmdir(f"{ground.root}/.Job.Now/{folder}")
    ground.put(".Job.Now/dovecot-uidlist", b"of another")
    ground.put(".Work/cur/x:2,S")
    assert ground.maildir.rename(WORK, JOB)
    assert ground.names("") == [".Job.Now", "cur", "new", "tmp"]
    assert ground.names(".Job.Now") == ["cur", "maildirfolder", "new", "tmp"]


def test_rename_onto_what_somebody_keeps_there(ground: Ground) -> None:
    ground.maildir.create(WORK)
    ground.fs.mkdir(f"{ground.root}/.Job.Now")
    ground.put(".Job.Now/notes.txt", b"a user's")
    ground.put(".Work/cur/x:2,S")
    assert ground.maildir.rename(WORK, JOB)
    assert ground.names(".Job.Now") == ["cur", "maildirfolder", "new", "notes.txt", "tmp"]
    assert names_of(ground) == ["INBOX", "Job/Now"]


def test_rename_to_and_from_the_inbox(ground: Ground) -> None:
    """A server may do either; the root stays the root."""
    ground.maildir.create(WORK)
    ground.put("cur/x:2,S")
    assert not ground.maildir.rename(WORK, BOX)
    assert ground.maildir.rename(BOX, JOB)
    assert ground.names(".Job.Now/cur") == ["x:2,S"]
    assert names_of(ground) == ["Job/Now", "Work"]
    assert ground.maildir.rename(WORK, BOX)
    assert names_of(ground) == ["INBOX", "Job/Now"]


# -- at every step ------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
@pytest.mark.parametrize("what", ["create", "remove", "rename"])
def test_the_nth_call_fails(what: str, number: int) -> None:
    """A mailbox that is seen afterwards is whole, and the next try works."""
    at, over = 0, False
    while not over:
        at += 1
        ground = on_sim(at, PP)
        assert isinstance(ground.fs, SimFs)
        ground.maildir.create(BOX)
        if what != "create":
            ground.maildir.create(WORK)
            ground.put(".Work/dovecot-uidlist")
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
        for name in names_of(ground):
            assert ground.maildir.entries(MailboxName(name)) is not None
        assert calls[what]() in (None, True)
        want = {"create": [DEEP, BOX, WORK], "remove": [BOX], "rename": [DEEP, BOX]}
        assert names_of(ground) == want[what]
    assert at > 5


@pytest.mark.parametrize("model", list(Model))
def test_a_power_cut_at_every_step_of_a_rename(model: str) -> None:
    """One whole mailbox under either name, its message in it; the next try ends it."""
    at, finished = 0, False
    while not finished:
        at += 1
        ground = on_sim(at, PP)
        assert isinstance(ground.fs, SimFs)
        ground.maildir.create(BOX, WORK)
        ground.put(".Work/cur/x:2,S", b"message", DATE)
        ground.fs.disk.sync()
        fs = SimFs(SimRand(at), ground.fs.disk, step=Steps(crash_at=at).step)
        try:
            ground.again(fs).rename(WORK, JOB)
            finished = True
        except Crash:
            pass
        ground.fs.crash(model, SimRand(f"{model} {at}"))
        assert names_of(ground) in (["INBOX", "Work"], ["INBOX", "Job/Now"])
        assert not finished or names_of(ground)[1] == "Job/Now"
        assert ground.maildir.rename(WORK, JOB)
        assert ground.read(".Job.Now/cur/x:2,S") == b"message"
        assert names_of(ground) == ["INBOX", "Job/Now"]
    assert at > 3
