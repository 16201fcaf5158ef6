"""What a check says, and its exit status."""

from __future__ import annotations

import json

import pytest

from mailsync.model.checked import (
    AccountCheck,
    CheckOptions,
    Difference,
    MailboxCheck,
    as_json,
    worst_of,
)
from mailsync.model.content import as_shown, digest
from mailsync.model.errors import Exit
from mailsync.model.rows import Side

ONE = Difference("not on the server", 7, "cur/a:2,S", frozenset({Side.SERVER, Side.LOCAL}))


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (ONE, "UID 7, cur/a:2,S: not on the server"),
        (Difference("x", 7), "UID 7: x"),
        (Difference("x", file="new/a"), "new/a: x"),
        (Difference("x"), "x"),
    ],
)
def test_a_difference_names_uid_and_file(difference: Difference, text: str) -> None:
    assert str(difference) == text


def account(*differences: Difference, **other: object) -> AccountCheck:
    boxes = (
        MailboxCheck("INBOX", 5, 6, None, differences, (Difference("n"),), 3, 90),
        MailboxCheck("Work"),
    )
    return AccountCheck("me", boxes, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (account(), Exit.OK),
        (account(ONE), Exit.FAILED),
        (account(ONE, repaired=True), Exit.OK),
        (account(exits=frozenset({Exit.TEMPORARY})), Exit.TEMPORARY),
        (account(ONE, exits=frozenset({Exit.TEMPORARY})), Exit.FAILED),
        (account(ONE, repaired=True, exits=frozenset({Exit.SERVER})), Exit.SERVER),
    ],
)
def test_the_status(found: AccountCheck, status: Exit) -> None:
    assert found.exit is status
    assert worst_of([account(), found]) is status


def test_all_of_it_as_json() -> None:
    found = account(ONE, errors=("e",))
    assert (found.messages, found.differences) == (6, 1)
    said = json.loads(json.dumps(as_json([found])))
    assert said["exit-status"] == 1
    me = said["accounts"]["me"]
    assert (me["messages"], me["differences"], me["errors"]) == (6, 1, ["e"])
    assert me["mailboxes"]["Work"]["server"] is None
    inbox = me["mailboxes"]["INBOX"]
    assert (inbox["read"], inbox["bytes-read"]) == (3, 90)
    assert inbox["differences"] == [
        {"uid": 7, "file": "cur/a:2,S", "what": ONE.what, "stale": ["local", "server"]}
    ]
    assert inbox["notes"] == [{"uid": None, "file": None, "what": "n", "stale": []}]


def test_the_server_is_asked_and_nothing_is_changed_unless_said() -> None:
    assert CheckOptions() == CheckOptions(server=True, read_data=False, repair=False)


def test_what_some_servers_show_otherwise_is_the_same() -> None:
    sent, shown = b"Subject: a\n\nb\0\r\r\nc\r", b"Subject: a\r\n\r\nb\x80\r\nc"
    assert digest(sent).body != digest(shown).body
    assert digest(as_shown(sent)).body == digest(as_shown(shown)).body
