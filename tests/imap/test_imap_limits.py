"""Limits on what a server makes us keep, and what tells a password."""

from __future__ import annotations

import base64

import pytest

from mailsync.imap import Event, Fetch, Limits, ProtocolError, Receiver, commands, fetch
from mailsync.imap.wire import Hidden

KIB, MIB = 1 << 10, 1 << 20


def test_what_holds_where_nothing_else_is_said() -> None:
    """reliability.md §4.6; the tests of what is sent without end set some of them lower."""
    limits = Limits()
    assert (limits.line, limits.code, limits.set_line) == (64 * KIB, 8 * KIB, 64 * MIB)
    assert (limits.body, limits.literal) == (256 * MIB, 1 * MIB)
    assert (limits.nesting, limits.responses) == (32, 10_000_000)
    assert (limits.ranges, limits.uid_list) == (500_000, 50_000)


def received(data: bytes, limits: Limits) -> list[Event]:
    return list(Receiver(limits).receive(data))


def test_padding_is_a_part_of_the_line() -> None:
    limits = Limits(line=1000)
    assert received(b"\0" * 900 + b"* 3 EXISTS\r\n", limits)
    with pytest.raises(ProtocolError, match="line"):
        received(b"\0" * 1001 + b"* 3 EXISTS\r\n", limits)


def test_uids_that_codes_name_are_counted_together() -> None:
    limits = Limits(uid_list=10)
    one = b"* OK [COPYUID 7 1:4 11:14] x\r\n"
    assert len(received(one * 2, limits)) == 2
    with pytest.raises(ProtocolError, match="naming UIDs"):
        received(one * 3, limits)


def test_flags_of_one_message() -> None:
    most = b" ".join(b"k%d" % n for n in range(fetch.MOST_FLAGS))
    line = b"* 1 FETCH (UID 5 FLAGS (%b))\r\n"
    (event,) = received(line % most, Limits())
    assert isinstance(event, Fetch)
    assert event.flags is not None
    assert len(event.flags) == fetch.MOST_FLAGS
    with pytest.raises(ProtocolError, match="FETCH cannot be understood"):
        received(line % (most + b" one-more"), Limits())


def test_the_memo_of_flag_sets_stays_small() -> None:
    for number in range(fetch.MEMO + 10):
        assert fetch.flag_set(b"\\Seen x%d" % number) == {"\\Seen", f"x{number}"}
    long = "x" * (fetch.MEMO_TEXT + 1)
    assert fetch.flag_set(long.encode()) == {long}
    assert len(fetch._FLAG_SETS) <= fetch.MEMO
    assert long.encode() not in fetch._FLAG_SETS


def test_what_tells_a_password() -> None:
    plain = commands.forms(b"\0me\0sec", "sec")
    assert plain == (base64.b64encode(b"\0me\0sec").decode().rstrip("="),)
    assert commands.forms(b"x", 'a"b\\c')[1] == 'a\\"b\\\\c'
    assert repr(Hidden(b"sec")) == "***"
