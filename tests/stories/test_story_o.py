"""(o) `keep`, then `trash`: held; accept moves to the trash, reject fetches again."""

from __future__ import annotations

import pytest
from sim.fs import MODELS
from sim.steps import Steps
from support.client import canonical
from support.storied import Story
from support.wired import Wired, message, text_of

from mailsync.model.layout import Layout
from mailsync.model.settings import Deletions, Guard

KEEP, TRASH, EXPUNGE = Deletions.KEEP, Deletions.TRASH, Deletions.EXPUNGE


@pytest.fixture
def story() -> Story:
    """a and b were removed under keep: they stay on the server, and are not fetched again."""
    with Story("o", deletions=KEEP, guard=Guard()) as made:
        for ghost in "abcd":
            made.serve("INBOX", ghost)
        made.tell()
        made.unlink("INBOX", "a")
        made.unlink("INBOX", "b")
        ran = made.tell()
        assert (ran.exit, ran.total.expunged, ran.total.moved, ran.total.held) == (0, 0, 0, 0)
        made.idle()
        # Closed: no change on the server brings it back.
        made.server.set_flags("INBOX", made.uid_of("INBOX", "a"), ["\\Flagged"])
        ran = made.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0)
        made.idle()
        yield made


def held(story: Story, deletions: Deletions) -> None:
    story.change(deletions=deletions)
    ran = story.tell()
    assert (ran.exit, ran.total.held) == (3, 2)
    assert "direction or deletions changed" in ran.text
    assert "mailsync accept" in ran.text
    assert (ran.fetched, ran.stored, ran.total.expunged, ran.total.moved) == (0, 0, 0, 0)
    assert len(story.server.messages("INBOX")) == 4
    story.idle(exit=3)


def test_story_o_accepted(story: Story) -> None:
    held(story, TRASH)
    assert story.accept("INBOX") == 2
    ran = story.tell()
    assert (ran.exit, ran.total.moved, ran.stored) == (0, 2, 0)
    assert ran.commands["UID MOVE"] == 1
    story.agree({"INBOX": "c d", "Trash": "a:F b"})


def test_story_o_rejected(story: Story) -> None:
    held(story, TRASH)
    assert story.reject("INBOX") == 2
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded, ran.fetched) == (0, 2, 2)
    story.agree({"INBOX": "a:F b c d"})


def test_story_o_then_expunge(story: Story) -> None:
    held(story, EXPUNGE)
    assert story.accept("INBOX") == 2
    ran = story.tell()
    assert (ran.exit, ran.total.expunged) == (0, 2)
    story.agree({"INBOX": "c d"})


def test_story_o_back_to_keep(story: Story) -> None:
    """Held until a person decides, whatever the configuration says by then; accept keeps them."""
    held(story, TRASH)
    story.change(deletions=KEEP)
    ran = story.tell()
    assert (ran.total.expunged, ran.total.moved, ran.fetched) == (0, 0, 0)
    story.idle(exit=ran.exit)
    story.accept("INBOX")
    ran = story.tell()
    assert (ran.exit, ran.total.expunged, ran.total.moved, ran.fetched) == (0, 0, 0, 0)
    assert len(story.server.messages("INBOX")) == 4
    story.idle()


def test_story_o_the_other_side_expunges(story: Story) -> None:
    """What was kept is expunged there: nothing is left to keep."""
    story.expunge("INBOX", "a")
    ran = story.tell()
    assert (ran.exit, ran.total.removed) == (0, 0)
    story.change(deletions=TRASH)
    ran = story.tell()
    assert (ran.exit, ran.total.held) == (3, 1)
    story.accept()
    assert story.tell().exit == 0
    story.agree({"INBOX": "c d", "Trash": "b"})


