"""`check --repair` makes the cache know what is there; it undoes nothing that a user did."""

from __future__ import annotations

import pytest
from support.rig import message
from support.wired import Wired

from mailsync.model.errors import Exit
from mailsync.modes import inspect

pytestmark = pytest.mark.dovecot


@pytest.mark.parametrize("server", [False, True])
def test_what_users_did_since_the_last_sync_stays_done(wired: Wired, server: bool) -> None:
    with wired.client() as client:
        for number in range(5):
            client.append(message(number))
    wired.sync()
    unlinked, flagged, edited, *_ = wired.files()
    unlinked.unlink()
    flagged.rename(wired.box() / "cur" / f"{flagged.name.partition(':')[0]}:2,F")
    edited.write_bytes(edited.read_bytes() + b"more\n")
    wired.put(message("new"))
    with wired.client() as client:
        client.expunge(client.uids()[-1:])
    found = inspect.check(wired.account, server=server, repair=False)
    assert found.exit is Exit.FAILED
    repaired = inspect.check(wired.account, server=server, repair=True)
    assert repaired.exit is Exit.OK
    assert repaired.lines[:-1] == found.lines
    assert inspect.check(wired.account, server=server, repair=False).exit is Exit.OK
    total = wired.sync().total()
    assert (total.downloaded, total.held) == (0, 0)
    for _ in range(2):
        wired.sync()
    with wired.client() as client:
        bodies = [body for body, _ in client.messages().values()]
        assert len(bodies) == len(wired.files()) == 4
        assert sum(body.rstrip().endswith(b"more") for body in bodies) == 1
    wired.assert_equal()
    wired.assert_idle()
