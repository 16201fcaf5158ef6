"""Without UIDPLUS a message of ours is expunged only while nothing else is marked (I16); what a run
that was cut off had marked is known to be ours, and is expunged or taken back by the next."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest
from sim.oracle import body_of
from sim.server_profile import Profile, plain_no_uidplus, strict_qresync
from sim.stack import DATE
from sim.steps import Steps
from support.storied import Story


@pytest.fixture
def story() -> Iterator[Story]:
    """b is marked \\Deleted by another client, and a's file is deleted."""
    with Story("no uidplus", replace(strict_qresync(), uidplus=False)) as made:
        for ghost in "abc":
            made.serve("INBOX", ghost)
        made.tell()
        made.server.set_flags("INBOX", made.uid_of("INBOX", "b"), ["\\Deleted"])
        made.tell()
        made.unlink("INBOX", "a")
        yield made


def broken_esearch(answer: bytes) -> bytes:
    return re.sub(rb'(ESEARCH \(TAG "[^"]*"\) UID)[^\r]*', rb"\1", answer)


def mute_search(answer: bytes) -> bytes:
    """Neither an ESEARCH that says something nor a SEARCH that lists."""
    return re.sub(rb"SEARCH \d[^\r]*", b"SEARCH", broken_esearch(answer))


@pytest.mark.parametrize("broken", [broken_esearch, mute_search])
def test_a_broken_search_does_not_expunge_what_others_marked(story: Story, broken: object) -> None:
    story.server.fault("UID SEARCH", broken, sticky=True)  # type: ignore[arg-type]
    ran = story.tell()
    assert ran.exit == 1
    assert "left there" in ran.text
    assert ran.commands["EXPUNGE"] == 0
    assert set(story.server.ghosts("INBOX")) == set("abc")


def test_what_another_client_expunged_meanwhile_is_no_trouble(story: Story) -> None:
    """Nothing foreign is marked, and of ours one is gone when it is looked for."""
    story.server.set_flags("INBOX", story.uid_of("INBOX", "b"), [], ["\\Deleted"])
    story.tell()
    story.unlink("INBOX", "c")
    uid = story.uid_of("INBOX", "c")
    story.server.fault("UID STORE", lambda answer: (story.server.expunge("INBOX", uid), answer)[1])
    assert story.tell().exit == 0
    story.agree({"INBOX": "b"})


# -- cut off between the mark and EXPUNGE ----------------------------------------------------------


def prepared(profile: object, change: Callable[[Story], None]) -> Story:
    made = Story("marked", profile())  # type: ignore[operator]
    for ghost in "abc":
        made.serve("INBOX", ghost)
    made.server.create("Work")
    made.tell()
    change(made)
    made.pass_time(60)  # stamps hold: the cut-off run takes the very steps of the calm one
    return made


def marked(profile: object, change: Callable[[Story], None]) -> Iterator[Story]:
    """`change` left to a run that is cut off at each step from the first mark to the last EXPUNGE:
    the worlds in which the server has a mark of ours then."""
    with prepared(profile, change) as calm:
        calm.tell(steps := Steps(record=True))
    last = len(steps.names) - steps.names[::-1].index("cache.expunged")
    for at in range(steps.names.index("cache.mark"), last + 1):
        with prepared(profile, change) as made:
            assert made.crash(at, "all")
            made.server.settle()  # an EXPUNGE that was sent already takes what is marked by then
            if any(letters == "T" for _, letters in made.oracle.server_views(made.server)["INBOX"]):
                yield made


def qresync_no_uidplus() -> Profile:
    return replace(strict_qresync(), uidplus=False, move=False)


EVERYWHERE = pytest.mark.parametrize("profile", [plain_no_uidplus, strict_qresync])


def delete_a(story: Story) -> None:
    story.unlink("INBOX", "a")


@EVERYWHERE
def test_the_next_run_expunges_what_another_one_had_marked(profile: object) -> None:
    """One copied away and one deleted: two reasons, and both are marked."""

    def change(story: Story) -> None:
        story.move_file("INBOX", "a", "Work")
        story.unlink("INBOX", "b")

    worlds = 0
    for story in marked(profile, change):
        worlds += 1
        story.unlink("INBOX", "c")
        story.tell()
        assert story.tell(pause=40).exit == 0
        story.agree({"INBOX": "", "Work": "a"})
    assert worlds


