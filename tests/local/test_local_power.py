"""Power cuts at every step of a delivery, a marker, a move into undo, a new mailbox."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.disk import Model
from sim.fs import SimFs
from sim.rand import SimRand
from sim.steps import Crash, Steps
from support.maildirs import BOX, DATE, Ground, on_sim

from mailsync.local import Maildir, Marker
from mailsync.model.flags import Flags
from mailsync.model.mailboxname import MailboxName

WHOLE = b"A: b\n\nc\n"
MARKERS = [Marker("acc", "cache", n, "machine", "/state") for n in range(3)]


def crashed(
    prepare: Callable[[Ground], None],
    act: Callable[[Maildir], None],
    model: str,
    at: int,
    round: int,
) -> tuple[Ground, bool]:
    """The disk after a power cut before step `at` of `act`, and whether `act` was finished."""
    ground = on_sim(at)
    assert isinstance(ground.fs, SimFs)
    ground.maildir.create(BOX)
    prepare(ground)
    ground.fs.disk.sync()
    steps = Steps(crash_at=at)
    fs = SimFs(SimRand(at), ground.fs.disk, step=steps.step)
    finished = True
    try:
        act(Maildir(ground.root, "acc", fs, "host", SimRand(at)))
    except Crash:
        finished = False
    ground.fs.crash(model, SimRand(f"{model} {at} {round}"))
    return ground, finished


def every_step(
    prepare: Callable[[Ground], None],
    act: Callable[[Maildir], None],
    model: str,
    check: Callable[[Ground, bool], None],
) -> None:
    at, finished = 0, False
    while not finished:
        at += 1
        for round in range(1 if model != Model.WEAK else 5):
            ground, finished = crashed(prepare, act, model, at, round)
            check(ground, finished)
    assert at > 3


@pytest.mark.parametrize("model", list(Model))
@pytest.mark.parametrize(("count", "boxes"), [(2, 1), (12, 1), (12, 6)])
@pytest.mark.parametrize("syncfs", [True, False])
def test_delivery(model: str, syncfs: bool, count: int, boxes: int) -> None:
    names = [BOX, *(MailboxName(f"Box {n}") for n in range(1, boxes))]

    def prepare(ground: Ground) -> None:
        assert isinstance(ground.fs, SimFs)
        ground.fs.disk.has_barrier = syncfs
        ground.maildir.create(*names)

    def act(maildir: Maildir) -> None:
        ground = Ground(SimFs(SimRand(0)), "/home/mail")
        delivery = maildir.delivery()
        for uid in range(1, count + 1):
            flags = Flags.SEEN if uid % 2 else Flags.NONE
            delivery.add(ground.message(uid, flags=flags, mailbox=names[uid % boxes]))
        delivery.commit()

    def check(ground: Ground, finished: bool) -> None:
        seen = 0
        for name in names:
            found = ground.maildir.entries(name)
            assert found is not None
            for entry in found.entries:
                assert ground.read(f"{name}/{entry.folder}/{entry.name}{entry.info}") == WHOLE
                mtime = ground.maildir.inspect(name, [entry], None)[entry.name].mtime_ns
                assert DATE * 10**9 < mtime <= (DATE + count) * 10**9, "durable with the content"
                seen += 1
        assert seen == count if finished else seen <= count

    every_step(prepare, act, model, check)


@pytest.mark.parametrize("model", list(Model))
def test_marker(model: str) -> None:
    def prepare(ground: Ground) -> None:
        ground.maildir.write_marker(MARKERS[0])

    def act(maildir: Maildir) -> None:
        maildir.write_marker(MARKERS[1])

    def check(ground: Ground, finished: bool) -> None:
        found = ground.maildir.read_marker()
        assert found == MARKERS[1] if finished else found in MARKERS[:2]
        ground.maildir.write_marker(MARKERS[2])
        assert ground.maildir.read_marker() == MARKERS[2]

    every_step(prepare, act, model, check)


@pytest.mark.parametrize("model", list(Model))
@pytest.mark.parametrize("elsewhere", [False, True])
def test_undo(model: str, elsewhere: bool) -> None:
    def prepare(ground: Ground) -> None:
        assert isinstance(ground.fs, SimFs)
        if elsewhere:
            ground.fs.disk.mount("/state")
        else:
            ground.fs.mkdir("/state")
        ground.put("INBOX/cur/a:2,S", WHOLE)

    def act(maildir: Maildir) -> None:
        found = maildir.entries(BOX)
        assert found is not None
        maildir.remove_to_undo(BOX, found.entries[0], "/state/undo", "u")
        maildir.settle([BOX], "/state/undo")

    def check(ground: Ground, finished: bool) -> None:
        assert isinstance(ground.fs, SimFs)
        whole = [path for path, data in ground.fs.files().items() if data == WHOLE]
        if finished:
            assert whole == ["/state/undo/u"]
        else:
            assert {"/state/undo/u", "/home/mail/INBOX/cur/a:2,S"} & set(whole)

    every_step(prepare, act, model, check)


@pytest.mark.parametrize("model", list(Model))
def test_a_new_mailbox_is_there_whole_or_not(model: str) -> None:
    names = [MailboxName("A/B"), MailboxName("C")]

    def check(ground: Ground, finished: bool) -> None:
        there = ground.maildir.mailboxes()[0]
        assert not finished or there == ["A/B", "C", "INBOX"]
        assert all(ground.maildir.entries(name) is not None for name in there)
        ground.maildir.create(*names)
        assert ground.maildir.mailboxes()[0] == ["A/B", "C", "INBOX"]

    every_step(lambda ground: None, lambda maildir: maildir.create(*names), model, check)


@pytest.mark.parametrize("model", list(Model))
def test_moves_and_flags(model: str) -> None:
    work = MailboxName("Work")

    def prepare(ground: Ground) -> None:
        ground.maildir.create(work)
        ground.put("INBOX/new/a", WHOLE)

    def act(maildir: Maildir) -> None:
        found = maildir.entries(BOX)
        assert found is not None
        moved = maildir.move(BOX, found.entries[0], work)
        assert moved is not None
        assert maildir.set_flags(work, moved, Flags.SEEN, Flags.NONE)
        maildir.settle((work, BOX))

    def check(ground: Ground, finished: bool) -> None:
        assert isinstance(ground.fs, SimFs)
        files = ground.fs.files()
        assert WHOLE in files.values()
        if finished:
            assert list(files) == ["/home/mail/Work/cur/a:2,S"]

    every_step(prepare, act, model, check)
