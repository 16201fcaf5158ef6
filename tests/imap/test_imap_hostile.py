"""A server that means harm: every limit, and work that grows with the input only."""

# ruff: noqa: E501 (tables are read in rows)

from __future__ import annotations

import sys
from types import FrameType

import pytest

from mailsync.imap import (
    Code,
    CopyUID,
    ESearch,
    Event,
    Exists,
    Fetch,
    Ignored,
    Limits,
    LiteralError,
    ProtocolError,
    Receiver,
    Search,
    Status,
    Vanished,
)
from mailsync.model.errors import Exit, Reach
from mailsync.model.ids import UID, ModSeq, SeqNum
from mailsync.model.uidset import UIDSet

KIB = 1024


@pytest.mark.parametrize(
    "line",
    [
        "* 1 FETCH (UID 0)",
        "* 1 FETCH (UID 4294967296)",
        "* 1 FETCH (UID x)",
        "* 1 FETCH (UID 99999999999999999999999999)",
        "* 1 FETCH (UID",
        "* 1 FETCH (UID 5",
        "* 1 FETCH (UID 5))",
        "* 1 FETCH UID 5",
        "* 1 FETCH",
        "* 4294967296 FETCH (UID 5)",
        "* 1 FETCH (MODSEQ (1 2))",
        "* 1 FETCH (FLAGS ((x)))",
        "* 1 FETCH (FLAGS x)",
        "* 1 FETCH ((UID) 5)",
        '* 1 FETCH (BODY[] "abc',
        "* 0 UIDFETCH ()",
        "* 0 EXPUNGE",
        "* 4294967296 EXISTS",
        "* EXISTS",
        "* SEARCH 0",
        "* SEARCH x",
        "* SEARCH 1 () 2",
        "* ESEARCH ALL 1:x",
        "* ESEARCH ALL 0",
        "* ESEARCH (X 1) ALL 1",
        "* ESEARCH ()",
        "* VANISHED 1,,2",
        "* VANISHED 1 2",
        "* VANISHED 4294967296",
        "* VANISHED -1",
        "* LIST",
        "* LIST () NIL",
        "* LIST x NIL y",
        "* LSUB () NIL",
        "* STATUS",
        "* STATUS x (MESSAGES y)",
        "* STATUS x y",
        "* NAMESPACE NIL NIL",
        "* NAMESPACE (x) NIL NIL",
        "* ID x",
        "* FLAGS",
    ],
)
def test_nonsense_is_an_error(line: str) -> None:
    receiver = Receiver()
    with pytest.raises(ProtocolError) as caught:
        receiver.receive(b"* 3 EXISTS\r\n" + line.encode() + b"\r\n* 4 EXISTS\r\n")
    assert caught.value.events == (Exists(3),)
    assert caught.value.exit is Exit.SERVER
    assert len(str(caught.value)) < 100
    with pytest.raises(ProtocolError, match="before"):
        receiver.receive(b"* 5 EXISTS\r\n")


# -- literals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digits", "size"),
    [
        ("99999999999", 99999999999),
        ("4294967296", 1 << 32),
        ("268435457", (256 << 20) + 1),
        ("-1", None),
        ("9" * 21, None),
        ("0" * 4301, None),
    ],
)
def test_a_body_too_big_is_refused_by_name(digits: str, size: int | None) -> None:
    with pytest.raises(LiteralError) as caught:
        Receiver().receive(f"* 7 FETCH (FLAGS () UID 9 BODY[] {{{digits}}}\r\n".encode())
    error = caught.value
    assert (error.seq, error.uid, error.size) == (7, 9, size)
    assert error.reach is Reach.MESSAGE


@pytest.mark.parametrize(
    "head", ["* 7 FETCH (X-NEW {", "* LIST () {", "* X {", "* 7 FETCH {", "* 7 FETCH (UID ({", "* FETCH ({"]
)  # fmt: skip
def test_other_literals_have_a_small_limit(head: str) -> None:
    with pytest.raises(LiteralError) as caught:
        Receiver().receive(f"{head}1048577}}\r\n".encode())
    assert (caught.value.seq, caught.value.uid, caught.value.size) == (None, None, 1048577)


def test_other_literals_share_one_limit() -> None:
    receiver = Receiver(Limits(literal=10))
    assert receiver.receive(b"* X {6}\r\nabcdef {4}\r\nabcd\r\n") == [Ignored("* X {6}")]
    with pytest.raises(LiteralError):
        receiver.receive(b"* X {6}\r\nabcdef {5}\r\n")


