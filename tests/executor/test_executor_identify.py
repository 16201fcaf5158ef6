"""An upload without APPENDUID is not taken for what somebody else delivered just now."""

from __future__ import annotations

import pytest

from mailsync.cache import Intent, IntentKind, NewIntent
from mailsync.executor.identify import may_be
from mailsync.model.flags import Flags
from mailsync.model.ids import IntentId, MailboxId, RowId, UIDValidity
from mailsync.server import Identity

NOW = 1_700_000_000
OLD = NOW - 86_400


def sent(date: int, message_id: str = "<ours@x>", kind: IntentKind = IntentKind.APPEND) -> Intent:
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
        header=None,
        internal_date=date,
        flags=Flags.NONE,
    )
    return Intent(IntentId(1), new, "run", float(NOW), 1)


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
    ],
)
def test_may_be(intent: Intent, seen: Identity, ours: bool) -> None:
    assert may_be(intent, seen, NOW) is ours