@pytest.mark.dovecot
@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_story_o_on_dovecot(wired: Wired, decision: str) -> None:
    wired.changes |= {"deletions": KEEP, "guard": Guard()}
    wired.fill(12)
    with wired.client() as client:
        client.create("Trash")
    wired.settle()
    for path in wired.files()[:2]:
        path.unlink()
    report = wired.sync()
    assert report.exit == 0, report
    assert not {"UID EXPUNGE", "UID MOVE", "UID STORE"} & wired.traffic.commands.keys()
    wired.idle()
    wired.changes["deletions"] = TRASH
    report = wired.sync()
    assert (report.exit, report.total().held) == (3, 2), report
    assert "mailsync accept" in text_of(report)
    wired.idle(exit=3)
    assert getattr(wired, decision)("INBOX") == 2
    report = wired.settle()
    if decision == "accept":
        assert (report.total().moved, wired.traffic.commands["UID MOVE"]) == (2, 1)
        assert [len(wired.files(box)) for box in ("INBOX", "Trash")] == [10, 2]
    else:
        assert (report.total().downloaded, wired.traffic.bodies) == (2, 2)
        assert {path.read_bytes() for path in wired.files()} == {
            canonical(message(number)) for number in range(12)
        }
    wired.idle()


def renamed() -> Story:
    """a was removed under keep, and its mailbox is renamed on the server."""
    made = Story("o renamed", deletions=KEEP)
    made.server.create("A")
    for ghost in "ab":
        made.serve("A", ghost)
    made.tell()
    made.unlink("A", "a")
    made.tell()
    made.server.set_flags("A", made.uid_of("A", "a"), ["\\Flagged"])
    made.tell()
    made.server.rename("A", "B")
    made.pass_time(60)
    return made


def still_kept(story: Story) -> None:
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
    assert story.oracle.local_views(story.fs.files()) == {"B": {("b", ""): 1}}
    story.idle()
    story.change(deletions=TRASH)
    ran = story.tell()
    assert (ran.exit, ran.total.held) == (3, 1)


def test_story_o_renamed_on_the_server() -> None:
    """What is kept stays closed in a mailbox of another name, too."""
    with renamed() as story:
        still_kept(story)


@pytest.mark.parametrize("model", MODELS)
def test_story_o_killed_while_the_directory_is_renamed(model: str) -> None:
    """The next run knows that it is the same mailbox."""
    with renamed() as calm:
        calm.sync(steps := Steps(record=True))
    begun = steps.names.index("cache.mailbox_renamed")
    for at in range(begun - 5, begun + 3):
        with renamed() as story:
            assert story.crash(at, model)
            still_kept(story)


def one_went_along() -> Story:
    """a was removed under keep, and the mailbox above its own is renamed here, as readers of layout
    maildir++ do it: one directory after the other."""
    made = Story("o went along", deletions=KEEP, layout=Layout.MAILDIRPP)
    for box in ("A", "A/C"):
        made.server.create(box)
    made.serve("A", "c")
    for ghost in "ab":
        made.serve("A/C", ghost)
    made.tell()
    made.unlink("A/C", "a")
    made.tell()
    made.server.set_flags("A/C", made.uid_of("A/C", "a"), ["\\Flagged"])
    made.tell()
    made.rename("/mail/.A", "/mail/.B")
    made.pass_time(60)
    return made


@pytest.mark.parametrize("model", MODELS)
def test_story_o_killed_while_a_directory_goes_along(model: str) -> None:
    """What is below goes along on the server, and is renamed here."""
    with one_went_along() as calm:
        calm.sync(steps := Steps(record=True))
    begun = max(at for at, step in enumerate(steps.names) if step == "cache.mailbox_renamed")
    for at in range(begun - 8, begun + 3):
        with one_went_along() as story:
            assert story.crash(at, model)
            ran = story.tell()
            assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 0), ran.text
            assert story.oracle.local_views(story.fs.files()) == {
                "B": {("c", ""): 1},
                "B/C": {("b", ""): 1},
            }
            story.idle()
