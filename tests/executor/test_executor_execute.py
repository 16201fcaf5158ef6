"""A plan's actions in their order: each by its function, and what a failure of one holds up."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from support.bare import Bare
from support.storied import Story

from mailsync.executor import execute
from mailsync.executor.run import Run, Trouble
from mailsync.model.actions import (
    Action,
    Copy,
    CopyLocal,
    CreateLocalMailbox,
    CreateMailbox,
    Defer,
    DeferMailbox,
    Download,
    Expunge,
    Forget,
    Move,
    MoveLocal,
    Pair,
    Plan,
    RemoveLocal,
    RemoveLocalMailbox,
    RemoveMailbox,
    RenameLocalMailbox,
    RenameMailbox,
    Rung,
    SetLocalFlags,
    StoreFlags,
    Upload,
)
from mailsync.model.errors import AuthError, Exit, Help, MailsyncError, Refused
from mailsync.model.flags import Flags
from mailsync.model.ids import MailboxId, RowId, UniqueName
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import LocalEntry
from mailsync.model.rows import Row, Side, Wait

executor = importlib.import_module("mailsync.executor")

STEPS: dict[type[Action], str] = {
    CreateMailbox: "create_mailbox",
    CreateLocalMailbox: "create_local_mailbox",
    RenameMailbox: "rename_mailbox",
    RenameLocalMailbox: "rename_local_mailbox",
    RemoveMailbox: "remove_mailbox",
    RemoveLocalMailbox: "remove_local_mailbox",
    Move: "move",
    Copy: "copy",
    MoveLocal: "move_local",
    CopyLocal: "copy_local",
    StoreFlags: "store_flags",
    SetLocalFlags: "set_local_flags",
    Download: "download",
    Upload: "upload",
    RemoveLocal: "remove_local",
    Expunge: "expunge",
}
INBOX, WORK, OTHER = (MailboxId(number) for number in (1, 2, 3))


class Rig(Bare):
    """`did` are the actions in the order in which they were done; `fails` says how some end."""

    def __init__(self, story: Story, patch: pytest.MonkeyPatch) -> None:
        super().__init__(story)
        self.did: list[Action] = []
        self.fails: dict[Action, MailsyncError] = {}
        self.then: Callable[[Action], None] = lambda action: None
        box = self.box("INBOX")
        for number, name in ((INBOX, "INBOX"), (WORK, "Work"), (OTHER, "Other")):
            self.run.mailboxes[number] = replace(box, id=number, name=MailboxName(name))
        self.lasting: list[tuple[dict[MailboxName, list[LocalEntry]], int]] = []
        patch.setattr(self.run, "maildir", self)
        for kind, name in STEPS.items():
            patch.setattr(executor, name, self._step(kind))

    def make_lasting(self, seen: dict[MailboxName, list[LocalEntry]]) -> None:
        self.lasting.append((seen, len(self.did)))

    def _step(self, kind: type[Action]) -> object:
        async def step(run: Run, action: Action) -> None:
            assert run is self.run
            assert type(action) is kind
            self.did.append(action)
            self.then(action)
            if action in self.fails:
                raise self.fails[action]

        return step

    def execute(self, *actions: Action) -> list[Action]:
        """What was tried of them."""
        self.did.clear()
        self.do(execute(self.run, Plan(actions)))
        return list(self.did)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with Story("execute") as s:
        for ghost in "abc":
            s.serve("INBOX", ghost)
        s.tell()
        with Rig(s, monkeypatch) as made:
            yield made


def row(number: int, body: bytes | None = None, mailbox: MailboxId = INBOX) -> Row:
    return Row(RowId(number), mailbox, body=body)


def every(mailbox: MailboxId = INBOX) -> list[Action]:
    """One of each that is more than a matter of the cache."""
    one, other = (row(1),), (row(2),)
    flags = (Flags.SEEN, Flags.NONE)
    return [
        CreateMailbox(mailbox),
        CreateLocalMailbox(mailbox),
        RenameMailbox(mailbox, OTHER),
        RenameLocalMailbox(mailbox, OTHER),
        Move(mailbox, WORK, one, other, "why"),
        Copy(mailbox, WORK, one, other, "why", (Flags.NONE,)),
        MoveLocal(mailbox, WORK, one, other, "why"),
        CopyLocal(mailbox, WORK, one, other, "why"),
        StoreFlags(mailbox, one, *flags),
        SetLocalFlags(mailbox, one, *flags),
        Download(mailbox, one, "why"),
        Upload(mailbox, one, "why"),
        RemoveLocal(mailbox, one, "why"),
        Expunge(mailbox, one, "why"),
        RemoveMailbox(mailbox),
        RemoveLocalMailbox(mailbox),
    ]


def test_each_action_has_its_function(rig: Rig) -> None:
    assert {type(action) for action in every()} == STEPS.keys()
    assert rig.execute(*every()) == every()
    assert rig.run.tallies.troubles == {}


def test_what_is_a_matter_of_the_cache_is_done_before_all_else(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one transaction."""
    applied: list[tuple[list[object], int]] = []

    def apply(actions: Sequence[object]) -> None:
        applied.append((list(actions), len(rig.did)))

    monkeypatch.setattr(rig.cache, "apply", apply)
    mine: list[Action] = [
        Forget(INBOX, (row(1),), "gone"),
        Defer(INBOX, (row(2),), Wait.HELD, "many", Side.LOCAL),
        DeferMailbox(WORK, "many", Side.LOCAL),
        Pair(INBOX, row(2), row(3), Rung.HEADER, None),
    ]
    others = every()
    plan = [*mine[:2], *others, *mine[2:]]
    assert rig.execute(*plan) == others
    assert applied == [(mine, 0)]


