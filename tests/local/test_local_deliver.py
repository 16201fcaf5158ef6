"""Delivery: what lands where, in which bytes, and what happens to what does not."""

from __future__ import annotations

import errno
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim.fs import SimFs
from sim.rand import SimRand
from support.maildirs import BOX, DATE, HOUR_NS, VALID, Ground, entry_of, on_sim

from mailsync.local.names import scratch_name
from mailsync.model.content import digest
from mailsync.model.errors import Help, Reach, StorageError
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, UniqueName
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import FileFacts

WORK = MailboxName("Work")


def test_a_batch(ground: Ground) -> None:
    delivery = ground.maildir.delivery()
    delivery.add(ground.message(1, b"A: b\r\n\r\nunseen\r\n"))
    delivery.add(ground.message(2, b"A: b\r\n\r\nbare\nseen\r\n", Flags.SEEN | Flags.FLAGGED))
    assert ground.names("INBOX/new") == ground.names("INBOX/cur") == []
    first, second = delivery.commit()
    assert ground.names("INBOX/tmp") == []
    assert ground.names("INBOX/new") == [first.entry.name]
    assert ground.names("INBOX/cur") == [f"{second.entry.name}:2,FS"]
    assert ground.read(f"INBOX/new/{first.entry.name}") == b"A: b\n\nunseen\n"
    assert ground.read(f"INBOX/cur/{second.entry.name}:2,FS") == b"A: b\r\n\r\nbare\nseen\r\n"
    assert first.facts.digest == digest(b"A: b\n\nunseen\n")
    assert second.facts.digest == digest(b"A: b\r\n\r\nbare\nseen\r\n")
    listing = ground.maildir.entries(BOX)
    assert listing is not None
    assert set(listing.entries) == {first.entry, second.entry}
    facts = ground.maildir.inspect(BOX, listing.entries, VALID)
    assert facts[first.entry.name].mtime_ns == first.facts.mtime_ns == (DATE + 1) * 10**9
    assert facts[first.entry.name].size == first.facts.size
    assert facts[second.entry.name].origin == 2


@pytest.mark.parametrize("count", [1, 7, 8, 9, 40])
def test_any_number_into_any_number_of_folders(ground: Ground, count: int) -> None:
    boxes = [MailboxName(f"Box {n}") for n in range(6)]
    ground.maildir.create(*boxes)
    messages = [ground.message(uid, mailbox=boxes[uid % 6]) for uid in range(1, count + 1)]
    entries = ground.deliver(*messages)
    assert [entry.name for entry in entries] == [message.unique for message in messages]


def test_without_fsync_nothing_is_synced(sim: Ground) -> None:
    assert isinstance(sim.fs, SimFs)
    maildir = type(sim.maildir)(sim.root, "acc", sim.fs, "host", SimRand(1), fsync=False)
    seen: list[str] = []
    sim.fs.step = seen.append
    maildir.create(WORK)
    delivery = maildir.delivery()
    for uid in range(20):
        delivery.add(sim.message(uid + 1))
    delivery.commit()
    assert not [name for name in seen if "sync" in name or "barrier" in name]


def test_the_barrier_comes_before_the_first_write(sim: Ground) -> None:
    assert isinstance(sim.fs, SimFs)
    seen: list[str] = []
    sim.fs.step = seen.append
    sim.deliver(*(sim.message(uid) for uid in range(1, 30)))
    assert seen.index("fs.barrier") < seen.index("fs.create")
    assert seen.count("fs.sync") == 1
    assert seen.count("fs.sync_dir") == 1
    assert seen.index("fs.sync") < seen.index("fs.rename")


def test_a_stream_like_a_whole_message(ground: Ground) -> None:
    for uid, data in enumerate((b"", b"A: b\r\n\r\nc", b"a\r\nb\rc", b"a\r\n" * 9 + b"\r"), 1):
        whole, parts = ground.message(2 * uid, data), ground.message(2 * uid + 1, data)
        delivery = ground.maildir.delivery()
        delivery.add(whole)
        pending = delivery.begin(BOX, parts.unique, parts.flags, parts.internal_date)
        for at in range(len(data)):
            pending.write(data[at : at + 1])
        pending.done()
        first, second = delivery.commit()
        assert first.facts.digest == second.facts.digest
        stored = ground.read(f"INBOX/new/{first.entry.name}")
        assert stored == ground.read(f"INBOX/new/{second.entry.name}")
        assert second.facts.size == len(stored)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b"abc", b"\0" * 9]), max_size=20))
def test_any_stream(parts: list[bytes]) -> None:
    ground = on_sim()
    ground.maildir.create(BOX)
    delivery = ground.maildir.delivery()
    delivery.add(ground.message(1, b"".join(parts)))
    pending = delivery.begin(BOX, ground.message(2).unique, Flags.NONE, DATE)
    for part in parts:
        pending.write(part)
    pending.done()
    first, second = delivery.commit()
    assert first.facts.digest == second.facts.digest
    one, two = (ground.read(f"INBOX/new/{d.entry.name}") for d in (first, second))
    assert one == two
    assert ground.names("INBOX/tmp") == []


