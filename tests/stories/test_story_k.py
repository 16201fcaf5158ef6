"""(k) No UIDPLUS, a foreign \\Deleted present: ours is marked and left, theirs is never touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sim.server_profile import Profile, plain_no_uidplus, strict_qresync
from support.client import canonical
from support.dovecot import Dovecot, without
from support.storied import Story
from support.wired import Wired, message, text_of


def qresync_no_uidplus() -> Profile:
    return replace(strict_qresync(), name="qresync_no_uidplus", uidplus=False, move=False)


@pytest.fixture(params=[plain_no_uidplus, qresync_no_uidplus])
def story(request: pytest.FixtureRequest) -> Story:
    """a was removed here; x is marked \\Deleted by another client, which has not expunged yet."""
    profile: Callable[[], Profile] = request.param
    with Story("k", profile()) as made:
        for ghost in "abx":
            made.serve("INBOX", ghost)
        made.server.create("Work")
        made.tell()
        made.server.set_flags("INBOX", made.uid_of("INBOX", "x"), ["\\Deleted"])
        yield made


def left_there(story: Story) -> None:
    ran = story.tell()
    assert (ran.exit, ran.total.failed, ran.total.expunged) == (1, 1, 0)
    assert "no UIDPLUS" in ran.text
    assert ran.commands["EXPUNGE"] == ran.commands["UID EXPUNGE"] == ran.commands["CLOSE"] == 0
    views = story.oracle.server_views(story.server)["INBOX"]
    assert dict(views) == {("a", "T"): 1, ("b", ""): 1, ("x", "T"): 1}
    story.idle(exit=1)


def test_story_k_the_other_takes_its_mark_back(story: Story) -> None:
    story.unlink("INBOX", "a")
    left_there(story)
    story.server.set_flags("INBOX", story.uid_of("INBOX", "x"), [], ["\\Deleted"])
    ran = story.tell()
    assert (ran.exit, ran.total.expunged, ran.commands["EXPUNGE"]) == (0, 1, 1)
    story.agree({"INBOX": "b x"})


def test_story_k_the_other_expunges(story: Story) -> None:
    """Its EXPUNGE takes what is marked by anybody, as it always does."""
    story.unlink("INBOX", "a")
    left_there(story)
    story.oracle.deleted.add("x")
    story.server.expunge("INBOX", [story.uid_of("INBOX", ghost) for ghost in "ax"])
    ran = story.tell()
    assert (ran.exit, ran.total.removed, ran.fetched) == (0, 1, 0)
    story.agree({"INBOX": "b"})


def test_story_k_a_move(story: Story) -> None:
    """Copied, confirmed, and the rest is done when nothing foreign is in the way."""
    story.move_file("INBOX", "a", "Work")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (1, 0, 0)
    assert "no UIDPLUS" in ran.text
    assert ran.commands["UID COPY"] == 1
    assert story.server.ghosts() == {"a": 2, "b": 1, "x": 1}
    story.idle(exit=1)
    story.server.set_flags("INBOX", story.uid_of("INBOX", "x"), [], ["\\Deleted"])
    ran = story.tell()
    assert (ran.exit, ran.commands["UID COPY"], ran.commands["EXPUNGE"]) == (0, 0, 1)
    story.agree({"INBOX": "b x", "Work": "a"})


def test_story_k_nothing_foreign(story: Story) -> None:
    story.server.set_flags("INBOX", story.uid_of("INBOX", "x"), [], ["\\Deleted"])
    story.unlink("INBOX", "a")
    ran = story.tell()
    assert (ran.exit, ran.total.expunged, ran.commands["EXPUNGE"]) == (0, 1, 1)
    story.agree({"INBOX": "b x"})


@pytest.mark.dovecot
def test_story_k_on_dovecot(
    dovecot_with: Callable[..., Dovecot], wired_on: Callable[..., Wired]
) -> None:
    wired = wired_on(dovecot_with(capability=without("UIDPLUS", "MOVE")))
    wired.fill(3)
    wired.settle()
    next(p for p in wired.files() if p.read_bytes() == canonical(message(0))).unlink()
    with wired.client() as client:
        client.store([3], "+FLAGS (\\Deleted)")
    report = wired.sync()
    assert (report.exit, report.total().failed) == (1, 1), report
    assert "no UIDPLUS" in text_of(report)
    assert not {"EXPUNGE", "UID EXPUNGE", "CLOSE"} & wired.traffic.commands.keys()
    with wired.client() as client:
        assert [flags for _, flags in client.messages().values()] == ["T", "", "T"]
        wired.idle(exit=1)
        client.store([3], "-FLAGS (\\Deleted)")
    report = wired.settle()
    assert report.total().expunged == 1
    assert wired.traffic.commands["EXPUNGE"] == 1
    with wired.client() as client:
        assert client.uids() == [2, 3]
    wired.idle()