def test_what_the_plan_relies_on_in_the_maildir_is_made_durable_before_all_else(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that will count as synced; and mailboxes that something left, which is not to be
    there again."""
    monkeypatch.setattr(rig.cache, "apply", rig.did.extend)

    def file(number: int, mailbox: MailboxId) -> Row:
        return replace(row(number, mailbox=mailbox), name=UniqueName(f"n{number}"), folder="cur")

    gone = row(1), row(2)
    plans: list[tuple[Action, dict[str, list[str]]]] = [
        (Pair(INBOX, row(3), file(4, INBOX), Rung.HEADER, None), {"INBOX": ["n4"]}),
        (Upload(WORK, (file(5, WORK),), "new"), {"Work": ["n5"]}),
        (Download(INBOX, gone, "new", (file(6, INBOX),)), {"INBOX": ["n6"]}),
        (Move(INBOX, WORK, (row(1),), (file(7, WORK),), "why"), {"INBOX": [], "Work": ["n7"]}),
        (Copy(OTHER, WORK, (row(1),), (file(7, WORK),), "why", (Flags.NONE,)), {"Work": ["n7"]}),
        (StoreFlags(INBOX, gone, Flags.SEEN, Flags.NONE), {"INBOX": []}),
        (Expunge(INBOX, gone, "deleted"), {"INBOX": []}),
        (Expunge(INBOX, (row(1),), "replaced", (file(8, INBOX),)), {"INBOX": ["n8"]}),
    ]
    for action, wanted in plans:
        rig.lasting.clear()
        rig.execute(action)
        ((seen, done),) = rig.lasting
        assert ({box: [one.name for one in files] for box, files in seen.items()}, done) == (
            wanted,
            0,
        )
    rig.lasting.clear()
    rig.execute(Download(INBOX, gone, "new"), RemoveLocal(INBOX, gone, "expunged"))
    assert rig.lasting == []


def test_what_earlier_plans_left_is_over(rig: Rig) -> None:
    """Numbers of rows too: a later file may have that of one that was merged, and is to be sent."""
    run = rig.run
    run.renumbered.add(INBOX)
    run.paired.add(RowId(2))
    run.marked[INBOX].append(row(1))
    run.expunges[WORK] = 7
    counted: list[dict[MailboxId, int]] = []
    rig.then = lambda action: counted.append(dict(run.expunges))
    plan = [Expunge(INBOX, (row(1),), "a"), Expunge(INBOX, (row(2),), "b"), Upload(WORK, (), "")]
    assert rig.execute(*plan) == plan
    assert counted == [{INBOX: 2}] * 3
    assert (run.renumbered, run.paired, run.marked) == (set(), set(), {})


# -- said ----------------------------------------------------------------------------------------


def test_what_is_done_is_logged(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.run.keywords = Keywords(["Later"])
    plan = [
        StoreFlags(INBOX, (row(1),), rig.run.keywords.flag("Later"), Flags.SEEN),
        Move(INBOX, WORK, (row(1),), (), "moved"),
        CreateMailbox(WORK),
        DeferMailbox(WORK, "many", Side.LOCAL),
    ]
    with caplog.at_level(logging.INFO, "mailsync.sync"):
        rig.execute(*plan)
    assert caplog.messages == [
        "test: StoreFlags INBOX +Later -S 1 rows: flags differ",
        "test: Move INBOX -> Work 1 rows: moved",
        "test: CreateMailbox Work: new in the Maildir",
        "test: Held Work: many",
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING, "mailsync.sync"):
        rig.execute(*plan)
    assert caplog.messages == []


# -- failures ------------------------------------------------------------------------------------


def test_one_that_fails_holds_up_no_other(rig: Rig) -> None:
    plan = [action for action in every() if not isinstance(action, CreateMailbox)]
    bad = next(action for action in plan if isinstance(action, Upload))
    rig.fails[bad] = Refused("not now", help=Help.RETRY)
    assert rig.execute(*plan) == plan
    assert rig.run.tallies.troubles == {
        (Upload, MailboxName("INBOX")): Trouble("not now", Exit.FAILED)
    }
    assert rig.run.futile == set()
    assert rig.execute(*plan) == plan  # tried again in the next round


def test_an_error_of_the_account_ends_it(rig: Rig) -> None:
    plan = [Download(INBOX, (), "a"), Upload(INBOX, (), "b"), Upload(WORK, (), "c")]
    rig.fails[plan[1]] = AuthError("no")
    with pytest.raises(AuthError):
        rig.execute(*plan)
    assert rig.did == plan[:2]
    assert rig.run.tallies.troubles == {}


@pytest.mark.parametrize("help", [Help.ASK, Help.WAIT])
def test_what_no_repeat_helps_is_not_tried_a_second_time(rig: Rig, help: Help) -> None:
    """Of that kind, in that mailbox; it is said again."""
    bad = Upload(INBOX, (row(1),), "a")
    later = Upload(INBOX, (row(2),), "b")
    others = [Download(INBOX, (), "c"), Upload(WORK, (), "d")]
    rig.fails[bad] = Refused("never", help=help)
    assert rig.execute(bad, later, *others) == [bad, *others]
    said = {(Upload, MailboxName("INBOX")): Trouble("never", Exit.FAILED)}
    assert rig.run.tallies.troubles == said
    rig.run.new_round()
    assert rig.execute(later, *others) == others
    assert rig.run.tallies.troubles == said


@pytest.mark.parametrize("make", [CreateMailbox, CreateLocalMailbox])
def test_where_a_mailbox_is_not_made_nothing_is_done_in_it_or_to_it(
    rig: Rig, make: type[CreateMailbox | CreateLocalMailbox]
) -> None:
    """Until it is tried again in the next round."""
    bad = make(WORK)
    waits = [Upload(WORK, (), ""), Move(INBOX, WORK, (), (), ""), Copy(WORK, INBOX, (), (), "", ())]
    goes = [Upload(INBOX, (), ""), Move(INBOX, OTHER, (), (), "")]
    rig.fails[bad] = Refused("busy", help=Help.RETRY)
    assert rig.execute(bad, *waits, *goes) == [bad, *goes]
    assert rig.run.tallies.troubled == {"Work"}
    rig.fails.clear()
    assert rig.execute(bad, *waits, *goes) == [bad, *waits, *goes]


def test_where_uids_have_another_meaning_nothing_is_done_by_them(rig: Rig) -> None:
    rename = RenameMailbox(WORK, OTHER)
    rig.then = lambda action: rig.run.renumbered.add(WORK) if action == rename else None
    waits = [StoreFlags(WORK, (), Flags.SEEN, Flags.NONE), MoveLocal(INBOX, WORK, (), (), "")]
    goes = [Upload(INBOX, (), ""), Download(OTHER, (), "")]
    assert rig.execute(goes[0], rename, *waits, goes[1]) == [goes[0], rename, goes[1]]


# -- what a download may find --------------------------------------------------------------------


def test_files_of_which_a_download_may_find_that_they_are_its_message(rig: Rig) -> None:
    """Those that are to be sent, and those that wait for the answer; each once, by their bytes."""
    x, y = b"x" * 16, b"y" * 16
    a, twin, unread = row(1, x), row(2, x), row(3)
    waiting, asked, elsewhere = row(4, y), row(5, y), row(6, x, WORK)
    rig.execute(
        Upload(INBOX, (a, twin, unread), ""),
        Download(INBOX, (asked,), "", (waiting, a)),
        Upload(WORK, (elsewhere,), ""),
        RemoveLocal(INBOX, (row(7, y),), ""),
    )
    assert rig.run.files_by_body == {
        (INBOX, x): [a, twin],
        (INBOX, y): [waiting],
        (WORK, x): [elsewhere],
    }
