"""Which messages on the server are those that were sent: by what it names, by a look-up, or because
nothing else is new there.  Where it may be another's, nothing is linked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mailsync.cache import Intent, IntentKind, Linked, NewIntent
from mailsync.executor import outcome
from mailsync.executor.run import RESOLVE, Run
from mailsync.model.content import Head, header_hash
from mailsync.model.errors import MailsyncError, Reach, Refused
from mailsync.model.flags import ALL_FLAGS, Flags
from mailsync.model.ids import UID, UID_MAX, IntentId, MailboxId, RowId, UIDValidity
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Mailbox, Presence, Row, Wait
from mailsync.model.uidset import UIDSet
from mailsync.server import Identity

NOW = 1_700_000_000
OLD = NOW - 86_400
NEXT = 10  # UIDNEXT before
VALIDITY = UIDValidity(7)
BOX = Mailbox(
    MailboxId(2),
    MailboxName("Work"),
    Presence.THERE,
    Presence.THERE,
    uid_validity=VALIDITY,
    permanent=ALL_FLAGS & ~Flags.DRAFT,
)
SOURCE = Mailbox(MailboxId(1), MailboxName("INBOX"), Presence.THERE, Presence.THERE)


def head(number: int) -> bytes:
    return b"Subject: %d\r\n\r\n" % number


def sent(number: int, **changes: object) -> Intent:
    """One that is told by its header, Message-ID, size and date: all by its number."""
    new = NewIntent(
        kind=IntentKind.APPEND,
        row=RowId(number),
        source=None,
        mailbox=BOX.id,
        uid_validity=VALIDITY,
        uid_next=NEXT,
        message_id=f"<{number}@x>",
        size=100 + number,
        body=None,
        header=header_hash(head(number)),
        internal_date=OLD + number,
        flags=Flags.NONE,
    )
    return Intent(IntentId(number), replace(new, **changes), "run", float(NOW), 1)  # type: ignore[arg-type]


@dataclass(frozen=True)
class There:
    """A message on the server.  `file`: what the cache knows of a file of it."""

    uid: int
    told: Identity
    head: bytes | None
    file: Presence | None = None
    listed_only: bool = False


def there(uid: int, number: int, **changes: Any) -> There:
    """What was sent under that number, as it is stored by most servers."""
    other = {name: changes.pop(name) for name in ("head", "file", "listed_only") if name in changes}
    told = Identity(Flags.NONE, 100 + number, OLD + number, f"<{number}@x>")
    return There(uid, replace(told, **changes), **{"head": head(number)} | other)


def rewritten(uid: int, **changes: Any) -> There:
    """Nothing of it tells what it was."""
    return there(uid, 99, message_id="", **changes)


@dataclass
class Stage:
    """A server with these messages, and a cache: all that an outcome asks for."""

    messages: Sequence[There]
    sources: dict[RowId, Row] = field(default_factory=dict)  # of copies
    left: frozenset[UID] = frozenset()  # of their UIDs
    asked: list[str] = field(default_factory=list)
    linked: list[Linked] = field(default_factory=list)
    stores: list[tuple[list[UID], Flags]] = field(default_factory=list)
    refuse: Refused | None = None
    uid_next: int = 20  # as it is now
    veiled: dict[MailboxName, UIDSet] = field(default_factory=dict)

    @property
    def run(self) -> Run:
        table = Keywords().learn(["Work"])
        made = SimpleNamespace(
            server=self, cache=self._cache(), stored=self._stored, keywords=table,
            now=lambda: float(NOW), name=lambda mailbox: {1: SOURCE, 2: BOX}[mailbox].name,
            veiled=self.veiled,
        )  # fmt: skip
        return cast(Run, made)

    def _cache(self) -> SimpleNamespace:
        return SimpleNamespace(rows=self._rows, row_of_uid=self._row_of_uid, linked=self._linked)

    async def _stored(self, call: Any, *args: Any) -> Any:
        return call(*args)

    def _rows(self, ids: Iterable[RowId]) -> list[Row]:
        return [self.sources[number] for number in ids]

    def _row_of_uid(self, mailbox: MailboxId, uids: Iterable[UID]) -> dict[UID, Row]:
        assert mailbox == BOX.id
        known = {UID(one.uid): one.file for one in self.messages}
        known |= {one.uid: Presence.THERE for one in self.linked}
        return {
            uid: Row(RowId(uid), mailbox, uid, local=file)
            for uid in uids
            if (file := known.get(uid)) is not None
        }

    def _linked(self, items: Sequence[Linked], now: float) -> None:
        assert now == NOW
        self.linked += items

    def _all(self, name: MailboxName, uids: UIDSet) -> dict[UID, There]:
        assert name == BOX.name
        return {UID(one.uid): one for one in self.messages if UID(one.uid) in uids}

    async def identify(self, name: MailboxName, uids: UIDSet) -> dict[UID, Identity]:
        self.asked.append("identify")
        if name == SOURCE.name:
            return {uid: Identity(Flags.NONE) for uid in uids if uid not in self.left}
        return {uid: one.told for uid, one in self._all(name, uids).items() if not one.listed_only}

    async def headers(self, name: MailboxName, uids: UIDSet) -> dict[UID, Head | None]:
        self.asked.append("headers")
        heads = {uid: one.head for uid, one in self._all(name, uids).items()}
        return {uid: None if head is None else Head.of(head) for uid, head in heads.items()}

    async def recheck(self, name: MailboxName, low: UID, *, uid_validity: UIDValidity) -> Any:
        assert (name, uid_validity) == (BOX.name, VALIDITY)
        self.asked.append(f"recheck {low}")
        found = sorted(one.uid for one in self.messages if one.uid >= low)
        items = [SimpleNamespace(uid=UID(uid)) for uid in found]
        return SimpleNamespace(items=items, cursor=SimpleNamespace(uid_next=self.uid_next))

    async def search_message_id(self, name: MailboxName, message_id: str) -> UIDSet:
        assert (name, bool(message_id)) == (BOX.name, True)
        self.asked.append("search")
        return UIDSet(UID(one.uid) for one in self.messages if one.told.message_id == message_id)

    async def store(
        self, name: MailboxName, uids: UIDSet, add: Flags, remove: Flags, *, uid_validity: Any
    ) -> None:
        assert (name, remove, uid_validity) == (BOX.name, Flags.NONE, VALIDITY)
        if self.refuse is not None:
            raise self.refuse
        self.stores.append((list(uids), add))

    def link(
        self, intents: Sequence[Intent], named: Sequence[int] | None = None, box: Mailbox = BOX
    ) -> dict[int, int]:
        """After an OK; what it returns is what it did not link."""
        uids = None if named is None else [UID(uid) for uid in named]
        left = asyncio.run(outcome.link_appended(self.run, box, intents, uids))
        found = {one.intent: one.uid for one in self.linked}
        assert len(found) == len(self.linked)
        assert left == [one for one in intents if one.id not in found]
        return cast(dict[int, int], found)

    def look_up(self, intents: Sequence[Intent], box: Mailbox = BOX) -> dict[int, int]:
        """Without an answer."""
        left = asyncio.run(outcome.look_up(self.run, box, intents))
        found = {one.intent: one.uid for one in self.linked}
        assert left == [one for one in intents if one.id not in found]
        return cast(dict[int, int], found)


ONE, TWO = sent(1), sent(2)
BARE = {"message_id": "", "header": None}  # told by size and date alone
OTHER_FORM = there(10, 1, message_id="", size=9, internal_date=9)  # whose header still tells
SAME_DATE = there(10, 1, message_id="", size=9, head=b"x")
KNOWN = there(12, 3, file=Presence.THERE)
Links = dict[int, int]


@pytest.mark.parametrize(
    ("messages", "named", "links"),
    [
        ([there(10, 1), there(11, 2)], [10, 11], {1: 10, 2: 11}),
        ([there(10, 2), there(11, 1)], [11, 10], {1: 11, 2: 10}),
        # In a wrong order (MailKit #1405).
        ([there(10, 1), there(11, 2)], [11, 10], {1: 10, 2: 11}),
        ([OTHER_FORM, there(11, 2)], [10, 11], {1: 10, 2: 11}),
        # One of another form: nothing else is new.
        ([rewritten(10), there(11, 2)], [10, 11], {1: 10, 2: 11}),
        ([rewritten(10), rewritten(11)], [10, 11], {1: 10, 2: 11}),
        ([rewritten(10), there(11, 2), there(5, 3)], [10, 11], {1: 10, 2: 11}),
        ([rewritten(10), there(11, 2), KNOWN], [10, 11], {1: 10, 2: 11}),
        # Something is: it may be that.
        ([rewritten(10), there(11, 2), there(12, 3)], [10, 11], {2: 11}),
        ([rewritten(10), rewritten(11), there(12, 3)], [10, 11], {}),
        # Of what is new an equal date is enough.
        ([SAME_DATE, there(11, 2), there(12, 3)], [10, 11], {1: 10, 2: 11}),
        # One that was there before is another's, whatever is equal but all.
        ([there(9, 1, message_id="", size=9, head=head(9)), there(11, 2)], [9, 11], {2: 11}),
        ([there(9, 1), there(11, 2)], [9, 11], {1: 9, 2: 11}),  # merged
        # One that has a file.
        ([there(10, 1, file=Presence.THERE), there(11, 2)], [10, 11], {2: 11}),
        ([there(10, 1, file=Presence.GONE), there(11, 2)], [10, 11], {2: 11}),
        ([there(10, 1, file=Presence.NONE), there(11, 2)], [10, 11], {1: 10, 2: 11}),
        ([there(10, 3, file=Presence.THERE), there(11, 2), there(12, 1)], [10, 11], {1: 12, 2: 11}),
        # One that is not there.
        ([there(11, 2)], [10, 11], {2: 11}),
        ([rewritten(11)], [10, 11], {}),
        # Not as many as were sent.
        ([there(10, 1), there(11, 2)], [10], {1: 10, 2: 11}),
        ([there(10, 1), there(11, 2)], [10, 10], {1: 10, 2: 11}),
        ([there(10, 1), there(11, 2)], [10, 11, 12], {1: 10, 2: 11}),
        ([there(10, 1), there(11, 2)], [], {1: 10, 2: 11}),
    ],
)  # fmt: skip
def test_what_the_server_names(messages: list[There], named: list[int], links: Links) -> None:
    assert Stage(messages).link([ONE, TWO], named) == links


def test_what_is_named_rightly_is_not_looked_for() -> None:
    """One command for all of them; a second one where their headers decide."""
    stage = Stage([there(10, 1), there(11, 2)])
    stage.link([ONE, TWO], [10, 11])
    assert stage.asked == ["identify"]
    stage = Stage([OTHER_FORM, there(11, 2)])
    stage.link([ONE, TWO], [10, 11])
    assert stage.asked == ["identify", "headers"]


@pytest.mark.parametrize(
    ("messages", "links"),
    [
        ([there(12, 2), there(15, 1)], {1: 15, 2: 12}),
        ([there(12, 1)], {1: 12}),
        ([there(12, 1), there(13, 1), there(14, 2)], {1: 12, 2: 14}),  # twins: in UID order
        # Before UIDNEXT: by Message-ID, where a server merges.
        ([there(3, 1), there(12, 2)], {1: 3, 2: 12}),
        ([there(3, 1, file=Presence.THERE), there(12, 2)], {2: 12}),
        ([rewritten(12, size=101), rewritten(13, size=102)], {}),  # a Message-ID went
        ([there(12, 1, listed_only=True), there(13, 2)], {2: 13}),
    ],
)
def test_what_the_server_does_not_name(messages: list[There], links: Links) -> None:
    assert Stage(messages).link([ONE, TWO]) == Stage(messages).look_up([ONE, TWO]) == links


@pytest.mark.parametrize(
    ("messages", "links"),
    [
        ([rewritten(12, size=101), rewritten(13, size=102)], {1: 12, 2: 13}),
        ([rewritten(12, internal_date=OLD + 1), rewritten(13, size=102)], {1: 12, 2: 13}),
        ([rewritten(12, size=102), rewritten(13, size=101)], {}),
        ([rewritten(12, size=101), rewritten(13)], {}),
        ([rewritten(12, size=101)], {}),
        ([rewritten(12, size=101), rewritten(13, size=102), rewritten(14)], {}),
        ([rewritten(12, size=101), rewritten(13, size=102, listed_only=True)], {}),
        ([rewritten(12, size=101), rewritten(13, size=102, file=Presence.THERE)], {}),
    ],
)
def test_all_that_is_new_is_what_was_sent(messages: list[There], links: Links) -> None:
    """In the order in which it was sent; after an OK alone."""
    intents = [sent(2, **BARE), sent(1, **BARE)]
    assert Stage(messages).link(intents) == links
    assert Stage(messages).look_up(intents) == {}


@pytest.mark.parametrize("age", [0, 120, 121])
def test_a_date_of_ours_tells_under_another_message_id(age: int) -> None:
    """Where nobody else can have delivered it just now."""
    intents = [sent(1, internal_date=NOW - age)]
    new = there(12, 99, message_id="<theirs@x>", internal_date=NOW - age, size=9)
    assert Stage([new]).link(intents) == ({1: 12} if age > 120 else {})


@pytest.mark.parametrize("kind", [IntentKind.COPY, IntentKind.MOVE_BY_COPY, IntentKind.MOVE])
@pytest.mark.parametrize("left", [True, False])
def test_a_copy_of_what_had_left_is_none(kind: IntentKind, left: bool) -> None:
    """It is OK, and makes nothing; what is new is somebody else's.  A MOVE is asked of nobody: its
    UIDs are seen to leave."""
    sources = {RowId(number): Row(RowId(number), SOURCE.id, UID(number)) for number in (21, 22)}
    intents = [sent(n, kind=kind, source=RowId(20 + n), **BARE) for n in (1, 2)]
    new = [rewritten(12, size=101), rewritten(13, size=102)]
    stage = Stage(new, sources, frozenset([UID(22)] if left else []))
    linked = not left or kind is IntentKind.MOVE
    assert stage.link(intents) == ({1: 12, 2: 13} if linked else {})


@pytest.mark.parametrize("validity", [VALIDITY, UIDValidity(6)])
def test_under_another_uidvalidity_it_is_looked_for_everywhere(validity: UIDValidity) -> None:
    intents = [sent(1, uid_next=20), sent(2, uid_next=12, message_id="", uid_validity=validity)]
    stage = Stage([there(3, 2, message_id="")])
    same = validity == VALIDITY
    assert stage.look_up(intents) == ({} if same else {2: 3})
    assert f"recheck {12 if same else 1}" in stage.asked


MUTE = {"message_id": "", "head": None}  # tells neither its Message-ID nor its header


@pytest.mark.parametrize(
    ("messages", "veiled"),
    [
        ([], []),
        ([there(10, 1, listed_only=True)], [10]),
        ([there(10, 9, size=None)], [10]),
        ([there(10, 1, **MUTE)], [10]),
        ([there(10, 9, size=101, **MUTE)], [10]),
        ([there(10, 9, internal_date=OLD + 1, **MUTE)], [10]),
        ([there(10, 9, **MUTE)], []),  # another date, another size
        ([there(10, 9, size=101, message_id="")], []),  # another header
        ([there(10, 9, **MUTE), there(11, 1, listed_only=True)], [11]),
        ([there(10, 1, listed_only=True, file=Presence.THERE)], []),
        ([there(10, 1, listed_only=True), there(11, 1, message_id="")], []),  # found
    ],
)
def test_what_may_be_it_and_does_not_show_itself(
    messages: Sequence[There], veiled: list[int]
) -> None:
    stage = Stage(messages)
    stage.look_up([sent(1, message_id="")])
    assert stage.veiled == {BOX.name: UIDSet(UID(uid) for uid in veiled)}


def test_what_the_search_finds_and_does_not_show_itself() -> None:
    """Below UIDNEXT-before: in another place than where it was sent to, as some servers do."""
    stage = Stage([there(3, 1, listed_only=True)])
    stage.look_up([sent(1, uid_next=5), sent(2, uid_next=5)])
    assert stage.veiled == {BOX.name: UIDSet([UID(3)])}


def test_all_that_is_new_may_be_it_where_the_look_fails() -> None:
    stage = Stage([there(10, 1), KNOWN])
    stage.headers = _refuse  # type: ignore[method-assign]
    with pytest.raises(Refused):
        stage.look_up([sent(1, uid_next=7)])
    assert stage.veiled == {BOX.name: UIDSet.span(UID(7), UID_MAX)}


async def _refuse(name: MailboxName, uids: UIDSet) -> dict[UID, Head | None]:
    raise Refused("no")


def test_a_uidnext_that_went_back_was_not_so() -> None:
    intents = [sent(1, uid_next=21, message_id="")]
    stage = Stage([KNOWN, there(15, 1, message_id="")])
    assert stage.look_up(intents) == {1: 15}
    assert stage.asked[:2] == ["recheck 21", "recheck 1"]
    assert Stage([there(15, 1, message_id="")], uid_next=21).look_up(intents) == {}


def test_what_is_linked_is_known_by_what_it_shows() -> None:
    """The keywords of the account's table, and all by which the server tells it from another."""
    stage = Stage([there(10, 1, email_id="E1", extra=frozenset({"Work", "Other"}))])
    stage.link([ONE], [10])
    work = Keywords().learn(["Work"]).flag("Work")
    [linked] = stage.linked
    date, size = linked.internal_date, linked.size
    assert linked == Linked(IntentId(1), UID(10), None, date, size, "E1", work)
    assert None not in (date, size)
    assert work


