"""Rows say it all: what is held, failed and refused is shown again without looking again."""

from __future__ import annotations

import re

import pytest
from support.rig import message
from support.wired import Wired, text_of

from mailsync.model.settings import Guard
from mailsync.model.uidset import UIDSet

pytestmark = pytest.mark.dovecot

COUNT = 10_000
EXPUNGED = 2_600
SHOWN = ("NIL", "refused a flag", f"{EXPUNGED} of {COUNT}", "mailsync accept")


def _uids(text: bytes) -> UIDSet:
    pairs = (part.split(b":") for part in text.split(b","))
    return UIDSet.of_ranges((int(pair[0]), int(pair[-1])) for pair in pairs)


def _spoil(rig: Wired, nil: int, refused: int) -> None:
    """One body is NIL, one message's STORE is refused."""

    def rewrite(response: bytes) -> bytes:
        if re.match(rb"\* \d+ FETCH \(UID %d " % nil, response) and b"BODY[] {" in response:
            return response[: response.index(b"BODY[] {")] + b"BODY[] NIL)\r\n"
        return response

    def refuse(line: bytes) -> str | None:
        store = re.match(rb"UID STORE ([\d,:]+) ", line)
        return "[CANNOT] not this one" if store and refused in _uids(store[1]) else None

    rig.wire.rewrite, rig.wire.refuse = rewrite, refuse


def test_the_foundation(wired: Wired) -> None:
    wired.changes["guard"] = Guard()
    wired.disk.ahead = 5
    wired.fill(COUNT)
    assert wired.sync().total().downloaded == COUNT
    with wired.client() as client:
        uids = client.uids()
        client.expunge(uids[:EXPUNGED])
        client.append(message("new"))
        _spoil(wired, nil=client.uids()[-1], refused=uids[-7])
    for path in wired.files()[-10:]:  # the refused one among them
        path.rename(path.parent.parent / "cur" / f"{path.name.partition(':')[0]}:2,F")

    first = wired.sync()
    assert first.exit == 3, first
    assert (first.total().held, first.total().failed) == (EXPUNGED, 2), first
    assert first.total().flags_server == 9
    assert all(text in text_of(first) for text in SHOWN), text_of(first)

    files = wired.snapshot()
    second = wired.sync()
    assert second.exit == 3, second
    assert (second.total().held, second.total().parked) == (EXPUNGED, 2), second
    assert all(text in text_of(second) for text in SHOWN), text_of(second)
    asked = [*wired.traffic.sent("UID "), *wired.traffic.sent("SELECT")]
    assert not asked, wired.traffic.lines
    assert wired.traffic.bodies == 0
    assert wired.disk.mail_listings() == 0
    assert wired.snapshot() == files

    assert wired.accept() == EXPUNGED
    third = wired.sync()
    assert third.exit == 1, third
    assert (third.total().removed, third.total().held) == (EXPUNGED, 0), third
    assert third.total().downloaded == third.total().expunged == wired.traffic.bodies == 0
    assert len(wired.files()) == COUNT - EXPUNGED
    with wired.client() as client:
        assert len(client.uids()) == COUNT - EXPUNGED + 1
