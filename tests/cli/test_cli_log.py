"""-v tells what is done, -vv what is said on the wire; neither tells secrets or mail."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from support.rig import message
from support.wired import Wired

from mailsync.cli import log

pytestmark = pytest.mark.dovecot

PASSWORD = "secret"  # of every user of the test's server


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    level = root.level
    yield stream
    log.setup(0)
    root.setLevel(level)


def sync(wired: Wired, heard: io.StringIO, verbosity: int) -> str:
    log.setup(verbosity, stream=heard)
    wired.fill(2)
    wired.put(message("put here"))
    wired.settle()
    return heard.getvalue()


def test_what_is_done(wired: Wired, heard: io.StringIO) -> None:
    text = sync(wired, heard, 1)
    assert "mailsync.sync: test: Download INBOX UID 1:2: new on the server" in text
    assert "mailsync.sync: test: Upload INBOX " in text
    assert "mailsync.imap" not in text


def test_what_is_said(wired: Wired, heard: io.StringIO) -> None:
    text = sync(wired, heard, 2)
    assert "AUTHENTICATE ***" in text or "LOGIN ***" in text
    assert "UID FETCH " in text
    assert "APPEND " in text
    for hidden in (PASSWORD, "Body of", "Subject: message"):
        assert hidden not in text, hidden


def test_nothing_without_v(wired: Wired, heard: io.StringIO) -> None:
    assert sync(wired, heard, 0) == ""