KEYWORD = Keywords().learn(["Work"]).flag("Work")


@pytest.mark.parametrize("refuse", [False, True])
@pytest.mark.parametrize("named", [[10, 11, 12, 13], None])
def test_flags_that_an_append_forgets_are_set(named: list[int] | None, refuse: bool) -> None:
    """Those that the mailbox keeps; keywords and what COPY and MOVE lose are no matter of this."""
    both = Flags.SEEN | Flags.FLAGGED
    intents = [
        sent(1, flags=both | KEYWORD | Flags.DRAFT),
        sent(2, flags=both),
        sent(3, flags=both),
        sent(4, flags=both, kind=IntentKind.MOVE),
    ]
    shown = [Flags.SEEN, Flags.SEEN, both, Flags.NONE]
    stage = Stage([there(10 + n, n + 1, flags=flags) for n, flags in enumerate(shown)])
    stage.refuse = Refused("no") if refuse else None
    assert stage.link(intents, named) == {1: 10, 2: 11, 3: 12, 4: 13}
    assert stage.stores == ([] if refuse else [([UID(10), UID(11)], Flags.FLAGGED)])


@pytest.mark.parametrize(
    ("new", "named", "known"),
    [
        (rewritten(10), [10], {}),  # nothing else is new
        (rewritten(10, size=101), None, BARE),
        (there(3, 1), None, {}),  # by its Message-ID
        (there(3, 1), [3], {}),
    ],
)
def test_flags_are_set_however_it_is_found(
    new: There, named: list[int] | None, known: dict[str, object]
) -> None:
    stage = Stage([new])
    stage.link([sent(1, flags=Flags.SEEN, **known)], named)
    assert stage.stores == [([UID(new.uid)], Flags.SEEN)]