def test_leading_zeros_are_only_zeros() -> None:
    assert Receiver().receive(b"* 7 FETCH (BODY[] {0003}\r\nabc)\r\n") == [
        Fetch(SeqNum(7), sections={"BODY[]": b"abc"})
    ]


@pytest.mark.parametrize("size", [2, 4, 6, 30])
@pytest.mark.parametrize("threshold", [0, 100])
def test_a_literal_of_the_wrong_size_is_noticed(size: int, threshold: int) -> None:
    said = f"* 1 FETCH (BODY[] {{{size}}}\r\nabc)\r\n* 2 EXISTS\r\n* 3 EXISTS\r\nA1 OK x\r\n"
    with pytest.raises(ProtocolError):
        Receiver(body_threshold=threshold).receive(said.encode())


def test_uid_0_before_a_body() -> None:
    with pytest.raises(ProtocolError):
        Receiver().receive(b"* 1 FETCH (UID 0 BODY[] {5}\r\n")


# -- lines -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head", ["", "A1 OK ", "* 1 FETCH (", "+ ", "* LIST () NIL ", "* OK [ALERT] "]
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_line_has_a_limit(head: str, whole: bool) -> None:
    line = head.encode() + b"x" * (64 * KIB + 1) + (b"\r\n" if whole else b"")
    with pytest.raises(ProtocolError, match="too long"):
        Receiver().receive(line)


def test_a_line_of_just_the_limit() -> None:
    [event] = Receiver(Limits(line=10)).receive(b"A1 OK xyz\r\n")
    assert event == Status("OK", text="xyz", tag="A1")
    with pytest.raises(ProtocolError, match="too long"):
        Receiver(Limits(line=9)).receive(b"A1 OK xyz\r\n")


def test_the_usual_fetch_has_the_same_limit() -> None:
    line = b"* 1 FETCH (UID 5 FLAGS (a))\r\n"
    assert len(Receiver(Limits(line=len(line) - 1)).receive(line)) == 1
    with pytest.raises(ProtocolError, match="too long"):
        Receiver(Limits(line=len(line) - 2)).receive(line)


def test_lines_around_literals_share_the_limit() -> None:
    with pytest.raises(ProtocolError, match="too long"):
        Receiver(Limits(line=100)).receive(b"* 1 FETCH (" + b"BODY[] {0}\r\n " * 20)


@pytest.mark.parametrize(("code", "fine"), [("ALERT", False), ("COPYUID", True)])
def test_a_code_has_a_limit(code: str, fine: bool) -> None:
    line = f"* OK [{code} {'1' * 9000}] x\r\n".encode()
    if fine:
        assert Receiver().receive(line) == [Status("OK", Code(code), "x")]
    else:
        with pytest.raises(ProtocolError, match="code"):
            Receiver().receive(line)


def test_nesting_has_a_limit() -> None:
    deep = b"(" * 31 + b")" * 31
    assert Receiver().receive(b"* 1 FETCH (X %b)\r\n" % deep) == [Fetch(SeqNum(1))]
    with pytest.raises(ProtocolError, match="deep"):
        Receiver().receive(b"* 1 FETCH (X (%b))\r\n" % deep)


def test_responses_have_a_limit() -> None:
    receiver = Receiver(Limits(responses=3))
    line = b"* 1 FETCH (UID 5)\r\n"
    receiver.receive(line * 2 + b"* 1 EXISTS\r\nA1 OK x\r\n")
    receiver.receive(line * 3)
    with pytest.raises(ProtocolError, match="stop"):
        receiver.receive(line)
    with pytest.raises(ProtocolError, match="stop"):
        Receiver(Limits(responses=3)).receive(b"* X\r\n" * 4)


# -- UID sets that are longer than a line ----------------------------------------------------------

