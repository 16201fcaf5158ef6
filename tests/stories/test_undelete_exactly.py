"""Every file that mailsync removed comes back byte for byte, in its folder, with all of its info.

Hypothesis draws the files, what is removed, mailboxes that go, names that are used again, and the
step of an undelete at which it is killed.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from unittest import mock

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sim.fs import MODELS
from sim.steps import Crash, Steps
from sim.world import make_world
from support.storied import Story

from mailsync.local import split_name
from mailsync.modes import decide

STRIDE = int(os.environ.get("MAILSYNC_STORY_STRIDE", "13"))  # 1: every step
BOXES = ("INBOX", "Work", "Lists/Deep")
INFOS = (
    *("", ":2,", ":2,S", ":2,FRS", ":2,DPT", ":2,a", ":2,FSaz", ":2,zS", ":2,SX9"),
    *(",S=123:2,S", ",S=123,W=130:2,", ",U=7", ",FMD5=0123456789abcdef:2,RSb", ";2,F", "!2,Sq"),
    *(":2,S,odd=1", f",N={'n' * 90}:2,F", f",N={'n' * 150}:2,F"),
)
BODIES = tuple(
    b"X-Ghost: g%d\n\n%s" % (at, rest)
    for at, rest in enumerate((b"", b"text\n", b"no end", b"a\rb\n", b"\xff\x80\n", b"crlf\r\nx\n"))
)
File = tuple[str, str, str, str, bytes]  # mailbox, folder, unique name, info, bytes


@dataclass(frozen=True)
class Filed:
    """A file that a mail reader puts there; `name` and `body` are numbers."""

    box: str
    folder: str
    name: int
    info: str
    body: int

    @property
    def unique(self) -> str:
        return f"1700000000.n{self.name}.reader"


FILED = st.builds(
    Filed,
    st.sampled_from(BOXES),
    st.sampled_from(("new", "cur")),
    st.integers(0, 4),
    st.sampled_from(INFOS),
    st.integers(0, len(BODIES) - 1),
)


@dataclass
class Told:
    """What was put there and what was removed: `back` has what an undelete owes."""

    story: Story
    back: dict[tuple[str, str, bytes], File] = field(default_factory=dict)

    def put(self, files: list[Filed]) -> None:
        taken = {(box, unique) for box, _, unique, _, _ in self.files()}
        for one in files:
            if (one.box, one.unique) in taken:
                continue
            taken.add((one.box, one.unique))
            self.story.make(one.box)
            path = f"/mail/{one.box}/{one.folder}/{one.unique}{one.info}"
            self.story.write(path, BODIES[one.body], 1_700_000_000 + one.name)
        assert self.story.tell().exit == 0

    def files(self) -> list[File]:
        found = []
        for path, data in self.story.mail().items():
            where, folder, name = path.removeprefix("/mail/").rsplit("/", 2)
            if folder != "tmp":  # where nobody looks: cleaned in time
                found.append((where, folder, *split_name(name), data))
        return found

    def remove(self, chosen: Callable[[File], bool]) -> None:
        """They are expunged on the server, and removed here by the next sync."""
        before = self.files()
        for box in {one[0] for one in before}:
            # By ghost and order: twins are alike, so which of them goes is seen afterwards.
            ghosts = [f"g{BODIES.index(one[4])}" for one in before if one[0] == box and chosen(one)]
            for ghost in ghosts:
                self.story.server.expunge(box, self.story.uid_of(box, ghost))
        assert self.story.tell().exit == 0
        self.owe(before)

    def remove_mailbox(self, box: str) -> None:
        before = self.files()
        if not any(one[0] == box for one in before):
            return
        self.story.server.delete(box)
        assert self.story.tell().exit == 3
        self.story.accept()
        assert self.story.tell().exit == 0
        self.owe(before)

    def owe(self, before: list[File]) -> None:
        left = self.files()
        for one in before:
            if one not in left:
                self.back[one[0], one[2], one[4]] = one  # the same once more: the later one

    def all(self) -> Counter[tuple[str, str, str, bytes]]:
        """What is there and what is owed, without the unique names."""
        return nameless([*self.files(), *self.back.values()])


def nameless(files: list[File]) -> Counter[tuple[str, str, str, bytes]]:
    return Counter((box, folder, info, data) for box, folder, _, info, data in files)


def killed(story: Story, at: int, model: str | None) -> bool:
    """An undelete that dies at one of its steps on the disk, with all power or (None) alone; False:
    it ended before."""
    world = make_world(story.server, story.fs, f"undelete {at}", Steps(crash_at=at))
    with mock.patch.object(decide, "production_world", return_value=nullcontext(world)):
        try:
            decide.undelete(story.account, None, False)
        except Crash:
            if model is not None:
                story.disk.crash(model, story.rand.fork(f"crash {at}"))
            return True
    return False


def check_back(told: Told, expected: Counter[tuple[str, str, str, bytes]]) -> None:
    story = told.story
    story.undelete()
    assert nameless(told.files()) == expected
    assert story.undo() == {}
    assert story.fs.files(under=f"{story.state}/undo.index/") == {}
    assert story.tell().exit == 0
    assert nameless(told.files()) == expected
    assert story.undelete() == []
    again = story.tell()
    assert (again.exit, again.stored, again.fetched) == (0, 0, 0)
    assert nameless(told.files()) == expected


@settings(
    max_examples=int(os.environ.get("MAILSYNC_STORY_SEEDS", "15")),
    deadline=None,
    phases=[Phase.generate],
    derandomize=True,
)
@given(
    first=st.lists(FILED, min_size=1, max_size=8),
    second=st.lists(FILED, max_size=5),
    gone=st.lists(st.integers(0, 4), min_size=1, max_size=3),
    box=st.sampled_from((None, "Work", "Lists/Deep")),
    crash=st.none() | st.tuples(st.integers(1, 60), st.sampled_from(MODELS)),
)
def test_undelete_everything_as_it_was(
    first: list[Filed],
    second: list[Filed],
    gone: list[int],
    box: str | None,
    crash: tuple[int, str] | None,
) -> None:
    with Story("exactly") as story:
        told = Told(story)
        told.put(first)
        told.remove(lambda one: any(f".n{number}." in one[2] for number in gone))
        told.put(second)
        told.remove(lambda one: f".n{gone[0]}." in one[2])
        if box is not None:
            told.remove_mailbox(box)
        expected = told.all()
        if crash is not None:
            killed(story, *crash)
        check_back(told, expected)


@pytest.mark.parametrize("model", MODELS)
def test_undelete_killed_at_every_step(model: str) -> None:
    """None comes back twice, and none is left in undo without a row that knows it."""
    files = [
        Filed("INBOX", "cur", 0, ":2,Sa", 1),
        Filed("INBOX", "new", 1, "", 2),
        Filed("Work", "cur", 2, ",S=9:2,F", 3),
    ]
    at = MODELS.index(model) + 1 - STRIDE
    while True:
        at += STRIDE
        with Story(f"killed/{model}") as story:
            told = Told(story)
            told.put(files)
            told.remove(lambda one: True)
            expected = told.all()
            done = not killed(story, at, model)
            check_known(story)
            check_back(told, expected)
        if done:
            break
    assert at > 20


def test_undelete_after_one_that_was_killed_waits_for_the_disk() -> None:
    """What it finds already brought back is not only in undo when it leaves that."""
    at = 0
    while True:
        at += 1
        with Story("killed, then cut") as story:
            told = Told(story)
            told.put([Filed("INBOX", "cur", 0, ":2,Sa", 1), Filed("INBOX", "new", 1, "", 2)])
            told.remove(lambda one: True)
            expected = told.all()
            story.disk.sync()
            done = not killed(story, at, None)
            story.undelete()
            story.disk.crash("synced", story.rand)
            assert nameless(told.files()) == expected
        if done:
            break
    assert at > 20


def check_known(story: Story) -> None:
    """What lies in undo is in the cache: it is purged in its time."""
    cache = story.cache()
    known = {one.new.undo for one in cache.deletions()}
    cache.close()
    assert {path.rpartition("/")[2] for path in story.undo()} <= known


@pytest.mark.parametrize("model", MODELS)
def test_a_download_out_of_undo_killed_at_every_step(model: str) -> None:
    at = MODELS.index(model) + 1 - STRIDE
    while True:
        at += STRIDE
        with Story(f"from undo/{model}", mailboxes=("*", "!Hidden")) as story:
            story.server.create("Hidden")
            for ghost in "ab":
                story.serve("INBOX", ghost)
            story.tell()
            story.server.move("INBOX", story.uid_of("INBOX", "a"), "Hidden")
            assert story.tell().total.removed == 1
            story.server.move("Hidden", story.uid_of("Hidden", "a"), "INBOX")
            story.pass_time(60)
            done = not story.crash(at, model)
            check_known(story)
            assert story.tell().exit == 0
            check_known(story)
            assert Counter(story.server.ghosts("INBOX")) == {"a": 1, "b": 1}
            story.agree({"INBOX": "a b"})
        if done:
            break
    assert at > 40


def test_what_the_disk_refuses_stays_in_undo() -> None:
    """One file, or one mailbox, that cannot be written holds up no other and is not lost."""
    with Story("refused") as story:
        told = Told(story)
        told.put([Filed(box, "cur", at, ":2,S", at) for at, box in enumerate(BOXES)])
        told.remove(lambda one: True)
        expected = told.all()

        def refuse(call: str, path: str) -> None:
            if call in ("create", "rename") and "/mail/Work/tmp" in path:
                raise OSError(errno.EACCES, "Permission denied", path)

        world = make_world(story.server, story.fs, "refused", Steps())
        world.fs.refuse = refuse
        with mock.patch.object(decide, "production_world", return_value=nullcontext(world)):
            done = decide.undelete(story.account, None, False)
        assert (len(done.files), len(done.errors), set(done.exits)) == (2, 1, {75})
        assert len(story.undo()) == 1
        check_known(story)
        check_back(told, expected)


def test_a_file_whose_name_the_disk_refuses_stays_in_undo() -> None:
    """Its undo file was purged although it had not come back."""
    with Story("refused name") as story:
        told = Told(story)
        told.put([Filed("INBOX", "cur", at, ":2,S", at) for at in range(3)])
        told.remove(lambda one: True)
        expected = told.all()
        renames = 0

        def refuse(call: str, path: str) -> None:
            nonlocal renames
            renames += call == "rename" and "/INBOX/tmp/" in path
            if call == "rename" and renames == 2:
                raise OSError(errno.ENAMETOOLONG, "File name too long", path)

        world = make_world(story.server, story.fs, "refused", Steps())
        world.fs.refuse = refuse
        with mock.patch.object(decide, "production_world", return_value=nullcontext(world)):
            done = decide.undelete(story.account, None, False)
        assert (len(done.files), len(done.errors)) == (2, 1)
        assert len(story.undo()) == 1
        check_back(told, expected)
