"""However the bytes arrive, the events are the same; and whatever arrives, it is events or a
ProtocolError, never anything else."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from mailsync.imap import BodyData, Event, Limits, ProtocolError, Receiver

LIMITS = Limits(line=150, code=60, set_line=6000, ranges=300, body=80, literal=30, nesting=4)

FIXED = st.sampled_from(
    [
        b"* OK [CAPABILITY IMAP4rev1] hi\r\n",
        b"* 1 EXISTS\n",
        b"\0\0* 2 EXISTS\r\n",
        b"+ go on\r\n",
        b"A1 OK [COPYUID 5 1:3 7:9] moved\r\n",
        b"[COPYUID 5 1 7]\r\n",
        b'* LIST () "/" {3}\r\na b\r\n',
        b"* LIST () NIL a (b\r\n",
        b'* X-NEW {2}\r\n)" {0}\r\n\r\n',
        b"* STATUS x (MESSAGES 1 UIDNEXT 2)\r\n",
        b'* NAMESPACE (("" "/")) NIL NIL\r\n',
        b'* ID ("name" "x")\r\n',
        b"* 1 FETCH (UID 5 BODY[] NIL FLAGS ())\r\n",
        b"* 1 FETCH (UID 4294967296)\r\n",
        b"* 1 FETCH (UID 0 FLAGS ())\r\n",
        b"* 1 FETCH ((((()))))\r\n",
        b"junk {5}\r\n",
        b"* SEARCH 0\r\n",
    ]
)
NUMBERS = st.one_of(
    st.lists(st.integers(1, 400) | st.just(4294967295), max_size=70),
    st.builds(lambda n, by: list(range(1, n * by, by)), st.integers(1, 900), st.integers(2, 5)),
)


def _search(numbers: list[int]) -> bytes:
    return b"* SEARCH " + b" ".join(b"%d" % n for n in numbers) + b" (MODSEQ 5)\r\n"


def _commas(numbers: list[int]) -> bytes:
    return b",".join(b"%d:%d" % (n, n + 1) if n % 3 else b"%d" % n for n in numbers or [1])


SETS = NUMBERS.flatmap(
    lambda n: st.sampled_from(
        [
            _search(n),
            b"* VANISHED (EARLIER) %b\r\n" % _commas(n),
            b'* ESEARCH (TAG "a") UID COUNT 5 ALL %b MODSEQ 6\r\n' % _commas(n),
            b"A2 OK [COPYUID 5 %b %b] done it\r\n" % (_commas(n), _commas(n)),
            b"* [COPYUID 5 1 %b]\r\n" % _commas(n),
            b"A3 NO [MODIFIED %b] x\r\n" % _commas(n),
        ]
    )
)
ITEMS = st.lists(
    st.sampled_from(
        [
            b"UID 7",
            b"UID 4294967295",
            b"FLAGS (\\Seen $X)",
            b"FLAGS ()",
            b'INTERNALDATE " 1-Jul-1996 02:44:25 +0000"',
            b"RFC822.SIZE 12",
            b"RFC822.SIZE -1",
            b"MODSEQ (12)",
            b"MODSEQ (0)",
            b"EMAILID (M1)",
            b"X-GM-MSGID 99",
            b"X-NEW (a (b))",
            b"BODY[HEADER.FIELDS (DATE)] {3}\r\na\r\n",
            b"BODY[]<0> {100000000000}\r\n",
        ]
    ),
    max_size=6,
)


def _fetch(items: list[bytes], body: bytes, after: list[bytes]) -> bytes:
    return b"* 3 FETCH (%b)\r\n" % b" ".join(
        [*items, b"BODY[] {%d}\r\n%b" % (len(body), body), *after]
    )


FETCHES = st.one_of(
    ITEMS.map(lambda items: b"* 3 FETCH (" + b" ".join(items) + b")\r\n"),
    st.builds(_fetch, ITEMS, st.binary(max_size=90), ITEMS | st.just([])),
)
TRANSCRIPTS = st.lists(FIXED | FETCHES | SETS, max_size=8).map(b"".join)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(TRANSCRIPTS))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(
            st.binary(max_size=3) | st.sampled_from([b"(", b'"', b"{9}\r\n"])
        )
    return bytes(data)


def heard(chunks: list[bytes], threshold: int) -> tuple[list[Event], bool, int | None]:
    receiver = Receiver(LIMITS, threshold)
    events: list[Event] = []
    broken = False
    for chunk in chunks:
        try:
            events += receiver.receive(chunk)
        except ProtocolError as error:
            events += error.events
            broken = True
            break
    whole: list[Event] = []
    for event in events:
        if isinstance(event, BodyData) and whole and isinstance(whole[-1], BodyData):
            whole[-1] = BodyData(whole[-1].data + event.data)
        else:
            whole.append(event)
    return whole, broken, None if broken else receiver.pending()


@settings(max_examples=400, deadline=None)
@given(mutated(), st.lists(st.integers(0, 9000), max_size=40), st.sampled_from([0, 5, 60, 1000]))
def test_any_split_gives_the_same_events(data: bytes, cuts: list[int], threshold: int) -> None:
    marks = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    chunks = [data[a:b] for a, b in pairwise(marks)]
    whole = heard([data], threshold)
    assert heard(chunks, threshold) == whole


@settings(max_examples=60, deadline=None)
@given(mutated(), st.sampled_from([0, 5, 1000]))
def test_byte_by_byte_gives_the_same_events(data: bytes, threshold: int) -> None:
    assert heard([data[i : i + 1] for i in range(len(data))], threshold) == heard([data], threshold)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_events_or_an_error(data: bytes) -> None:
    heard([data], 10)
