"""Observing: listings, stamps, doubles, odd things in the folders."""

from __future__ import annotations

import errno
import os
from dataclasses import replace

import pytest
from sim.fs import SimFs
from sim.rand import SimRand
from support.maildirs import BOX, DATE, VALID, Ground

from mailsync.local import Listing
from mailsync.model.content import digest
from mailsync.model.errors import Help, Reach, StorageError
from mailsync.model.flags import Flags
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import LocalEntry


def listed(ground: Ground, read_only: bool = False) -> Listing:
    found = ground.maildir.entries(BOX, read_only)
    assert found is not None
    return found


def test_a_listing(ground: Ground) -> None:
    ground.put("INBOX/new/a")
    ground.put("INBOX/cur/b")
    ground.put("INBOX/cur/c,S=2:2,FS")
    ground.put("INBOX/cur/\udcffd;2,Tx")
    ground.put("INBOX/cur/.hidden")
    ground.put("INBOX/tmp/e")
    assert set(listed(ground).entries) == {
        LocalEntry("a", "new", "", Flags.NONE),
        LocalEntry("b", "cur", "", Flags.NONE),
        LocalEntry("c", "cur", ",S=2:2,FS", Flags.FLAGGED | Flags.SEEN),
        LocalEntry("\udcffd", "cur", ";2,Tx", Flags.DELETED),
    }
    assert listed(ground).notices == ()


@pytest.mark.parametrize("folder", ["new", "cur"])
def test_a_missing_folder_means_nothing_is_known(ground: Ground, folder: str) -> None:
    ground.fs.rmdir(f"{ground.root}/INBOX/{folder}")
    assert ground.maildir.entries(BOX) is None
    assert ground.maildir.stamp(BOX) is None
    assert ground.maildir.entries(MailboxName("None")) is None
    ground.put(f"INBOX/{folder}")
    with pytest.raises(StorageError, match="no directory"):
        ground.maildir.entries(BOX)


def test_odd_things_are_skipped_and_told(disk: Ground) -> None:
    cur = f"{disk.root}/INBOX/cur"
    os.mkdir(f"{cur}/dir:2,S")
    os.mkfifo(f"{cur}/fifo:2,S")
    disk.put("target")
    os.symlink(f"{disk.root}/target", f"{cur}/link:2,S")
    os.symlink("nowhere", f"{cur}/dangling")
    disk.put("INBOX/cur/a:2,S")
    found = listed(disk)
    assert [entry.name for entry in found.entries] == ["a"]
    assert len(found.notices) == 4
    assert sorted(notice.rpartition(": ")[2].partition(",")[0] for notice in found.notices) == [
        "a directory",
        "a special file",
        "a symbolic link",
        "a symbolic link",
    ]
    entry = LocalEntry("link", "cur", ":2,S", Flags.SEEN)
    assert disk.maildir.inspect(BOX, [entry], VALID) == {}
    with pytest.raises(StorageError, match="link"):
        disk.maildir.digest(BOX, entry)
    with pytest.raises(StorageError):
        disk.maildir.digest(BOX, LocalEntry("fifo", "cur", ":2,S", Flags.SEEN))


def test_many_notices_are_cut(ground: Ground) -> None:
    for n in range(30):
        ground.fs.mkdir(f"{ground.root}/INBOX/cur/{n}")
    notices = listed(ground).notices
    assert len(notices) == 21
    assert notices[-1].startswith("and 10 more")


def test_notices_are_safe_to_print(ground: Ground) -> None:
    ground.fs.mkdir(f"{ground.root}/INBOX/cur/\x1b[31m")
    assert "\x1b" not in "".join(listed(ground).notices)


# -- stamps -------------------------------------------------------------------------------------


def test_a_stamp_needs_two_quiet_seconds(sim: Ground) -> None:
    sim.put("INBOX/new/a")
    assert sim.maildir.stamp(BOX) is None
    sim.age(1)
    assert listed(sim).stamp is None
    sim.age(1)
    stamp = sim.maildir.stamp(BOX)
    assert stamp is not None
    assert listed(sim).stamp == stamp
    sim.age(100)
    assert sim.maildir.stamp(BOX) == stamp
    sim.fs.rename(f"{sim.root}/INBOX/new/a", f"{sim.root}/INBOX/cur/a:2,S")
    sim.age(2)
    assert sim.maildir.stamp(BOX) not in (stamp, None)


