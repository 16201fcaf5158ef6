"""What is sent: how many at once, what cannot be, and what is said of it."""

from __future__ import annotations

import errno
import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from sim.oracle import body_of
from sim.server_profile import Profile, plain, strict_qresync
from support.storied import Story

upload = importlib.import_module("mailsync.executor.upload")  # the package has a function of it


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("upload") as made:
        made.serve("INBOX", "a")
        made.tell()
        yield made


def wire_size(ghost: str, size: int = 0) -> int:
    return len(body_of(ghost, size).replace(b"\n", b"\r\n"))


def appended(story: Story, since: int) -> list[int]:
    """How many messages came by each APPEND."""
    return [one.messages for one in story.server.executed[since:] if one.name == "APPEND"]


@pytest.mark.parametrize(
    ("most", "most_bytes", "sizes", "batches"),
    [
        (3, 1 << 20, [0] * 7, [3, 3, 1]),
        (3, 1 << 20, [0] * 3, [3]),
        (9, wire_size("0", 500) * 2, [500] * 5, [2, 2, 1]),
        (9, wire_size("0", 500) * 2 - 1, [500] * 3, [1, 1, 1]),
        (9, wire_size("0", 500) * 2, [900, 900, 200, 0], [1, 1, 2]),
    ],
)
def test_several_at_once_up_to_a_number_and_a_size(
    story: Story,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    most_bytes: int,
    sizes: list[int],
    batches: list[int],
) -> None:
    monkeypatch.setattr(upload, "BATCH_MESSAGES", most)
    monkeypatch.setattr(upload, "BATCH_BYTES", most_bytes)
    for number, size in enumerate(sizes):
        story.file("INBOX", f"{number}", size=size)
    since = len(story.server.executed)
    ran = story.tell()
    assert (ran.exit, ran.total.uploaded) == (0, len(sizes))
    assert appended(story, since) == batches
    story.agree({"INBOX": " ".join(["a", *map(str, range(len(sizes)))])})


def test_what_is_as_large_as_the_server_takes_is_sent() -> None:
    """One byte more is not (RFC 7889)."""
    profile = replace(strict_qresync(), append_limit=wire_size("x", 500))
    with Story("limit", profile) as s:
        s.file("INBOX", "x", size=500)
        s.file("INBOX", "y", size=501)
        ran = s.tell()
        assert (ran.exit, ran.total.uploaded, ran.total.failed) == (1, 1, 1)
        assert f"it has {wire_size('y', 501)} bytes" in ran.text
        assert s.server.ghosts("INBOX") == {"x": 1}


@pytest.mark.parametrize("binary", [True, False])
def test_nul_needs_binary(binary: bool) -> None:
    with Story("nul", replace(strict_qresync(), binary=binary)) as s:
        path = s.file("INBOX", "x")
        s.fs.unlink(path)
        s.write(path, body_of("x") + b"nul \x00 byte\n", 1_700_000_005)
        s.oracle.born("x", body_of("x") + b"nul \x00 byte\n")
        s.file("INBOX", "y")
        ran = s.tell()
        sent = {"x": 1, "y": 1} if binary else {"y": 1}
        assert (ran.exit, s.server.ghosts("INBOX")) == (0 if binary else 1, sent)
        assert ("it holds a NUL byte, and the server has no BINARY" in ran.text) is not binary


@pytest.mark.parametrize(("data", "sent"), [(b"", False), (b"x", True), (b"\n", True)])
def test_an_empty_file_is_no_message(story: Story, data: bytes, sent: bool) -> None:
    story.write("/mail/INBOX/new/1.empty.reader", data, 1_700_000_005)
    ran = story.tell()
    assert (ran.exit, ran.total.uploaded) == ((0, 1) if sent else (1, 0))
    assert ("the file is empty" in ran.text) is not sent


@pytest.mark.parametrize("make", [strict_qresync, plain])
def test_where_uploads_are_refused_one_is_enough(make: Callable[[], Profile]) -> None:
    """A reason that holds for all is not asked for again in this run, and said of each."""
    with Story("stopped", make()) as s:
        s.server.create("Work")
        for ghost in "abc":
            s.file("Work", ghost)
        s.file("INBOX", "d")
        s.tell(dry_run=True)
        s.server.fault("APPEND", "NO [NOPERM] not you", sticky=True, mailbox=b"Work")
        ran = s.tell()
        assert (ran.exit, ran.total.uploaded, ran.total.failed) == (1, 1, 3)
        assert ran.commands["APPEND"] == 2
        assert "cannot upload" in ran.text
        assert s.server.ghosts() == {"d": 1}
        s.server.faults.clear()
        s.pass_time(86_400)
        assert s.tell().total.uploaded == 3
        s.agree({"INBOX": "d", "Work": "a b c"})


