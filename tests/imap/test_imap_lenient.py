"""What real servers send although no RFC allows it (protocol.md §1.1), and who."""

# ruff: noqa: E501 (tables are read in rows)

from __future__ import annotations

import pytest

from mailsync.imap import (
    Capability,
    Code,
    Continuation,
    CopyUID,
    Event,
    Exists,
    Fetch,
    Id,
    Ignored,
    List,
    Receiver,
    Search,
    Status,
    StatusData,
)
from mailsync.model.ids import UID, ModSeq, SeqNum, UIDValidity
from mailsync.model.uidset import UIDSet

MOVED = Code("COPYUID", CopyUID(UIDValidity(124), (UID(10),), (UID(233),)))
WILD: list[tuple[str, str, list[Event]]] = [
    ("Gmail: no text after the code", "* OK [HIGHESTMODSEQ 5]\r\n", [Status("OK", Code("HIGHESTMODSEQ", 5))]),
    ("hoodiecrow: tagged too", "A OK [COPYUID 124 10 233]\r\n", [Status("OK", MOVED, "", "A")]),
    ("no text at all", "* OK\r\nA NO \r\n", [Status("OK"), Status("NO", tag="A")]),
    ("continuation without a space", "+\r\n", [Continuation()]),
    ("DavMail: two spaces", "*  1688 EXISTS\r\n", [Exists(1688)]),
    ("Zimbra: several while loading", "* 500 EXISTS\r\n* 1000 EXISTS\r\n", [Exists(500), Exists(1000)]),
    ("Exchange 2013: code on its own", "[COPYUID 124 10 233]\r\n", [Status("OK", MOVED)]),
    ("home.pl: code without OK", "* [COPYUID 124 10 233]\r\n", [Status("OK", MOVED)]),
    ("Exchange: no tag", "Server Unavailable. 15\r\n", [Ignored("Server Unavailable. 15")]),
    ("BYE with a tag is none", "A BYE x\r\n", [Ignored("A BYE x")]),
    ("NUL padding", "\0\0\0* 1 EXISTS\r\n\0* 2 EXISTS\r\n", [Exists(1), Exists(2)]),
    ("trailing spaces: STATUS", "* STATUS x (MESSAGES 3 ) \r\n", [StatusData(b"x", {"MESSAGES": 3})]),
    ("trailing spaces: CAPABILITY", "* CAPABILITY IDLE  \r\n", [Capability(frozenset({"IDLE"}))]),
    ("trailing spaces: ID", '* ID ("name" "x" ) \r\n', [Id({"name": "x"})]),
    ("trailing spaces: SEARCH", "* SEARCH 1 2  \r\n* SEARCH \r\n", [Search(UIDSet([1, 2])), Search(UIDSet())]),
    ("a list among the capabilities", "* CAPABILITY A (x) B\r\n", [Capability(frozenset("AB"))]),
    ("0 FETCH", r"* 0 FETCH (UID 5 FLAGS (\*))" "\r\n", [Fetch(None, UID(5), frozenset({r"\*"}))]),
    ("Zoho: MODSEQ −1", "* 1 FETCH (UID 5 MODSEQ (-1))\r\n", [Fetch(SeqNum(1), UID(5))]),
    ("MODSEQ 0", "* 1 FETCH (UID 5 MODSEQ (0))\r\n", [Fetch(SeqNum(1), UID(5))]),
    ("MODSEQ without parentheses", "* 1 FETCH (MODSEQ 7)\r\n", [Fetch(SeqNum(1), modseq=ModSeq(7))]),
    ("negative size", "* 1 FETCH (UID 5 RFC822.SIZE -1)\r\n", [Fetch(SeqNum(1), UID(5))]),
    ("lower case", "* 1 fetch (uid 5 flags (x) body[] {1}\r\na)\r\n* list () nil \"a\"\r\na ok [alert] b\r\n",
     [Fetch(SeqNum(1), UID(5), frozenset("x"), sections={"BODY[]": b"a"}), List(frozenset(), None, b"a"),
      Status("OK", Code("ALERT"), "b", "a")]),
    ("items in any order", '* 1 FETCH (FLAGS () MODSEQ (3) UID 5)\r\n',
     [Fetch(SeqNum(1), UID(5), frozenset(), modseq=ModSeq(3))]),
    ("Yandex: no value", "* 1 FETCH (UID 5 BODY[] FLAGS ())\r\n* 2 FETCH (BODY[])\r\n* 3 FETCH (BODY[] (x) UID 1)\r\n",
     [Fetch(SeqNum(1), UID(5), frozenset(), sections={"BODY[]": None}),
      Fetch(SeqNum(2), sections={"BODY[]": None}),
      Fetch(SeqNum(3), UID(1), sections={"BODY[]": None})]),
    ("NIL where a value belongs", "* 1 FETCH (UID 5 FLAGS NIL INTERNALDATE NIL EMAILID NIL MODSEQ NIL)\r\n",
     [Fetch(SeqNum(1), UID(5))]),
    ("no date", '* 1 FETCH (UID 5 INTERNALDATE "yesterday")\r\n', [Fetch(SeqNum(1), UID(5))]),
    ("ENVELOPE and BODYSTRUCTURE", '* 1 FETCH (ENVELOPE (NIL "a)" ((NIL NIL "b" "c"))) UID 5 BODY ("TEXT" ("boundary" NIL)))\r\n',
     [Fetch(SeqNum(1), UID(5))]),
    ("no literal mark before the value's space", "* 1 FETCH (BODY[]{1}\r\na)\r\n", [Fetch(SeqNum(1), sections={"BODY[]": b"a"})]),
    ("163: STATUS ()", '* STATUS "x" ()\r\n* STATUS y\r\n', [StatusData(b"x", {}), StatusData(b"y", {})]),
    ("STATUS of who knows what", "* STATUS a b (MESSAGES 1)\r\n", [Ignored("STATUS")]),
    ("imap4d's of (x)", "* STATUS (x) (MESSAGES 1)\r\n", [Ignored("STATUS")]),
    ("Exchange: control characters", '* LIST () "/" a\tb\r\n', [List(frozenset(), "/", b"a\tb")]),
    ("unquoted name with spaces", '* LIST (\\X) "/" a  (b) "c" \r\n', [List(frozenset({"\\x"}), "/", b'a  (b) "c"')]),
    ("unquoted LSUB, and no delimiter", "* LSUB () NIL a b\r\n", [List(frozenset(), None, b"a b", lsub=True)]),
    ("empty delimiter", '* LIST () "" a b\r\n', [List(frozenset(), None, b"a b")]),
    ("escaped delimiter", '* LIST () "\\\\" a b\r\n', [List(frozenset(), "\\", b"a b")]),
    ("bare LF", "* 1 EXISTS\n* 2 EXISTS\r\n", [Exists(1), Exists(2)]),
    ("Latin-1 in text", "* OK gr\xfc\xdfe\r\n", [Status("OK", text="gr\ufffd\ufffde")]),
    ("text that looks like a literal", "* OK {5}\r\nA1 OK x {3}\r\n", [Status("OK", text="{5}"), Status("OK", text="x {3}", tag="A1")]),
    ("unknown, with a literal", '* X-NEW "a ({3}\r\n")( * 1 EXISTS {2}\r\nxx\r\n* 1 EXISTS\r\n', [Ignored('* X-NEW "a ({3}'), Exists(1)]),
    ("quoted like a literal", '* LIST () "/" "a {3}"\r\n', [List(frozenset(), "/", b"a {3}")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "events"), [row[1:] for row in WILD], ids=[row[0] for row in WILD]
)
@pytest.mark.parametrize("step", [1, 100000])
def test_seen_in_the_wild(sent: str, events: list[Event], step: int) -> None:
    receiver, data = Receiver(), sent.encode("latin-1")
    heard = [e for at in range(0, len(data), step) for e in receiver.receive(data[at : at + step])]
    assert heard == events
    assert receiver.pending() == 0


def test_yandex_says_bye_for_ever() -> None:
    assert Receiver().receive(b"* BYE\r\n" * 1000) == [Status("BYE")] * 1000
