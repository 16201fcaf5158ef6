"""(e) New UIDVALIDITY, 5,000 messages (1,000 on Dovecot), 100 new on each side."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.server_profile import Profile, plain, strict_qresync
from support.storied import Story
from support.wired import Wired, message, text_of

ON_DOVECOT = 1_000
NEW = 100


@pytest.mark.parametrize(("profile", "count"), [(strict_qresync, 5_000), (plain, 1_000)])
def test_story_e(profile: Callable[[], Profile], count: int) -> None:
    with Story("e", profile()) as story:
        for number in range(count):
            story.serve("INBOX", f"m{number}")
        assert story.tell().total.downloaded == count
        story.server.new_uidvalidity("INBOX", shift=17)
        for number in range(NEW):
            story.serve("INBOX", f"there{number}", "\\Seen")
            story.file("INBOX", f"here{number}", ":2,F")
        ran = story.tell()
        assert ran.exit == 0
        assert "new UIDVALIDITY" in ran.text
        assert (ran.fetched, ran.stored) == (NEW, NEW)
        assert ran.commands["APPEND"] == (1 if story.server.profile.multiappend else NEW)
        assert (ran.total.downloaded, ran.total.uploaded) == (NEW, NEW)
        assert ran.total.removed == ran.total.expunged == ran.total.held == 0
        assert story.undo() == {}
        new = " ".join(f"there{number}:S here{number}:F" for number in range(NEW))
        story.agree({"INBOX": " ".join(f"m{number}" for number in range(count)) + " " + new})


@pytest.mark.dovecot
def test_story_e_on_dovecot(wired: Wired) -> None:
    wired.fill(ON_DOVECOT)
    wired.settle()
    wired.server.doveadm(
        "mailbox", "update", "-u", wired.user, "--uid-validity", "1234567890", "INBOX"
    )
    wired.fill(NEW, first=ON_DOVECOT)
    for number in range(NEW):
        wired.put(message(f"here {number}"), info=":2,F")
    report = wired.sync()
    assert report.exit == 0, report
    assert "new UIDVALIDITY" in text_of(report)
    assert wired.traffic.bodies == NEW
    assert wired.traffic.commands["APPEND"] == 1
    assert wired.traffic.sent_bytes == sum(len(message(f"here {n}")) for n in range(NEW))
    total = report.total()
    assert (total.downloaded, total.uploaded) == (NEW, NEW)
    assert total.removed == total.expunged == total.held == 0
    wired.assert_equal()
    wired.idle()