def test_flags_are_not_set_where_the_answer_is_not_of_now() -> None:
    """They may have been removed there since."""
    stage = Stage([there(10, 1)])
    assert stage.look_up([sent(1, flags=Flags.SEEN)]) == {1: 10}
    assert stage.stores == []


@pytest.mark.parametrize(
    ("messages", "hidden"),
    [
        ([], False),
        ([there(12, 2)], False),
        ([there(12, 2, size=None, internal_date=None, message_id="")], True),
        ([there(12, 2, listed_only=True)], True),
        ([there(12, 2, head=None)], False),
        ([there(12, 1, message_id="", head=None)], True),
        ([there(12, 2, size=101, head=None)], True),
        ([there(12, 2, size=101)], False),
        ([there(12, 2, size=101), there(13, 2, internal_date=OLD + 1, head=None)], True),
        ([there(12, 1, file=Presence.THERE, head=None)], False),
        ([there(3, 2, size=101, head=None)], False),
        ([there(3, 1, head=None)], True),  # by its Message-ID
        ([there(3, 1, head=None, file=Presence.THERE)], False),
    ],
)
def test_what_the_server_lists_and_does_not_show(messages: list[There], hidden: bool) -> None:
    stage = Stage(messages)
    assert asyncio.run(outcome.is_hidden(stage.run, BOX, ONE)) is hidden
    stage = Stage([one for one in messages if one.told.message_id != "<1@x>"])
    bare = sent(1, message_id="")
    assert asyncio.run(outcome.is_hidden(stage.run, BOX, bare)) is (hidden and bool(stage.messages))


