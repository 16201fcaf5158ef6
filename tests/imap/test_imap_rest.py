"""Dates, capabilities, quirks, compression, tags."""

# ruff: noqa: E501 (tables are read in rows)

# ruff: noqa: E501 (tables are read in rows)

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsync.imap import (
    Capabilities,
    Deflate,
    Pending,
    ProtocolError,
    Quirk,
    Tags,
    dates,
    quirks,
)

# -- dates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("17-Jul-1996 02:44:25 -0700", 837596665),
        (" 1-Jan-1970 00:00:00 +0000", 0),
        ("01-JAN-1970 01:00:00 +0100", 0),
        ("1 jan 1970 00:00 +00:00", 0),
        ("31-Dec-1969 23:59:59 +0000", -1),
        ("01-Jan-1970 00:00:05 GMT", 5),
        ("01-Jan-1970 00:00:05", 5),
        ("30-Jun-2015 23:59:60 +0000", 1435708800),
        ("31-Feb-2020 00:00:00 +0000", None),
        ("01-Foo-2020 00:00:00 +0000", None),
        ("01-Jan-0000 00:00:00 +0000", None),
        ("yesterday", None),
        ("", None),
        ("01-Jan-1970 00:00:05" + " " * 100, None),
    ],
)
def test_dates_read(text: str, seconds: int | None) -> None:
    assert dates.parse(text.encode()) == seconds


@given(st.integers(-62135596800, 253402300799))
def test_dates_come_back(seconds: int) -> None:
    assert dates.parse(dates.format(seconds).encode()) == seconds


@pytest.mark.parametrize("seconds", [-62135596801, 253402300800, 10**15, -(10**15), 10**30])
def test_dates_that_cannot_be_said(seconds: int) -> None:
    with pytest.raises(ValueError):
        dates.format(seconds)


# -- capabilities ----------------------------------------------------------------------------------


def test_capabilities() -> None:
    has = Capabilities(
        ["imap4rev1", "AUTH=PLAIN", "AUTH=xoauth2", "QRESYNC", "APPENDLIMIT=35651584"]
    )
    assert has.has("Imap4Rev1")
    assert has.has("CONDSTORE")
    assert not has.has("UIDPLUS")
    assert has.auth_mechanisms == {"PLAIN", "XOAUTH2"}
    assert has.append_limit == 35651584
    assert has.literal == "none"
    assert not has.has_email_id
    assert not has.is_gmail


@pytest.mark.parametrize(
    "atom", ["APPENDLIMIT", "APPENDLIMIT=", "APPENDLIMIT=x", "APPENDLIMIT=" + "9" * 30, "X=5"]
)
def test_no_append_limit(atom: str) -> None:
    assert Capabilities([atom]).append_limit is None


def test_literal_modes() -> None:
    assert Capabilities(["LITERAL-"]).literal == "minus"
    assert Capabilities(["LITERAL-", "LITERAL+"]).literal == "plus"


def test_rev2_is_trusted_only_where_there_is_nothing_else() -> None:
    assert Capabilities(["IMAP4rev2"]).has("UIDPLUS")
    assert not Capabilities(["IMAP4rev2"]).has("CONDSTORE")
    assert not Capabilities(["IMAP4rev2", "IMAP4rev1"]).has("UIDPLUS")


def test_withheld_capabilities_stay_withheld() -> None:
    less = Capabilities(["QRESYNC", "IMAP4REV2", "X-GM-EXT-1", "OBJECTID"]).without(
        ["Move", "QRESYNC"]
    )
    assert not less.has("MOVE")
    assert not less.has("QRESYNC")
    assert less.has("CONDSTORE")
    assert less.is_gmail
    assert less.has_email_id


# -- quirks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (quirks.Seen(), set()),
        (quirks.Seen("Dovecot ready."), set()),
        (quirks.Seen(capabilities=Capabilities(["XAPPLEPUSHSERVICE"])), {Quirk.NO_QRESYNC}),
        (quirks.Seen(capabilities=Capabilities(["XYMHIGHESTMODSEQ"])), {Quirk.SHORT_LINES, Quirk.FINAL_CRLF}),
        (quirks.Seen(capabilities=Capabilities(["CLIENTACCESSRULES"])), {Quirk.NO_KEYWORDS, Quirk.FLAGGED_AFTER_APPEND}),
        (quirks.Seen("The Microsoft Exchange IMAP4 service is ready."), {Quirk.NO_KEYWORDS}),
        (quirks.Seen("Microsoft Exchange Server 2003 IMAP4rev1 server"), {Quirk.NO_KEYWORDS, Quirk.NO_NAMESPACE}),
        (quirks.Seen("Exchange Server 2013"), {Quirk.NO_MOVE}),
        (quirks.Seen(capabilities=Capabilities(["X-CREATEDMODSEQ"])), {Quirk.NO_STATUS_MAILBOXID}),
        (quirks.Seen("IMAP4 Server (Zoho Mail IMAP4rev1 Server version 1.0)"), {Quirk.NO_CONDSTORE}),
        (quirks.Seen("IMAP4rev1 DavMail 6.0 server ready"), {Quirk.NO_SIZE}),
        (quirks.Seen("* OK Coremail System IMap Server Ready"), {Quirk.ID_FIRST}),
        (quirks.Seen(id={"name": "x", "vendor": "COREMAIL"}), {Quirk.ID_FIRST}),
    ],
)  # fmt: skip
def test_quirks(seen: quirks.Seen, found: set[Quirk]) -> None:
    assert quirks.quirks(seen) == found


