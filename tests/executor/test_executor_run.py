"""What a run counts and says, and when what failed is due again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from support.bare import Bare
from support.storied import Story

from mailsync.executor.run import LOOK_HERE, LOOK_THERE, RESOLVE, Tallies, Trouble
from mailsync.model.errors import (
    AuthError,
    Exit,
    MailsyncError,
    Reach,
    Refused,
    StorageError,
    Unavailable,
)
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.rows import Role

WORK = MailboxName("Work")
MINUTE = 60.0


@pytest.fixture
def made() -> Iterator[Bare]:
    with Story("run") as s:
        s.server.create("Work")
        for ghost in "abc":
            s.serve("Work", ghost)
        s.tell()
        with Bare(s) as one:
            yield one


def due(made: Bare) -> dict[str, tuple[str, float]]:
    """What waits: its mailbox, why, and in how many minutes it is due."""
    return {
        one.mailbox: (one.reason, round((one.next_try - made.now) / MINUTE, 3))
        for one in made.cache.reports()
        if one.next_try is not None
    }


# -- tallies -------------------------------------------------------------------------------------


def test_what_was_done_grows_with_everything() -> None:
    tallies = Tallies()
    assert tallies.work == 0
    tallies.count(WORK, "moved")
    tallies.count(WORK, "moved", 3)
    tallies.count(INBOX, "failed", 2)
    assert (tallies.done[WORK], tallies.done[INBOX]) == ({"moved": 4}, {"failed": 2})
    assert tallies.work == 6


def test_the_same_is_said_once_of_each_mailbox() -> None:
    tallies = Tallies()
    for name, text in ((WORK, "one"), (WORK, "two"), (WORK, "one"), (INBOX, "one")):
        tallies.note(name, text)
    assert tallies.notices == {WORK: ["one", "two"], INBOX: ["one"]}


def test_an_error_of_the_account_is_said_once_with_its_exit_status() -> None:
    tallies = Tallies()
    for error in (AuthError("no"), AuthError("no"), StorageError("full")):
        tallies.fail(error)
    assert tallies.errors == ["no", "full"]
    assert tallies.exits == {Exit.AUTH, Exit.TEMPORARY}


def test_troubles_are_said_of_their_mailbox() -> None:
    tallies = Tallies()
    tallies.troubles = {
        (step, name): Trouble(f"{step} {name}", Exit.FAILED)
        for step, name in (("a", WORK), ("b", WORK), ("a", INBOX))
    }
    assert tallies.troubled == {WORK, INBOX}
    assert (tallies.said(WORK), tallies.said(INBOX)) == (["a Work", "b Work"], ["a INBOX"])


# -- trouble -------------------------------------------------------------------------------------


def test_messages_are_parked_each_by_how_often_it_failed(made: Bare) -> None:
    rows, run = made.rows("Work"), made.run
    made.do(run.trouble(made.box("Work").id, [], "nothing failed"))
    assert run.tallies.work == 0
    before = [replace(rows[0], attempts=0), replace(rows[1], attempts=2)]
    made.do(run.trouble(made.box("Work").id, iter(before), "refused"))
    assert run.tallies.done == {WORK: {"failed": 2}}
    assert made.troubles() == {1: ("refused", 15), 2: ("refused", 60)}


def test_each_file_that_the_disk_refuses_has_its_own_reason(made: Bare) -> None:
    first, second, _ = made.rows("Work")
    failed = [(first, StorageError("too long")), (second, StorageError("not readable"))]
    made.do(made.run.file_trouble(made.box("Work").id, failed))
    assert made.run.tallies.done == {WORK: {"failed": 2}}
    assert made.troubles() == {1: ("too long", 15), 2: ("not readable", 15)}


@pytest.mark.parametrize(
    ("error", "minutes"),
    [
        (Refused("no"), 0),
        (Refused("no", retry_after=600), 10),
        (Unavailable("later", reach=Reach.MAILBOX), 0),
    ],
)
def test_a_mailbox_that_failed_is_due_when_the_server_says(
    made: Bare, error: MailsyncError, minutes: float
) -> None:
    box = made.box("Work")
    made.do(made.run.mailbox_trouble(box, "step", error))
    assert due(made) == {"Work": (str(error), minutes)}
    assert made.run.tallies.troubles == {("step", WORK): Trouble(str(error), error.exit)}


@pytest.mark.parametrize("error", [AuthError("no"), StorageError("full")])
def test_what_reaches_the_account_comes_out(made: Bare, error: MailsyncError) -> None:
    async def step() -> None:
        async with made.run.only_trouble(made.box("Work"), "step"):
            raise error

    with pytest.raises(type(error)):
        made.do(step())
    assert (due(made), made.run.tallies.troubles) == ({}, {})


def test_what_reaches_a_mailbox_is_noted_and_over(made: Bare) -> None:
    async def step() -> str:
        async with made.run.only_trouble(made.box("Work"), "step"):
            raise Refused("not here")
        return "went on"

    assert made.do(step()) == "went on"
    assert made.run.tallies.said(WORK) == ["not here"]


def test_a_new_round_knows_what_failed_and_is_not_tried_again(made: Bare) -> None:
    run, work = made.run, made.box("Work")
    steps = {LOOK_THERE: "there", LOOK_HERE: "here", RESOLVE: "intents", "done": "d", "left": "l"}
    for step, text in steps.items():
        run.tallies.troubles[step, WORK] = Trouble(text, Exit.FAILED)
    run.new_round()
    assert run.tallies.said(WORK) == ["there", "here", "intents"]
    run.passed_over(work, "left")
    run.passed_over(work, "never tried")
    run.passed_over(made.box("INBOX"), "done")
    assert run.tallies.said(WORK) == ["there", "here", "intents", "l"]
    assert run.tallies.troubled == {WORK}


# -- words ---------------------------------------------------------------------------------------


def test_what_a_run_says_of_itself(made: Bare) -> None:
    run, work = made.run, made.box("Work")
    assert run.undo == f"{made.stack.state}/undo"
    assert (run.name(work.id), run.now()) == (WORK, made.now)
    trash = run.by_role(Role.TRASH)
    assert trash is not None
    assert trash.name == "Trash"
    assert run.by_role(Role.ARCHIVE) is None
    assert run.no_uploads(work.id) == ""
    run.stopped[work.id] = "full"
    assert (run.no_uploads(work.id), run.no_uploads(trash.id)) == ("full", "")
    run.note(work.id, "look")
    assert run.tallies.notices == {WORK: ["look"]}


def test_where_no_budget_is_given_nothing_is_rationed_or_counted(made: Bare) -> None:
    assert made.run.rations() == (None, None)
    made.run.count()
    assert made.run.tallies == Tallies()


class Shown:
    """A progress display."""

    def __init__(self) -> None:
        self.advanced: list[tuple[int, int, str]] = []

    def advance(self, messages: int, size: int, place: str) -> None:
        self.advanced.append((messages, size, place))


@pytest.mark.parametrize("shown", [Shown, lambda: None])
def test_what_is_done_is_counted_and_shown(made: Bare, shown: Callable[[], Shown | None]) -> None:
    display = shown()
    made.run.progress = display  # type: ignore[assignment]
    work = made.box("Work").id
    made.run.done(work, "moved")
    made.run.done(work, "downloaded", 3, 700)
    assert made.run.tallies.done == {WORK: {"moved": 1, "downloaded": 3}}
    if display is not None:
        assert display.advanced == [(1, 0, "test/Work"), (3, 700, "test/Work")]


def test_work_for_the_cache_and_the_disk_is_done_with_all_that_it_is_given(made: Bare) -> None:
    assert made.do(made.run.stored(sorted, [1, 2], reverse=True)) == [2, 1]
    assert made.do(made.run.disk(sorted, [1, 2], reverse=True)) == [2, 1]


def test_a_doubt_is_as_old_as_its_moment(made: Bare) -> None:
    async def doubt() -> None:
        made.run.doubt()

    assert made.run.doubt_since is None
    made.do(doubt())
    assert made.run.doubt_since == made.stack.server.time.now
