"""What another client moves while the mailboxes are observed one after the other (rule 2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_profile import Profile, condstore, gmail, plain, strict_qresync
from support.storied import Story


@pytest.mark.parametrize("make", [strict_qresync, condstore, plain, gmail])
def test_into_a_mailbox_that_is_looked_at_later(make: Callable[[], Profile]) -> None:
    """Seen in both places it is no copy: nothing is fetched, nothing is put back later."""
    with Story("between", make()) as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.tell()
        s.serve("Work", "n")
        uid = s.uid_of("INBOX", "a")

        def moved(answer: bytes) -> bytes:
            s.server.move("INBOX", uid, "Work")
            return answer

        s.server.fault("LIST", moved)
        s.flag("INBOX", "a", "F")
        ran = s.tell()
        assert (ran.exit, ran.fetched) == (0, 1), ran.text
        s.flag("Work", "a", "FR")
        s.tell()
        s.agree({"INBOX": "b", "Work": "a:FR n"})


def test_a_copy_is_a_copy_all_the_same() -> None:
    with Story("copy", strict_qresync()) as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.tell()
        s.server.copy("INBOX", s.uid_of("INBOX", "a"), "Work")
        ran = s.tell()
        assert (ran.exit, ran.commands["LIST"]) == (0, 2), "one look more, and no third"
        s.agree({"INBOX": "a b", "Work": "a"})