def test_bodies_that_broke_off(ground: Ground) -> None:
    delivery = ground.maildir.delivery()
    dropped = delivery.begin(BOX, ground.message(1).unique, Flags.NONE, DATE)
    dropped.write(b"half")
    dropped.drop()
    dropped.drop()
    left = delivery.begin(BOX, ground.message(2).unique, Flags.NONE, DATE)
    left.write(b"half")
    delivery.add(ground.message(3))
    assert len(delivery.commit()) == 1
    assert len(ground.names("INBOX/new")) == 1
    assert ground.names("INBOX/tmp") == []


def test_discard_leaves_nothing(ground: Ground) -> None:
    delivery = ground.maildir.delivery()
    for uid in range(1, 12):
        delivery.add(ground.message(uid))
    delivery.begin(BOX, ground.message(12).unique, Flags.NONE, DATE).write(b"x")
    delivery.discard()
    assert ground.names("INBOX/tmp") == ground.names("INBOX/new") == []


def test_without_a_date_the_mtime_is_now(ground: Ground) -> None:
    delivery = ground.maildir.delivery()
    message = ground.message(1)
    delivery.begin(BOX, message.unique, Flags.NONE, None).done()
    (one,) = delivery.commit()
    now = ground.fs.now_ns(ground.root)
    assert 0 <= now - one.facts.mtime_ns < 10 * 10**9
    assert (
        ground.fs.stat(f"{ground.root}/INBOX/new/{one.entry.name}").mtime_ns == one.facts.mtime_ns
    )


@pytest.mark.parametrize("date", [-5, 0, 1, 2**31, 2**33, 253402300799])
def test_dates_that_are_out_of_range(ground: Ground, date: int) -> None:
    delivery = ground.maildir.delivery()
    delivery.begin(BOX, ground.message(1).unique, Flags.NONE, date).done()
    (one,) = delivery.commit()
    path = f"{ground.root}/INBOX/new/{one.entry.name}"
    assert ground.fs.stat(path).mtime_ns == one.facts.mtime_ns < 2**63


def test_a_taken_name_gets_another(ground: Ground) -> None:
    message = ground.message(1)
    ground.put(f"INBOX/new/{message.unique}", b"theirs")
    (entry,) = ground.deliver(message)
    assert entry.name != message.unique
    assert ground.read(f"INBOX/new/{message.unique}") == b"theirs"
    assert ground.read(f"INBOX/new/{entry.name}") == b"A: b\n\nc\n"


def test_copies_keep_every_byte(ground: Ground) -> None:
    ground.maildir.create(WORK)
    ground.put("INBOX/cur/a:2,S", b"as\r\nit\r\nis\r\n")
    entry = entry_of(ground)
    seen = ground.maildir.inspect(BOX, [entry], None)[entry.name]
    delivery = ground.maildir.delivery()
    assert delivery.copy(BOX, entry, seen, WORK, UniqueName("b"), Flags.SEEN, DATE)
    (one,) = delivery.commit()
    assert ground.read("Work/cur/b:2,S") == b"as\r\nit\r\nis\r\n"
    assert one.facts.digest == digest(b"as\r\nit\r\nis\r\n")
    ground.fs.unlink(f"{ground.root}/INBOX/cur/a:2,S")
    delivery = ground.maildir.delivery()
    assert not delivery.copy(BOX, entry, seen, WORK, UniqueName("c"), Flags.SEEN, DATE)
    assert delivery.commit() == []


@pytest.mark.parametrize(("size", "ns"), [(1, 0), (0, 1)])
def test_a_file_that_was_written_over_is_not_copied(ground: Ground, size: int, ns: int) -> None:
    ground.maildir.create(WORK)
    ground.put("INBOX/cur/a:2,S", b"another message")
    entry = entry_of(ground)
    now = ground.maildir.inspect(BOX, [entry], None)[entry.name]
    delivery = ground.maildir.delivery()
    seen = FileFacts(now.size + size, now.mtime_ns + ns)
    assert not delivery.copy(BOX, entry, seen, WORK, UniqueName("b"), Flags.SEEN, DATE)
    assert delivery.commit() == []
    assert list(ground.fs.list(f"{ground.root}/Work/tmp")) == []


def test_a_missing_mailbox_is_told(ground: Ground) -> None:
    delivery = ground.maildir.delivery()
    with pytest.raises(StorageError) as caught:
        delivery.add(ground.message(1, mailbox=WORK))
    assert caught.value.reach is Reach.MAILBOX
    assert "Work" in str(caught.value)
    delivery.add(ground.message(2))
    assert len(delivery.commit()) == 1


