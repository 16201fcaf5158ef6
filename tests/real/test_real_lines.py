"""Servers that take only short command lines: what fits one command is done or refused whole."""

from __future__ import annotations

import pytest
from support.wired import Wired

from mailsync.imap import quirks

pytestmark = pytest.mark.dovecot

LONGEST = 300


@pytest.fixture
def short(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> Wired:
    """60 messages whose UIDs are no ranges, in INBOX and in the Maildir; a mailbox to move to."""
    wired.fill(120)
    with wired.client() as client:
        client.expunge(range(1, 121, 2))
        client.create("Archive")
    wired.settle()
    monkeypatch.setattr(quirks, "line_budget", lambda found: LONGEST)
    return wired


def archive(rig: Wired) -> None:
    for path in rig.files():
        path.rename(rig.box("Archive") / path.parent.name / path.name)


@pytest.mark.parametrize("command", ["UID MOVE", "UID COPY"])
def test_moves_go_in_short_lines(short: Wired, command: str) -> None:
    archive(short)
    if command == "UID COPY":
        short.wire.rewrite = lambda response: response.replace(b" MOVE", b"")
    short.settle()
    sent = short.traffic.sent(command)
    assert len(sent) > 1
    assert max(map(len, short.traffic.lines)) <= LONGEST
    assert len(short.files("Archive")) == 60
    short.assert_idle()


def test_a_refused_part_leaves_the_others_done(short: Wired) -> None:
    archive(short)
    parts: list[bytes] = []

    def refuse(line: bytes) -> str | None:
        if not line.startswith(b"UID MOVE"):
            return None
        parts.append(line)
        return "[CANNOT] not these" if len(parts) > 1 else None

    short.wire.refuse = refuse
    report = short.sync()
    assert report.exit == 1, report
    done = report.total().moved
    assert done == str(parts[0]).count(",") + 1
    assert report.total().failed == 60 - done
    assert len(short.files("Archive")) == 60
    with short.client() as client:
        assert (len(client.uids("INBOX")), len(client.uids("Archive"))) == (60 - done, done)
    assert len(parts) > 60 - done, "in halves, until each culprit is alone"
