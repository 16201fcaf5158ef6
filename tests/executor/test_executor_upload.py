"""What is sent: how many at once, what cannot be, and what is said of it."""

from __future__ import annotations

import importlib
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
