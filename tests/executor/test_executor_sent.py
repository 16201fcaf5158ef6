"""What is sent of a file: its bytes, flags and date; and what is remembered of it before."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sim.oracle import body_of
from sim.server_profile import strict_qresync
from support.storied import Story

from mailsync.cache import IntentKind, NewIntent
from mailsync.model.content import Digest
from mailsync.model.flags import Flags
from mailsync.model.ids import MailboxId, RowId, UIDValidity
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Mailbox, Presence, Row

upload = importlib.import_module("mailsync.executor.upload")  # the package has a function of it


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("upload") as made:
        made.serve("INBOX", "a")
        made.tell()
        yield made


def test_a_message_is_as_old_there_as_its_file(story: Story) -> None:
    path = story.file("INBOX", "b", age=90_000)
    story.tell()
    (sent,) = [m for m in story.server.contents("INBOX") if m.ghost == "b"]
    assert sent.date == story.fs.stat(path).mtime_ns // 10**9


@pytest.mark.parametrize(
    ("sizes", "pieces"),
    [
        ([10, 10, 10], [20, 10]),
        ([9, 9, 9, 9], [27, 9]),
        ([19, 1, 1], [20, 1]),
        ([50, 1], [50, 1]),
        ([5, 4], [9]),
        ([], []),
    ],
)
def test_pieces_of_about_a_megabyte(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int], pieces: list[int]
) -> None:
    """Each is a turn of the disk thread; nothing is left out."""
    monkeypatch.setattr(upload, "PIECE", 20)
    data = bytes(range(sum(sizes)))
    source = iter([data[sum(sizes[:at]) :][:size] for at, size in enumerate(sizes)])
    found = list(iter(lambda: upload._next_piece(source), b""))
    assert (b"".join(found), [len(piece) for piece in found]) == (data, pieces)


def test_what_is_remembered_before_the_command() -> None:
    """By this the message is found after a doubt: as it was sent, with its tail."""
    row = Row(RowId(5), MailboxId(2), mtime_ns=1_700_000_005_900_000_000)
    digest = Digest(98, 100, b"b" * 16, b"h" * 16, "<a@x>", False, False)
    box = Mailbox(
        MailboxId(2), MailboxName("Work"), Presence.THERE, Presence.THERE,
        uid_validity=UIDValidity(7),
    )  # fmt: skip
    ready = upload.Ready(row, digest, Flags.SEEN, b"\r\n")
    assert upload._intent(box, ready, 42) == NewIntent(
        kind=IntentKind.APPEND,
        row=RowId(5),
        source=None,
        mailbox=MailboxId(2),
        uid_validity=UIDValidity(7),
        uid_next=42,
        message_id="<a@x>",
        size=102,
        body=b"b" * 16,
        header=b"h" * 16,
        internal_date=1_700_000_005,
        flags=Flags.SEEN,
    )


@pytest.mark.parametrize(
    ("changes", "flags", "kept"),
    [
        ({}, b"(\\Flagged \\Seen \\Draft)", "DFS"),
        ({"permanent": ("\\Seen", "\\Flagged")}, b"(\\Flagged \\Seen)", "FS"),
        ({"extra": ("CLIENTACCESSRULES",), "forgets_flagged": True}, b"(\\Seen \\Draft)", "DFS"),
    ],
)
def test_only_flags_that_are_kept_are_sent(
    changes: dict[str, object], flags: bytes, kept: str
) -> None:
    """By the mailbox; and what Exchange Online forgets of an APPEND is stored afterwards."""
    with Story("sent flags", replace(strict_qresync(), **changes)) as s:  # type: ignore[arg-type]
        s.file("INBOX", "b", ":2,DFS")
        since = len(s.server.executed)
        assert s.tell().exit == 0
        (sent,) = [one.text for one in s.server.executed[since:] if one.name == "APPEND"]
        found = re.search(rb"\(.*?\)", sent)
        assert found is not None
        assert set(found[0][1:-1].split()) == set(flags[1:-1].split())
        assert s.oracle.server_views(s.server)["INBOX"] == {("b", kept): 1}
        s.idle()


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize("ended", [False, True])
def test_a_line_end_is_added_only_where_it_is_wanted(wanted: bool, ended: bool) -> None:
    """Yahoo wants one at the end; any other server gets the bytes of the file."""
    extra = ("XYMHIGHESTMODSEQ",) if wanted else ()
    profile = replace(strict_qresync(), extra=extra, wants_crlf=wanted)
    with Story("line end", profile) as s:
        data = body_of("b") if ended else body_of("b").rstrip(b"\n")
        s.oracle.born("b", data)
        s.make("INBOX")
        s.write("/mail/INBOX/cur/1.b.reader:2,", data, 1_700_000_001)
        assert s.tell().exit == 0
        (there,) = s.server.contents("INBOX")
        tail = b"\r\n" if wanted and not ended else b""
        assert there.body == data.replace(b"\n", b"\r\n") + tail
        s.idle()