@pytest.mark.parametrize("uid_next", [None, 42])
def test_uidnext_as_last_observed(uid_next: int | None) -> None:
    cursor = None if uid_next is None else SimpleNamespace(uid_next=uid_next)
    cursors = {BOX.name: SimpleNamespace(cursor=cursor)}

    async def stored(call: Any) -> Any:
        return call()

    run = SimpleNamespace(stored=stored, cache=SimpleNamespace(cursors=lambda: cursors))
    assert asyncio.run(outcome.known_uid_next(cast(Run, run), BOX)) == (uid_next or 1)


HOME = Mailbox(MailboxId(3), MailboxName("Home"), Presence.THERE, Presence.THERE)
GONE = Mailbox(MailboxId(4), MailboxName("Gone"), Presence.GONE, Presence.THERE)
CLOSED = replace(HOME, id=MailboxId(5), name=MailboxName("Closed"), selected=False)
UNSHOWN = replace(HOME, id=MailboxId(6), name=MailboxName("Unshown"))
EVERY = (SOURCE, BOX, HOME, GONE, CLOSED, UNSHOWN)


def new_in(box: Mailbox, number: int, **changes: Any) -> Row:
    """A message that nobody has a file of, and that looks like what was sent under that number."""
    row = Row(
        RowId(1000 * box.id + number),
        box.id,
        UID(number),
        server=Presence.THERE,
        internal_date=OLD + number,
        size=100 + number,
    )
    return replace(row, **changes)


