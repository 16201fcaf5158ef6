"""A cache with one or two mailboxes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cachebox import Box

from mailsync.cache.cache import Cache
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import ServerMailbox


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    opened = Cache.open(str(tmp_path / "state"), "account")
    opened.see_mailboxes([ServerMailbox(INBOX, b"INBOX")], [INBOX], lambda name, role: True)
    yield opened
    opened.close()


@pytest.fixture
def inbox(cache: Cache) -> Box:
    return Box(cache)


@pytest.fixture
def other(cache: Cache) -> Box:
    """A second mailbox, Archive."""
    archive = MailboxName("Archive")
    cache.see_mailboxes(
        [ServerMailbox(INBOX, b"INBOX"), ServerMailbox(archive, b"Archive")],
        [INBOX, archive],
        lambda name, role: True,
    )
    return Box(cache, archive)
