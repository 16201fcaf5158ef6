"""The quick check against the tables, and against the full path."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cachebox import NOW, STAMP, Box

from mailsync.cache import Cache as Opener
from mailsync.cache import IntentKind, NewIntent, quick
from mailsync.cache.cache import Cache
from mailsync.cache.quick import QuickMailbox, look, names
from mailsync.model.actions import Defer, DeferMailbox
from mailsync.model.flags import Flags
from mailsync.model.ids import ModSeq, UIDValidity
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import Cursor, ServerMailbox
from mailsync.model.rows import Role, Settled, Side, Wait

A, DRAFTS = MailboxName("A"), MailboxName("Drafts")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A closed cache in which all is well."""
    state = tmp_path / "state"
    change(state, lambda box: well(box))
    return state


def well(box: Box) -> None:
    box.cache.see_mailboxes([ServerMailbox(INBOX, b"INBOX")], [INBOX], lambda name, role: True)
    box.paired({1: "S", 2: "T"})
    box.server({1: "S", 2: "T"})
    box.local({"f1": "S", "f2": "T"})
    box.cache.ran_with(lambda name: ("both", "trash", ""))
    box.cache.mark_synced([box.id], NOW)
    box.cache.set_generation(3)


def change(state: Path, how: Callable[[Box], object]) -> Cache:
    cache = Opener.open(str(state), "account")
    how(Box(cache))
    cache.close()
    return cache


def test_nothing_is_due(state: Path) -> None:
    cache = change(state, lambda box: None)
    found = look(str(state / "cache.db"), NOW)
    assert found is not None
    assert (found.uuid, found.account_uuid) == (cache.uuid, cache.account_uuid)
    assert found.generation == 3
    cursor = Cursor(UIDValidity(1), 3, 2, ModSeq(7))
    assert found.mailboxes == {
        INBOX: QuickMailbox(b"INBOX", cursor, STAMP, selected=True, server=True, local=True)
    }
    assert (found.waiting, found.held, found.failed) == ({}, 0, 0)


def test_nothing_is_written(state: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in state.iterdir()}
    assert list(before) == ["cache.db"]
    assert look(str(state / "cache.db"), NOW) is not None
    assert {path.name: path.stat().st_mtime_ns for path in state.iterdir()} == before


def intent(box: Box) -> None:
    row = box.row(1).id
    new = NewIntent(
        IntentKind.COPY, row, row, box.id, UIDValidity(1), 3, "", 1, None, None, 1, Flags.NONE
    )
    box.cache.begin_intents([new], "run", NOW)


def other_box(box: Box) -> None:
    shown = [ServerMailbox(INBOX, b"INBOX"), ServerMailbox(MailboxName("A"), b"A")]
    box.cache.see_mailboxes(shown, None, lambda name, role: True)


def park(box: Box, next_try: float) -> None:
    box.server({1: "SF", 2: "T"})
    box.cache.trouble(box.ids(1), "why", next_try)


def undelete(box: Box) -> None:
    box.server({1: "S", 2: ""})
    box.local({"f1": "S", "f2": ""})


WORK: list[Callable[[Box], object]] = [
    lambda box: box.server({1: "SF", 2: "T"}),
    lambda box: box.server({1: "S", 2: "T", 3: ""}),
    lambda box: box.local({"f1": "S"}),
    lambda box: box.cache.begin_relink(box.id, {Side.LOCAL}),
    lambda box: box.cache.begin_relink(None, set()),
    lambda box: box.cache.mailbox_trouble(box.id, "no", NOW - 1),
    # a wall clock that was years ahead
    lambda box: box.cache.mailbox_trouble(box.id, "no", NOW + 1e8),
    lambda box: park(box, NOW),
    intent,
    other_box,
]


@pytest.mark.parametrize("work", WORK)
def test_something_is_due(state: Path, work: Callable[[Box], object]) -> None:
    change(state, work)
    assert look(str(state / "cache.db"), NOW) is None


def hold(box: Box, wait: Wait, settled: Settled = Settled.NO) -> None:
    box.local({"f2": "T"})
    box.cache.apply([Defer(box.id, (box.row(1),), wait, "why", Side.SERVER, settled)])