def test_a_clock_that_went_back_gives_no_stamp(sim: Ground) -> None:
    sim.age(-100)
    assert sim.maildir.stamp(BOX) is None


def test_no_look_changes_a_stamp(disk: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    real = disk.fs.now_ns
    monkeypatch.setattr(disk.fs, "now_ns", lambda path: real(path) + 10**10)
    disk.put("INBOX/new/a")
    stamp = disk.maildir.stamp(BOX)
    assert stamp is not None
    found = listed(disk)
    disk.maildir.inspect(BOX, found.entries, VALID)
    disk.maildir.digest(BOX, found.entries[0])
    assert disk.maildir.stamp(BOX) == stamp == found.stamp


# -- two files of one unique name ---------------------------------------------------------------


def test_equal_doubles_are_one_message(ground: Ground) -> None:
    ground.put("INBOX/new/a", b"same")
    ground.put("INBOX/cur/a:2,S", b"same")
    found = listed(ground)
    assert found.entries == (LocalEntry("a", "cur", ":2,S", Flags.SEEN),)
    assert found.doubles == (LocalEntry("a", "new", "", Flags.NONE),)
    assert ground.names("INBOX/new") == ["a"]


def test_hard_links_are_one_message(disk: Ground) -> None:
    disk.put("INBOX/cur/a:2,S", b"same")
    os.link(f"{disk.root}/INBOX/cur/a:2,S", f"{disk.root}/INBOX/cur/a:2,FS")
    assert len(listed(disk).entries) == len(listed(disk).doubles) == 1


def test_different_doubles_get_a_name_of_our_own(ground: Ground) -> None:
    ground.put("INBOX/new/a", b"one")
    ground.put("INBOX/cur/a:2,S", b"two")
    ground.put("INBOX/cur/a:2,F", b"six")
    looked = listed(ground, read_only=True)
    assert len(looked.entries) == 1
    assert len(looked.doubles) == len(looked.notices) == 2
    found = listed(ground)
    assert len(found.entries) == 3
    assert len({entry.name for entry in found.entries}) == 3
    assert not found.doubles
    again = listed(ground)
    assert set(again.entries) == set(found.entries)
    contents = {ground.maildir.digest(BOX, entry) for entry in again.entries}
    assert contents == {digest(b"one"), digest(b"two"), digest(b"six")}


def test_a_file_renamed_while_it_is_listed(sim: Ground) -> None:
    """readdir may show both names of a file that a reader moves from new/ to cur/."""
    assert isinstance(sim.fs, SimFs)
    for seed in range(20):
        fs = SimFs(SimRand(seed), sim.fs.disk)
        name = f"m{seed}"
        sim.put(f"INBOX/new/{name}", b"x")
        sim.put(f"INBOX/new/{name}-other", b"y")
        seen: list[str] = []

        def move(step: str, name: str = name, seen: list[str] = seen) -> None:
            seen.append(step)
            if seen.count("fs.list") == 2 and step == "fs.list":
                sim.fs.rename(f"{sim.root}/INBOX/new/{name}", f"{sim.root}/INBOX/cur/{name}:2,S")
                seen.append("fs.list")

        fs.step = move
        found = sim.again(fs).entries(BOX)
        assert found is not None
        entries = [entry for entry in found.entries if entry.name == name]
        assert entries in ([LocalEntry(name, "cur", ":2,S", Flags.SEEN)], [])
        assert not found.doubles


def test_a_read_only_tree_keeps_its_doubles(sim: Ground) -> None:
    assert isinstance(sim.fs, SimFs)
    sim.put("INBOX/new/a", b"one")
    sim.put("INBOX/cur/a:2,S", b"two")
    sim.fs.disk.read_only = True
    found = listed(sim)
    assert len(found.entries) == len(found.doubles) == len(found.notices) == 1


def test_doubles_of_a_file(ground: Ground) -> None:
    for path, data in {
        "new/a": b"one",
        "cur/a:2,S": b"one",
        "cur/a:2,F": b"two",
        "cur/a:2,R": b"three",
        "cur/b:2,": b"one",
    }.items():
        ground.put(f"INBOX/{path}", data)
    first = LocalEntry("a", "cur", ":2,S", Flags.SEEN)
    assert ground.maildir.doubles(BOX, [first]) == {"a": [LocalEntry("a", "new", "", Flags.NONE)]}
    for none in (replace(first, name="b"), replace(first, info=":2,T")):
        assert ground.maildir.doubles(BOX, [none]) == {}
    assert ground.maildir.doubles(MailboxName("Gone"), [first]) == {}


# -- looking at files ---------------------------------------------------------------------------


def test_facts_and_digests(ground: Ground) -> None:
    contents = {"a": b"", "b": b"\0\0", "c": b"A: b\n\nc\n", "d": b"A: b\r\n\r\nc\r\n"}
    for name, data in contents.items():
        ground.put(f"INBOX/cur/{name}:2,", data, DATE + len(data))
    entries = listed(ground).entries
    facts = ground.maildir.inspect(BOX, entries, None)
    for entry in entries:
        data = contents[entry.name]
        assert facts[entry.name].size == len(data)
        assert facts[entry.name].mtime_ns == (DATE + len(data)) * 10**9
        assert facts[entry.name].origin is None
        assert ground.maildir.digest(BOX, entry) == digest(data)
        wire = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        chunks = ground.maildir.wire_chunks(BOX, entry, len(wire))
        assert chunks is not None
        assert b"".join(chunks) == wire


def test_vanished_files_are_values_not_errors(ground: Ground) -> None:
    gone = LocalEntry("gone", "cur", ":2,S", Flags.SEEN)
    assert ground.maildir.inspect(BOX, [gone], VALID) == {}
    assert ground.maildir.digest(BOX, gone) is None
    assert ground.maildir.wire_chunks(BOX, gone, 3) is None


@pytest.mark.parametrize("promised", [0, 8, 10, 500])
def test_a_file_that_changed_is_not_sent_wrong(ground: Ground, promised: int) -> None:
    ground.put("INBOX/cur/a:2,S", b"A: b\n\nc\n")
    (entry,) = listed(ground).entries
    chunks = ground.maildir.wire_chunks(BOX, entry, promised)
    assert chunks is not None
    sent: list[bytes] = []
    with pytest.raises(StorageError) as caught:
        sent.extend(chunks)
    assert sum(map(len, sent)) <= promised
    assert caught.value.reach is Reach.MESSAGE
    assert caught.value.help is Help.RETRY


def test_one_unreadable_file_concerns_only_itself(sim: Ground) -> None:
    assert isinstance(sim.fs, SimFs)
    sim.put("INBOX/cur/a:2,S", b"x")
    sim.fs.disk.find(f"{sim.root}/INBOX/cur/a:2,S").closed = True
    (entry,) = listed(sim).entries
    assert entry.name in sim.maildir.inspect(BOX, [entry], VALID)
    with pytest.raises(StorageError) as caught:
        sim.maildir.digest(BOX, entry)
    assert caught.value.reach is Reach.MESSAGE
    sim.fs.disk.find(f"{sim.root}/INBOX/cur").closed = True
    with pytest.raises(StorageError) as caught:
        sim.maildir.entries(BOX)
    assert caught.value.reach is Reach.MAILBOX


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOMEM, errno.EMFILE])
def test_every_failing_call_of_a_look_is_translated(sim: Ground, number: int) -> None:
    assert isinstance(sim.fs, SimFs)
    sim.put("INBOX/new/a", b"one")
    sim.put("INBOX/cur/a:2,S", b"one")
    failed = 0
    for at in range(1, 40):
        sim.fs.fail(at, number)
        try:
            found = listed(sim, read_only=True)
            sim.maildir.inspect(BOX, found.entries, VALID)
            sim.maildir.digest(BOX, found.entries[0])
            sim.maildir.mailboxes()
        except StorageError:
            failed += 1
        sim.fs.heal()
    assert failed >= 10