def test_missing_folders_are_made(ground: Ground) -> None:
    ground.fs.rmdir(f"{ground.root}/INBOX/tmp")
    ground.fs.rmdir(f"{ground.root}/INBOX/new")
    assert len(ground.deliver(ground.message(1))) == 1


def test_only_our_old_leftovers_go(sim: Ground) -> None:
    ours = scratch_name("host", SimRand(1))
    sim.put(f"INBOX/tmp/{ours}")
    sim.put("INBOX/tmp/1.M1P1.host")
    assert sim.maildir.clean(BOX) == 0
    sim.age(36 * 3600 - 1)
    assert sim.maildir.clean(BOX) == 0
    sim.age(2)
    sim.deliver(sim.message(1))
    assert sim.names("INBOX/tmp") == ["1.M1P1.host"]
    assert HOUR_NS == 3600 * 10**9


def attempt(ground: Ground, count: int) -> StorageError | None:
    delivery = ground.maildir.delivery()
    try:
        for uid in range(1, count):
            delivery.add(ground.message(uid))
        stream = delivery.begin(BOX, ground.message(count).unique, Flags.SEEN, DATE)
        stream.write(b"x\r\n")
        stream.write(b"y\nz")  # only now it shows that the LF form cannot be undone
        stream.done()
        delivery.commit()
    except StorageError as error:
        delivery.discard()
        return error
    return None


FULL = [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES]


@pytest.mark.parametrize("sticky", [False, True])
@pytest.mark.parametrize("count", [3, 12])
def test_the_nth_call_fails(sticky: bool, count: int) -> None:
    """Whatever fails: a StorageError that names the path; what is there is whole; a transient
    failure leaves nothing behind and the next try works."""
    at, over = 0, False
    while not over:
        at += 1
        sim = on_sim()
        assert isinstance(sim.fs, SimFs)
        sim.maildir.create(BOX)
        number = FULL[at % len(FULL)]
        sim.fs.fail(at, number, sticky=sticky)
        error = attempt(sim, count)
        if error is not None:
            assert sim.root in str(error)
            assert error.help in (Help.WAIT, Help.ASK)
        sim.fs.heal()
        found = sim.fs.files(under=sim.root)
        seen = {data for path, data in found.items() if "/tmp/" not in path}
        assert seen <= {b"A: b\n\nc\n", b"x\r\ny\nz"}
        if not sticky:
            assert not [path for path in found if "/tmp/" in path]
            assert len(found) in (0, count)
        again = sim.deliver(*(sim.message(uid) for uid in range(100, 103)))
        assert len(again) == 3
        over = sim.fs.calls < at
    assert at > 10


def test_one_message_fails_the_others_do_not(sim: Ground) -> None:
    assert isinstance(sim.fs, SimFs)
    delivery = sim.maildir.delivery()
    delivery.add(sim.message(1))
    sim.fs.fail(1, errno.ENOSPC, only=frozenset({"write"}))
    with pytest.raises(StorageError, match="make room"):
        delivery.add(sim.message(2))
    pending = delivery.begin(BOX, sim.message(3).unique, Flags.NONE, DATE)
    sim.fs.fail(1, errno.ENOSPC, only=frozenset({"write"}))
    with pytest.raises(StorageError):
        pending.write(b"x")
    delivery.add(sim.message(4))
    names = [one.entry.name for one in delivery.commit()]
    assert len(names) == 2
    assert sim.names("INBOX/tmp") == []


def test_a_failed_sync_undoes_the_batch(sim: Ground) -> None:
    assert isinstance(sim.fs, SimFs)
    for count in (2, 20):
        for only in ("sync", "sync_dir"):
            delivery = sim.maildir.delivery()
            delivery.add_all(sim.message(uid) for uid in range(1, count))
            sim.fs.fail(1, errno.EIO, only=frozenset({only}))
            with pytest.raises(StorageError, match="disk"):
                delivery.commit()
            assert sim.fs.files() == {}


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_big_messages_in_constant_memory(disk: Ground, end: bytes) -> None:
    """200 MB; with a bare LF as the very last line end the whole file is written twice."""
    import tracemalloc

    line = random.Random(1).randbytes(9000).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n"
    piece = line * 7
    rounds = 200_000_000 // len(piece)
    tracemalloc.start()
    delivery = disk.maildir.delivery()
    message = disk.message(1)
    pending = delivery.begin(BOX, message.unique, Flags.NONE, DATE)
    for _ in range(rounds):
        pending.write(piece)
    pending.write(b"end" + end)
    pending.done()
    (one,) = delivery.commit()
    assert one.facts.digest is not None
    chunks = disk.maildir.wire_chunks(BOX, one.entry, one.facts.digest.wire_size)
    assert chunks is not None
    assert sum(map(len, chunks)) == rounds * len(piece) + 5
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    lines = rounds * 7 + 1 if end == b"\r\n" else 0
    assert one.facts.size == rounds * len(piece) + 3 + len(end) - lines
    assert peak < 8 << 20
    assert UID(1)
