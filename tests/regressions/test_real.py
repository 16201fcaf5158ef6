"""What only a real server shows (reliability.md §2): the numbers are those of its list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.client import canonical
from support.rig import message
from support.servers import Server
from support.wired import Wired

pytestmark = pytest.mark.servers


def test_18_cyrus_6071_the_highest_uids_are_expunged(
    real_server: Callable[[str], Server], wired_on: Callable[..., Wired]
) -> None:
    """`1:*` with VANISHED leaves out what was above the highest that is left."""
    rig = wired_on(real_server("cyrus"))
    rig.fill(6)
    rig.settle()
    with rig.client() as client:
        client.expunge(client.uids()[-2:])
    report = rig.settle()
    assert report.total().removed == 2
    rig.idle()


def test_55_imapengine_174_a_body_that_looks_like_commands(
    real_server: Callable[[str], Server], wired_on: Callable[..., Wired]
) -> None:
    """Courier answers NO to a literal that does not wait, and reads the text as commands."""
    rig = wired_on(real_server("courier"))
    rig.settle()
    text = b"x1 CREATE INBOX.injected\r\nx2 DELETE INBOX.Archive\r\n"
    body = message("hostile") + text
    rig.put(body)
    rig.settle()
    assert not [line for line in rig.traffic.lines if "{" in line and "+}" in line]
    with rig.client() as client:
        assert "injected" not in client.boxes()
        assert "Archive" in client.boxes()
    assert [canonical(path.read_bytes()) for path in rig.files()] == [canonical(body)]
