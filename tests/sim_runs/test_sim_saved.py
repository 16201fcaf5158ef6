"""What another client flags while its deletion is on its way is put back, also where the server has
to be told twice, or what goes from the mailbox goes for two reasons (I10)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_faults import Executed, Fault
from sim.server_profile import Profile, condstore, plain, plain_no_uidplus, strict_qresync
from sim.steps import Steps
from support.storied import Story


@pytest.mark.parametrize("said", ["NO [UNAVAILABLE] later", "NO [CANNOT] not those"])
@pytest.mark.parametrize("make", [strict_qresync, condstore, plain, plain_no_uidplus])
def test_an_expunge_is_refused_once(make: Callable[[], Profile], said: str) -> None:
    """The look at what was flagged moves the cursor, so a second STORE would not see it."""
    with Story("refused", make()) as s:
        for ghost in "abcd":
            s.serve("INBOX", ghost)
        s.tell()
        for ghost in "abc":
            s.unlink("INBOX", ghost)
        steps = Steps()
        uid = s.uid_of("INBOX", "b")
        steps.before("cache.mark", lambda: s.server.set_flags("INBOX", uid, ["\\Flagged"]))
        s.server.fault("UID EXPUNGE" if s.server.profile.uidplus else "EXPUNGE", said)
        s.tell(steps)
        s.oracle.deleted.remove("b")
        s.tell(pause=3600)
        s.agree({"INBOX": "b:F d"})


@pytest.mark.parametrize("make", [strict_qresync, condstore])
def test_the_look_was_for_what_goes_for_another_reason(make: Callable[[], Profile]) -> None:
    with Story("reasons", make()) as s:
        for ghost in "abcdef":
            s.serve("INBOX", ghost)
        for ghost in "de":
            s.server.set_flags("INBOX", s.uid_of("INBOX", ghost), ["\\Deleted"])
        s.tell()
        s.change(expunge_deleted=True)
        for ghost in "abc":
            s.unlink("INBOX", ghost)

        def meddle() -> None:
            s.server.set_flags("INBOX", s.uid_of("INBOX", "b"), ["\\Flagged"])
            s.server.set_flags("INBOX", s.uid_of("INBOX", "d"), (), ["\\Deleted"])

        steps = Steps()
        steps.before("cache.mark", meddle)
        s.tell(steps)
        s.oracle.deleted = set("ace")
        s.agree({"INBOX": "b:F d f"})


def test_what_another_client_marks_while_the_server_is_busy_stays() -> None:
    """EXPUNGE takes all that is marked (I16), so it is looked at before each attempt."""
    with Story("busy", plain_no_uidplus()) as s:
        for ghost in "abcd":
            s.serve("INBOX", ghost)
        s.tell()
        s.unlink("INBOX", "a")
        uid = s.uid_of("INBOX", "b")

        def busy(name: str, record: Executed) -> Fault | None:
            if name != "EXPUNGE":
                return None
            del s.server.next_fault
            s.server.set_flags("INBOX", uid, ["\\Deleted"])
            return Fault(name, "NO [UNAVAILABLE] later")

        s.server.next_fault = busy  # type: ignore[method-assign]
        s.tell()
        assert "\\Deleted" in s.server.box("INBOX").messages[uid].flags
        s.server.set_flags("INBOX", uid, (), ["\\Deleted"])
        s.tell(pause=3600)
        s.agree({"INBOX": "b c d"})
