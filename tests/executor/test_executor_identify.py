"""Which message on the server is the one that was sent: what is proof enough, and what is not."""

from __future__ import annotations

import pytest

from mailsync.cache import Intent, IntentKind, NewIntent
from mailsync.executor.identify import (
    agrees,
    match,
    may_be,
    may_have_made,
    near,
    same_message,
)
from mailsync.model.content import Head, header_hash
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, IntentId, MailboxId, RowId, UIDValidity
from mailsync.model.rows import Row
from mailsync.model.uidset import UIDSet
from mailsync.server import Identity

NOW = 1_700_000_000
OLD = NOW - 86_400


HEAD, OTHER = b"Subject: ours\r\n\r\n", b"Subject: theirs\r\n\r\n"


def sent(
    date: int,
    message_id: str = "<ours@x>",
    kind: IntentKind = IntentKind.APPEND,
    number: int = 1,
    header: bytes = HEAD,
) -> Intent:
    new = NewIntent(
        kind=kind,
        row=RowId(1),
        source=None,
        mailbox=MailboxId(1),
        uid_validity=UIDValidity(1),
        uid_next=5,
        message_id=message_id,
        size=100,
        body=None,
        header=header_hash(header),
        internal_date=date,
        flags=Flags.NONE,
    )
    return Intent(IntentId(number), new, "run", float(NOW), 1)


def shown(date: int, message_id: str, size: int = 120) -> Identity:
    return Identity(Flags.NONE, size, date, message_id)


@pytest.mark.parametrize(
    ("intent", "seen", "ours"),
    [
        (sent(OLD), shown(OLD, "<ours@x>"), True),
        (sent(NOW), shown(NOW, "<ours@x>"), True),
        (sent(OLD), shown(NOW, "<ours@x>", size=100), True),  # a date that the server changed
        (sent(OLD), shown(NOW, "<ours@x>"), False),
        (sent(OLD), shown(OLD, "<xours@x>"), True),  # a Message-ID that the server rewrote
        (sent(NOW), shown(NOW, "<theirs@x>"), False),  # delivered in the same second
        (sent(NOW - 60), shown(NOW - 60, "<theirs@x>"), False),
        (sent(OLD), shown(NOW, "<theirs@x>", size=100), False),  # by chance of the same size
        (sent(OLD, kind=IntentKind.COPY), shown(OLD, "<ours@x>"), True),
        (sent(OLD, kind=IntentKind.COPY), shown(OLD, "<theirs@x>"), False),  # no COPY rewrites it
        (sent(OLD, kind=IntentKind.MOVE), shown(OLD, "<theirs@x>"), False),
        (sent(OLD, ""), shown(OLD, ""), True),
        (sent(OLD, ""), shown(NOW, ""), False),
        (sent(NOW - 120), shown(NOW - 120, "<theirs@x>"), False),
        (sent(NOW - 121), shown(NOW - 121, "<theirs@x>"), True),
    ],
)
def test_may_be(intent: Intent, seen: Identity, ours: bool) -> None:
    """An upload without APPENDUID is not taken for what somebody else delivered just now."""
    assert may_be(intent, seen, NOW) is ours


@pytest.mark.parametrize(
    ("intent", "seen", "new", "old"),
    [
        (sent(OLD), shown(NOW, "<ours@x>"), True, True),
        (sent(OLD), shown(OLD, "<theirs@x>", size=100), False, False),
        (sent(OLD), shown(NOW, "", size=100), True, True),
        (sent(OLD, ""), shown(NOW, "<theirs@x>", size=100), True, True),
        (sent(OLD), shown(OLD, ""), True, False),  # a date proves only what was not there before
        (sent(OLD), shown(NOW, ""), False, False),
    ],
)
def test_agrees(intent: Intent, seen: Identity, new: bool, old: bool) -> None:
    """What APPENDUID or COPYUID names: a UID that is new, or one that was there before."""
    assert agrees(intent, seen, fresh=True) is new
    assert agrees(intent, seen, fresh=False) is old


@pytest.mark.parametrize(
    ("intent", "seen", "header", "ours"),
    [
        (sent(OLD), shown(OLD, "<ours@x>"), HEAD, True),
        (sent(OLD), shown(NOW, "<ours@x>", size=100), HEAD, True),
        (sent(OLD), shown(NOW, "<ours@x>"), HEAD, False),  # another message with that header
        (sent(OLD), shown(OLD, "<ours@x>"), OTHER, True),  # a header that the server rewrote
        (sent(OLD), shown(OLD, "<ours@x>"), None, True),
        (sent(OLD), shown(NOW, "<ours@x>", size=100), OTHER, False),
        (sent(OLD), shown(OLD, "<theirs@x>", size=100), OTHER, False),
        (sent(OLD, ""), shown(OLD, "", size=100), HEAD, True),
        (sent(OLD, ""), shown(OLD, "", size=100), OTHER, False),
        (sent(OLD, ""), shown(OLD, "", size=100), None, False),
    ],
)
def test_same_message(intent: Intent, seen: Identity, header: bytes | None, ours: bool) -> None:
    head = None if header is None else Head.of(header)
    assert same_message(intent, seen, head) is ours


def test_twins_pair_in_the_order_in_which_they_were_sent() -> None:
    """Each with a UID of its own; what is another message is left alone."""
    first, second, third = (sent(OLD, number=number) for number in (1, 2, 3))
    there = {UID(uid): shown(OLD, "<ours@x>") for uid in (9, 7)}
    there[UID(5)] = shown(OLD, "<theirs@x>")
    heads = {UID(9): Head.of(HEAD), UID(7): Head.of(HEAD), UID(5): Head.of(OTHER)}
    assert match([third, second, first], there, heads) == [(first, 7), (second, 9)]


def test_headers_are_asked_for_where_something_agrees() -> None:
    there = {
        UID(1): shown(NOW, "<ours@x>"),
        UID(2): shown(OLD, "<theirs@x>", size=100),
        UID(3): shown(OLD, ""),
        UID(4): shown(NOW, "", size=100),
        UID(5): shown(NOW, ""),
    }
    assert near([sent(OLD)], there) == UIDSet([UID(1)])
    assert near([sent(OLD), sent(OLD, "")], there) == UIDSet(UID(uid) for uid in (1, 3, 4))


@pytest.mark.parametrize(
    ("size", "date", "possible"),
    [
        (100, OLD, True),
        (100, NOW, True),
        (120, OLD, True),
        (120, NOW, False),
        (None, NOW, True),
        (120, None, True),
    ],
)
def test_what_is_listed_and_tells_no_more(
    size: int | None, date: int | None, possible: bool
) -> None:
    row = Row(RowId(1), MailboxId(1), UID(9), size=size, internal_date=date)
    assert may_have_made(sent(OLD), row) is possible
