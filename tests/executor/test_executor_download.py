"""What is fetched: batches, what the server does not give, and what the disk refuses."""

from __future__ import annotations

import errno
import importlib
import re
from collections.abc import Callable, Iterator

import pytest
from support.storied import Story

download = importlib.import_module("mailsync.executor.download")  # it has a function of that name

PARKED = 16 * 60.0


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("download") as made:
        made.serve("INBOX", "a")
        made.tell()
        yield made


def refused(story: Story, ending: str) -> Callable[[str, str], None]:
    """A name that the disk does not take."""

    def step(name: str, where: str) -> None:
        if name == "rename to" and "/INBOX/" in where and where.endswith(ending):
            raise OSError(errno.EINVAL, "no such name", where)

    return step


def test_what_the_disk_refuses_holds_up_nothing_behind_it(story: Story) -> None:
    """The middle one of a batch."""
    for ghost in "bcd":
        story.serve("INBOX", ghost, *(["\\Seen"] if ghost == "c" else []))
    story.refuse = refused(story, ":2,S")
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded, ran.total.parked, ran.fetched) == (1, 2, 1, 3)
    assert story.oracle.local_views(story.mail())["INBOX"].keys() == {(g, "") for g in "abd"}
    story.refuse = None
    story.pass_time(PARKED)
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded, ran.fetched) == (0, 1, 1)
    story.agree({"INBOX": "a b c:S d"})


@pytest.mark.parametrize("files", [1, 3, 100])
@pytest.mark.parametrize("size", [1, 2_000, 1 << 24])
@pytest.mark.parametrize("piece", [1, 100])
def test_batches_of_any_size(
    story: Story, monkeypatch: pytest.MonkeyPatch, files: int, size: int, piece: int
) -> None:
    """Each message once, whatever is written and committed together."""
    monkeypatch.setattr(download, "BATCH_FILES", files)
    monkeypatch.setattr(download, "BATCH_BYTES", size)
    monkeypatch.setattr(download, "PIECE_FILES", piece)
    for number in range(8):
        story.serve("INBOX", f"m{number}", size=1_500 if number % 3 else 0)
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded, ran.fetched) == (0, 8, 8)
    story.agree({"INBOX": " ".join(["a", *(f"m{number}" for number in range(8))])})


def nil(answer: bytes) -> bytes:
    """Of the first message."""
    return re.sub(
        rb"BODY\[\] \{\d+\}\r\n.*?\r\n\)\r\n", b"BODY[] NIL)\r\n", answer, count=1, flags=re.S
    )


def empty(answer: bytes) -> bytes:
    return re.sub(
        rb"BODY\[\] \{\d+\}\r\n.*?\r\n\)\r\n", b'BODY[] "")\r\n', answer, count=1, flags=re.S
    )


def left_out(answer: bytes) -> bytes:
    return re.sub(rb"^\* .*?\r\n\)\r\n", b"", answer, count=1, flags=re.S)


def unasked(answer: bytes) -> bytes:
    """One that was not asked for, and each a second time."""
    lines, _, tagged = answer[:-2].rpartition(b"\r\n")
    other = b"* 1 FETCH (UID 1 FLAGS () BODY[] {5}\r\nother)\r\n"
    return other + lines + b"\r\n" + lines + b"\r\n" + tagged + b"\r\n"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [(nil, "(NIL)"), (empty, "with no text, and says it has"), (left_out, "gives no text for it")],
)
def test_a_text_that_is_not_given(
    story: Story, answers: Callable[[bytes], bytes], reason: str
) -> None:
    """It is parked and said; the others come."""
    for ghost in "bcd":
        story.serve("INBOX", ghost)
    story.server.fault("UID FETCH", answers, text=b"BODY.PEEK[]")
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded, ran.total.failed, ran.total.parked) == (1, 2, 1, 1)
    assert reason in ran.text
    ran = story.tell()
    assert (ran.exit, ran.fetched) == (1, 0)
    story.pass_time(PARKED)
    assert story.tell().total.downloaded == 1
    story.agree({"INBOX": "a b c d"})


def test_what_was_not_asked_for_is_not_taken(story: Story) -> None:
    for ghost in "bc":
        story.serve("INBOX", ghost)
    story.server.fault("UID FETCH", unasked, text=b"BODY.PEEK[]")
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded) == (0, 2)
    story.agree({"INBOX": "a b c"})


def test_a_message_that_is_gone_meanwhile_is_no_trouble(story: Story) -> None:
    """Left out of the answer, and listed no more."""
    for ghost in "bc":
        story.serve("INBOX", ghost)
    uid = story.uid_of("INBOX", "b")
    story.oracle.deleted.add("b")

    def gone(answer: bytes) -> bytes:
        story.server.expunge("INBOX", uid)
        return left_out(answer)

    story.server.fault("UID FETCH", gone, text=b"BODY.PEEK[]")
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded, ran.total.failed) == (0, 1, 0)
    story.tell()
    story.agree({"INBOX": "a c"})


def test_a_message_without_bytes_is_one(story: Story) -> None:
    """RFC822.SIZE says 0, too."""
    story.server.deliver("INBOX", b"", [], 1_700_000_009)
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded) == (0, 1)
    assert b"" in story.mail().values()
    assert story.tell().exit == 0
