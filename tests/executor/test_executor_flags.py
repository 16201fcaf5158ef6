"""Flags on the server: what it refuses is found in halves, what it does not keep is said."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import pytest
from support.bare import Bare

from mailsync.executor.flags import bisected, of_all, store_flags
from mailsync.executor.keywords import may_blame_keywords, store
from mailsync.model.actions import StoreFlags
from mailsync.model.errors import (
    Disconnected,
    Help,
    MailsyncError,
    Reach,
    Refused,
    Throttled,
)
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, UIDValidity
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import ServerItem
from mailsync.model.rows import Row
from mailsync.model.uidset import UIDSet
from mailsync.server import Stored

RETRY, WAIT, ASK = Help.RETRY, Help.WAIT, Help.ASK


@pytest.mark.parametrize(
    ("error", "all_of_them", "blamed"),
    [
        (Refused("no"), False, True),
        (Refused("no", code="CANNOT"), False, True),
        (Refused("no", code="LIMIT", help=WAIT), True, True),
        (Refused("no", code="INUSE", help=RETRY), True, False),
        (Refused("no", code="OVERQUOTA"), False, False),
        (Refused("no", code="TOOBIG"), False, False),
        (Refused("no", reach=Reach.ACCOUNT), False, False),
        *(
            (Refused("no", code=code), True, False)
            for code in ("NOPERM", "READ-ONLY", "NONEXISTENT", "TRYCREATE", "UIDVALIDITY")
        ),
    ],
)
def test_what_a_refusal_is_about(error: Refused, all_of_them: bool, blamed: bool) -> None:
    """All messages of the mailbox alike, or one of them; and whether it may be for keywords."""
    assert of_all(error) is all_of_them
    assert may_blame_keywords(error) is blamed


# -- in halves -----------------------------------------------------------------------------------

Say = Callable[[list[int]], MailsyncError | None]


def not_the_fifth(asked: list[int]) -> MailsyncError | None:
    return Refused("bad", code="CANNOT") if 5 in asked else None


def no_permission(asked: list[int]) -> MailsyncError | None:
    return Refused("not you", code="NOPERM")


def not_two(asked: list[int]) -> MailsyncError | None:
    return Refused("bad") if {2, 7} & set(asked) else None


@pytest.mark.parametrize(
    ("say", "sent", "culprits"),
    [
        (lambda asked: None, [[1, 2, 3, 4, 5, 6, 7]], []),
        (
            not_the_fifth,
            [[1, 2, 3, 4, 5, 6, 7], [1, 2, 3], [4, 5, 6, 7], [4, 5], [4], [5], [6, 7]],
            [[5]],
        ),
        (no_permission, [[1, 2, 3, 4, 5, 6, 7]], [[1, 2, 3, 4, 5, 6, 7]]),
        (
            not_two,
            [
                [1, 2, 3, 4, 5, 6, 7],
                *([1, 2, 3], [1], [2, 3], [2], [3]),
                *([4, 5, 6, 7], [4, 5], [6, 7], [6], [7]),
            ],
            [[2], [7]],
        ),
    ],
)
def test_in_halves_until_the_culprits_are_alone(
    made: Bare, say: Say, sent: list[list[int]], culprits: list[list[int]]
) -> None:
    asked, refused = halved(made, say)
    assert asked == sent
    assert [ids for ids, _ in refused] == culprits


def halved(made: Bare, say: Say) -> tuple[list[list[int]], list[tuple[list[int], str]]]:
    asked: list[list[int]] = []
    refused: list[tuple[list[int], str]] = []

    async def call(rows: tuple[Row, ...]) -> None:
        asked.append([row.uid or 0 for row in rows])
        if (error := say(asked[-1])) is not None:
            raise error

    async def told(rows: tuple[Row, ...], error: Refused) -> None:
        refused.append(([row.uid or 0 for row in rows], str(error)))

    made.do(bisected(made.run, tuple(made.rows("INBOX")), call, told))
    return asked, refused


@pytest.mark.parametrize(
    ("error", "times"), [(Throttled("slow down"), 1), (Disconnected("cut"), 1)]
)
def test_what_reaches_the_account_is_not_halved(
    made: Bare, error: MailsyncError, times: int
) -> None:
    asked: list[list[int]] = []

    def say(uids: list[int]) -> MailsyncError:
        asked.append(uids)
        return error

    with pytest.raises(type(error)):
        halved(made, say)
    assert len(asked) == times


def test_a_busy_server_is_asked_again_before_that(made: Bare) -> None:
    asked, refused = halved(made, lambda uids: Refused("busy", help=RETRY))
    assert asked == [[1, 2, 3, 4, 5, 6, 7]] * 3
    assert refused == [([1, 2, 3, 4, 5, 6, 7], "busy")]


# -- keywords ------------------------------------------------------------------------------------

WORDS = ("Later", "Todo", "Work")
TABLE = Keywords(WORDS)
LATER, TODO, WORK = (TABLE.flag(word) for word in WORDS)
SEEN, FLAGGED = Flags.SEEN, Flags.FLAGGED
NONE = Flags.NONE
UIDS = UIDSet([UID(3), UID(4)])


@dataclass
class Shop:
    """A server that refuses STORE of some keywords, and silently drops others."""

    refused: Flags = NONE
    dropped: Flags = NONE
    first: str = ""  # the code of its first refusal, and of the others
    code: str = ""
    asked: list[UIDSet] = field(default_factory=list)
    mute: UIDSet = field(default_factory=UIDSet)  # of these a STORE shows nothing
    gone: UIDSet = field(default_factory=UIDSet)
    asked_for: list[UIDSet] = field(default_factory=list)
    sent: list[tuple[Flags, Flags]] = field(default_factory=list)
    looked: list[UIDSet] = field(default_factory=list)

    def know(self, keywords: Keywords) -> None:
        """Nothing is shown of it."""

    async def store(
        self,
        box: MailboxName,
        uids: UIDSet,
        add: Flags,
        remove: Flags,
        *,
        uid_validity: UIDValidity | None,
        shown: bool,
    ) -> Stored:
        assert box == "INBOX"
        assert not uids - UIDS
        assert uid_validity is not None
        assert shown
        self.sent.append((add, remove))
        self.asked.append(uids)
        if (add | remove) & self.refused:
            raise Refused("no such flag", code=self.code if len(self.sent) > 1 else self.first)
        return Stored(flags=dict.fromkeys(uids - self.mute, SEEN))

    async def alive(self, box: MailboxName, uids: UIDSet, *, uid_validity: UIDValidity) -> UIDSet:
        assert box == "INBOX"
        self.asked_for.append(uids)
        return uids - self.gone

    async def flags(
        self, box: MailboxName, uids: UIDSet, *, uid_validity: UIDValidity
    ) -> Mapping[UID, ServerItem]:
        assert box == "INBOX"
        self.looked.append(uids)
        kept = frozenset(TABLE.of(sum_of(self.sent) & ~self.dropped & ~self.refused))
        return {uid: ServerItem(uid=uid, flags=SEEN, extra=kept) for uid in uids}


def sum_of(sent: Collection[tuple[Flags, Flags]]) -> Flags:
    found = NONE
    for add, _ in sent:
        found |= add
    return found


@pytest.mark.parametrize(
    ("shop", "add", "remove", "sent", "looks", "lacking"),
    [
        # without keywords: one command, no look
        (Shop(), SEEN, FLAGGED, [(SEEN, FLAGGED)], 0, NONE),
        (Shop(), NONE, WORK, [(NONE, WORK)], 0, NONE),
        (Shop(), SEEN | WORK, NONE, [(SEEN | WORK, NONE)], 1, NONE),
        (Shop(dropped=WORK), SEEN | WORK | LATER, NONE, [(SEEN | WORK | LATER, NONE)], 1, WORK),
        # what is refused is sent without keywords, then each by itself
        (
            Shop(refused=WORK),
            SEEN | WORK | LATER,
            FLAGGED | TODO,
            [
                (SEEN | WORK | LATER, FLAGGED | TODO),
                (SEEN, FLAGGED),
                *((LATER, NONE), (NONE, TODO), (WORK, NONE)),
            ],
            1,
            WORK,
        ),
        (
            Shop(refused=LATER | WORK),
            LATER | WORK,
            NONE,
            [(LATER | WORK, NONE), (LATER, NONE), (WORK, NONE)],
            0,
            LATER | WORK,
        ),
        (Shop(refused=TODO), NONE, TODO, [(NONE, TODO), (NONE, TODO)], 0, TODO),
        (
            Shop(refused=WORK, dropped=LATER),
            WORK | LATER,
            NONE,
            [(WORK | LATER, NONE), (LATER, NONE), (WORK, NONE)],
            1,
            WORK | LATER,
        ),
    ],
)
def test_what_a_server_does_not_keep(
    made: Bare,
    shop: Shop,
    add: Flags,
    remove: Flags,
    sent: list[tuple[Flags, Flags]],
    looks: int,
    lacking: Flags,
) -> None:
    run, box = made.run, made.box("INBOX")
    run.server, run.keywords = shop, TABLE  # type: ignore[assignment]
    shop.sent.clear()
    taken = any(not (a | b) & shop.refused for a, b in sent)
    shown = UIDS if taken else UIDSet()
    assert made.do(store(run, box, UIDS, add, remove)) == (lacking, shown)
    assert shop.sent == sent
    assert shop.looked == [UIDS] * looks
    shop.looked.clear()
    said = run.tallies.notices["INBOX"]
    assert [any(f"keep {word} here" in text for text in said) for word in WORDS] == [
        bool(TABLE.flag(word) & lacking) for word in WORDS
    ]
    assert not lacking & made.box("INBOX").permanent


@pytest.mark.parametrize(
    ("add", "refused", "code"),
    [(SEEN | WORK, WORK, "NOPERM"), (SEEN | WORK, WORK, "OVERQUOTA"), (SEEN, SEEN, "")],
)
def test_a_refusal_that_is_not_for_keywords_comes_out(
    made: Bare, add: Flags, refused: Flags, code: str
) -> None:
    shop = Shop(refused=refused, first=code)
    made.run.server, made.run.keywords = shop, TABLE  # type: ignore[assignment]
    with pytest.raises(Refused, match="no such flag"):
        made.do(store(made.run, made.box("INBOX"), UIDS, add, NONE))
    assert shop.sent == [(add, NONE)]
    assert made.run.tallies.notices == {}


def test_a_keyword_that_is_refused_for_another_reason_is_not_taken_for_lacking(
    made: Bare,
) -> None:
    shop = Shop(refused=WORK, code="NOPERM")
    made.run.server, made.run.keywords = shop, TABLE  # type: ignore[assignment]
    with pytest.raises(Refused, match="no such flag"):
        made.do(store(made.run, made.box("INBOX"), UIDS, LATER | WORK, NONE))
    assert shop.sent == [(LATER | WORK, NONE), (LATER, NONE), (WORK, NONE)]
    assert made.run.tallies.notices == {}


# -- told to the cache ---------------------------------------------------------------------------


def test_what_the_server_took_is_told_without_what_it_lacks(made: Bare) -> None:
    """Of all messages that were named, in one command."""
    run, box, rows = made.run, made.box("INBOX"), made.rows("INBOX")[2:4]
    shop = Shop(dropped=LATER)
    made.cache.stored_flags([row.id for row in rows], FLAGGED | TODO, NONE)
    run.server, run.keywords = shop, TABLE  # type: ignore[assignment]
    made.do(store_flags(run, StoreFlags(box.id, tuple(rows), SEEN | LATER, FLAGGED | LATER)))
    assert shop.sent == [(SEEN | LATER, FLAGGED | LATER)]
    assert [row.server_flags for row in made.rows("INBOX")[1:5]] == [
        *(NONE, SEEN | TODO, SEEN | TODO, NONE)
    ]
    assert run.changed == {box.id}
    assert run.tallies.done == {"INBOX": {"flags-server": 2}}


def test_a_flag_that_is_refused_for_a_message_that_is_gone_is_no_trouble(made: Bare) -> None:
    run, box, rows = made.run, made.box("INBOX"), made.rows("INBOX")[2:4]
    run.server = Shop(refused=SEEN, gone=UIDSet([UID(3)]))  # type: ignore[assignment]
    made.do(store_flags(run, StoreFlags(box.id, tuple(rows), SEEN, NONE)))
    assert list(made.troubles()) == [4]
    assert run.vanished == {box.id}


def test_a_refusal_for_the_whole_mailbox_asks_for_no_message(made: Bare) -> None:
    run, box, rows = made.run, made.box("INBOX"), made.rows("INBOX")[2:4]
    run.server = shop = Shop(refused=SEEN, first="NOPERM")  # type: ignore[assignment]
    made.do(store_flags(run, StoreFlags(box.id, tuple(rows), SEEN, NONE)))
    assert shop.asked_for == []
    assert sorted(made.troubles()) == [3, 4]


@pytest.mark.parametrize(
    ("mute", "gone", "kept"),
    [((3, 4), (), {3, 4}), ((3, 4), (4,), {3}), ((3,), (3,), {4}), ((), (), {3, 4})],
    ids=["shows nothing", "one of them is gone", "the silent one is gone", "all are shown"],
)
def test_what_a_store_does_not_show_may_be_gone(
    made: Bare, mute: tuple[int, ...], gone: tuple[int, ...], kept: set[int]
) -> None:
    """Who expunged it did not see the new flags: they are none of the merge base."""
    run, box, rows = made.run, made.box("INBOX"), made.rows("INBOX")[2:4]
    shop = Shop(mute=UIDSet(map(UID, mute)), gone=UIDSet(map(UID, gone)))
    run.server = shop  # type: ignore[assignment]
    made.do(store_flags(run, StoreFlags(box.id, tuple(rows), SEEN, NONE)))
    assert {row.uid for row in made.rows("INBOX") if row.server_flags & SEEN} - {1} == kept
    assert shop.asked_for == ([shop.mute] if mute else [])
    assert run.vanished == ({box.id} if gone else set())
    assert run.tallies.done == {"INBOX": {"flags-server": len(kept)}}


def test_a_flag_that_is_refused_parks_its_messages(made: Bare) -> None:
    run, box, rows = made.run, made.box("INBOX"), made.rows("INBOX")[2:4]
    run.server = shop = Shop(refused=SEEN)  # type: ignore[assignment]
    made.do(store_flags(run, StoreFlags(box.id, tuple(rows), SEEN, NONE)))
    assert shop.asked == [UIDS, UIDSet([UID(3)]), UIDSet([UID(4)])]
    text = "the server refused a flag: no such flag"
    assert made.troubles() == {3: (text, 15), 4: (text, 15)}
    assert run.tallies.done == {"INBOX": {"failed": 2}}