def test_where_the_account_asks_too_much_nothing_is_said_of_a_message(story: Story) -> None:
    """It is left alone; nothing is parked, and nothing is in doubt."""
    for ghost in "bc":
        story.file("INBOX", ghost)
    story.server.fault("APPEND", "NO [THROTTLED] slow down", sticky=True)
    ran = story.tell()
    assert (ran.exit, ran.commands["APPEND"], ran.total.failed, ran.total.parked) == (75, 1, 0, 0)
    cache = story.cache()
    assert cache.intents() == []
    cache.close()
    story.server.faults.clear()
    assert story.tell(pause=86_400).stored == 2
    story.agree({"INBOX": "a b c"})


@dataclass
class Heard:
    """A progress display."""

    found: list[tuple[int, int | None]] = field(default_factory=list)
    messages: int = 0
    size: int = 0
    places: set[str] = field(default_factory=set)

    def look(self, place: str) -> None:
        """Nothing is shown of it."""

    def start(self, account: str, mailboxes: int, messages: int, size: int | None) -> None:
        self.found.append((messages, size))

    def advance(self, messages: int, size: int, place: str) -> None:
        self.messages += messages
        self.size += size
        self.places.add(place)

    def note(self, text: str) -> None:
        raise AssertionError(text)

    def finish(self) -> None:
        """Nothing is shown of it."""


def test_progress_ends_where_it_was_to_end(story: Story) -> None:
    """As many messages as were found, and their bytes on the wire."""
    story.server.create("Work")
    story.serve("Work", "d", size=3_000)
    story.serve("Work", "e", size=1_500_000)
    story.file("INBOX", "u", size=2_000)
    story.flag("INBOX", "a", "S")
    heard = Heard()
    assert story.tell(progress=heard).exit == 0  # type: ignore[arg-type]
    assert heard.messages == heard.found[0][0] == 4
    down = wire_size("d", 3_000) + wire_size("e", 1_500_000)
    assert heard.size == down + wire_size("u", 2_000)
    assert heard.places == {"test/INBOX", "test/Work"}


@pytest.mark.parametrize("make", [strict_qresync, plain])
@pytest.mark.parametrize("number", [7, 1])
def test_only_what_the_server_refuses_is_not_sent(make: Callable[[], Profile], number: int) -> None:
    """In halves, until the culprit is alone; it is parked and named."""
    with Story("refused", replace(make(), strict_message=True)) as s:
        path = s.file("INBOX", "x")
        s.fs.unlink(path)
        s.write(path, b"no header\n", 1_700_000_005)
        for ghost in range(number - 1):
            s.file("INBOX", f"{ghost}")
        ran = s.tell()
        assert (ran.exit, ran.total.uploaded, ran.total.failed) == (1, number - 1, 1)
        assert f"the server refused {path.rpartition('/')[2]}" in ran.text
        assert ran.stored == number - 1
        assert s.tell(pause=16 * 60).stored == 0
        assert s.server.ghosts("INBOX") == {f"{ghost}": 1 for ghost in range(number - 1)}


def unreadable(story: Story, ghost: str, number: int) -> Callable[[str, str], None]:
    """Read once, its file cannot be opened."""
    path, opened = story.path_of("INBOX", ghost), []

    def step(name: str, where: str) -> None:
        if name == "open" and where == path:
            opened.append(where)
            if len(opened) > 1:
                raise OSError(number, "unreadable", where)

    return step


@pytest.mark.parametrize("make", [strict_qresync, plain])
@pytest.mark.parametrize(
    ("number", "exit", "failed"), [(errno.EINVAL, 1, 1), (errno.EACCES, 1, 1), (errno.EIO, 75, 0)]
)
def test_a_file_that_cannot_be_read_to_its_end(
    make: Callable[[], Profile], number: int, exit: int, failed: int
) -> None:
    """The connection is closed in the middle of it: nothing was stored, nothing is left open.
    Where only that file is to blame it is parked, and the others are sent."""
    with Story("middle", make()) as s:
        for ghost in "xyz":
            s.file("INBOX", ghost)
        s.refuse = unreadable(s, "y", number)
        ran = s.tell()
        assert (ran.exit, ran.total.failed) == (exit, failed)
        assert s.server.ghosts("INBOX")["y"] == 0
        if failed:
            assert s.server.ghosts("INBOX") == {"x": 1, "z": 1}
        cache = s.cache()
        assert cache.intents() == []
        cache.close()
        s.refuse = None
        assert s.tell(pause=86_400).exit == 0
        s.agree({"INBOX": "x y z"})


