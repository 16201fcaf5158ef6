"""What was sent and is not known to have arrived: looked for wherever it may be (rule 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from types import SimpleNamespace
from typing import cast

import pytest
from sim.server_faults import Stop
from sim.server_profile import Profile, condstore, plain, strict_qresync
from support.bare import Bare
from support.storied import Story

from mailsync.cache import Intent
from mailsync.executor.run import Run
from mailsync.model.errors import Exit
from mailsync.model.rows import Mailbox

resolving = import_module("mailsync.executor.resolve")  # its name is a function of the package, too


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("resolve") as made:
        for box in ("Able", "Zed"):
            made.server.create(box)
            made.serve(box, f"in-{box.lower()}")
        made.tell()
        yield made


def test_a_mailbox_that_is_gone_holds_up_no_other(story: Story) -> None:
    """Both were sent to, and neither showed what came; then one is deleted on another device."""
    story.file("Able", "n")
    path = story.file("Zed", "z")
    body = story.fs.files()[path]
    story.server.fault("APPEND", "OK APPEND completed", sticky=True)
    ran = story.tell(no_wait=True)
    assert (ran.exit, ran.commands["APPEND"]) == (Exit.TEMPORARY, 2)
    story.server.faults.clear()
    story.server.delete("Able")
    story.server.deliver("Zed", body.replace(b"\n", b"\r\n"), [], 1_700_000_100)
    story.tell()
    assert story.server.ghosts("Zed") == {"in-zed": 1, "z": 1}
    assert story.oracle.local_views(story.mail())["Zed"].keys() == {("in-zed", ""), ("z", "")}


@pytest.mark.parametrize("make", [strict_qresync, condstore, plain])
@pytest.mark.parametrize("answer", [Stop.CUT_AFTER, Stop.CUT_BEFORE])
def test_a_cut_connection_leaves_no_second_copy(make: Callable[[], Profile], answer: Stop) -> None:
    """Several at once, some of them with the same bytes."""
    with Story("cut", make()) as s:
        s.serve("INBOX", "a")
        s.tell()
        twin = s.file("INBOX", "x", ":2,")
        s.write("/mail/INBOX/cur/1.twin.reader:2,", s.fs.files()[twin], 1_700_000_009)
        s.oracle.born("x", s.fs.files()[twin])
        for ghost in "yz":
            s.file("INBOX", ghost, ":2,F")
        s.server.fault("APPEND", answer)
        ran = s.tell()
        assert ran.exit == 0
        s.agree({"INBOX": "a x x y:F z:F"})


@pytest.mark.parametrize("make", [strict_qresync, plain])
@pytest.mark.parametrize("answer", [Stop.CUT_AFTER, Stop.CUT_BEFORE])
def test_a_cut_connection_leaves_a_move_done_once(
    make: Callable[[], Profile], answer: Stop
) -> None:
    with Story("cut move", make()) as s:
        s.server.create("Work")
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        for ghost in "ab":
            s.move_file("INBOX", ghost, "Work")
        s.server.fault("UID MOVE" if s.server.profile.move else "UID COPY", answer)
        ran = s.tell()
        assert (ran.exit, ran.stored) == (0, 0)
        s.agree({"INBOX": "c", "Work": "a b"})


def test_what_cannot_be_verified_is_not_fetched_as_another_message(story: Story) -> None:
    """Stored, and the server refuses to show it: neither sent nor fetched a second time."""
    story.file("Zed", "n")
    for text in (b"HEADER.FIELDS", b"INTERNALDATE"):
        story.server.fault("UID FETCH", "NO [SERVERBUG] no", sticky=True, text=text)
    assert story.tell().exit != 0
    story.server.faults.clear()
    story.tell(pause=86_400)
    story.agree({"Able": "in-able", "Zed": "in-zed n"})


def _no_rows(answer: bytes) -> bytes:
    return answer.splitlines(keepends=True)[-1]


@pytest.mark.parametrize("kind", ["n", "n~"])
@pytest.mark.parametrize("asked", [b"HEADER.FIELDS", b"BODY.PEEK[HEADER]"])
def test_what_does_not_show_itself_is_not_fetched_as_another_message(
    story: Story, kind: str, asked: bytes
) -> None:
    """Stored, and listed, and OK is all that is answered when it is asked what it is."""
    story.file("Zed", kind)
    story.server.fault("APPEND", Stop.CUT_AFTER)
    story.server.fault("UID FETCH", _no_rows, text=asked)
    ran = story.tell()
    assert (ran.exit, ran.total.downloaded, ran.commands["APPEND"]) == (Exit.OK, 0, 1)
    story.agree({"Able": "in-able", "Zed": f"in-zed {kind}"})


def test_what_a_failed_look_leaves_unknown_is_not_fetched_as_another_message(story: Story) -> None:
    """What comes there meanwhile, of another size and date, is no reason to wait."""
    story.file("Zed", "n~")
    story.server.fault("APPEND", Stop.CUT_AFTER)
    story.server.fault("UID FETCH", "NO [SERVERBUG] no", text=b"HEADER.FIELDS", sticky=True)
    assert story.tell().total.downloaded == 0
    story.serve("Zed", "late", size=900)
    ran = story.tell()
    assert (ran.exit != Exit.OK, ran.total.downloaded) == (True, 1)
    story.server.faults.clear()
    story.tell()
    story.agree({"Able": "in-able", "Zed": "in-zed late n~"})


def test_a_server_that_lost_condstore_is_not_asked_for_it(story: Story) -> None:
    story.server.profile = replace(story.server.profile, condstore=False, qresync=False)
    story.unlink("Zed", "in-zed")
    ran = story.tell()
    assert (ran.exit, ran.total.expunged) == (0, 1)
    story.agree({"Able": "in-able"})


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("hidden", [True, False])
def test_a_move_that_may_have_happened_unseen_is_not_forgotten(
    story: Story, monkeypatch: pytest.MonkeyPatch, there: bool, hidden: bool
) -> None:
    """Its UID has left, and something new is listed there and not shown."""
    with Bare(story) as made:
        zed, row = made.box("Zed"), made.rows("Able")[0]
        if not there:
            made.cache.expunged([row.id], made.run.now())
        asked: list[str] = []

        async def is_hidden(run: Run, box: Mailbox, intent: Intent) -> bool:
            asked.append(box.name)
            return hidden

        monkeypatch.setattr(resolving, "is_hidden", is_hidden)
        new = SimpleNamespace(source=row.id, row=None)
        move = cast(Intent, SimpleNamespace(new=new))
        found = made.do(resolving._not_moved_unseen(made.run, zed, [move]))
        assert found == ([] if hidden and not there else [move])
        assert asked == ([] if there else ["Zed"])
