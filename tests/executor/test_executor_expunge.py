"""The steps that take a message away, one by one: in which order, of which messages, and what is
left there and said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from support.expunging import DELETED, NONE, Rig, remove, rigged, uids

from mailsync.executor.remove import expunge, remove_local
from mailsync.executor.run import Run
from mailsync.model.actions import Expunge, RemoveLocal
from mailsync.model.errors import Help, MailsyncError, Reach, Refused, StorageError, Throttled
from mailsync.model.flags import KEYWORDS, Flags
from mailsync.model.ids import UID, RowId
from mailsync.model.mailboxname import INBOX
from mailsync.model.observation import LocalEntry, ServerItem
from mailsync.model.rows import Mailbox, Presence, Row, Settled, Side


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with rigged(monkeypatch) as made:
        yield made


# -- UID EXPUNGE ---------------------------------------------------------------------------------


@pytest.mark.parametrize("condstore", [True, False])
def test_exactly_these_are_marked_and_expunged(rig: Rig, condstore: bool) -> None:
    """That the mark is ours is remembered before it is set, and nobody may have changed them."""
    rig.server.has_condstore = condstore
    rig.expunge(rig.some(2, 3, 5))
    ids = rig.ids(2, 3, 5)
    assert rig.log == [
        ("mark", ids),
        ("store", uids(2, 3, 5), rig.since if condstore else None),
        ("stored_flags", ids, DELETED, NONE),
        ("expunge", uids(2, 3, 5)),
        ("expunged", ids, rig.now),
    ]
    assert rig.run.tallies.done == {INBOX: {"expunged": 3}}
    assert (rig.run.changed, rig.run.expunges) == ({rig.inbox.id}, {rig.inbox.id: 0})
    assert rig.run.tallies.notices == {}


def test_where_no_modseq_is_known_none_is_said(rig: Rig) -> None:
    async def nothing(run: Run, box: Mailbox) -> None:
        return None

    rig.patch.setattr(remove, "cursor_of", nothing)
    rig.expunge(rig.some(2))
    assert rig.log[1] == ("store", uids(2), None)


def like(row: Row, **other: object) -> ServerItem:
    """What a listing shows of it."""
    item = ServerItem(
        UID(row.uid or 0), row.server_flags, frozenset(), row.internal_date, row.size, row.email_id
    )
    return replace(item, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"size": 1},
        {"internal_date": 1},
        {"email_id": "other"},
        {"internal_date": None, "size": 1, "email_id": None},
    ],
)
def test_what_is_shown_of_them_is_what_was_known(rig: Rig, other: dict[str, object]) -> None:
    """One of three may be an estimate; what is not told says nothing."""
    rig.server.items = {UID(3): like(rig.six[2], **other), UID(4): like(rig.six[3], size=1)}
    rig.expunge(rig.some(2, 3))
    assert rig.server.shows == [uids(2, 3)]
    assert rig.log[-2:] == [("expunge", uids(2, 3)), ("expunged", rig.ids(2, 3), rig.now)]


@pytest.mark.parametrize(
    "other",
    [
        {"size": 1, "internal_date": 1},
        {"size": 1, "email_id": "other"},
        {"internal_date": 1, "email_id": "other"},
    ],
)
def test_none_is_marked_where_a_uid_is_another_message_by_now(
    rig: Rig, other: dict[str, object]
) -> None:
    """After a restore: all of the account is listed in full by another attempt."""
    rig.server.items = {UID(3): like(rig.six[2], **other)}
    begun: list[tuple[object, ...]] = []
    rig.patch.setattr(rig.cache, "begin_relink", lambda *told: begun.append(told))
    with pytest.raises(MailsyncError, match="INBOX: the server gives UIDs a second time") as found:
        rig.expunge(rig.some(2, 3, 5))
    assert (found.value.reach, found.value.help) == (Reach.ACCOUNT, Help.RETRY)
    assert begun == [(None, {Side.SERVER})]
    assert rig.log == []


@pytest.mark.parametrize(("changed", "left"), [((3,), (2, 5)), ((2, 3, 5), ()), ((2, 5), (3,))])
def test_what_was_changed_meanwhile_is_looked_at_and_stays(
    rig: Rig, changed: tuple[int, ...], left: tuple[int, ...]
) -> None:
    rig.server.changed = uids(*changed)
    rig.expunge(rig.some(2, 3, 5))
    after = [
        ("stored_flags", rig.ids(*left), DELETED, NONE),
        ("expunge", uids(*left)),
        ("expunged", rig.ids(*left), rig.now),
    ]
    assert rig.log[2:] == [("look",), *(after if left else [])]
    text = f"{len(changed)} messages changed on the server meanwhile"
    assert rig.run.tallies.notices == {INBOX: [text]}


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        ({3: Flags.FLAGGED}, (2, 5)),
        ({2: Flags.ANSWERED, 3: NONE, 5: Flags.FORWARDED | Flags.SEEN}, (3,)),
        ({2: Flags.SEEN, 3: KEYWORDS, 5: NONE}, (2, 3, 5)),
        ({}, (2, 3, 5)),
    ],
    ids=["one", "some", "what saves nothing", "not told"],
)
def test_without_a_modseq_the_answer_tells_what_was_flagged_meanwhile(
    rig: Rig, flags: dict[int, Flags], left: tuple[int, ...]
) -> None:
    rig.server.has_condstore = False
    rig.server.flags = {UID(uid): shown | DELETED for uid, shown in flags.items()}
    rig.expunge(rig.some(2, 3, 5))
    assert [one for one in rig.log if one[0] == "expunge"] == [("expunge", uids(*left))]
    assert rig.log.count(("look",)) == (len(left) < 3)


@pytest.mark.parametrize("condstore", [True, False])
def test_what_was_flagged_since_it_was_listed_is_not_even_marked(rig: Rig, condstore: bool) -> None:
    """What is asked of each right before tells it, where an answer to STORE may not."""
    rig.server.has_condstore = condstore
    rig.server.items = {UID(3): like(rig.six[2], flags=Flags.DRAFT)}
    rig.expunge(rig.some(2, 3, 5))
    assert rig.log[0] == ("look",)
    assert ("mark", rig.ids(2, 5)) in rig.log
    assert [one for one in rig.log if one[0] == "expunge"] == [("expunge", uids(2, 5))]
    assert rig.run.spared == {rig.inbox.id: uids(3)}


def test_what_either_look_shows_flagged_is_spared(rig: Rig) -> None:
    rig.server.has_condstore = False
    rig.server.items = {UID(3): like(rig.six[2], flags=Flags.DRAFT)}
    rig.server.flags = {UID(5): Flags.FLAGGED | DELETED}
    rig.expunge(rig.some(2, 3, 5))
    assert [one for one in rig.log if one[0] == "expunge"] == [("expunge", uids(2))]
    assert rig.run.spared == {rig.inbox.id: uids(3, 5)}


def test_a_mark_of_ours_is_no_change(rig: Rig) -> None:
    rig.cache.stored_flags(rig.ids(3), DELETED, NONE)
    rig.cache.stored_flags(rig.ids(5), Flags.FLAGGED, NONE)
    rig.log.clear()
    rig.expunge(rig.some(2, 3, 5))
    assert [one for one in rig.log if one[0] == "expunge"] == [("expunge", uids(2, 3))]
    assert rig.run.spared == {rig.inbox.id: uids(5)}


def test_where_all_were_flagged_none_is_marked(rig: Rig) -> None:
    rig.server.items = {UID(3): like(rig.six[2], flags=Flags.FLAGGED)}
    rig.expunge(rig.some(3))
    assert rig.log == [("look",)]


def test_a_flag_that_the_mailbox_cannot_keep_saves_nothing(rig: Rig) -> None:
    """The server shows it for this session only, or always: no plan knows of it."""
    rig.server.has_condstore = False
    rig.run.mailboxes[rig.inbox.id] = replace(rig.inbox, permanent=Flags.SEEN | DELETED)
    rig.server.items = {UID(3): like(rig.six[2], flags=Flags.FLAGGED)}
    rig.server.flags = {UID(3): Flags.FLAGGED | DELETED}
    rig.expunge(rig.some(3))
    assert ("look",) not in rig.log
    assert rig.log[-1] == ("expunged", rig.ids(3), rig.now)


def test_what_the_server_refuses_is_parked_and_the_others_go(rig: Rig) -> None:
    rig.server.refused = uids(2)
    rig.expunge(rig.some(2, 3, 5))
    assert [one for one in rig.log if one[0] == "expunge"] == [("expunge", uids(3, 5))]
    assert rig.troubles() == {2: ("the server refused a deletion: not that one", 15)}
    assert rig.run.tallies.done == {INBOX: {"failed": 1, "expunged": 2}}


def test_an_error_of_the_account_comes_out(rig: Rig) -> None:
    rig.server.refused, rig.server.refusal = uids(2), Throttled("slow down")
    with pytest.raises(Throttled):
        rig.expunge(rig.some(2, 3))
    assert rig.commands == ["mark", "store"]


def test_what_was_copied_away_counts_as_no_deletion(rig: Rig) -> None:
    second, third = rig.some(2, 3)
    rig.expunge((replace(second, settled=Settled.COPIED), third))
    assert rig.log[4:] == [
        ("expunged", rig.ids(2), rig.now, ("counted", False)),
        ("expunged", rig.ids(3), rig.now),
    ]
    assert rig.run.tallies.done == {INBOX: {"expunged": 1}}
    rig.expunge((replace(rig.six[4], settled=Settled.COPIED),))
    assert [one for one in rig.log if one[0] == "expunged"] == [
        ("expunged", rig.ids(5), rig.now, ("counted", False))
    ]
    assert rig.run.tallies.done == {INBOX: {"expunged": 1}}


@pytest.mark.parametrize(("sent", "goes"), [((), ()), ((5,), (2,)), ((5, 6), (2, 3))])
def test_an_older_version_goes_when_the_newer_one_is_there(
    rig: Rig, sent: tuple[int, ...], goes: tuple[int, ...]
) -> None:
    real, versions = rig.cache.rows, rig.ids(5, 6)

    def rows(ids: Sequence[RowId]) -> list[Row]:
        lacking = {row for row in versions if row not in rig.ids(*sent)}
        return [
            replace(row, server=Presence.NONE) if row.id in lacking else row for row in real(ids)
        ]

    rig.patch.setattr(rig.cache, "rows", rows)
    rig.run.expunges[rig.inbox.id] = 1
    action = Expunge(rig.inbox.id, rig.some(2, 3), "edited", rig.some(5, 6))
    rig.do(expunge(rig.run, action))
    assert [one for one in rig.log if one[0] == "expunge"] == (
        [("expunge", uids(*goes))] if goes else []
    )
    assert rig.run.expunges[rig.inbox.id] == 0


# -- without UIDPLUS -----------------------------------------------------------------------------


@pytest.fixture
def plain(rig: Rig) -> Rig:
    rig.server.has_uidplus = False
    return rig


def test_all_of_a_plan_is_marked_before_one_expunge(plain: Rig) -> None:
    plain.server.marked = uids(2, 3, 5)
    plain.expunge(plain.some(2, 3), plain.some(5))
    assert plain.log[3:] == [
        ("mark", plain.ids(5)),
        ("store", uids(5), plain.since),
        ("stored_flags", plain.ids(5), DELETED, NONE),
        ("deleted",),
        ("plain expunge",),
        ("expunged", plain.ids(2, 3, 5), plain.now),
    ]
    assert plain.run.tallies.done == {INBOX: {"expunged": 3}}
    assert plain.run.marked == {}


def test_another_mailbox_has_nothing_to_do_with_it(plain: Rig) -> None:
    plain.run.marked[plain.box("Trash").id] = list(plain.some(6))
    plain.run.expunges[plain.inbox.id] = 2
    plain.do(expunge(plain.run, Expunge(plain.inbox.id, plain.some(2), "why")))
    assert plain.commands == ["mark", "store", "stored_flags"]
    assert plain.run.marked == {
        plain.box("Trash").id: list(plain.some(6)),
        plain.inbox.id: list(plain.some(2)),
    }


def test_where_nothing_could_be_marked_nothing_is_asked(plain: Rig) -> None:
    plain.server.refused = uids(2)
    plain.expunge(plain.some(2))
    assert plain.commands == ["mark", "store"]


OTHERS = "the server cannot expunge single messages (no UIDPLUS), and others are marked too"
UNSAID = "the server does not say of them that they are marked"


def left(why: str) -> tuple[str, float]:
    return f"marked \\Deleted and left there: {why}", 15


def test_nothing_is_expunged_where_others_are_marked(plain: Rig) -> None:
    """Once what waits there is made due again: those others may be ours."""
    plain.server.marked = uids(2, 3, 6)
    waiting = [1, 0]
    plain.patch.setattr(plain.cache, "try_marked", lambda box: waiting.pop(0))
    plain.expunge(plain.some(2, 3))
    assert "plain expunge" not in plain.commands
    assert plain.troubles() == {}
    plain.expunge(plain.some(2, 3))
    assert "plain expunge" not in plain.commands
    assert plain.troubles() == {2: left(OTHERS), 3: left(OTHERS)}
    assert waiting == [0]  # not tried twice in a run
    assert "expunged" not in plain.run.tallies.done[INBOX]


@pytest.mark.parametrize("others", [False, True])
def test_our_mark_on_what_was_flagged_meanwhile_is_no_other_s(plain: Rig, others: bool) -> None:
    """It is taken back in the next round; then all that is left can go."""
    plain.server.has_condstore = False
    plain.server.flags = {UID(2): Flags.FLAGGED | DELETED}
    plain.server.marked = uids(2, 3, 6) if others else uids(2, 3)
    plain.expunge(plain.some(2, 3))
    assert ("plain expunge",) not in plain.log
    assert list(plain.troubles()) == ([3] if others else [])
    plain.server.flags = {}
    plain.expunge(plain.some(3))
    assert list(plain.troubles()) == [3], "said once, and not of what is still marked after it"


def test_where_nothing_waits_it_is_said_at_once(plain: Rig) -> None:
    plain.server.marked = uids(2, 6)
    plain.expunge(plain.some(2))
    assert plain.log[3:] == [("deleted",), ("try_marked", plain.inbox.id)]
    assert plain.run.marks_tried == {plain.inbox.id}
    assert plain.troubles() == {2: left(OTHERS)}


def test_what_is_not_shown_as_marked_is_looked_at(plain: Rig) -> None:
    """2 is marked; 3 is gone; of 5 the server says nothing: it is parked."""
    plain.server.marked, plain.gone = uids(2), uids(3)
    plain.expunge(plain.some(2, 3, 5))
    assert plain.log[3:] == [("deleted",), ("look",)]
    assert plain.troubles() == {5: left(UNSAID)}
    assert plain.run.marks_tried == set()


@pytest.mark.parametrize(
    ("refusal", "times"),
    [
        (Refused("not today", code="NOPERM"), 1),
        (Refused("busy", help=Help.RETRY), 3),
    ],
)
def test_a_refused_expunge_is_said_of_each(plain: Rig, refusal: Refused, times: int) -> None:
    plain.server.marked, plain.server.no_expunge = uids(2, 3), refusal
    plain.expunge(plain.some(2, 3))
    assert plain.commands.count("plain expunge") == times
    text = f"the server refused a deletion: {refusal}"
    assert plain.troubles() == {2: (text, 15), 3: (text, 15)}
    assert plain.run.tallies.done == {INBOX: {"failed": 2}}


def test_a_refusal_that_reaches_the_account_comes_out(plain: Rig) -> None:
    plain.server.marked = uids(2)
    plain.server.no_expunge = Refused("no", reach=Reach.ACCOUNT)
    with pytest.raises(Refused):
        plain.expunge(plain.some(2))
    assert plain.troubles() == {}


# -- files ---------------------------------------------------------------------------------------


def test_files_go_into_undo_so_many_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their doubles before them."""
    done: list[tuple[str, tuple[Row, ...]]] = []

    def noted(name: str) -> Callable[..., object]:
        async def call(run: Run, box: Mailbox, rows: tuple[Row, ...]) -> None:
            assert (run, box) == (rig.run, rig.inbox)
            done.append((name, rows))

        return call

    monkeypatch.setattr(remove, "BATCH", 2)
    monkeypatch.setattr(remove, "put_away_doubles", noted("doubles"))
    monkeypatch.setattr(remove, "_remove_batch", noted("batch"))
    rig.do(remove_local(rig.run, RemoveLocal(rig.inbox.id, rig.some(1, 2, 3, 4, 5), "why")))
    assert done == [
        ("doubles", rig.some(1, 2, 3, 4, 5)),
        ("batch", rig.some(1, 2)),
        ("batch", rig.some(3, 4)),
        ("batch", rig.some(5)),
    ]