@pytest.mark.parametrize(
    ("how", "held", "parked", "unsent", "kept"),
    [
        (lambda box: hold(box, Wait.HELD), 1, 0, 0, 0),
        (lambda box: hold(box, Wait.UNSENT), 0, 0, 1, 0),
        (lambda box: hold(box, Wait.KEPT), 0, 0, 0, 1),
        (lambda box: box.cache.mailbox_trouble(box.id, "why", NOW + 9), 0, 1, 0, 0),
        (lambda box: box.cache.apply([DeferMailbox(box.id, "why", Side.LOCAL)]), 1, 0, 0, 0),
        (lambda box: park(box, NOW + 9), 0, 1, 0, 0),
    ],
)
def test_what_waits_is_told(
    state: Path, how: Callable[[Box], object], held: int, parked: int, unsent: int, kept: int
) -> None:
    change(state, how)
    found = look(str(state / "cache.db"), NOW)
    assert found is not None
    waits = found.waiting[INBOX]
    assert (waits.held, waits.parked, waits.unsent, waits.kept) == (held, parked, unsent, kept)
    assert waits.reasons == ("why",)
    assert (found.held, found.failed) == (held, parked)


def test_kept_for_good_is_nothing(state: Path) -> None:
    change(state, lambda box: hold(box, Wait.KEPT, Settled.KEPT))
    assert look(str(state / "cache.db"), NOW) is not None


def test_deleted_by_policy(state: Path) -> None:
    assert look(str(state / "cache.db"), NOW, expunge_deleted=True) is None
    change(state, undelete)
    assert look(str(state / "cache.db"), NOW, expunge_deleted=True) is not None


@pytest.mark.parametrize(
    ("policy", "fits"),
    [
        (("both", "trash", ""), True),
        (("both", "trash", "x"), False),
        (("pull", "trash", ""), False),
        (("both", "keep", ""), False),
    ],
)
def test_the_policy(state: Path, policy: tuple[str, str, str], fits: bool) -> None:
    assert (look(str(state / "cache.db"), NOW, policy=lambda name: policy) is not None) is fits


def test_a_file_in_doubt(state: Path) -> None:
    path = state / "cache.db"
    (state / "cache.db.doubt").touch()
    assert look(str(path), NOW) is None
    (state / "cache.db.doubt").unlink()
    (state / "cache.db-wal").write_bytes(b"left over")
    assert look(str(path), NOW) is None


def spoil(path: Path, statement: str) -> None:
    raw = sqlite3.connect(path)
    raw.execute(statement)
    raw.commit()
    raw.close()


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA application_id = 5",
        "UPDATE alembic_version SET version_num = '0000'",
        "DROP TABLE messages",
        "DELETE FROM account",
        "UPDATE mailboxes SET stamp = 'no'",
    ],
)
def test_another_file(state: Path, statement: str) -> None:
    spoil(state / "cache.db", statement)
    assert look(str(state / "cache.db"), NOW) is None


def test_no_file(tmp_path: Path) -> None:
    assert look(str(tmp_path / "cache.db"), NOW) is None
    assert os.listdir(tmp_path) == []
    (tmp_path / "cache.db").write_bytes(b"no database")
    assert look(str(tmp_path / "cache.db"), NOW) is None


def test_it_changes_nothing_and_the_next_open_is_clean(state: Path) -> None:
    before = (state / "cache.db").read_bytes()
    for _ in range(3):
        assert look(str(state / "cache.db"), NOW) is not None
    assert (state / "cache.db").read_bytes() == before
    cache = Opener.open(str(state), "account")
    assert cache.recovered is None
    cache.close()


def test_odd_paths(tmp_path: Path) -> None:
    state = tmp_path / "a ?#%41 \udcff"
    change(state, well)
    assert look(str(state / "cache.db"), NOW) is not None


