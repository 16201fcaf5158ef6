"""What a hostile server may send without end, case by case: what is asked, and what comes.

`MOST` bytes are offered in each case; whatever the client does with them costs it at most 32 MiB.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from support.dialogue import Rand, password

from mailsync.imap import Limits
from mailsync.model.errors import MailsyncError
from mailsync.model.ids import UID, UIDValidity
from mailsync.model.mailboxname import INBOX
from mailsync.model.settings import Account, Security
from mailsync.model.uidset import UIDSet
from mailsync.server import Ask, Server

from .flood import Answer, Flood

MIB = 1 << 20
GIB = 1 << 30
BOX = [
    b"* 4000000000 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4294967295] x\r\n"
    b"* OK [HIGHESTMODSEQ 9] x\r\n"
]
CAPABILITIES = (
    "IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ ENABLE CONDSTORE QRESYNC ESEARCH UIDPLUS MOVE "
    "NAMESPACE LIST-EXTENDED LIST-STATUS SPECIAL-USE UNSELECT COMPRESS=DEFLATE ID"
)

Step = Callable[[Server], Awaitable[object]]


@dataclass(frozen=True)
class Case:
    """`then` after the login; `ends` is the error it must end with, None where all is taken."""

    then: Step
    answers: dict[str, Answer] = field(default_factory=dict)
    ends: str | None = "ServerDefect"
    greeting: Callable[[], Iterable[bytes]] | None = None
    limits: Limits = field(default_factory=Limits)
    most: int = 3 * GIB
    taken: int | None = None  # bytes after which the client must have given up


def forever(data: bytes, size: int = 64 << 10) -> Iterator[bytes]:
    """The same again and again, in pieces of about `size` bytes."""
    return itertools.repeat(data * max(1, size // len(data)))


def numbered(pattern: bytes, count: int, first: int = 1) -> Iterator[bytes]:
    """`pattern` with a running number in it, `count` times, some hundred to a piece."""
    step = max(1, (64 << 10) // len(pattern))
    for at in range(first, first + count, step):
        yield b"".join(pattern % number for number in range(at, min(at + step, first + count)))


def told(*parts: Iterable[bytes], end: bytes = b"%b OK done\r\n") -> Answer:
    """All of these and then the tagged answer."""
    return lambda tag: itertools.chain(*parts, [end % tag if b"%" in end else end])


def select(*parts: Iterable[bytes]) -> Answer:
    return told(BOX, *parts, end=b"%b OK [READ-WRITE] done\r\n")


async def nothing(server: Server) -> None:
    """The login alone."""


async def mailboxes(server: Server) -> object:
    return await server.mailboxes()


async def observe(server: Server) -> object:
    ask = Ask(name=INBOX, wire_name=b"INBOX", cursor=None, full=True, known=0)
    seen = [one async for one in server.observe([ask])]
    for one in seen:
        if isinstance(one, tuple):
            raise one[1]
    return seen


async def bodies(server: Server) -> int:
    """As the executor does: a big body is read piece by piece and dropped."""
    size = 0
    async for body in server.bodies(INBOX, [UID(n) for n in range(1, 2001)]):
        if body.chunks is not None:
            async for piece in body.chunks:
                size += len(piece)
        elif body.data is not None:
            size += len(body.data)
    return size


async def compressed(server: Server) -> int:
    assert await server.link.compress()
    return await bodies(server)


async def compressed_list(server: Server) -> object:
    assert await server.link.compress()
    return await server.mailboxes()


async def headers(server: Server) -> object:
    return await server.headers(INBOX, UIDSet((5,)))


async def many_headers(server: Server) -> object:
    return await server.headers(INBOX, UIDSet.span(1, 3000))


async def identify(server: Server) -> object:
    return await server.identify(INBOX, UIDSet((5,)))


async def flags(server: Server) -> object:
    return await server.flags(INBOX, UIDSet([5]))


async def alive(server: Server) -> object:
    return await server.alive(INBOX, UIDSet((5,)))


async def noop(server: Server) -> object:
    return await server.expunge(INBOX, UIDSet((5,)), uid_validity=UIDValidity(7))


def fetch(*parts: Iterable[bytes]) -> dict[str, Answer]:
    return {"SELECT": select(), "FETCH": told(*parts)}


def body(size: int, uid: int = 1, fill: bytes = b"x" * (64 << 10)) -> Iterator[bytes]:
    """A FETCH with so big a body."""
    yield b"* 1 FETCH (UID %d BODY[] {%d}\r\n" % (uid, size)
    yield from itertools.repeat(fill, size // len(fill))
    yield fill[: size % len(fill)] + b")\r\n"


DEEP = b"(" * 1_000_000
KEYWORDS = b" ".join(b"k%d" % n for n in range(999))
ODD = b",".join(b"%d" % n for n in range(1, 20_000, 2))
APART = b",".join(b"%d" % n for n in range(1, 998_000, 2))  # just not too many ranges
FEW = Limits(responses=80_000)
CASES: dict[str, Case] = {
    # -- lines -------------------------------------------------------------------------------------
    "a greeting of 1 GiB": Case(
        nothing, greeting=lambda: itertools.chain([b"* OK "], forever(b"x")), taken=MIB
    ),
    "a greeting without an end of NULs": Case(nothing, greeting=lambda: forever(b"\0"), taken=MIB),
    "NULs before an answer": Case(mailboxes, {"LIST": lambda tag: forever(b"\0")}, taken=MIB),
    "an unknown response of 1 GiB": Case(
        mailboxes, {"LIST": told([b"* X-NEW "], forever(b"y"))}, taken=MIB
    ),
    "a tagged answer of 1 GiB": Case(
        mailboxes, {"LIST": lambda tag: itertools.chain([tag + b" OK "], forever(b"z"))}, taken=MIB
    ),
    "a LIST name of 1 GiB": Case(
        mailboxes, {"LIST": told([b'* LIST () "/" "'], forever(b"n"))}, taken=MIB
    ),
    "spaces of 1 GiB": Case(mailboxes, {"LIST": told([b"* "], forever(b" "))}, taken=MIB),
    "a SEARCH of 1 GiB": Case(
        alive,
        {"SELECT": select(), "SEARCH": told([b"* SEARCH"], numbered(b" %d", 10**9, 1))},
        limits=Limits(set_line=16 * MIB),
        taken=17 * MIB,
    ),
    "a SEARCH of every second UID": Case(
        alive,
        {
            "SELECT": select(),
            "SEARCH": told([b"* SEARCH"], (b"".join(b" %d" % n for n in range(a, a + 999, 2))
                                           for a in itertools.count(1, 1000))),
        },
        taken=70 * MIB,
    ),
    "a VANISHED of 1 GiB": Case(
        observe, {"SELECT": select([b"* VANISHED "], forever(b"1:4294967295,"))}, taken=70 * MIB
    ),
    "a CAPABILITY of 1 GiB": Case(
        nothing, greeting=lambda: itertools.chain([b"* OK [CAPABILITY"], forever(b" A")), taken=MIB
    ),
    # -- literals ----------------------------------------------------------------------------------
    "a body of 2 GiB": Case(bodies, fetch(body(2 * GIB)), ends="LiteralError", taken=MIB),
    "a body of 99999999999": Case(
        bodies, fetch(body(99_999_999_999)), ends="LiteralError", taken=MIB
    ),
    "a body of 4 GiB and 1": Case(bodies, fetch(body(2**32 + 1)), ends="LiteralError", taken=MIB),
    "a body of -1": Case(
        bodies, fetch([b"* 1 FETCH (UID 1 BODY[] {-1}\r\n"]), ends="LiteralError", taken=MIB
    ),
    "a body of 100 MiB is streamed": Case(bodies, fetch(body(100 * MIB)), ends=None),
    "twenty bodies of 3 MiB": Case(
        bodies, fetch(*(body(3 * MIB, n) for n in range(1, 21))), ends=None
    ),
    "a name literal of 2 GiB": Case(
        mailboxes, {"LIST": told([b'* LIST () "/" {2147483648}\r\n'], forever(b"n"))},
        ends="LiteralError", taken=MIB,
    ),
    "many literals in one response": Case(
        mailboxes, {"LIST": told([b"* X ("], forever(b"{1000}\r\n" + b"x" * 1000 + b" "))},
        ends="LiteralError", taken=2 * MIB,
    ),
    "one body after another in one response": Case(
        bodies,
        fetch([b"* 1 FETCH (UID 1"],
              [b" BODY[] {1000000}\r\n" + b"x" * 1_000_000] * 50, [b")\r\n"]),
    ),
    "a header literal of 2 GiB": Case(
        headers, fetch([b"* 1 FETCH (UID 5 BODY[HEADER] {2147483648}\r\n"], forever(b"h")),
        ends="LiteralError", taken=MIB,
    ),
    # -- nesting and sets --------------------------------------------------------------------------
    "a million parentheses": Case(
        mailboxes, {"LIST": told([b"* 1 FETCH (X ", DEEP, b")"])}, taken=2 * MIB
    ),
    "a million parentheses in a LIST": Case(
        mailboxes, {"LIST": told([b"* LIST " + DEEP])}, taken=2 * MIB
    ),
    "a million lists side by side": Case(
        mailboxes, {"LIST": told([b"* 1 FETCH (X ", b"()" * 500_000])}, taken=2 * MIB
    ),
    "VANISHED of all UIDs": Case(
        observe, {"SELECT": select([b"* VANISHED (EARLIER) 1:4294967295\r\n"] * 1000)}, ends=None
    ),
    "SEARCH of all UIDs": Case(
        alive, {"SELECT": select(), "SEARCH": told([b"* ESEARCH UID ALL 1:*\r\n"] * 1000)},
        ends=None,
    ),
    "every second UID VANISHED": Case(
        observe, {"SELECT": select([b"* VANISHED (EARLIER) " + APART + b"\r\n"] * 3)}, ends=None
    ),
    "every eleventh UID VANISHED, ten times": Case(
        observe,
        {"SELECT": select([
            b"* VANISHED (EARLIER) " + b",".join(b"%d" % n for n in range(first, 5_000_000, 11))
            + b"\r\n" for first in range(1, 11)
        ])},
        ends=None,
    ),
    "ESEARCH of every second UID": Case(
        alive,
        {"SELECT": select(), "SEARCH": told([b"* ESEARCH UID ALL " + APART + b"\r\n"] * 3)},
        ends=None,
    ),
    "SEARCH of every second UID, from the last on": Case(
        alive,
        {"SELECT": select(), "SEARCH": told(
            [b"* SEARCH " + b" ".join(b"%d" % n for n in range(998_000, 0, -2)) + b"\r\n"])},
        ends=None,
    ),
    "COPYUID of as many UIDs as may be": Case(
        noop,
        {"SELECT": select(), "EXPUNGE": told(
            [b"* OK [COPYUID 7 1:%d 1:%d] x\r\n" % ((Limits().uid_list,) * 2)] * 40)},
    ),
    "COPYUID of all UIDs": Case(
        noop,
        {"SELECT": select(),
         "EXPUNGE": told([b"* OK [COPYUID 7 1:4294967295 1:4294967295] x\r\n"])},
        ends=None,
    ),
    "MODIFIED of all UIDs": Case(
        noop, {"SELECT": select(), "EXPUNGE": told(end=b"%b OK [MODIFIED 1:4294967295] x\r\n")},
        ends=None,
    ),
    # -- without end -------------------------------------------------------------------------------
    "codes without end": Case(
        mailboxes, {"LIST": told(numbered(b"* OK [X%07d " + b"c" * 8000 + b"] x\r\n", 6000))},
        ends=None,
    ),
    "the same code without end": Case(
        mailboxes, {"LIST": told(forever(b"* OK [COPYUID 7 1:5000 1:5000] x\r\n", 200_000))},
        limits=FEW,
    ),
    "alerts without end": Case(
        mailboxes, {"LIST": told(forever(b"* OK [ALERT] buy this\r\n"))}, limits=FEW
    ),
    "EXISTS without end": Case(
        observe, {"SELECT": select(forever(b"* 5 EXISTS\r\n"))}, limits=FEW
    ),
    "VANISHED without end": Case(
        observe, {"SELECT": select(numbered(b"* VANISHED %d1\r\n", 10**9))}, limits=FEW
    ),
    "long VANISHED without end": Case(
        observe, {"SELECT": select(forever(b"* VANISHED (EARLIER) " + ODD + b"\r\n"))},
        limits=replace(FEW, responses=200),
    ),
    "long SEARCH, then short ones without end": Case(
        alive,
        {"SELECT": select(), "SEARCH": told([b"* ESEARCH UID ALL " + ODD + b"\r\n"],
                                            forever(b"* SEARCH 5\r\n"))},
        limits=FEW,
    ),
    "EXPUNGE without end": Case(
        observe, {"SELECT": select(), "FETCH": told(forever(b"* 1 EXPUNGE\r\n"))}, limits=FEW
    ),
    "ENABLED without end": Case(
        mailboxes, {"LIST": told(numbered(b"* ENABLED E%d" + b"x" * 1000 + b"\r\n", 50_000))},
        limits=replace(FEW, responses=40_000),
    ),
    "CAPABILITY without end": Case(
        mailboxes, {"LIST": told(numbered(b"* CAPABILITY C%d\r\n", 10**9))}, limits=FEW
    ),
    "ID without end": Case(
        mailboxes, {"LIST": told(numbered(b'* ID ("a%d" "b")\r\n', 10**9))}, limits=FEW
    ),
    "continuations without end": Case(
        mailboxes, {"LIST": told(forever(b"+ more\r\n"))}, limits=FEW
    ),
    "empty lines without end": Case(mailboxes, {"LIST": told(forever(b"\r\n"))}, limits=FEW),
    "mailboxes without end": Case(
        mailboxes, {"LIST": told(numbered(b'* LIST () "/" box%d\r\n', 10**9))}, taken=10 * MIB
    ),
    "long mailbox names": Case(
        mailboxes,
        {"LIST": told(numbered(b'* LIST () "/" "%d' + b"n" * 15_000 + b'"\r\n', 90_000))},
    ),
    "names of a MiB": Case(
        mailboxes,
        {"LIST": told(numbered(b'* LIST () "/" {1000000}\r\n%08d' + b"n" * 999_992 + b"\r\n", 50))},
        ends=None,
    ),
    "attributes without end": Case(
        mailboxes,
        {"LIST": told(numbered(b"* LIST (" + KEYWORDS + b') "/" box%d\r\n', 1500))},
        ends=None,
    ),
    "STATUS without end": Case(
        mailboxes,
        {"LIST": told(numbered(b"* STATUS %d" + b"s" * 5000 + b" (MESSAGES 1)\r\n", 10**6))},
    ),
    "flags, always others": Case(
        observe, {"SELECT": select(), "FETCH": told(numbered(
            b"* 1 FETCH (UID 5 FLAGS (n%d " + KEYWORDS[:4000] + b"))\r\n", 30_000))},
    ),
    "messages without end": Case(
        observe,
        {"SELECT": select([b"* 5 EXISTS\r\n"]), "FETCH": told(numbered(
            b"* 1 FETCH (UID %d FLAGS () RFC822.SIZE 5)\r\n", 10**9, 1))},
        taken=8 * MIB,
    ),
    "flags of messages that nobody asked for": Case(
        flags, {"SELECT": select(), "FETCH": told(numbered(
            b"* 1 FETCH (UID %d FLAGS ())\r\n", 300_000, 1))}, ends=None,
    ),
    "flags for many messages": Case(
        observe, {"SELECT": select(), "FETCH": told(numbered(
            b"* 1 FETCH (UID %d FLAGS (" + KEYWORDS + b" x))\r\n", 1500))}, ends=None,
    ),
    "always other flags for many messages": Case(
        observe, {"SELECT": select(), "FETCH": told(
            b"* 1 FETCH (UID %d FLAGS (%b))\r\n" % (uid, b" ".join(
                b"u%dk%d" % (uid, n) for n in range(200))) for uid in range(1, 20_001))},
    ),
    "headers that nobody asked for": Case(
        headers, {"SELECT": select(), "FETCH": told(numbered(
            b"* 1 FETCH (UID %d BODY[HEADER] {100000}\r\n" + b"h" * 100_000 + b")\r\n", 500))},
        ends=None,
    ),
    "headers of a MiB": Case(
        many_headers, {"SELECT": select(), "FETCH": told(numbered(
            b"* 1 FETCH (UID %d BODY[HEADER] {1000000}\r\n" + b"h" * 1_000_000 + b")\r\n", 300))},
        ends=None,
    ),
    "Message-IDs without end": Case(
        many_headers, {"SELECT": select(), "FETCH": told(numbered(
            b"* 1 FETCH (UID %d BODY[HEADER] {100018}\r\nMessage-ID: <" + b"m" * 100_000
            + b">\r\n\r\n)\r\n", 2000))},
        ends=None,
    ),
    "identities that nobody asked for": Case(
        identify, {"SELECT": select(), "FETCH": told(numbered(
            b"* 1 FETCH (UID %d FLAGS () EMAILID (" + b"e" * 200
            + b") BODY[HEADER.FIELDS (MESSAGE-ID)] {2}\r\n\r\n)\r\n", 300_000))},
        ends=None,
    ),
    "bodies that nobody asked for": Case(
        bodies, fetch(numbered(
            b"* 1 FETCH (UID 9%d BODY[] {9000}\r\n" + b"b" * 9000 + b")\r\n", 6000)),
        ends=None,
    ),
    "the same body again and again": Case(
        bodies, fetch(forever(b"* 1 FETCH (UID 5 BODY[] {9000}\r\n" + b"b" * 9000 + b")\r\n")),
        limits=replace(FEW, responses=6000),
    ),
    # -- COMPRESS ----------------------------------------------------------------------------------
    "an inflate bomb in a body": Case(
        compressed, fetch(body(128 * MIB, fill=b"\0" * MIB)), ends=None
    ),
    "an inflate bomb of bodies": Case(
        compressed, fetch(*(body(40 * MIB, n, b"\0" * MIB) for n in range(1, 4))), ends=None
    ),
    "an inflate bomb in a line": Case(
        compressed_list, {"LIST": told([b"* OK "], forever(b"x", 8 * MIB))}, taken=17 * MIB
    ),
    "an inflate bomb of small answers": Case(
        compressed_list, {"LIST": told(forever(b"* OK x\r\n", 8 * MIB))}, limits=FEW
    ),
    "an inflate bomb of EXISTS": Case(
        compressed, fetch(forever(b"* 5 EXISTS\r\n", 8 * MIB)), limits=FEW
    ),
}  # fmt: skip


def account() -> Account:
    return Account(
        name="test",
        host="localhost",
        port=993,
        user="ann",
        maildir=Path("/nonexistent"),
        state=Path("/nonexistent"),
        security=Security.TLS,
        timeout=60.0,
    )


async def play(case: Case) -> tuple[str | None, Flood]:
    """How it ended, and what the server saw."""

    def greeting() -> Iterable[bytes]:
        return [b"* OK [CAPABILITY %b] hi\r\n" % CAPABILITIES.encode()]

    answers: dict[str, Answer] = {
        "NAMESPACE": told([b'* NAMESPACE (("" "/")) NIL NIL\r\n']),
        "AUTHENTICATE": told(end=b"%%b OK [CAPABILITY %b] in\r\n" % CAPABILITIES.encode()),
        "ENABLE": told([b"* ENABLED QRESYNC CONDSTORE\r\n"]),
    }
    flood = Flood(answers | case.answers, (case.greeting or greeting)(), case.most)
    server = Server(account(), flood, Rand(), password, case.limits)
    try:
        await server.connect()
        await case.then(server)
    except MailsyncError as error:
        return type(error).__name__, flood
    finally:
        await server.close()
    return None, flood
