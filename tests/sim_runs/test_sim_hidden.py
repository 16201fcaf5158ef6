"""The server lists a message and does not show it: it is neither stored empty nor sent again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from sim.server_faults import Answer, Stop
from sim.server_grammar import Scan
from sim.server_profile import Profile, condstore, icloud, plain, plain_no_uidplus, strict_qresync
from sim.server_session import Session
from support.storied import Story


@pytest.fixture(params=[strict_qresync, plain])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    with Story("hidden", request.param()) as made:
        yield made


def test_an_empty_text_is_not_the_message(story: Story) -> None:
    story.serve("INBOX", "a")
    story.server.fault(
        "UID FETCH", lambda said: re.sub(rb'(?s)(BODY\[\]) \{\d+\}\r\n.*?\r\n\)', rb'\1 "")', said),
        sticky=True,
    )  # fmt: skip
    ran = story.tell()
    assert ran.exit == 1
    assert "no text" in ran.text
    story.server.faults.clear()
    story.tell(pause=2 * 86400)
    story.agree({"INBOX": "a"})


Hide = Callable[[Story], None]


def missing(story: Story) -> None:
    story.server.missing_bodies.add((b"INBOX", 1))


def nil(story: Story) -> None:
    story.server.nil_bodies.add((b"INBOX", 1))


@pytest.mark.parametrize("hide", [missing, nil])
def test_what_may_be_ours_is_not_sent_again(story: Story, hide: Hide) -> None:
    story.file("INBOX", "a")
    hide(story)
    story.server.fault("APPEND", lambda said: re.sub(rb"\[APPENDUID [^]]*\] ", b"", said))
    ran = story.tell()
    assert ran.commands["APPEND"] == 1
    if ran.exit:
        assert "does not show it" in ran.text
    story.tell(pause=2 * 86400)
    assert story.server.counts()["APPEND"] == 1
    story.server.missing_bodies.clear()
    story.server.nil_bodies.clear()
    story.tell(pause=2 * 86400)
    story.agree({"INBOX": "a"})


def no_uids(said: bytes) -> bytes:
    return re.sub(rb"\[COPYUID [^]]*\] ", b"", said)


@pytest.mark.parametrize("answer", [Stop.CUT_AFTER, no_uids])
@pytest.mark.parametrize("hide", ["missing_bodies", "nil_bodies"])
@pytest.mark.parametrize("make", [condstore, icloud])
def test_what_may_have_been_moved_is_not_sent(
    make: Callable[[], Profile], hide: str, answer: Answer
) -> None:
    """The UID has left, and there is a new one where its file is."""
    with Story("hidden", make()) as s:
        s.server.create("Work")
        for ghost in "ab":
            s.serve("INBOX", ghost)
        s.tell()
        s.move_file("INBOX", "a", "Work")
        hidden = getattr(s.server, hide)
        hidden.add((b"Work", 1))
        s.server.fault("UID MOVE" if make is condstore else "UID COPY", answer)
        assert s.tell().exit == 1
        assert s.tell(pause=2 * 86400).exit == 1
        hidden.clear()
        s.tell(pause=2 * 86400)
        s.agree({"INBOX": "b", "Work": "a"})


@pytest.mark.parametrize("make", [strict_qresync, condstore, plain, plain_no_uidplus])
def test_a_mailbox_in_which_it_lies_is_not_removed(make: Callable[[], Profile]) -> None:
    """DELETE would take along what came since, and is counted but not listed (as by Exchange)."""
    with Story("not empty", make()) as s:
        s.server.create("Work")
        s.serve("INBOX", "a")
        s.tell()
        s.unmake("Work")
        state, switch, select = s.server.commands["SELECT"]

        def selected(session: Session, scan: Scan) -> str | None:
            if b"Work" in session.record.text and not s.server.ghosts("Work"):
                s.serve("Work", "n")
            return select(session, scan)

        s.server.commands = {**s.server.commands, "SELECT": (state, switch, selected)}
        s.server.fault(
            "UID FETCH", lambda said: re.sub(rb"\* \d+ FETCH .*\r\n", b"", said),
            mailbox="Work", sticky=True,
        )  # fmt: skip
        for _ in range(2):
            ran = s.tell()
            assert (ran.exit in (3, 4), ran.commands["DELETE"]) == (True, 0), ran.text
            assert s.server.ghosts("Work") == {"n": 1}
        s.server.faults.clear()
        assert s.tell().exit == 3
        s.reject()
        s.tell()
        s.agree({"INBOX": "a", "Work": "n"})


@pytest.mark.parametrize("box", ["INBOX", "Work"])
def test_the_file_of_a_message_that_was_moved_and_is_not_shown_stays(box: str) -> None:
    """It is moved when the server says what is there; until then it may be all there is of it."""
    with Story("moved", condstore()) as story:
        for name in ("Work", "Other"):
            story.server.create(name)
        for ghost in "abc":
            story.serve(box, ghost)
        for _ in range(2):
            assert story.tell().exit == 0
        story.server.move(box, story.uid_of(box, "b"), "Other")
        story.server.missing_bodies.add((b"Other", 1))
        for _ in range(2):
            ran = story.tell(pause=3600)
            assert (ran.exit, ran.total.removed) == (1, 0), ran.text
            assert "gives no text" in ran.text
            assert story.path_of(box, "b")
        story.server.missing_bodies.clear()
        ran = story.tell(pause=3600)
        assert (ran.exit, ran.fetched) == (0, 0)
        story.agree({box: "a c", "Other": "b"})