ODD = range(1, 60001, 2)
COMMAS = ",".join(map(str, ODD))
ODD_SET = UIDSet(ODD)
LONG: list[tuple[str, Event]] = [
    (f"* SEARCH {COMMAS.replace(',', ' ')}", Search(ODD_SET)),
    (f"* search  {COMMAS.replace(',', ' ')}  (MODSEQ 7)", Search(ODD_SET, ModSeq(7))),
    (f"* VANISHED (EARLIER) {COMMAS}", Vanished(ODD_SET, True)),
    (f"* VANISHED {COMMAS}", Vanished(ODD_SET, False)),
    (f'* ESEARCH (TAG "A1") UID COUNT 30000 ALL {COMMAS} MODSEQ 5',
     ESearch("A1", True, ODD_SET, 30000, modseq=ModSeq(5))),
    (f"A1 NO [MODIFIED {COMMAS}] failed a lot", Status("NO", Code("MODIFIED", ODD_SET), "failed a lot", "A1")),
    (f"* OK [MODIFIED {COMMAS} ]x", Status("OK", Code("MODIFIED", ODD_SET), "x")),
    (f"A1 OK [COPYUID 0 1 {COMMAS}]", Status("OK", Code("COPYUID"), "", "A1")),
    (f"A1 [COPYUID 1 1 {COMMAS}] x", Ignored("A1")),
]  # fmt: skip


@pytest.mark.parametrize(("line", "event"), LONG, ids=[row[0][:20] for row in LONG])
@pytest.mark.parametrize("step", [1, 3000, 10**9])
def test_a_long_set(line: str, event: Event, step: int) -> None:
    receiver, data = Receiver(), line.encode() + b"\r\n* 1 EXISTS\r\n"
    events: list[Event] = []
    for at in range(0, len(data), step):
        assert events or not at or receiver.pending() == at
        events += receiver.receive(data[at : at + step])
    assert events == [event, Exists(1)]
    assert receiver.pending() == 0


@pytest.mark.parametrize("head", ["A1 OK ", "", "* ", "* OK "])
def test_a_long_copyuid(head: str) -> None:
    line = f"{head}[COPYUID 5 1:30000 {COMMAS}] all done\r\n".encode()
    [event] = Receiver().receive(line)
    assert isinstance(event, Status)
    assert (event.kind, event.tag, event.text) == (
        "OK",
        head[:2] if "A1" in head else None,
        "all done",
    )
    assert event.code is not None
    assert isinstance(event.code.args, CopyUID)
    assert event.code.args.source == tuple(range(1, 30001))
    assert event.code.args.target == tuple(ODD)


@pytest.mark.parametrize(
    "line",
    [
        f"* VANISHED {COMMAS},x",
        f"* VANISHED {COMMAS},,1",
        f"* VANISHED {COMMAS} {COMMAS}",
        f"* VANISHED {COMMAS} [x] y",
        f"* SEARCH {COMMAS}",
        f"* SEARCH {COMMAS.replace(',', ' ')} ({'x' * 2000}",
        f"* SEARCH {'1' * 70000}",
        f"* VANISHED {'1' * 70000}",
        f"* VANISHED {'1 ' * 70000}",
        f"* ESEARCH {COMMAS} ALL 1",
        f"* ESEARCH UID {'x ' * 70000}",
    ],
)
def test_a_long_line_that_is_no_set(line: str) -> None:
    with pytest.raises(ProtocolError):
        Receiver().receive(line.encode() + b"\r\n")


def test_a_long_set_may_end_in_a_bare_lf() -> None:
    assert Receiver().receive(f"* VANISHED {COMMAS}\n".encode()) == [Vanished(ODD_SET, False)]


def test_a_set_has_limits() -> None:
    line = f"* VANISHED {COMMAS}\r\n".encode()
    with pytest.raises(ProtocolError, match="too long"):
        Receiver(Limits(set_line=len(line) - 3)).receive(line)
    Receiver(Limits(set_line=len(line))).receive(line)
    with pytest.raises(ProtocolError, match="ranges"):
        Receiver(Limits(ranges=len(ODD) - 1)).receive(line)
    Receiver(Limits(ranges=len(ODD))).receive(line)


def test_a_set_of_everything_costs_one_range() -> None:
    [event] = Receiver().receive(b"* VANISHED (EARLIER) 1:4294967295\r\n")
    assert event == Vanished(UIDSet.span(1, 4294967295), True)


# -- work ------------------------------------------------------------------------------------------


class Buffer(bytearray):
    """Counts the bytes that searches look at."""

    looked = 0

    def find(self, sub: bytes, start: int = 0) -> int:  # type: ignore[override]
        found = super().find(sub, start)
        Buffer.looked += (len(self) if found < 0 else found + 1) - start
        return found


def work(chunks: list[bytes]) -> int:
    """Python calls made and bytes searched: the same on every machine."""
    receiver = Receiver(body_threshold=1 << 20)
    receiver._buffer = Buffer()
    Buffer.looked = calls = 0

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for chunk in chunks:
            receiver.receive(chunk)
    finally:
        sys.setprofile(before)
    return calls + Buffer.looked


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