BAD = StorageError("no such name", reach=Reach.MESSAGE)


@pytest.mark.parametrize("all_of_them", [False, True])
def test_each_file_is_removed_refused_or_looked_for(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, all_of_them: bool
) -> None:
    """1 was edited; 2 and 5 go; 3 is refused; 4 has another name by now."""
    asked: list[tuple[Row, ...]] = []

    async def as_they_were(run: Run, box: Mailbox, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        assert (run, box) == (rig.run, rig.inbox)
        asked.append(rows)
        return rows[1:]

    async def nothing(run: Run, box: Mailbox, rows: tuple[Row, ...]) -> None:
        """There are no doubles."""

    async def into_undo(
        run: Run, box: Mailbox, files: list[tuple[Row, LocalEntry]]
    ) -> tuple[list[object], list[object]]:
        assert (run, box) == (rig.run, rig.inbox)
        assert [row.uid for row, _ in files] == [2, 3, 4, 5]
        assert all(entry.name == row.name for row, entry in files)
        if all_of_them:
            return list(files), []
        return [files[0], files[3]], [(files[1], BAD)]

    for name, fake in (("as_they_were", as_they_were), ("put_away_doubles", nothing)):
        monkeypatch.setattr(remove, name, fake)
    monkeypatch.setattr(remove, "into_undo", into_undo)
    rig.do(remove_local(rig.run, RemoveLocal(rig.inbox.id, rig.some(1, 2, 3, 4, 5), "why")))
    assert asked == [rig.some(1, 2, 3, 4, 5)]
    if all_of_them:
        assert rig.log == [("removed", rig.ids(2, 3, 4, 5), rig.now)]
        assert rig.run.tallies.done == {INBOX: {"removed": 4}}
        assert rig.troubles() == {}
    else:
        assert rig.log == [("removed", rig.ids(2, 5), rig.now), ("lost_file", rig.ids(4))]
        assert rig.run.shifted == {rig.inbox.id}
        assert rig.run.tallies.done == {INBOX: {"removed": 2, "failed": 1}}
        assert rig.troubles() == {3: ("no such name", 15)}
