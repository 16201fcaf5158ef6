"""What is known of a message when it is moved or copied, and remembered before the command: by this
it is found after a doubt; and what the server names of it."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from mailsync.cache import Intent, IntentKind, NewIntent
from mailsync.executor.run import Run
from mailsync.model.content import Head, header_hash
from mailsync.model.flags import Flags
from mailsync.model.ids import UID, IntentId, MailboxId, RowId, UIDValidity
from mailsync.model.mailboxname import MailboxName
from mailsync.model.rows import Mailbox, Presence, Row
from mailsync.model.uidset import UIDSet
from mailsync.server import CopyUID

moves = importlib.import_module("mailsync.executor.moves")
DATE = 1_700_000_000
VALIDITY = UIDValidity(7)
SOURCE = Mailbox(
    MailboxId(1), MailboxName("INBOX"), Presence.THERE, Presence.THERE, uid_validity=UIDValidity(6)
)
TARGET = Mailbox(
    MailboxId(2), MailboxName("Work"), Presence.THERE, Presence.THERE, uid_validity=VALIDITY
)


def row(number: int, **known: object) -> Row:
    return replace(
        Row(RowId(number), MailboxId(1), UID(number), internal_date=DATE, size=100), **known
    )  # type: ignore[arg-type]


def _told(head: bytes | None) -> Head | None:
    return None if head is None else Head.of(head)


class Stage:
    """A server that shows these headers (None: NIL), and what it and the cache are told."""

    def __init__(self, heads: dict[int, bytes | None]) -> None:
        self.heads = {UID(uid): head for uid, head in heads.items()}
        self.told: list[tuple[object, ...]] = []
        cache = SimpleNamespace(headers="headers", stored_flags="stored_flags")
        self.run = cast(Run, SimpleNamespace(server=self, cache=cache, stored=self._stored))

    async def _stored(self, *call: object) -> None:
        self.told.append(call)

    async def headers(
        self, name: MailboxName, uids: UIDSet, *, uid_validity: UIDValidity
    ) -> dict[UID, Head | None]:
        assert (name, uid_validity) == (SOURCE.name, SOURCE.uid_validity)
        self.told.append(("asked", list(uids)))
        return {uid: _told(head) for uid, head in self.heads.items() if uid in uids}

    async def store(self, *call: object, uid_validity: UIDValidity) -> None:
        assert uid_validity == SOURCE.uid_validity
        self.told.append(("store", *call))


def test_of_a_mark_that_is_taken_back_the_cache_is_told() -> None:
    stage = Stage({})
    asyncio.run(moves._unmarked(stage.run, SOURCE, (row(1), row(3))))
    asyncio.run(moves._unmarked(stage.run, SOURCE, ()))
    gone, uids = Flags.DELETED, UIDSet([UID(1), UID(3)])
    assert stage.told == [
        ("store", SOURCE.name, uids, Flags.NONE, gone),
        ("stored_flags", [1, 3], Flags.NONE, gone),
    ]


def test_what_is_not_known_of_a_message_is_asked_for_before_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its header, where neither it nor its new file was read; where the server gives none, the
    file."""
    read: list[int] = []

    async def digested(
        run: Run, box: Mailbox, rows: Sequence[Row]
    ) -> list[tuple[Row, SimpleNamespace]]:
        assert box is TARGET
        read.extend(one.id for one in rows)
        return [(one, SimpleNamespace(**FILE)) for one in rows if one.id != 17]

    monkeypatch.setattr(moves, "digested", digested)
    told, nil, shown = b"x" * 16, None, b"Message-ID: <%d@x>\r\n\r\n"
    unread = {"wire_size": None}
    group = (
        (row(1, header=told), row(11)),
        (row(2, server_header=told), None),
        (row(3), row(13, body=BODY)),
        (row(4), row(14)),
        (row(5), None),
        (row(6), row(16, **unread)),
        (row(7), row(17)),  # a file that is gone by now
        (row(8), None),
        (row(9), row(19, **unread)),
    )
    stage = Stage({4: shown % 4, 5: shown % 5, 6: nil, 7: nil, 8: nil})
    now = asyncio.run(moves._recognisable(stage.run, SOURCE, TARGET, group))
    hashes = {number: header_hash(shown % number) for number in (4, 5)}
    assert stage.told == [("asked", [4, 5, 6, 7, 8, 9]), ("headers", hashes)]
    assert read == [16, 17, 19]
    assert now == (
        *group[:3],
        (row(4, header=hashes[4], message_id="<4@x>"), row(14)),
        (row(5, header=hashes[5], message_id="<5@x>"), None),
        (row(6), row(16, **FILE)),
        *group[6:8],
        (row(9), row(19, **FILE)),
    )
    stage = Stage({})
    assert asyncio.run(moves._recognisable(stage.run, SOURCE, TARGET, group[:3])) == group[:3]
    assert stage.told == []


