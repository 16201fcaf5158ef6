"""Flags, moves, undo, marker."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace

import pytest
from sim.fs import SimFs
from sim.rand import SimRand
from support.maildirs import BOX, DATE, VALID, Ground, entry_of

from mailsync.local import Maildir, Marker, Note
from mailsync.local.tree import FEW_FOLDERS
from mailsync.model.errors import NotOurs, StorageError
from mailsync.model.flags import Flags, from_letters
from mailsync.model.ids import UID, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts, LocalEntry

WORK = MailboxName("Work")


@pytest.mark.parametrize(
    ("before", "add", "remove", "after"),
    [
        ("new/a", "S", "", "cur/a:2,S"),
        ("new/a", "", "S", "new/a"),
        ("new/a:2,", "S", "", "cur/a:2,S"),
        ("cur/a:2,S", "", "S", "cur/a:2,"),
        ("cur/a:2,S", "S", "", "cur/a:2,S"),
        ("cur/a", "T", "", "cur/a:2,T"),
        ("cur/a,S=1,W=2:2,aS,x=y", "FT", "S", "cur/a,S=1,W=2:2,FTa,x=y"),
        ("cur/a;2,S", "R", "", "cur/a;2,RS"),
        ("cur/a!2,S", "R", "", "cur/a!2,RS"),
        ("cur/\udcff:2,S", "R", "", "cur/\udcff:2,RS"),
    ],
)
def test_set_flags(ground: Ground, before: str, add: str, remove: str, after: str) -> None:
    ground.put(f"INBOX/{before}")
    entry = entry_of(ground)
    new = ground.maildir.set_flags(BOX, entry, from_letters(add), from_letters(remove))
    folder, _, name = after.partition("/")
    assert ground.names(f"INBOX/{folder}") == [name]
    assert new == entry_of(ground)
    ground.maildir.settle([BOX])


def test_a_reader_was_faster(ground: Ground) -> None:
    ground.put("INBOX/cur/a:2,")
    entry = entry_of(ground)
    ground.fs.rename(f"{ground.root}/INBOX/cur/a:2,", f"{ground.root}/INBOX/cur/a:2,F")
    assert ground.maildir.set_flags(BOX, entry, Flags.SEEN, Flags.NONE) is None
    assert ground.maildir.move(BOX, entry, BOX) is None
    assert ground.maildir.remove_to_undo(BOX, entry, f"{ground.root}.undo", "u") is None
    assert ground.names("INBOX/cur") == ["a:2,F"]


def test_nothing_is_replaced(ground: Ground) -> None:
    ground.put("INBOX/cur/a:2,", b"one")
    entry = entry_of(ground)
    ground.put("INBOX/cur/a:2,S", b"two")
    assert ground.maildir.set_flags(BOX, entry, Flags.SEEN, Flags.NONE) is None
    assert ground.names("INBOX/cur") == ["a:2,", "a:2,S"]


def test_move(ground: Ground) -> None:
    ground.maildir.create(WORK)
    ground.put("INBOX/cur/a,S=2:2,S", b"x", DATE)
    moved = ground.maildir.move(BOX, entry_of(ground), WORK)
    assert moved == entry_of(ground, WORK) == LocalEntry("a", "cur", ",S=2:2,S", Flags.SEEN)
    ground.maildir.settle((WORK, BOX))
    back = ground.maildir.move(WORK, moved, BOX, UniqueName("b"))
    assert back == entry_of(ground)
    assert ground.names("INBOX/cur") == ["b,S=2:2,S"]


def test_move_where_the_name_is_taken(ground: Ground) -> None:
    ground.maildir.create(WORK)
    ground.put("INBOX/new/a", b"x")
    ground.put("Work/new/a", b"theirs")
    moved = ground.maildir.move(BOX, entry_of(ground), WORK)
    assert moved is not None
    assert moved.name != "a"
    assert ground.read("Work/new/a") == b"theirs"
    assert ground.read(f"Work/new/{moved.name}") == b"x"


def test_move_to_a_missing_mailbox(ground: Ground) -> None:
    ground.put("INBOX/new/a", b"x")
    with pytest.raises(StorageError, match="Work"):
        ground.maildir.move(BOX, entry_of(ground), WORK)
    assert ground.names("INBOX/new") == ["a"]


def test_undo(ground: Ground) -> None:
    undo = f"{ground.root}.state/undo"
    assert ground.maildir.undo_files(undo) == {}
    ground.put("INBOX/cur/a:2,S", b"as\r\nit is\n", DATE)
    name = ground.maildir.undo_name()
    path = ground.maildir.remove_to_undo(BOX, entry_of(ground), undo, name)
    assert path == f"{undo}/{name}"
    ground.maildir.settle([BOX], undo)
    assert ground.names("INBOX/cur") == []
    facts = ground.maildir.undo_files(undo)
    assert {file: (f.size, f.mtime_ns) for file, f in facts.items()} == {name: (10, DATE * 10**9)}
    delivery = ground.maildir.delivery()
    assert delivery.restore(path, BOX, UniqueName("a"), Flags.SEEN, DATE)
    assert not delivery.restore(f"{undo}/none", BOX, UniqueName("b"), Flags.SEEN, DATE)
    delivery.commit()
    assert ground.read("INBOX/cur/a:2,S") == b"as\r\nit is\n"
    ground.maildir.purge(undo, [name, "none"])
    assert ground.maildir.undo_files(undo) == {}


def across(ground: Ground) -> SimFs:
    assert isinstance(ground.fs, SimFs)
    ground.fs.disk.mount("/state")
    ground.put("INBOX/cur/a:2,S", b"x\r\n" * 200_000, DATE)
    return ground.fs


def test_undo_on_another_file_system(sim: Ground) -> None:
    fs = across(sim)
    path = sim.maildir.remove_to_undo(BOX, entry_of(sim), "/state/undo", "u")
    assert path == "/state/undo/u"
    assert fs.files() == {path: b"x\r\n" * 200_000}
    assert fs.files(durable=True)[path] == b"x\r\n" * 200_000
    assert fs.stat(path).mtime_ns == DATE * 10**9


def written_over(fs: SimFs, folder: str) -> Callable[[str, str], None]:
    """By somebody else, each time that a copy of it is durable in `folder`."""

    def act(method: str, where: str) -> None:
        if (method, where) == ("sync_dir", folder):
            fs.disk.find("/home/mail/INBOX/cur/a:2,S").data.extend(b"more")

    return act


def test_what_is_written_over_while_it_is_copied_stays(sim: Ground) -> None:
    fs, entry = across(sim), entry_of(sim)
    seen = FileFacts(600_000, DATE * 10**9)
    fs.refuse = written_over(fs, "/state/undo")
    assert sim.maildir.remove_to_undo(BOX, entry, "/state/undo", "u", seen) is None
    assert list(fs.files()) == ["/home/mail/INBOX/cur/a:2,S"]
    with pytest.raises(StorageError, match="again and again"):
        sim.maildir.remove_to_undo(BOX, entry, "/state/undo", "u")
    assert list(fs.files()) == ["/home/mail/INBOX/cur/a:2,S"]


def test_what_another_disk_makes_of_an_mtime_is_no_edit(sim: Ground) -> None:
    across(sim)
    entry = entry_of(sim)
    sim.maildir.remove_to_undo(BOX, entry, "/state/undo", "u")
    seen = FileFacts(600_000, DATE * 10**9 + 1)
    assert not sim.maildir.back_if_edited(BOX, entry, "/state/undo", "u", seen)


def test_undo_on_another_file_system_fails_anywhere(sim: Ground) -> None:
    """The message is in the one place or in the other, whole, whatever call fails."""
    fs = across(sim)
    entry = entry_of(sim)
    for at in range(1, 60):
        fs.fail(at, errno.ENOSPC)
        try:
            path = sim.maildir.remove_to_undo(BOX, entry, "/state/undo", f"u{at}")
        except StorageError:
            assert list(fs.files().values()).count(b"x\r\n" * 200_000) == 1
        else:
            assert fs.files() == {path: b"x\r\n" * 200_000}
            break
        finally:
            fs.heal()
    assert at > 8


def test_marker(ground: Ground) -> None:
    assert ground.maildir.read_marker() is None
    first = Marker("acc", "cache", 1, "machine", "/state/\udcff")
    ground.maildir.write_marker(first)
    assert ground.maildir.read_marker() == first
    assert ground.maildir.formerly == ""
    second = Marker("acc", "cache", 2, "machine", "/state", formerly="old")
    ground.maildir.write_marker(second)
    assert ground.maildir.read_marker() == second
    assert ground.maildir.formerly == "old"
    assert ground.names("") == [".mailsync", "INBOX"]
    assert ground.maildir.mailboxes() == ([BOX], [])


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"generation": 1}', b"\xff", b'{"generation": "1"}', b"x" * 99999]
)
def test_a_marker_that_cannot_be_understood(ground: Ground, text: bytes) -> None:
    ground.put(".mailsync", text)
    with pytest.raises(NotOurs, match="mailsync accept"):
        ground.maildir.read_marker()


def test_a_marker_that_is_a_link_is_not_followed(sim: Ground) -> None:
    assert isinstance(sim.fs, SimFs)
    sim.fs.disk.plant(f"{sim.root}/.mailsync", kind="link", link="/elsewhere")
    with pytest.raises(StorageError):
        sim.maildir.read_marker()


def test_notes_of_what_lies_in_undo(ground: Ground) -> None:
    undo = f"{ground.root}.undo"
    assert ground.maildir.undo_notes(undo) == {}
    odd = Note("1", "A/B", "na\udcffme", "new", ",S=2:2,FSx", 1.5, "ab" * 16)
    plain = Note("2", "INBOX", "b", "cur", "", 2.0)
    ground.maildir.note_undo(undo, [odd, plain])
    ground.maildir.note_undo(undo, [replace(plain, undo="3")])
    assert ground.maildir.undo_notes(undo) == {
        "1": odd,
        "2": plain,
        "3": replace(plain, undo="3"),
    }
    assert odd.entry == LocalEntry("na\udcffme", "new", ",S=2:2,FSx", Flags.FLAGGED | Flags.SEEN)
    ground.put("INBOX/cur/b", b"b")
    entry = LocalEntry("b", "cur", "", Flags.NONE)
    assert ground.maildir.remove_to_undo(BOX, entry, undo, "2")
    ground.maildir.purge(undo, ["1"])
    assert set(ground.maildir.undo_notes(undo)) == {"1", "2"}
    ground.maildir.purge(undo, ["2"])
    assert ground.maildir.undo_notes(undo) == {}


def test_what_is_made_lasting_may_be_gone_or_closed(ground: Ground) -> None:
    """Whoever needs it will say so; the rest is made durable all the same."""
    ground.put("INBOX/cur/a:2,")
    entry = entry_of(ground)
    gone = replace(entry, name=UniqueName("gone"))
    ground.maildir.make_lasting({WORK: [entry], BOX: [gone, entry]})
    if isinstance(ground.fs, SimFs):
        ground.fs.disk.find(f"{ground.root}/INBOX/new").closed = True
        path = f"{ground.root}/INBOX/cur/b:2,"
        ground.fs.create(path).close()
        ground.fs.fail(1, errno.EACCES, only=frozenset({"sync_file"}))
        ground.maildir.make_lasting({BOX: [entry]})
        assert path in ground.fs.files(durable=True)
        ground.fs.fail(1, errno.EIO, only=frozenset({"sync_file"}))
        with pytest.raises(StorageError):
            ground.maildir.make_lasting({BOX: [entry]})


@pytest.mark.parametrize("many", [False, True])
def test_mailboxes_that_others_made_are_made_lasting(many: bool) -> None:
    """Each directory once, or the file system as a whole; one that is gone is passed over."""
    fs = SimFs(SimRand(1))
    maildir = Maildir("/mail", "acc", fs, "host", SimRand(1))
    names = [MailboxName(f"A/B{at}") for at in range(FEW_FOLDERS + 1 if many else 2)]
    for path in ("/mail", "/mail/A", *(f"/mail/{name}" for name in names)):
        fs.mkdir(path)
    for name in names:
        for folder in ("new", "tmp", "cur"):
            fs.mkdir(f"/mail/{name}/{folder}")
    calls = fs.calls
    maildir.make_mailboxes_lasting([WORK, *names])
    assert fs.calls - calls == len(names) + 3
    fs.crash("weak", SimRand(2))
    assert maildir.mailboxes()[0] == names


def test_without_fsync_nothing_is_made_lasting() -> None:
    fs = SimFs(SimRand(1))
    maildir = Maildir("/home/mail", "acc", fs, "host", SimRand(1), fsync=False)
    maildir.make_lasting({BOX: []})
    maildir.make_mailboxes_lasting([BOX])
    assert fs.calls == 0


LONG = f"1.a,N={'n' * 230}:2,F"  # fields that fill the name up


def test_a_name_that_would_be_too_long_loses_the_fields_of_others(ground: Ground) -> None:
    """Else the file could never be moved, or get a flag."""
    ground.maildir.create(WORK)
    ground.put(f"INBOX/cur/{LONG}")
    own = ground.maildir.own_name(WORK, VALID, UID(7), DATE)
    moved = ground.maildir.move(BOX, entry_of(ground), WORK, own)
    assert moved is not None
    assert ground.names("Work/cur") == [f"{own}:2,F"]
    name = f"1.b,N={'n' * (255 - len('1.b,N=:2,F'))}:2,F"
    ground.put(f"INBOX/cur/{name}")
    assert ground.maildir.set_flags(BOX, entry_of(ground), Flags.SEEN, Flags.NONE)
    assert ground.names("INBOX/cur") == ["1.b:2,FS"]


def test_so_does_one_that_shares_its_unique_name_with_another_message(ground: Ground) -> None:
    ground.put("INBOX/cur/1.a:2,", b"one")
    ground.put(f"INBOX/new/{LONG}", b"two")
    found = ground.maildir.entries(BOX)
    assert found is not None
    assert found.notices == ()
    assert sorted(entry.info for entry in found.entries) == [":2,", ":2,F"]


def test_so_does_one_that_is_put_back_because_it_was_edited(ground: Ground) -> None:
    undo = f"{ground.root}.undo"
    ground.put(f"INBOX/cur/{LONG}", b"one")
    entry = entry_of(ground)
    assert ground.maildir.remove_to_undo(BOX, entry, undo, "u")
    assert ground.maildir.back_if_edited(BOX, entry, undo, "u", FileFacts(999, 0))
    (name,) = ground.names("INBOX/cur")
    assert name.endswith(":2,F")
    assert len(name) < 100
