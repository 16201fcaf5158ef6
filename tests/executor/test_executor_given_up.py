"""What was sent in vain: waited for, looked for once more, then sent again or parked (rule 8)."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sim import loop

from mailsync.cache import Intent, IntentKind, NewIntent
from mailsync.executor.run import RESOLVE, Run
from mailsync.model.errors import MailsyncError, Reach
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, IntentId, MailboxId, RowId, UIDValidity
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Mailbox, Presence, Row

room = importlib.import_module("mailsync.executor.resolve")  # it has a function of that name
NOW = 1_700_000_000.0
THERE, GONE = Presence.THERE, Presence.GONE
BOXES = {
    MailboxId(at): Mailbox(MailboxId(at), MailboxName(name), server, THERE)
    for at, (name, server) in enumerate(
        [("INBOX", THERE), ("Work", THERE), ("Old", GONE), ("Home", THERE)], 1
    )
}
INBOX, WORK, OLD, HOME = BOXES


def sent(
    number: int,
    target: MailboxId = WORK,
    kind: IntentKind = IntentKind.APPEND,
    row: int | None = None,
    source: int | None = None,
) -> Intent:
    new = NewIntent(
        kind=kind,
        row=None if row is None else RowId(row),
        source=None if source is None else RowId(source),
        mailbox=target,
        uid_validity=UIDValidity(1),
        uid_next=1,
        message_id="",
        size=1,
        body=None,
        header=None,
        internal_date=None,
        flags=Flags.NONE,
    )
    return Intent(IntentId(number), new, "run", NOW, 1)


def at(number: int, box: MailboxId, attempts: int = 0, server: Presence = THERE) -> Row:
    return Row(RowId(number), box, UID(number), attempts=attempts, server=server)


@dataclass
class Stage:
    """A cache with these intents and rows, and all that it is told."""

    left: list[Intent] = field(default_factory=list)
    there: list[Row] = field(default_factory=list)
    hidden: Collection[int] = ()  # intents
    unshown: Collection[int] = ()  # the server refuses to say whether they are
    failing: Collection[MailboxId] = ()
    moved: Collection[int] = ()  # by others since
    told: list[tuple[object, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        made = SimpleNamespace(
            cache=self, stored=self._stored, mailboxes=dict(BOXES), only_trouble=self._only_trouble,
            trouble=self._parked, now=lambda: NOW, answered=set(), doubt_since=None,
            doubt=self._doubt, account=SimpleNamespace(append_wait=30), progress=self,
            tallies=SimpleNamespace(troubles={}), veiled={},
        )  # fmt: skip
        self.run = cast(Run, made)

    async def _stored(self, call: Callable[..., object], *args: object) -> object:
        return call(*args)

    def intents(self) -> list[Intent]:
        return list(self.left)

    def dropped(self, ids: Sequence[IntentId], given_up: float | None = None) -> None:
        self.told.append(("dropped", list(ids), given_up))
        self.left = [one for one in self.left if one.id not in ids]

    def rows(self, ids: Collection[RowId]) -> list[Row]:
        assert None not in ids
        return [one for one in self.there if one.id in ids]

    def trouble(self, ids: Sequence[RowId], text: str, next_try: float) -> None:
        assert (text, next_try) == (room.NOT_THERE, NOW)
        self.told.append(("again", list(ids)))

    async def _parked(self, mailbox: MailboxId, rows: Sequence[Row], text: str) -> None:
        if rows:
            self.told.append(("parked", mailbox, [one.id for one in rows], text))

    @asynccontextmanager
    async def _only_trouble(self, box: Mailbox, step: str) -> AsyncIterator[None]:
        assert step == RESOLVE
        try:
            yield
        except MailsyncError:
            self.told.append(("trouble", box.id))

    def _doubt(self) -> None:
        self.run.doubt_since = 0.0
        self.told.append(("doubt",))

    def note(self, text: str) -> None:
        self.told.append((text,))

    def look(self, box: MailboxId) -> None:
        if box in self.failing:
            raise MailsyncError("no", reach=Reach.MAILBOX)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()

    async def is_hidden(run: Run, box: Mailbox, intent: Intent) -> bool:
        assert box.id == intent.new.mailbox
        if intent.id in made.unshown:
            raise MailsyncError("no", reach=Reach.MAILBOX)
        return intent.id in made.hidden

    async def observe_again(run: Run, box: Mailbox) -> None:
        made.told.append(("observed", box.id))
        made.look(box.id)

    async def ensure_observed(run: Run, box: MailboxId) -> Mailbox:
        made.look(box)
        return BOXES[box]

    async def look_up(run: Run, box: Mailbox, intents: list[Intent]) -> list[Intent]:
        made.told.append(("looked for", box.id, [one.id for one in intents]))
        return intents

    async def went_on(run: Run, box: Mailbox, intents: list[Intent]) -> list[Intent]:
        assert {one.new.mailbox for one in intents} == {box.id}
        return [one for one in intents if one.id not in made.moved]

    for double in (is_hidden, observe_again, ensure_observed, look_up, went_on):
        monkeypatch.setattr(room, double.__name__, double)
    return made


def test_each_is_looked_for_where_it_was_to_go(stage: Stage) -> None:
    """What went into a mailbox that is gone went with it; one that fails holds up no other."""
    stage.left = [
        sent(1), sent(2, OLD), sent(3, MailboxId(9)), sent(4, HOME), sent(5), sent(6, INBOX),
    ]  # fmt: skip
    stage.failing = [HOME]
    troubles = stage.run.tallies.troubles
    for box in BOXES.values():
        troubles[RESOLVE, box.name] = cast(Any, "of an earlier look")
    left = asyncio.run(room.resolve(stage.run))
    assert [one.id for one in left] == [1, 5, 6]
    assert stage.told == [
        ("looked for", WORK, [1, 5]), ("dropped", [2], None), ("dropped", [3], None),
        ("trouble", HOME), ("looked for", INBOX, [6]), ("doubt",),
    ]  # fmt: skip
    assert [name for _, name in troubles] == ["Old", "Home"]


def test_what_goes_to_the_trash_is_looked_at_before_its_intent(stage: Stage) -> None:
    """Where it is \\Deleted here, too: the server may have taken that off, as it was told to.  Not
    what has a file where it goes, nor in a mailbox that is gone; what fails holds up no other."""
    stage.left = [sent(n, source=n) for n in (1, 2, 3, 4, 5)]
    stage.left += [sent(6, source=6, row=60), sent(7, row=70)]
    boxes = [INBOX, WORK, OLD, HOME, INBOX, WORK]
    stage.there = [
        replace(at(n, box), local_flags=Flags.SEEN if n == 2 else Flags.SEEN | Flags.DELETED)
        for n, box in enumerate(boxes, 1)
    ]
    stage.failing = [HOME]
    troubles = stage.run.tallies.troubles
    for box in BOXES.values():
        troubles[RESOLVE, box.name] = cast(Any, "of an earlier look")
    asyncio.run(room._see_marks(stage.run, stage.left))
    assert stage.told == [("observed", INBOX), ("observed", HOME), ("trouble", HOME)]
    assert [name for _, name in troubles] == ["Work", "Old", "Home"]


def test_where_nothing_goes_to_the_trash_nothing_is_looked_at_first(stage: Stage) -> None:
    stage.left = [sent(1, row=10), sent(2, source=20, row=11)]
    stage.there = [replace(at(20, INBOX), local_flags=Flags.DELETED)]
    asyncio.run(room.resolve(stage.run))
    assert stage.told[0] == ("looked for", WORK, [1, 2])
    stage.left, stage.told = [sent(1, source=20)], []
    asyncio.run(room.resolve(stage.run))
    assert stage.told[:2] == [("observed", INBOX), ("looked for", WORK, [1])]


def test_what_others_moved_on_is_left_no_more(stage: Stage) -> None:
    """It is looked for elsewhere when all that was sent there has been found."""
    stage.left, stage.moved = [sent(1), sent(2, INBOX), sent(3)], [2, 3]
    left = asyncio.run(room.resolve(stage.run))
    assert [one.id for one in left] == [1]
    assert stage.told == [("looked for", WORK, [1, 3]), ("looked for", INBOX, [2]), ("doubt",)]


@pytest.mark.parametrize("since", [None, 5.0])
@pytest.mark.parametrize("found", [True, False])
def test_another_process_may_have_sent_it_a_moment_ago(
    stage: Stage, since: float | None, found: bool
) -> None:
    """The wait begins when it is found; one that has begun goes on."""
    stage.left = [] if found else [sent(1)]
    stage.run.doubt_since = since
    asyncio.run(room.resolve(stage.run))
    assert stage.run.doubt_since == (0.0 if since is None and not found else since)


def test_a_move_that_did_not_happen_waits_for_nothing(stage: Stage) -> None:
    """A UID leaves only once; but an answered one may be shown late, and the file of another has
    gone on, so that it is not sent again.  What goes to the trash has none there."""
    kinds = [IntentKind.MOVE, IntentKind.MOVE_BY_COPY, IntentKind.COPY, *[IntentKind.MOVE] * 3]
    stage.left = [sent(n, kind=kind, row=n if n < 6 else None) for n, kind in enumerate(kinds, 1)]
    stage.there = [
        Row(RowId(n), WORK, local=Presence.GONE if n == 5 else THERE) for n in range(1, 6)
    ]
    stage.run.answered.add(IntentId(4))
    left = asyncio.run(room.resolve(stage.run))
    assert [one.id for one in left] == [2, 3, 4, 5]
    assert stage.told[1:] == [("dropped", [1, 6], None), ("doubt",)]


@pytest.mark.parametrize(
    ("age", "pause"), [(None, 30), (0, 30), (10, 20), (29.5, 0.5), (30, 0), (31, 0)]
)
def test_it_waits_until_the_server_cannot_have_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, age: float | None, pause: float
) -> None:
    stage.left = [sent(1)]

    async def resolve(run: Run) -> list[Intent]:
        stage.left = []
        return []

    monkeypatch.setattr(room, "resolve", resolve)

    async def main() -> float:
        await asyncio.sleep(100)
        began = asyncio.get_running_loop().time()
        stage.run.doubt_since = None if age is None else began - age
        assert await room.wait_and_resolve(stage.run, no_wait=False)
        return asyncio.get_running_loop().time() - began

    assert loop.run(main()) == pytest.approx(pause)
    assert stage.run.doubt_since is None
    said = f"waiting {pause:.0f} s: the server may still store 1"
    assert [one for one in stage.told if "waiting" in str(one[0])] == ([(said,)] if pause else [])


@pytest.mark.parametrize("progress", [True, False])
def test_what_is_hidden_is_not_given_up(stage: Stage, progress: bool) -> None:
    """Nor what could not be looked for."""
    stage.left = [sent(1, row=11), sent(2, row=12), sent(3, HOME, row=13), sent(4, row=14)]
    stage.there = [at(n, box) for n, box in ((11, INBOX), (12, WORK), (13, HOME), (14, INBOX))]
    stage.hidden, stage.failing, stage.unshown = [2], [HOME], [4]
    if not progress:
        stage.run.progress = None
    assert loop.run(room.wait_and_resolve(stage.run, no_wait=False)) is False
    assert [one.id for one in stage.left] == [2, 3, 4]
    assert [one for one in stage.told if one[0] == "trouble"] == [
        ("trouble", HOME),
        ("trouble", WORK),
    ]
    assert ("parked", WORK, [12], room.HIDDEN) in stage.told
    assert ("dropped", [1], NOW) in stage.told
    assert ("again", [11]) in stage.told
    before = len(stage.told)
    assert loop.run(room.wait_and_resolve(stage.run, no_wait=True)) is False
    assert stage.told[before:] == []


def test_nothing_is_waited_for_where_nothing_is_left(stage: Stage) -> None:
    assert loop.run(room.wait_and_resolve(stage.run, no_wait=False)) is False
    assert stage.told == []


def test_what_was_sent_twice_in_vain_is_parked(stage: Stage) -> None:
    """Once it is sent again.  Of a copy the message that it was to be made of, where it is."""
    stage.there = [at(11, INBOX), at(12, INBOX, 1), at(13, HOME, 2), at(14, WORK), at(15, WORK, 1)]
    intents = [sent(n, row=10 + n) for n in (1, 2, 3)]
    intents += [sent(n, HOME, IntentKind.MOVE_BY_COPY, source=10 + n) for n in (4, 5)]
    asyncio.run(room._give_up(stage.run, intents))
    assert stage.told == [
        ("observed", WORK), ("dropped", [1, 2, 3, 4, 5], NOW),
        ("again", [11]), ("parked", INBOX, [12], room.NOT_THERE),
        ("again", []), ("parked", HOME, [13], room.NOT_THERE),
        ("again", [14]), ("parked", WORK, [15], room.NOT_THERE),
    ]  # fmt: skip


def test_a_copy_of_what_had_left_was_not_sent_in_vain(stage: Stage) -> None:
    """Its source is seen to be gone: it is planned anew."""
    stage.there = [at(14, INBOX, 1, GONE), at(15, HOME, 1)]
    stage.failing = [HOME]
    intents = [sent(n, kind=IntentKind.COPY, row=20 + n, source=10 + n) for n in (4, 5)]
    stage.there += [at(24, WORK, 1), at(25, WORK, 1)]
    asyncio.run(room._give_up(stage.run, intents))
    assert stage.told == [
        ("observed", INBOX), ("observed", HOME), ("trouble", HOME), ("dropped", [4, 5], NOW),
        ("again", []), ("parked", WORK, [25], room.NOT_THERE),
    ]  # fmt: skip