HEAD, THERE, BODY = b"h" * 16, b"s" * 16, b"b" * 16
FILE = {"body": b"B" * 16, "header": b"H" * 16, "message_id": "<file@x>", "wire_size": 102}


@pytest.mark.parametrize(
    ("source", "join", "told"),
    [
        ({"header": HEAD, "body": BODY, "message_id": "<a@x>"}, None, (100, BODY, HEAD, "<a@x>")),
        # The file's own word, where it was read.
        ({"header": HEAD, "message_id": "<a@x>"}, FILE, (100, b"B" * 16, b"H" * 16, "<file@x>")),
        ({"message_id": "<a@x>"}, FILE | {"message_id": ""}, (100, b"B" * 16, b"H" * 16, "<a@x>")),
        ({"header": HEAD}, FILE | {"body": None}, (100, None, HEAD, "")),
        ({"header": HEAD}, FILE | {"header": None}, (100, b"B" * 16, HEAD, "<file@x>")),
        # What the server shows is what it will show again.
        ({"header": HEAD, "server_header": THERE}, FILE, (100, b"B" * 16, THERE, "<file@x>")),
        ({"header": HEAD, "size": None}, FILE, (102, b"B" * 16, b"H" * 16, "<file@x>")),
        ({"header": HEAD, "size": None, "wire_size": 99}, None, (99, None, HEAD, "")),
        (
            {"header": HEAD, "size": None, "wire_size": 99},
            FILE | {"wire_size": None},
            (99, b"B" * 16, b"H" * 16, "<file@x>"),
        ),
    ],
)
@pytest.mark.parametrize("base", [None, Flags.SEEN])
def test_what_is_remembered_before_the_command(
    source: dict[str, object],
    join: dict[str, object] | None,
    told: tuple[int, bytes | None, bytes, str],
    base: Flags | None,
) -> None:
    """By this the copy is found after a doubt."""
    size, body, header, message_id = told
    here = row(5, server_flags=Flags.FLAGGED, **source)
    there = None if join is None else row(8, **join)
    assert moves._intent(here, there, TARGET, 42, IntentKind.COPY, base) == NewIntent(
        kind=IntentKind.COPY,
        row=None if join is None else RowId(8),
        source=RowId(5),
        mailbox=MailboxId(2),
        uid_validity=VALIDITY,
        uid_next=42,
        message_id=message_id,
        size=size,
        body=body,
        header=header,
        internal_date=DATE,
        flags=Flags.FLAGGED if base is None else base,
    )


def copied(source: str, target: str, validity: int = VALIDITY) -> CopyUID:
    def uids(text: str) -> tuple[UID, ...]:
        return tuple(UID(int(word)) for word in text.split())

    return CopyUID(UIDValidity(validity), uids(source), uids(target))


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (copied("5 6", "50 60"), [50, 60]),
        (copied("6 5", "60 50"), [50, 60]),  # MailKit #1405
        (copied("6 4 5", "60 40 50"), [50, 60]),
        (copied("5", "50"), None),
        (copied("5 7", "50 60"), None),
        (copied("5 6", "50 60", 8), None),
        (None, None),
    ],
)
def test_copyuid_is_taken_by_source(said: CopyUID | None, named: list[int] | None) -> None:
    rows = [row(6), row(5)]
    intents = [
        Intent(
            IntentId(n), moves._intent(row(n), None, TARGET, 42, IntentKind.COPY, None), "r", 0, 1
        )
        for n in (5, 6)
    ]
    assert moves._named(said, intents, rows, TARGET) == named