@EVERYWHERE
def test_a_mark_is_taken_back_when_the_message_is_not_to_go_any_more(profile: object) -> None:
    worlds = 0
    for story in marked(profile, delete_a):
        worlds += 1
        story.oracle.deleted.clear()
        story.server.set_flags("INBOX", story.uid_of("INBOX", "a"), ["\\Flagged"])
        assert story.tell().exit == 0
        story.agree({"INBOX": "a:F b c"})
    assert worlds


@EVERYWHERE
def test_a_mark_is_taken_back_when_the_file_is_there_again(profile: object) -> None:
    """It was only on its way to another mailbox."""
    worlds = 0
    for story in marked(profile, delete_a):
        worlds += 1
        story.oracle.deleted.clear()
        story.write("/mail/Work/cur/1.a.reader:2,", body_of("a"), DATE + 1)
        assert story.tell().exit == 0
        story.agree({"INBOX": "b c", "Work": "a"})
    assert worlds


@pytest.mark.parametrize("profile", [plain_no_uidplus, qresync_no_uidplus])
def test_a_foreign_mark_holds_it_up_no_longer_than_it_is_there(profile: object) -> None:
    """Also what was deleted later: neither waits for the other."""
    worlds = 0
    for story in marked(profile, delete_a):
        worlds += 1
        uid = story.uid_of("INBOX", "c")
        story.server.set_flags("INBOX", uid, ["\\Deleted"])
        ran = story.tell()
        assert (ran.exit, ran.commands["EXPUNGE"]) == (1, 0)
        story.unlink("INBOX", "b")
        ran = story.tell()
        assert (ran.exit, ran.total.failed, ran.commands["EXPUNGE"]) == (1, 2, 0)
        story.idle(exit=1)
        story.server.set_flags("INBOX", uid, [], ["\\Deleted"])
        ran = story.tell()
        assert (ran.exit, ran.total.expunged, ran.commands["EXPUNGE"]) == (0, 2, 1)
        story.agree({"INBOX": "c"})
    assert worlds


def test_what_waits_there_is_tried_with_what_is_new(story: Story) -> None:
    """a waits for b, which is foreign; then b is deleted here, too: nothing foreign is left."""
    ran = story.tell()
    assert (ran.exit, ran.commands["EXPUNGE"]) == (1, 0)
    story.unlink("INBOX", "b")
    ran = story.tell()
    assert (ran.exit, ran.total.expunged, ran.commands["EXPUNGE"]) == (0, 2, 1)
    story.agree({"INBOX": "c"})


def test_a_refused_expunge_is_said_and_tried_again(story: Story) -> None:
    story.server.set_flags("INBOX", story.uid_of("INBOX", "b"), [], ["\\Deleted"])
    story.server.fault("EXPUNGE", "NO [NOPERM] not today")
    ran = story.tell()
    assert (ran.exit, ran.total.failed) == (1, 1)
    assert "refused a deletion" in ran.text
    story.pass_time(16 * 60)
    assert story.tell().exit == 0
    story.agree({"INBOX": "b c"})


def test_a_copy_that_is_known_by_its_size_alone() -> None:
    """Moved twice in the Maildir, told by its name both times, on a server (GNU imap4d) that names
    no new UID and shows another date at every look."""
    looks = count()

    def other_date(answer: bytes) -> bytes:
        date = f'"01-Jan-2024 00:00:{next(looks) % 60:02} +0000"'.encode()
        return re.sub(rb'(?<=INTERNALDATE )"[^"]*"', date, answer)

    with Story("no dates", plain_no_uidplus()) as story:
        story.server.fault("UID FETCH", other_date, sticky=True)  # type: ignore[arg-type]
        story.make("Work")
        story.make("Other")
        story.file("INBOX", "a", ":2,", size=500)
        story.tell()
        for source, target in (("INBOX", "Work"), ("Work", "Other")):
            story.move_file(source, "a", target)
            ran = story.tell()
            assert ran.exit == 0
            assert ran.commands["UID COPY"] == 1
        story.agree({"Other": "a"})
