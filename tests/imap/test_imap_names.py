"""Mailbox names: there and back, byte for byte; never two for one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailsync.imap import from_wire, to_wire
from mailsync.model import utf7
from mailsync.model.mailboxname import INBOX, MailboxName, join

TABLE = [
    (b"INBOX", "/", b"", "INBOX"),
    (b"a/b", "/", b"", "a/b"),
    (b"a.b", ".", b"", "a/b"),
    (b"a/b", ".", b"", "a%2Fb"),
    (b"a.b", None, b"", "a.b"),
    (b"INBOX.a.b", ".", b"INBOX.", "a/b"),
    (b"INBOX/a", "/", b"", "INBOX/a"),
    (b"INBOX.INBOX.a", ".", b"INBOX.", "INBOX/a"),
    (b"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "/", b"", "~peter/mail/台北/日本語"),  # RFC 3501 §5.1.3
    (b"Entw&APw-rfe &- more", "/", b"", "Entwürfe & more"),
    (b"&2D3eAA-", "/", b"", "😀"),
    (b"&AAo-", "/", b"", "%0A"),
    (b"..", "/", b"", "%2E%2E"),
    (b"cur", "/", b"", "%63ur"),
    (b"&Jjo!", "/", b"", "%FF&Jjo!"),  # RFC 3501: not permitted
    (b"&U,BTFw-&ZeVnLIqe-", "/", b"", "%FF&U,BTFw-&ZeVnLIqe-"),  # RFC 3501: superfluous shift
    (b"&AGE-", "/", b"", "%FF&AGE-"),
    (b"&2D0-", "/", b"", "%FF&2D0-"),  # half a surrogate pair
    (b"&A-", "/", b"", "%FF&A-"),
    (b"&", "/", b"", "%FF&"),
    ("ü".encode(), "/", b"", "%FFü"),
    (b"\xfc/b", "/", b"", "%FF%FC/b"),
    (b"a\tb", "/", b"", "%FFa%09b"),
]


@pytest.mark.parametrize(("wire", "delimiter", "prefix", "name"), TABLE)
def test_there_and_back(wire: bytes, delimiter: str | None, prefix: bytes, name: str) -> None:
    assert from_wire(wire, delimiter, prefix) == name
    assert to_wire(MailboxName(name), delimiter, prefix) == wire


@pytest.mark.parametrize("wire", [b"inbox", b"InBox"])
def test_inbox_in_any_case(wire: bytes) -> None:
    assert from_wire(wire, "/") == INBOX
    assert from_wire(wire, ".", b"INBOX.") == INBOX


@pytest.mark.parametrize(
    ("wire", "delimiter", "prefix"),
    [
        (b"", "/", b""),
        (b"a//b", "/", b""),
        (b"a/", "/", b""),
        (b"/a", "/", b""),
        (b"#shared.x", ".", b"INBOX."),
        (b"INBOX.", ".", b"INBOX."),
        (b"INBOX.inbox", ".", b"INBOX."),
        (b"x" * 256, "/", b""),
        (b"a\0b", "/", b""),
    ],
)
def test_names_without_a_counterpart(wire: bytes, delimiter: str, prefix: bytes) -> None:
    with pytest.raises(ValueError):
        from_wire(wire, delimiter, prefix)


@pytest.mark.parametrize(
    ("name", "delimiter", "prefix"),
    [
        ("a/b", None, b""),
        ("a.b", ".", b""),
        ("inbox", "/", b""),
        ("inbox", ".", b"INBOX."),
        ("BOX", "/", b"IN"),
        ("%FF", "/", b""),
        ("%FFabc", "/", b""),
        ("%FF%00", "/", b""),
        ("%FE", "/", b""),
        ("%61", "/", b""),
        ("", "/", b""),
    ],
)
def test_names_a_server_could_not_keep(name: str, delimiter: str | None, prefix: bytes) -> None:
    with pytest.raises(ValueError):
        to_wire(MailboxName(name), delimiter, prefix)


WIRES = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.text(max_size=20).filter(lambda t: t.isprintable()).map(utf7.encode),
    st.lists(
        st.sampled_from([b"&", b"-", b"&-", b"AGE", b"&APw-", b"/", b".", b"INBOX", b"a"])
    ).map(b"".join),
)
DELIMITERS = st.sampled_from(["/", ".", "\\", "&", "A", None])
PREFIXES = st.sampled_from([b"", b"INBOX.", b"#mh/"])


def mapped(wire: bytes, delimiter: str | None, prefix: bytes, fold: bool) -> MailboxName | None:
    try:
        return from_wire(wire, delimiter, prefix, fold=fold)
    except ValueError:
        return None


@given(WIRES, DELIMITERS, PREFIXES, st.booleans())
@example(b"&AGEAYg-", "A", b"", False)
def test_what_was_mapped_comes_back(
    wire: bytes, delimiter: str | None, prefix: bytes, fold: bool
) -> None:
    name = mapped(prefix + wire, delimiter, prefix, fold)
    if name is not None and name != INBOX and b"\0" not in wire:
        assert to_wire(name, delimiter, prefix) == prefix + wire


@given(WIRES, WIRES, DELIMITERS, PREFIXES)
def test_no_two_wire_names_share_one(
    a: bytes, b: bytes, delimiter: str | None, prefix: bytes
) -> None:
    name = mapped(a, delimiter, prefix, False)
    if name is not None and name == mapped(b, delimiter, prefix, False):
        assert a == b or a.upper() == b.upper() == b"INBOX"


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4), DELIMITERS, PREFIXES)
def test_a_local_name_comes_back_or_is_refused(
    parts: list[str], delimiter: str | None, prefix: bytes
) -> None:
    try:
        name = join(parts)
        wire = to_wire(name, delimiter, prefix)
    except ValueError:
        return
    assert from_wire(wire, delimiter, prefix) == name