@dataclass
class Wide(Stage):
    """A server with other mailboxes, in which these rows are new; all of them were sent messages,
    but for the `others`.  A UID of the first mailbox was given to what is not there any more."""

    rows: Sequence[Row] = ()
    others: frozenset[RowId] = frozenset()
    mute: frozenset[RowId] = frozenset()  # those that are listed only
    uid_next: int = NEXT + 1
    went: list[IntentId] = field(default_factory=list)
    troubles: dict[Any, Any] = field(default_factory=dict)

    @property
    def run(self) -> Run:
        made = SimpleNamespace(
            server=self, stored=self._stored, cache=self, only_trouble=self._only_trouble,
            mailboxes={box.id: box for box in EVERY}, veiled=self.veiled,
            tallies=SimpleNamespace(troubles=self.troubles),
        )  # fmt: skip
        return cast(Run, made)

    @asynccontextmanager
    async def _only_trouble(self, box: Mailbox, step: str) -> AsyncIterator[None]:
        try:
            yield
        except MailsyncError as error:
            self.troubles[step, box.name] = error

    def open_rows(self) -> list[Row]:
        return list(self.rows)

    def went_on(self, ids: Sequence[IntentId]) -> None:
        self.went += ids

    def _all(self, name: MailboxName, uids: UIDSet) -> dict[UID, There]:
        assert name in (HOME.name, SOURCE.name, UNSHOWN.name)
        if name == UNSHOWN.name:
            raise MailsyncError("no", reach=Reach.MAILBOX)
        other = {"message_id": "", "head": b"x"}
        return {
            row.uid: there(row.uid, row.uid, **other if row.id in self.others else {})
            for row in self.rows
            if row.mailbox == next(box.id for box in EVERY if box.name == name)
            and row.uid is not None
            and row.uid in uids
        }

    async def identify(self, name: MailboxName, uids: UIDSet) -> dict[UID, Identity]:
        self.asked.append(f"{name} {uids}")
        mute = {row.uid for row in self.rows if row.id in self.mute}
        return {uid: one.told for uid, one in self._all(name, uids).items() if uid not in mute}

    def moved_on(self, *intents: Intent) -> list[int]:
        """Which of them did; what it returns are the others."""
        left = asyncio.run(outcome.went_on(self.run, BOX, intents))
        assert left == [one for one in intents if one.id not in self.went]
        return list(self.went)