def test_what_a_provider_allows_a_day() -> None:
    gmail = quirks.Seen("Gimap ready", Capabilities(["IMAP4REV1", "X-GM-EXT-1"]))
    assert quirks.allowance(gmail) == quirks.Allowance(2_250_000_000, 450_000_000)
    assert quirks.allowance(quirks.Seen("Dovecot ready.")) == quirks.Allowance()


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ([], {Quirk.SHORT_LINES, Quirk.FINAL_CRLF}),
        (["no-move"], {Quirk.SHORT_LINES, Quirk.FINAL_CRLF, Quirk.NO_MOVE}),
        (["!short-lines"], {Quirk.FINAL_CRLF}),
        (["!no-qresync"], {Quirk.SHORT_LINES, Quirk.FINAL_CRLF}),
        (["!*"], set()),
        (["!*", "id-first"], {Quirk.ID_FIRST}),
    ],
)
def test_the_user_has_the_last_word_on_quirks(chosen: list[str], found: set[Quirk]) -> None:
    yahoo = quirks.Seen(capabilities=Capabilities(["XYMHIGHESTMODSEQ"]))
    assert quirks.quirks(yahoo, chosen) == found


def test_without_condstore_there_is_no_qresync() -> None:
    left = quirks.usable(Capabilities(["QRESYNC", "MOVE"]), frozenset({Quirk.NO_CONDSTORE}))
    assert left.atoms == {"MOVE"}


def test_quirks_withhold_capabilities_and_shorten_lines() -> None:
    has = Capabilities(["QRESYNC", "MOVE", "UIDPLUS"])
    left = quirks.usable(has, frozenset({Quirk.NO_QRESYNC, Quirk.NO_KEYWORDS}))
    assert left.atoms == {"CONDSTORE", "MOVE", "UIDPLUS"}
    assert quirks.line_budget(frozenset()) == 8000
    assert quirks.line_budget(frozenset({Quirk.SHORT_LINES})) == 1000


# -- compression -----------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=300), max_size=10), st.integers(1, 50))
def test_compressed_data_comes_back(sent: list[bytes], size: int) -> None:
    ours, theirs = Deflate(), Deflate()
    for data in sent:
        wire = ours.compress(data)
        pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
        assert b"".join(step for piece in pieces for step in theirs.decompress(piece)) == data


def test_a_bomb_comes_in_steps_and_only_when_asked_for() -> None:
    bomb = zlib.compressobj(wbits=-15)
    wire = bomb.compress(bytes(100 << 20)) + bomb.flush(zlib.Z_SYNC_FLUSH)
    steps = Deflate().decompress(wire)
    assert [len(next(steps)) for _ in range(5)] == [64 << 10] * 5


def test_no_byte_is_kept_back_by_the_step() -> None:
    ours, theirs = Deflate(), Deflate()
    for size in ((64 << 10) - 1, 64 << 10, (64 << 10) + 1, 128 << 10):
        data = random.Random(size).randbytes(size // 2) + bytes(size - size // 2)
        assert b"".join(theirs.decompress(ours.compress(data))) == data
        text = bytes(size)
        assert b"".join(theirs.decompress(ours.compress(text))) == text


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", zlib.compress(b"x")])
def test_broken_streams(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Deflate().decompress(data))


def test_a_stream_must_not_end() -> None:
    ended = zlib.compressobj(wbits=-15)
    steps = Deflate().decompress(ended.compress(b"abc") + ended.flush())
    assert next(steps) == b"abc"
    with pytest.raises(ProtocolError, match="ended"):
        next(steps)


# -- tags ------------------------------------------------------------------------------------------


def test_tags_are_never_the_same_and_safe() -> None:
    tags = Tags(random.Random(1).getrandbits)
    made = [tags.next() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(tag.isascii() and tag.isalnum() for tag in made)
    assert made != [Tags(random.Random(2).getrandbits).next() for _ in range(1000)]
    constant = Tags(lambda count: 0)
    assert (constant.next(), constant.next()) == ("AAAAAA1", "AAAAAA2")


def test_only_what_was_sent_is_answered_and_only_once() -> None:
    pending = Pending()
    pending.sent("A1", "NOOP")
    pending.sent("A2", "UID FETCH")
    assert len(pending) == 2
    assert pending.answered("A2") == "UID FETCH"
    for tag in ("A2", "A3"):
        with pytest.raises(ProtocolError):
            pending.answered(tag)
    assert pending.answered("A1") == "NOOP"
    assert len(pending) == 0
