"""A server that lies: legal answers are mutated by the table of reliability.md §3.3.

A lie is told of one answer at a time; the next one may be true.  No lie touches mail itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from .rand import SimRand

if TYPE_CHECKING:
    from .server_session import Session

Lie = Callable[["Session", str, list[bytes], SimRand], list[bytes]]
Liar = Callable[["Session", str, bytes], bytes]


def lines_of(answer: bytes) -> list[bytes]:
    """Whole responses, literals included, without their CRLF."""
    found: list[bytes] = []
    at = start = 0
    while (end := answer.find(b"\r\n", at)) >= 0:
        literal = re.search(rb"\{(\d+)\}$", answer[at:end])
        at = end + 2
        if literal is not None:
            at += int(literal[1])
            continue
        found.append(answer[start:end])
        start = at
    return found if start == len(answer) else [*found, answer[start:]]


def liar(kinds: str, share: float, rand: SimRand) -> Liar:
    """Lies of these kinds (comma separated; empty: all), in this share of the answers."""
    chosen = [LIES[kind] for kind in kinds.split(",")] if kinds else list(LIES.values())

    def lie(session: Session, name: str, answer: bytes) -> bytes:
        if not answer.endswith(b"\r\n") or name in {"?", "COMPRESS", "STARTTLS", "IDLE"}:
            return answer
        if not rand.chance(share):
            return answer
        lines = rand.choice(chosen)(session, name, lines_of(answer), rand)
        return b"".join(line + b"\r\n" for line in lines)

    return lie


def _some(rand: SimRand, lines: list[bytes], pattern: bytes) -> int | None:
    found = [at for at, line in enumerate(lines) if re.search(pattern, line)]
    return rand.choice(found) if found else None


def _swap(pattern: bytes, new: bytes | Callable[[re.Match[bytes]], bytes]) -> Lie:
    """In one of the responses that match."""

    def lie(session: Session, name: str, lines: list[bytes], rand: SimRand) -> list[bytes]:
        at = _some(rand, lines, pattern)
        if at is not None:
            lines[at] = re.sub(pattern, new, lines[at], count=1)
        return lines

    return lie


def _drop(pattern: bytes) -> Lie:
    def lie(session: Session, name: str, lines: list[bytes], rand: SimRand) -> list[bytes]:
        at = _some(rand, lines, pattern)
        return lines if at is None else lines[:at] + lines[at + 1 :]

    return lie


def _double(pattern: bytes) -> Lie:
    def lie(session: Session, name: str, lines: list[bytes], rand: SimRand) -> list[bytes]:
        at = _some(rand, lines, pattern)
        return lines if at is None else [*lines[:at], lines[at], *lines[at:]]

    return lie


def _other_row(session: Session, name: str, lines: list[bytes], rand: SimRand) -> list[bytes]:
    """One UID with two sets of flags; the true one comes last."""
    at = _some(rand, lines, _FLAGS)
    if at is None:
        return lines
    other = re.sub(_FLAGS, rb"\1(\\Answered)", lines[at], count=1)
    return [*lines[:at], other, *lines[at:]]


def _shuffle(session: Session, name: str, lines: list[bytes], rand: SimRand) -> list[bytes]:
    """FETCH rows in any order."""
    rows = [at for at, line in enumerate(lines) if b" FETCH (" in line]
    mixed = [lines[at] for at in rows]
    rand.shuffle(mixed)
    for at, line in zip(rows, mixed, strict=True):
        lines[at] = line
    return lines


def _chatter(session: Session, name: str, lines: list[bytes], rand: SimRand) -> list[bytes]:
    """Unsolicited, true, and between any two responses."""
    view = session.view
    said = [b"* OK Still here", b"* NO Careful", b"* OK [ALERT] \x1b[31mred"]
    if session.user is not None:
        said += [b'* LIST (\\HasNoChildren) "/" INBOX', b"* OK [X-ODD] x"]
    if view is not None and name not in {"SELECT", "EXAMINE"}:
        said.append(b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)")
        said.append(b"* %d EXISTS" % len(view.uids))
        for seq, uid in enumerate(view.uids, 1):
            if (message := view.box.messages.get(uid)) is not None:
                flags = view.flags(message).encode()
                said.append(b"* %d FETCH (FLAGS %b)" % (seq, flags))
                said.append(b"* %d FETCH (UID %d FLAGS %b)" % (seq, uid, flags))
    for _ in range(1 + rand.below(3)):
        lines.insert(rand.below(max(1, len(lines))), rand.choice(said))
    return lines


def _vanished(session: Session, name: str, lines: list[bytes], rand: SimRand) -> list[bytes]:
    """UIDs that never were, ranges without end, twice."""
    if not session.qresync or session.view is None:
        return lines
    top = session.view.box.uid_next + 5
    said = [b"* VANISHED %d" % top, b"* VANISHED %d:4294967295" % top]
    for _ in range(1 + rand.below(2)):
        lines.insert(rand.below(max(1, len(lines))), rand.choice(said))
    return lines


def _live_vanished(session: Session, name: str, lines: list[bytes], rand: SimRand) -> list[bytes]:
    """VANISHED (EARLIER) of a UID that lives."""
    if not session.qresync or session.view is None or not session.view.uids:
        return lines
    if name in {"SELECT", "EXAMINE"}:
        uid = rand.choice(session.view.uids)
        lines.insert(max(0, len(lines) - 1), b"* VANISHED (EARLIER) %d" % uid)
    return lines


def _tag(new: Callable[[bytes], list[bytes]]) -> Lie:
    """Something about the tagged answer."""

    def lie(session: Session, name: str, lines: list[bytes], rand: SimRand) -> list[bytes]:
        tag = session.tag.encode() + b" "
        if lines and lines[-1].startswith(tag):
            return [*lines[:-1], *new(lines[-1])]
        return lines

    return lie


def _number(change: Callable[[int], int]) -> Callable[[re.Match[bytes]], bytes]:
    return lambda found: found[1] + b"%d" % max(0, change(int(found[2])))


def _items(session: Session, name: str, lines: list[bytes], rand: SimRand) -> list[bytes]:
    """The items of one FETCH row the other way round."""
    at = _some(rand, lines, rb"^\* \d+ FETCH \(UID \d+ FLAGS \([^)]*\)")
    if at is not None:
        lines[at] = re.sub(rb"\((UID \d+) (FLAGS \([^)]*\))", rb"(\2 \1", lines[at], count=1)
    return lines


_FETCH = rb"^\* \d+ FETCH \("
_FLAGS = rb"^(\* \d+ FETCH \(UID \d+ FLAGS )\([^)]*\)"
LIES: dict[str, Lie] = {
    "chatter": _chatter,
    "order": _shuffle,
    "items": _items,
    "row twice": _double(_FETCH),
    "row missing": _drop(_FETCH),
    "row other": _other_row,
    "uid 0": _swap(rb"(UID )(\d+)(?= FLAGS)", rb"\g<1>0"),
    "uid huge": _swap(rb"(UID )(\d+)(?= FLAGS)", rb"\g<1>4294967296"),
    "body nil": _swap(rb"(?s)(BODY\[\]) \{\d+\}\r\n.*$", rb"\1 NIL)"),
    "body empty": _swap(rb"(?s)(BODY\[\]) \{\d+\}\r\n.*$", rb'\1 "")'),
    "literal long": _swap(
        rb"(BODY\[\]) \{(\d+)\}\r\n", lambda m: m[1] + b" {%d}\r\n" % (int(m[2]) + 5)
    ),
    "literal short": _swap(
        rb"(BODY\[\]) \{(\d+)\}\r\n", lambda m: m[1] + b" {%d}\r\n" % max(0, int(m[2]) - 5)
    ),
    "size wrong": _swap(rb"(RFC822\.SIZE )(\d+)", _number(lambda n: n + 7)),
    "size missing": _swap(rb" RFC822\.SIZE \d+", rb""),
    "size 0": _swap(rb"(RFC822\.SIZE )(\d+)", _number(lambda n: 0)),
    "exists low": _swap(rb"^(\* )(\d+)(?= EXISTS)", _number(lambda n: n - 1)),
    "exists high": _swap(rb"^(\* )(\d+)(?= EXISTS)", _number(lambda n: n + 1)),
    "uidnext missing": _drop(rb"^\* OK \[UIDNEXT "),
    "uidnext low": _swap(rb"(UIDNEXT )(\d+)", _number(lambda n: n - 2)),
    "uidnext high": _swap(rb"(UIDNEXT )(\d+)", _number(lambda n: n + 9)),
    "validity other": _swap(rb"(UIDVALIDITY )(\d+)", _number(lambda n: n + 1000)),
    "validity 0": _swap(rb"(UIDVALIDITY )(\d+)", _number(lambda n: 0)),
    "not sticky": _swap(rb"^(\* OK \[UIDVALIDITY )", rb"* NO [UIDNOTSTICKY] x\r\n\1"),
    "validity missing": _drop(rb"^\* OK \[UIDVALIDITY "),
    "modseq missing": _drop(rb"^\* OK \[HIGHESTMODSEQ "),
    "modseq none": _swap(rb"\[HIGHESTMODSEQ \d+\]", rb"[NOMODSEQ]"),
    "modseq 0": _swap(rb"(HIGHESTMODSEQ )(\d+)", _number(lambda n: 0)),
    "modseq huge": _swap(rb"(HIGHESTMODSEQ )(\d+)", _number(lambda n: n + 2**62)),
    "modseq low": _swap(rb"(HIGHESTMODSEQ )(\d+)", _number(lambda n: n // 2)),
    "modseq not said": _swap(rb" MODSEQ \(\d+\)", rb""),
    "vanished": _vanished,
    "vanished missing": _drop(rb"^\* VANISHED "),
    "vanished alive": _live_vanished,
    "search short": _swap(rb"^(\* SEARCH(?: \d+)*) \d+$", rb"\1"),
    "esearch bare": _swap(rb"^(\* ESEARCH \(TAG \"[^\"]*\"\) UID) .*$", rb"\1"),
    "no appenduid": _swap(rb"\[APPENDUID [^\]]*\] ", rb""),
    "appenduid other": _swap(rb"(APPENDUID \d+ )(\d+)", _number(lambda n: n + 3)),
    "appenduid old": _swap(rb"(APPENDUID \d+ )(\d+)", _number(lambda n: max(1, n - 1))),
    "appenduid validity": _swap(rb"(APPENDUID )(\d+)", _number(lambda n: n + 1)),
    "no copyuid": _swap(rb"\[COPYUID [^\]]*\] ", rb""),
    "copyuid short": _swap(rb"(\[COPYUID \d+ )[^\]]*\]", rb"\1 ]"),
    "copyuid other": _swap(rb"(COPYUID \d+ \S+ )(\d+)", _number(lambda n: n + 1)),
    "status missing": _drop(rb"^\* STATUS "),
    "list missing": _drop(rb"^\* LIST "),
    "list nonexistent": _swap(rb"^(\* LIST \()", rb"\1\\NonExistent "),
    "list noselect": _swap(rb"^(\* LIST \()", rb"\1\\Noselect "),
    "messages high": _swap(rb"(MESSAGES )(\d+)", _number(lambda n: n + 1)),
    "read-only": _swap(rb"\[READ-WRITE\]", rb"[READ-ONLY]"),
    "permanent none": _swap(rb"\[PERMANENTFLAGS \([^)]*\)\]", rb"[PERMANENTFLAGS ()]"),
    "no text": _tag(lambda line: [b" ".join(line.split(b" ")[:2])]),
    "no enabled": _drop(rb"^\* ENABLED"),
    "tagged twice": _tag(lambda line: [line, line]),
    "tagged other": _tag(lambda line: [b"zz9 OK what?", line]),
    "throttled": _tag(lambda line: [line + b" [THROTTLED]"]),
}