def test_what_was_moved_on_is_new_in_another_mailbox() -> None:
    """It is told by its header, each once, and only where it can be followed."""
    lone = new_in(HOME, 1)
    assert Wide([], rows=[lone]).moved_on(ONE, TWO) == [1]
    assert Wide([], rows=[lone, new_in(SOURCE, 2)]).moved_on(ONE, TWO) == [1, 2]
    assert Wide([], rows=[lone, new_in(SOURCE, 1)]).moved_on(ONE, TWO) == [1]
    assert Wide([], rows=[new_in(HOME, 1, size=None)]).moved_on(ONE) == [1]
    assert Wide([], rows=[new_in(HOME, 1, internal_date=9)]).moved_on(ONE) == [1]
    assert Wide([], rows=[lone], others=frozenset([lone.id])).moved_on(ONE) == []


@pytest.mark.parametrize(
    "row",
    [
        new_in(HOME, 1, size=9, internal_date=9),
        new_in(HOME, 1, server=Presence.GONE),
        new_in(HOME, 1, local=Presence.THERE),
        new_in(HOME, 1, wait=Wait.UNSENT),
        new_in(BOX, 1),
        new_in(GONE, 1),
        new_in(CLOSED, 1),
    ],
)
def test_what_is_no_new_message_in_another_mailbox_is_not_asked_for(row: Row) -> None:
    stage = Wide([], rows=[row])
    assert stage.moved_on(ONE) == []
    assert stage.asked == ["recheck 10"]


