"""What another program knew, held against both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailsync.model.content import COPIED_SIZE, NO_HEADER
from mailsync.model.flags import Flags
from mailsync.model.former import FormerMailbox, FormerMessage, Kind
from mailsync.model.ids import UID, MailboxId, RowId, UniqueName
from mailsync.model.rows import Presence, Row, Side
from mailsync.planner.former import (
    DELETED_HERE,
    DELETED_THERE,
    PLACEHOLDER,
    Claim,
    alike,
    claims,
    doubted,
    expired,
    gone,
    holds,
    same_header,
)

BOX = MailboxId(1)
S, F = Flags.SEEN, Flags.FLAGGED


def message(number: int, **more: object) -> Row:
    row = Row(RowId(number), BOX, uid=UID(number), server=Presence.THERE, size=100)
    return replace(row, **more)  # type: ignore[arg-type]


def file(number: int, name: str = "", **more: object) -> Row:
    """Row 100 + number; its name has `number`."""
    row = Row(
        RowId(100 + number),
        BOX,
        name=UniqueName(name or f"a{number}"),
        info=str(number),
        local=Presence.THERE,
        wire_size=100,
    )
    return replace(row, **more)  # type: ignore[arg-type]


def number(row: Row) -> int | None:
    return int(row.info) if row.info else None


def known(*messages: FormerMessage, **more: object) -> FormerMailbox:
    return FormerMailbox("tool", "/state", 1, messages, **more)  # type: ignore[arg-type]


def pair(uid: int | None, own: int | None, flags: Flags = S, kind: Kind = Kind.SYNCED):  # type: ignore[no-untyped-def]
    return FormerMessage(None if uid is None else UID(uid), own, flags, kind)


def test_claims_are_by_uid_and_number() -> None:
    rows = [message(1), message(2), file(7), file(8), file(9, info="")]
    found = claims(rows, known(pair(1, 7), pair(2, 9), pair(3, 8), pair(2, None, F)), number)
    assert [(one.message.uid, one.file.name, one.synced) for one in found] == [(1, "a7", S)]


def test_two_files_of_one_number_are_two_claims_by_name() -> None:
    twin = file(7, name="z", id=RowId(300))
    found = claims([message(1), twin, file(7)], known(pair(1, 7)), number)
    assert [one.file.name for one in found] == ["a7", "z"]


def test_what_is_paired_or_a_placeholder_is_not_claimed() -> None:
    rows = [message(1, local=Presence.THERE), file(7), message(2), file(8)]
    assert claims(rows, known(pair(1, 7), pair(2, 8, S, Kind.PLACEHOLDER)), number) == []


@pytest.mark.parametrize(
    ("there", "here", "size", "flags", "expected"),
    [
        ("<a>", "<a>", 100, S, True),
        ("<a>", "<a>", 100, Flags.DRAFT, True),
        ("<a>", "<a>", 999, S, True),  # rewritten
        ("<a>", "<a>", 999, Flags.DRAFT, False),  # edited
        ("<a>", "<b>", 100, S, False),
        ("<a>", "", 100, S, False),
        ("", "<a>", 100, S, False),
        ("", "", 100, S, None),
        ("", "", 100 + COPIED_SIZE, S, None),
        ("", "", 100 - COPIED_SIZE, S, None),
        ("", "", 999, S, False),
    ],
)
def test_what_makes_a_claim_true(
    there: str, here: str, size: int, flags: Flags, expected: bool | None
) -> None:
    claim = Claim(
        message(1, server_flags=flags), file(7, wire_size=size, message_id=here, local_flags=S), S
    )
    assert holds(claim, there) is expected
    assert alike(claim) is (size != 999)


def test_headers_decide_without_message_ids() -> None:
    def claim(there: bytes | None, here: bytes | None) -> Claim:
        return Claim(message(1, header=there), file(7, header=here), S)

    assert same_header(claim(b"x", b"x"))
    assert same_header(claim(NO_HEADER, NO_HEADER))
    assert not same_header(claim(b"x", b"y"))
    assert not same_header(claim(None, None))


def test_what_one_side_lacks() -> None:
    rows = [message(1), message(2, local=Presence.THERE), file(7), file(8), file(9)]
    state = known(
        pair(1, 99),  # no such file
        pair(2, 50),  # paired with another file
        pair(3, 7, F),  # no such message
        pair(None, 8),
        pair(4, None),  # on neither side
        pair(5, 60),
    )
    found = gone(rows, state, number, set())
    assert [(one.row.id, one.side, one.synced) for one in found] == [
        (1, Side.LOCAL, S),
        (107, Side.SERVER, F),
        (108, Side.SERVER, S),
    ]
    assert found[0].reason == DELETED_HERE.format(program="tool")
    assert found[1].reason == DELETED_THERE.format(program="tool")
    assert gone(rows, state, number, {1, 107, 108}) == []


def test_a_file_that_is_not_what_its_number_says() -> None:
    """Without tags it may come from another mailbox, so the message's own file is gone; with them
    it is from this one, and nothing says so."""
    rows = [message(1), file(7), message(2)]
    pairs = pair(1, 7), pair(2, 8)
    found = gone(rows, known(*pairs), number, set())
    assert [(one.row.id, one.side) for one in found] == [(1, Side.LOCAL), (2, Side.LOCAL)]
    tagged = known(*pairs, tags=frozenset({"t"}))
    assert [one.row.id for one in gone(rows, tagged, number, set())] == [2]
    assert doubted(rows, tagged, number, set()) == 1
    assert doubted(rows, tagged, number, {1, 107}) == 0
    assert doubted(rows, known(*pairs), number, set()) == 0


def test_of_two_files_of_one_number_one_is_gone_on_the_server() -> None:
    rows = [file(7, name="z", id=RowId(300)), file(7)]
    found = gone(rows, known(pair(1, 7)), number, set())
    assert [(one.row.name, one.side) for one in found] == [("a7", Side.SERVER)]


def test_a_file_without_a_number_is_nobodys() -> None:
    rows = [message(1), file(9, info=""), file(8, info="0")]
    state = known(pair(1, None), pair(2, None))
    assert [one.row.id for one in gone(rows, state, number, set())] == [1]


def test_what_the_program_took_away_itself_is_no_deletion() -> None:
    rows = [message(1), message(2), message(3), message(4), file(7)]
    state = known(
        pair(1, None, S, Kind.EXPIRED), pair(4, 7, F, Kind.PLACEHOLDER), pair(3, 33), expired_to=3
    )
    found = gone(rows, state, number, set())
    assert [(one.row.id, one.side, one.synced, one.reason) for one in found] == [
        (107, Side.SERVER, F, PLACEHOLDER.format(program="tool")),
        (3, Side.LOCAL, S, DELETED_HERE.format(program="tool")),
    ]
    assert expired(rows, state, set()) == 2
    assert expired(rows, state, {1, 2}) == 0


def test_what_had_expired() -> None:
    """What is marked so, whatever its UID, and up to a UID what is not known any more."""
    rows = [message(uid) for uid in (2, 3, 4, 5, 6)]
    state = known(pair(2, 22), pair(5, None, S, Kind.EXPIRED), expired_to=3)
    assert expired(rows, state, set()) == 2  # 3 and 5
    assert expired(rows, known(pair(2, 22)), set()) == 0