@pytest.mark.parametrize(
    "data", [None, body_of("n", 500), body_of("n")], ids=["gone", "larger", "smaller"]
)
@pytest.mark.parametrize("make", [strict_qresync, plain])
def test_a_file_that_is_another_one_by_now(make: Callable[[], Profile], data: bytes | None) -> None:
    """Read once, it is deleted or written over: no trouble, and nothing of it arrives."""
    with Story("another", make()) as s:
        for ghost in "xyz":
            s.file("INBOX", ghost, size=200)
        path, opened = s.path_of("INBOX", "y"), []

        def step(name: str, where: str) -> None:
            if name == "open" and where == path:
                opened.append(where)
                if len(opened) == 2:
                    s.fs.unlink(path)
                    if data is not None:
                        s.write(path, data, 1_700_000_009)

        s.refuse = step
        s.oracle.deleted.add("y")
        if data is not None:
            s.oracle.born("n", data)
        ran = s.tell()
        assert (ran.exit, ran.total.failed) == (0, 0)
        s.tell()
        held = {m.body.replace(b"\r\n", b"\n") for m in s.server.contents("INBOX")}
        assert held == {body_of("x", 200), body_of("z", 200)} | (
            {data} if data is not None else set()
        )
        s.idle()


def test_a_busy_server_is_asked_again(story: Story) -> None:
    story.server.fault("APPEND", "NO [INUSE] a moment")
    story.file("INBOX", "b")
    ran = story.tell()
    assert (ran.exit, ran.commands["APPEND"], ran.stored) == (0, 2, 1)
    story.agree({"INBOX": "a b"})


@pytest.mark.parametrize("right", [True, False])
def test_what_appenduid_names_is_not_looked_for(story: Story, right: bool) -> None:
    """Under the mailbox's UIDVALIDITY; under another one it names nothing."""
    if not right:
        story.server.fault("APPEND", lambda said: re.sub(rb"APPENDUID \d+", b"APPENDUID 9", said))
    story.file("INBOX", "b")
    story.file("INBOX", "c")
    since = len(story.server.executed)
    ran = story.tell()
    assert (ran.exit, ran.total.uploaded) == (0, 2)
    asked = [b"BODY.PEEK[HEADER]" in one.text for one in story.server.executed[since:]]
    assert any(asked) is not right
    story.agree({"INBOX": "a b c"})


def test_what_was_sent_is_seen_in_the_same_run(story: Story) -> None:
    """Our own change moves HIGHESTMODSEQ: the next run has nothing to look at."""
    story.file("INBOX", "b")
    story.tell()
    assert "SELECT" not in story.tell().commands


@pytest.mark.parametrize("lie", ["refused", "dropped"])
def test_a_keyword_that_is_not_kept_holds_up_no_message(lie: str) -> None:
    """It stays here; the other flags go along, and two commands are enough for all."""
    with Story("keyword", replace(strict_qresync(), keywords_lie=lie)) as s:
        s.make("INBOX")
        s.write("/mail/INBOX/dovecot-keywords", b"0 Mine\n", 1_700_000_001)
        for ghost in "xyz":
            s.file("INBOX", ghost, ":2,FSa")
        since = len(s.server.executed)
        ran = s.tell()
        assert (ran.exit, ran.total.uploaded, ran.stored) == (0, 3, 3)
        assert [n for n in appended(s, since) if n] == [3]
        assert ran.commands["APPEND"] == (2 if lie == "refused" else 1)
        found = {m.ghost: set(m.flags) for m in s.server.contents("INBOX")}
        assert found == {ghost: {"\\Flagged", "\\Seen"} for ghost in "xyz"}
        s.idle()


@pytest.mark.parametrize("make", [strict_qresync, plain])
def test_what_is_as_large_as_what_had_no_room_is_not_tried(make: Callable[[], Profile]) -> None:
    """Said of each."""
    with Story("no room", make()) as s:
        for ghost in "bcde":
            s.file("INBOX", ghost)
        s.server.quota = 0
        ran = s.tell()
        assert (ran.exit, ran.total.failed, ran.total.parked) == (1, 4, 4)
        assert ran.commands["APPEND"] == (3 if s.server.profile.multiappend else 1)
        s.server.quota = None
        assert s.tell(pause=86_400).total.uploaded == 4
        s.agree({"INBOX": "b c d e"})


@pytest.mark.parametrize("make", [strict_qresync, plain])
def test_what_is_smaller_than_what_had_no_room_is_tried(
    make: Callable[[], Profile], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also beside what is not, in a batch that comes later."""
    monkeypatch.setattr(upload, "BATCH_MESSAGES", 2)
    with Story("some room", make()) as s:
        for ghost, size in (("b", 9_000), ("c", 0), ("d", 9_500), ("e", 0)):
            s.file("INBOX", ghost, size=size)
        s.server.quota = 5_000
        ran = s.tell()
        assert (ran.exit, ran.total.uploaded, ran.total.failed) == (1, 2, 2)
        assert s.server.ghosts("INBOX") == {"c": 1, "e": 1}
        refused = [one for one in s.server.executed if one.name == "APPEND" and not one.messages]
        assert len(refused) == (2 if s.server.profile.multiappend else 1), "the second is not tried"
        s.server.quota = None
        assert s.tell(pause=86_400).total.uploaded == 2
        s.agree({"INBOX": "b c d e"})