def test_where_no_uid_is_missing_nothing_was_moved_on() -> None:
    """Nor can it be told under another UIDVALIDITY; what a COPY or MOVE makes is not asked for."""
    rows = [new_in(HOME, 1)]
    assert Wide([], rows=rows, uid_next=NEXT).moved_on(ONE) == []
    assert Wide([there(10, 3)], rows=rows).moved_on(ONE) == []
    assert Wide([there(10, 3)], rows=rows, uid_next=NEXT + 2).moved_on(ONE) == [1]
    assert Wide([], rows=rows).moved_on(sent(1, uid_validity=UIDValidity(6))) == []
    assert Wide([], rows=rows).moved_on(sent(1, kind=IntentKind.COPY)) == []


def test_a_mailbox_that_shows_nothing_holds_up_no_other() -> None:
    stage = Wide([], rows=[new_in(UNSHOWN, 2), new_in(HOME, 1)])
    stage.troubles[RESOLVE, HOME.name] = "of an earlier look"
    assert stage.moved_on(ONE, TWO) == [1]
    assert stage.troubles.keys() == {(RESOLVE, UNSHOWN.name)}


def test_what_may_have_been_moved_on_and_does_not_show_itself() -> None:
    lone, other = new_in(HOME, 1), new_in(HOME, 2)
    stage = Wide([], rows=[lone, other, new_in(UNSHOWN, 2)], mute=frozenset([lone.id]))
    assert lone.uid is not None
    stage.veiled[HOME.name] = UIDSet([UID(70)])  # by intents of its own
    assert stage.moved_on(ONE, TWO) == [2]
    alone = Wide([], rows=[lone, other], mute=frozenset([lone.id]))
    assert alone.moved_on(TWO) == [2]
    assert not alone.veiled[HOME.name]
    assert stage.veiled == {
        HOME.name: UIDSet([lone.uid, UID(70)]),
        UNSHOWN.name: UIDSet([UID(2)]),
    }