GROWING = {
    "listing": lambda n: b"* 1 FETCH (UID 5 FLAGS (x))\r\n" * n,
    "literals of one response": lambda n: (
        b"* 1 FETCH (" + b"".join(b"BODY[%d] {1}\r\nx " % i for i in range(n)) + b")\r\n"
    ),
    "literals in a list": lambda n: b"* X (" + b"{1}\r\nx " * n + b")\r\n",
    "one literal": lambda n: b"* 1 FETCH (BODY[] {%d}\r\n%b)\r\n" % (20 * n, b"x" * (20 * n)),
    "streamed": lambda n: b"* 1 FETCH (BODY[] {2000000}\r\n" + b"x" * (20 * n),
    "one line": lambda n: b"* OK " + b"x" * (10 * n) + b"\r\n",
    "one set": lambda n: b"* VANISHED " + b"1:2," * (20 * n) + b"7\r\n",
    "numbers": lambda n: b"* SEARCH " + b"1 " * (40 * n) + b"7\r\n",
    "flags": lambda n: b"* 1 FETCH (FLAGS (" + b"a " * (5 * n) + b"))\r\n",
    "nothing": lambda n: b"\0" * (10 * n) + b"\r\n" * n,
}


@pytest.mark.parametrize("size", [1, 64, 10**9])
@pytest.mark.parametrize("name", GROWING)
def test_twice_the_input_is_at_most_twice_the_work(name: str, size: int) -> None:
    once, twice = (work(cut(GROWING[name](n), size)) for n in (2000, 4000))
    assert twice <= once * 2.2 + 500


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "line",
    [
        b"* OK [" + b" " * 60000,
        b"* OK [A" + b" " * 60000,
        b"* OK [A (" + b"(" * 60000,
        b"* OK" + b" " * 60000 + b"x",
        b"* LIST () NIL x" + b" " * 60000 + b"(",
        b"* LIST () NIL x" + b" (A" * 20000,
        b"* LIST () NIL x (A" + b" " * 60000,
        b"* LIST () NIL " + b'"\\' * 30000,
        b"* 1 FETCH (" + b"BODY[ " * 10000,
        b"* 1 FETCH (" + b"UID 5 " * 10000 + b"x",
        b"* 1 FETCH (FLAGS (" + b"a " * 30000,
        b"* 1 FETCH (INTERNALDATE " + b'"' + b" " * 60000 + b'")',
        b"* 1 FETCH (" + b"(" * 31 + b")(" * 30000,
        b"* " + b"1" * 60000 + b" EXISTS",
        b"A" * 60000 + b" OK",
        b"A [COPYUID" + b" " * 60000,
    ],
    ids=lambda line: line[:16].decode(),
)
def test_no_line_is_slow(line: bytes) -> None:
    receiver = Receiver()
    for chunk in cut(line + b"\r\n", 1000):
        try:
            receiver.receive(chunk)
        except ProtocolError:
            break


def test_pending_bytes_of_a_response_that_has_begun() -> None:
    receiver = Receiver(body_threshold=2)
    assert receiver.pending() == 0
    receiver.receive(b"* 1 FE")
    assert receiver.pending() == 6
    receiver.receive(b"TCH (UID 5 BODY[] {3}\r\n")
    assert receiver.pending() > 0
    [*_, last] = receiver.receive(b"abc)\r\n")
    assert isinstance(last, Fetch)
    assert last.uid == UID(5)
    assert receiver.pending() == 0


@pytest.mark.parametrize("item", ["BODY[]", "BODY[HEADER]"])
@pytest.mark.parametrize("second", ["{3}\r\nabc", '"abc"', "NIL"])
def test_the_same_part_of_a_message_twice_is_neither(item: str, second: str) -> None:
    """Whichever was taken, it was taken for the whole."""
    with pytest.raises(ProtocolError, match="FETCH cannot be understood"):
        Receiver().receive(f"* 1 FETCH (UID 5 {item} {{2}}\r\nxy {item} {second})\r\n".encode())
    [fetch] = Receiver().receive(f"* 1 FETCH (UID 5 {item} NIL {item} {{2}}\r\nxy)\r\n".encode())
    assert isinstance(fetch, Fetch)
    assert fetch.sections[item] == b"xy"
