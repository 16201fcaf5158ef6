"""A file of ours that is written over in the second of its date: its name and its date say that it
is the message that it was, its bytes say that it is not."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

import pytest
from sim.oracle import body_of
from sim.server_profile import Profile, plain_no_uidplus, strict_qresync
from sim.stack import Stack
from support.storied import Story

SECOND = 1_000_000_000
DAY = 86400.0
WAYS = ["there", "moved", "expunged"]
EDITS = [(500, SECOND // 2), (700, SECOND // 2), (700, 0)]
BOXES = ["INBOX", "Drafts"]


@pytest.fixture
def stacks() -> Iterator[Callable[[Profile], Stack]]:
    made: list[Stack] = []

    def make(profile: Profile) -> Stack:
        made.append(Stack("edited", profile))
        return made[-1]

    yield make
    for stack in made:
        stack.close()


def delivered(stack: Stack, box: str) -> None:
    for ghost in ("a", "b"):
        stack.serve(box, ghost, size=500)
    stack.sync()
    stack.sync()


def edit(stack: Stack, box: str, *, size: int, ns: int, later: float = 2 * DAY) -> None:
    """In place, as an editor does that knows nothing of Maildir."""
    stack.pass_time(later)  # the audit sees it, where nothing else does
    rewrite(stack, stack.path_of(box, "a"), size=size, ns=ns)


def rewrite(stack: Stack, path: str, *, size: int, ns: int) -> None:
    second = stack.fs.stat(path).mtime_ns
    stack.fs.unlink(path)
    stack.oracle.deleted.add("a")
    body = body_of("z", size)
    stack.oracle.born("z", body)
    writer = stack.fs.create(path)
    writer.write(body)
    writer.set_mtime(second + ns)
    writer.sync()
    writer.close()
    stack.fs.sync_dir(path.rpartition("/")[0])


def elsewhere(stack: Stack, box: str, way: str) -> set[str]:
    """What another client does with it meanwhile, and the mailboxes where it is then."""
    if way == "there":
        return set()
    if way == "moved":
        stack.server.move(box, stack.uid_of(box, "a"), "Trash")
        return {"Trash"}
    stack.expunge(box, "a")
    return set()


def assert_sent(stack: Stack, box: str, where: set[str]) -> None:
    assert stack.sync().exit == 0
    executed = len(stack.server.executed)
    assert stack.sync().exit == 0
    assert not stack.server.changing(executed)
    here = stack.oracle.local_views(stack.fs.files())
    for name in ("INBOX", "Drafts", *({"Trash"} | where)):
        wanted = (["b", "z"] if name == box else []) + (["a"] if name in where else [])
        assert sorted(stack.server.ghosts(name)) == sorted(wanted), name
        assert sorted(ghost for ghost, _ in here.get(name, ())) == sorted(wanted), name


@pytest.mark.parametrize(("size", "ns"), EDITS, ids=["same-size", "other-size", "same-mtime"])
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("profile", [strict_qresync, plain_no_uidplus])
def test_it_is_sent(
    stacks: Callable[[Profile], Stack],
    profile: Callable[[], Profile],
    way: str,
    box: str,
    size: int,
    ns: int,
) -> None:
    stack = stacks(profile())
    delivered(stack, box)
    edit(stack, box, size=size, ns=ns)
    assert_sent(stack, box, elsewhere(stack, box, way))


@pytest.mark.parametrize(("size", "ns"), EDITS, ids=["same-size", "other-size", "same-mtime"])
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("way", WAYS)
def test_it_is_sent_after_the_cache_was_lost(
    stacks: Callable[[Profile], Stack], way: str, box: str, size: int, ns: int
) -> None:
    """Then messages were paired by our names alone, and nobody knows their bytes."""
    stack = stacks(strict_qresync())
    delivered(stack, box)
    for path in stack.state.glob("cache.db*"):
        path.unlink()
    stack.sync()
    stack.sync()
    edit(stack, box, size=size, ns=ns)
    assert_sent(stack, box, elsewhere(stack, box, way))


@pytest.mark.parametrize(("size", "ns"), EDITS[:2], ids=["same-size", "other-size"])
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("profile", [strict_qresync, plain_no_uidplus])
def test_a_copy_on_the_server_is_none_of_the_edited_file(
    stacks: Callable[[Profile], Stack],
    profile: Callable[[], Profile],
    box: str,
    size: int,
    ns: int,
) -> None:
    """The Maildir seems to have it already; the audit is not due."""
    stack = stacks(profile())
    stack.server.create("Work")
    delivered(stack, box)
    edit(stack, box, size=size, ns=ns, later=5)
    stack.server.copy(box, stack.uid_of(box, "a"), "Work")
    assert stack.sync().exit == 0
    assert [ghost for ghost, _ in stack.oracle.local_views(stack.fs.files())["Work"]] == ["a"]
    stack.pass_time(2 * DAY)
    assert_sent(stack, box, {"Work"})


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("moment", ["renamed", "copied", "read"])
def test_at_the_last_moment_before_it_is_removed(
    stacks: Callable[[Profile], Stack], box: str, moment: str
) -> None:
    """After the last look at it: before it is renamed into undo or copied there, to another disk,
    or after the copy was read.  What was written is another message, and stays."""
    stack = stacks(strict_qresync())
    delivered(stack, box)
    stack.expunge(box, "a")
    path, undo = stack.path_of(box, "a"), f"{stack.state}/undo"
    done: list[str] = []

    def at_last(method: str, where: str) -> None:
        began = (method, where) == ("rename", path)
        read = (method, where) == ("sync_dir", undo)
        if not done and (read if moment == "read" else began):
            done.append(where)
            rewrite(stack, path, size=700, ns=SECOND)
        if began and moment != "renamed":
            raise OSError(errno.EXDEV, "another disk", where)

    stack.refuse = at_last
    report = stack.sync()
    assert report.exit == 0, report
    stack.refuse = None
    assert done
    stack.sync()
    assert_sent(stack, box, set())


def test_one_that_is_written_over_all_the_time(stacks: Callable[[Profile], Stack]) -> None:
    """While it is copied to undo, on another disk."""
    stack = stacks(strict_qresync())
    delivered(stack, "INBOX")
    stack.expunge("INBOX", "a")
    path, undo = stack.path_of("INBOX", "a"), f"{stack.state}/undo"

    def always(method: str, where: str) -> None:
        if (method, where) == ("rename", path):
            raise OSError(errno.EXDEV, "another disk", where)
        if (method, where) == ("sync_dir", undo) and path in stack.fs.files():
            rewrite(stack, path, size=len(stack.fs.files()[path]) + 1, ns=SECOND)

    stack.refuse = always
    assert stack.sync().exit == 0
    stack.refuse = None
    assert_sent(stack, "INBOX", set())


def test_a_draft_in_a_mailbox_of_which_the_server_says_only_now_what_it_is_for() -> None:
    """Nothing else has changed: were that no change, no edit in it would be looked for."""
    with Story("role") as s:
        s.server.delete("Drafts")
        s.server.create("Concepts")
        for ghost in "ab":
            s.serve("Concepts", ghost)
        s.tell()
        s.idle()
        s.server.box("Concepts").special_use = {"\\Drafts"}
        s.oracle.deleted.add("a")
        s.oracle.born("z", body_of("z"))
        file = s.disk.find(s.path_of("Concepts", "a"))  # written in place: no folder tells of it
        file.data[:] = body_of("z")
        file.mtime_ns = file.ctime_ns = s.disk.now()
        file.sync_data()
        assert s.tell().stored == 1
        s.agree({"Concepts": "b z"})
