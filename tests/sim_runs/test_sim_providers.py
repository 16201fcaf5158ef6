"""Providers as `sim.server_profile` has them, hand-written from what is known of each: every one
with every scenario."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_profile import Profile, gmail, icloud, o365, proton, yahoo, yandex, zoho
from support.storied import Story

from mailsync.model.settings import Deletions

ALL = [gmail, o365, yahoo, icloud, yandex, zoho, proton]
Make = Callable[[], Profile]
every = pytest.mark.parametrize("make", ALL)


def settled(s: Story, runs: int = 4) -> None:
    """Until a run ends well: what a provider refuses for a while is parked, then done."""
    for _ in range(runs):
        if s.tell(pause=24 * 3600).exit == 0:
            return
    raise AssertionError(s.tell().text)


@every
def test_both_ways(make: Make) -> None:
    with Story("both ways", make(), deletions=Deletions.TRASH) as s:
        s.server.create("Work")
        for ghost in "abcd":
            s.serve("INBOX", ghost)
        s.file("INBOX", "e", ":2,FS")
        s.file("New/Below", "f")
        settled(s)
        s.idle()
        s.flag("INBOX", "a", "FS")
        s.move_file("INBOX", "b", "Work")
        s.unlink("INBOX", "c")
        s.server.set_flags("INBOX", s.uid_of("INBOX", "d"), ["\\Answered"])
        s.server.move("INBOX", s.uid_of("INBOX", "e"), "Work")
        fetched, stored = s.server.bodies_sent, s.server.bodies_stored
        settled(s)
        # The file of what is in \\Trash now was removed by a reader; and a message that the server
        # rewrote as it was sent is not known by its header when it moves there.
        fetched += 1 if s.server.profile.alter is None else 2
        assert (s.server.bodies_sent, s.server.bodies_stored) == (fetched, stored)
        s.agree({"INBOX": "a:FS d:R", "Work": "b e:FS", "New/Below": "f", "Trash": "c"})


@every
@pytest.mark.parametrize("after", [0, 1])
def test_an_upload_whose_answer_is_lost(make: Make, after: int) -> None:
    """Stored once, whatever the provider makes of it."""
    with Story("cut", make()) as s:
        for ghost in "abc":
            s.file("INBOX", ghost)
        s.server.fault("APPEND", after)
        s.tell()
        settled(s)
        s.agree({"INBOX": "a b c"})


@every
def test_a_new_uid_validity(make: Make) -> None:
    """What was there is paired again: no body goes either way, nothing is doubled."""
    with Story("validity", make()) as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        settled(s)
        s.server.new_uidvalidity("INBOX")
        s.serve("INBOX", "d")
        ran = s.tell(pause=24 * 3600)
        assert (ran.fetched, ran.stored) == (1, 0), ran.text
        settled(s)
        s.agree({"INBOX": "a b c d"})


@every
def test_busy_for_a_while(make: Make) -> None:
    """The server's own words for it; nothing is given up."""
    with Story("busy", make()) as s:
        s.serve("INBOX", "a")
        s.file("INBOX", "b")
        s.server.fault(
            "UID FETCH", "NO [UNAVAILABLE] UID FETCH Server error while fetching messages"
        )
        s.server.fault(
            "APPEND", "BAD Request is throttled. Suggested Backoff Time: 29961 milliseconds"
        )
        settled(s)
        s.agree({"INBOX": "a b"})
