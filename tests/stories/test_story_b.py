"""(b) Flags of one message changed on both sides, one STORE refused."""

from __future__ import annotations

import pytest
from support.storied import Story
from support.wired import Wired, text_of

PARKED = 16 * 60  # seconds after which a message that was refused once is tried again


def test_story_b() -> None:
    with Story("b") as story:
        for ghost in "abc":
            story.serve("INBOX", ghost)
        assert story.tell().exit == 0
        uid = story.uid_of("INBOX", "b")
        for ghost in "abc":
            story.flag("INBOX", ghost, "RS")
        story.server.set_flags("INBOX", uid, ["\\Flagged"])
        story.server.refuse_store.add((b"INBOX", uid))

        ran = story.tell()
        assert (ran.exit, ran.total.failed, ran.total.parked) == (1, 1, 1)
        assert "refused a flag" in ran.text
        assert "mailsync status" in ran.text
        # The server's flag arrived; the other messages' flags are there; only b's are refused.
        assert ran.total.flags_local == 1
        views = story.oracle.server_views(story.server)["INBOX"]
        assert dict(views) == {("a", "RS"): 1, ("b", "F"): 1, ("c", "RS"): 1}
        assert dict(story.oracle.local_views(story.fs.files())["INBOX"]) == {
            ("a", "RS"): 1,
            ("b", "FRS"): 1,
            ("c", "RS"): 1,
        }
        story.idle(exit=1)

        # A flag of it that changes on the server comes, and the merge base did not move on.
        story.server.set_flags("INBOX", uid, ["\\Draft"], ["\\Flagged"])
        story.server.refuse_store.clear()
        story.pass_time(PARKED)
        ran = story.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0)
        story.agree({"INBOX": "a:RS b:DRS c:RS"})


def test_story_b_the_user_takes_the_refused_flag_back() -> None:
    with Story("b2") as story:
        story.serve("INBOX", "a", "\\Seen")
        story.tell()
        story.flag("INBOX", "a", "RS")
        story.server.refuse_store.add((b"INBOX", story.uid_of("INBOX", "a")))
        assert story.tell().exit == 1
        story.flag("INBOX", "a", "S")
        ran = story.tell()
        assert (ran.exit, ran.commands["UID STORE"]) == (0, 0)
        story.agree({"INBOX": "a:S"})


def stores(line: bytes, uid: int) -> bool:
    """Whether the command is a STORE of a set that holds `uid`."""
    words = line.split(b" ")
    if words[:2] != [b"UID", b"STORE"]:
        return False
    ends = [part.split(b":") for part in words[2].split(b",")]
    return any(int(pair[0]) <= uid <= int(pair[-1]) for pair in ends)


@pytest.mark.dovecot
def test_story_b_on_dovecot(wired: Wired) -> None:
    wired.fill(3)
    wired.settle()
    for path in wired.files():
        path.rename(wired.box() / "cur" / (path.name.split(":")[0] + ":2,RS"))
    with wired.client() as client:
        client.store([2], "+FLAGS (\\Flagged)")
    wired.wire.refuse = lambda line: "[CANNOT] not this one" if stores(line, 2) else None

    report = wired.sync()
    assert (report.exit, report.total().failed) == (1, 1), wired.traffic.sent("STORE")
    assert "not this one" in text_of(report)
    assert report.total().flags_local == 1
    with wired.client() as client:
        assert [flags for _, flags in client.messages().values()] == ["RS", "F", "RS"]
    assert sorted(flags for _, flags in wired.local_view()) == ["FRS", "RS", "RS"]
    wired.idle(exit=1)

    wired.wire.refuse = lambda line: None
    wired.watch.ahead += PARKED
    report = wired.sync()
    assert report.exit == 0, report
    assert report.total().flags_server == 1
    assert wired.traffic.commands["UID STORE"] == 1
    wired.assert_equal()
    wired.idle()