def test_it_imports_neither_sqlalchemy_nor_alembic() -> None:
    code = (
        "import sys, mailsync.cache.quick, mailsync.cache\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('sqlalchemy', 'alembic')])"
    )
    run = [sys.executable, "-c", code]
    found = subprocess.run(run, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert found.stdout.strip() == "[]"


def test_the_names(state: Path, tmp_path: Path) -> None:
    assert names(str(state / "cache.db")) == ["INBOX"]
    assert names(str(tmp_path / "nowhere")) == []
    (tmp_path / "no.db").write_bytes(b"not a cache, whatever it is" * 100)
    assert names(str(tmp_path / "no.db")) == []


def unlinking(path: Path) -> Callable[[str], str]:
    def gone(name: str) -> str:
        path.unlink()
        return f"file:{name}?mode=ro"

    return gone


def test_a_file_that_goes_at_the_last_moment(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "read_only", unlinking(state / "cache.db"))
    assert look(str(state / "cache.db"), NOW) is None
    assert os.listdir(state) == []


def draft(box: Box) -> None:
    drafts = ServerMailbox(DRAFTS, b"Drafts", role=Role.DRAFTS)
    inbox = ServerMailbox(INBOX, b"INBOX")
    box.cache.see_mailboxes([inbox, drafts], [INBOX, DRAFTS], lambda name, role: True)
    one = Box(box.cache, DRAFTS)
    one.paired({1: "D", 2: ""})
    box.cache.ran_with(lambda name: ("both", "trash", ""))
    box.cache.mark_synced([one.id], NOW)


def test_drafts_are_told_with_size_and_time(state: Path) -> None:
    """One that is edited in place changes no directory."""
    change(state, draft)
    found = look(str(state / "cache.db"), NOW)
    assert found is not None
    told = found.mailboxes[DRAFTS].drafts
    assert [(one.name, one.info, size, time) for one, size, time in told] == [
        ("f1", ":2,D", 100, 5_000_000_000),
        ("f2", ":2,", 100, 5_000_000_000),
    ]
    assert found.mailboxes[INBOX].drafts == ()
    assert (found.mailboxes[DRAFTS].stamp, found.mailboxes[DRAFTS].cursor is None) == (None, False)


def one_side(side: Side, direction: str, selected: bool = True) -> Callable[[Box], None]:
    """A is on that side only, under a policy that was in force before."""

    def made(box: Box) -> None:
        names, server = [INBOX], [ServerMailbox(INBOX, b"INBOX")]
        if side is Side.SERVER:
            server.append(ServerMailbox(A, b"A"))
        else:
            names.append(A)
        box.cache.see_mailboxes(server, names, lambda name, role: selected or name == INBOX)
        box.cache.ran_with(lambda name: (direction, "trash", ""))

    return made


@pytest.mark.parametrize(
    ("side", "direction", "selected", "due"),
    [
        (Side.SERVER, "both", True, True),
        (Side.SERVER, "pull", True, True),
        (Side.SERVER, "push", True, False),
        (Side.LOCAL, "both", True, True),
        (Side.LOCAL, "push", True, True),
        (Side.LOCAL, "pull", True, False),
        (Side.SERVER, "both", False, False),
        (Side.LOCAL, "both", False, False),
    ],
)
def test_one_side_only(state: Path, side: Side, direction: str, selected: bool, due: bool) -> None:
    """It is made on the other, unless it may not be or is out of scope."""
    change(state, one_side(side, direction, selected))
    found = look(str(state / "cache.db"), NOW)
    assert (found is None) is due
    if found is not None:
        a = found.mailboxes[A]
        assert (a.cursor, a.stamp, a.selected) == (None, None, selected)
        assert (a.server, a.local) == (side is Side.SERVER, side is Side.LOCAL)


def gone(box: Box) -> None:
    one_side(Side.SERVER, "push")(box)
    Box(box.cache, A).server({})
    box.cache.see_mailboxes([ServerMailbox(INBOX, b"INBOX")], [INBOX], lambda name, role: True)


def test_one_that_is_gone_on_both_sides_is_due(state: Path) -> None:
    """It is to be forgotten."""
    change(state, gone)
    assert look(str(state / "cache.db"), NOW) is None


def test_what_is_due_in_a_mailbox_that_failed_is_no_trouble_of_its_own(state: Path) -> None:
    def failed(box: Box) -> None:
        box.server({1: "FS", 2: "T"})
        box.cache.mailbox_trouble(box.id, "refused", NOW + 9)

    change(state, failed)
    found = look(str(state / "cache.db"), NOW)
    assert found is not None
    waits = found.waiting[INBOX]
    assert (waits.held, waits.parked, waits.unsent, waits.kept) == (0, 1, 0, 0)
    assert waits.reasons == ("refused",)


def test_five_reasons_are_enough(state: Path) -> None:
    """Each once."""

    def many(box: Box) -> None:
        box.paired(dict.fromkeys(range(1, 9), ""))
        box.server(dict.fromkeys(range(1, 9), "F"))
        for uid in range(1, 9):
            box.cache.trouble(box.ids(uid), f"reason {uid % 7}", NOW + uid)
        box.cache.mailbox_trouble(box.id, "reason 1", NOW + 9)
        box.cache.mark_synced([], NOW)

    change(state, many)
    found = look(str(state / "cache.db"), NOW)
    assert found is not None
    waits = found.waiting[INBOX]
    assert waits.parked == 9
    assert len(waits.reasons) == len(set(waits.reasons)) == 5
