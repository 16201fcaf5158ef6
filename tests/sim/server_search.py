"""SEARCH and UID SEARCH, with ESEARCH (RFC 4731)."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable

from .server_fetch import section
from .server_grammar import MONTHS, Bad, Scan, compact, members
from .server_session import Session
from .server_state import Message
from .server_view import View

Test = Callable[[Message], bool]

_FLAGS = {
    "ANSWERED": "\\Answered",
    "DELETED": "\\Deleted",
    "DRAFT": "\\Draft",
    "FLAGGED": "\\Flagged",
    "SEEN": "\\Seen",
}
_RETURNS = {"ALL", "COUNT", "MIN", "MAX"}


def search(session: Session, scan: Scan) -> str:
    return _search(session, scan, by_uid=False)


def uid_search(session: Session, scan: Scan) -> str:
    return _search(session, scan, by_uid=True)


def _search(session: Session, scan: Scan, *, by_uid: bool) -> str:
    view = session.view
    assert view is not None
    returns: list[str] | None = None
    if scan.skip(b" RETURN "):
        if not session.profile.esearch:
            raise Bad("SEARCH RETURN without ESEARCH")
        returns = scan.words() or ["ALL"]
        if not _RETURNS.issuperset(returns):
            raise Bad(f"SEARCH RETURN {returns}")
    if scan.skip(b" CHARSET "):
        scan.astring()
    scan.space()
    test = _keys(view, scan)
    scan.end()
    there = [uid for uid in view.uids if uid in view.box.messages]
    found = [uid for uid in there if test(view.box.messages[uid])]
    session.record.messages = len(found)
    numbers = found if by_uid else [view.seq(uid) for uid in found]
    if returns is None or session.profile.search_only:
        session.untagged(" ".join(["SEARCH", *map(str, numbers)]))
    else:
        session.untagged(_extended(session.tag, numbers, returns, by_uid=by_uid))
    return "Search completed"


def _extended(tag: str, numbers: list[int], returns: list[str], *, by_uid: bool) -> str:
    words = ["ESEARCH", f'(TAG "{tag}")']
    words += ["UID"] if by_uid else []
    for item in returns:
        if item == "COUNT":
            words.append(f"COUNT {len(numbers)}")
        elif numbers:
            value = {"ALL": compact(numbers), "MIN": str(numbers[0]), "MAX": str(numbers[-1])}
            words.append(f"{item} {value[item]}")
    return " ".join(words)


def _keys(view: View, scan: Scan) -> Test:
    tests = [_key(view, scan)]
    while scan.skip(b" "):
        tests.append(_key(view, scan))
    return lambda message: all(test(message) for test in tests)


def _key(view: View, scan: Scan) -> Test:
    if scan.skip(b"("):
        inner = _keys(view, scan)
        scan.take(b")")
        return inner
    if scan.text[scan.at : scan.at + 1] in {*(b"%d" % n for n in range(10)), b"*"}:
        chosen = members(scan.sequence_set(), list(range(1, len(view.uids) + 1)))
        named = {view.uids[seq - 1] for seq in chosen}
        return lambda message: message.uid in named
    word = scan.word()
    plain = word[2:] if word.startswith("UN") else word
    if plain in _FLAGS:
        flag, wanted = _FLAGS[plain], plain == word
        return lambda message: (flag in message.flags) is wanted
    return _plain_key(view, word) or _key_with_argument(view, word, scan)


def _plain_key(view: View, word: str) -> Test | None:
    recent = view.recent
    tests: dict[str, Test] = {
        "ALL": lambda message: True,
        "RECENT": lambda message: message.uid in recent,
        "OLD": lambda message: message.uid not in recent,
        "NEW": lambda message: message.uid in recent and "\\Seen" not in message.flags,
    }
    return tests.get(word)


def _key_with_argument(view: View, word: str, scan: Scan) -> Test:
    scan.space()
    if word == "NOT":
        inner = _key(view, scan)
        return lambda message: not inner(message)
    if word == "OR":
        one = _key(view, scan)
        scan.space()
        other = _key(view, scan)
        return lambda message: one(message) or other(message)
    if word == "UID":
        named = set(members(scan.sequence_set(), view.uids))
        return lambda message: message.uid in named
    if word in {"KEYWORD", "UNKEYWORD"}:
        flag, wanted = scan.flag().lower(), word == "KEYWORD"
        return lambda m: (flag in {known.lower() for known in m.flags}) is wanted
    if word == "HEADER":
        field = scan.astring()
        scan.space()
        value = scan.astring()
        return lambda message: _has(message.body, field, value)
    if word in {"LARGER", "SMALLER"}:
        size, larger = scan.number(), word == "LARGER"
        return lambda m: len(m.body) > size if larger else len(m.body) < size
    if word == "MODSEQ":
        modseq = scan.number()
        return lambda message: message.modseq >= modseq
    if word in {"SINCE", "BEFORE", "ON"}:
        return _dated(word, scan)
    raise Bad(f"SEARCH {word}")


def _has(body: bytes, field: bytes, value: bytes) -> bool:
    text = section(body, f"BODY[HEADER.FIELDS ({field.decode('ascii', 'replace').upper()})]")
    found = re.sub(rb"\r?\n(?=[ \t])", b"", text)
    start = field.upper() + b":"
    rows = [row[len(start) :] for row in found.splitlines() if row.upper().startswith(start)]
    return any(value.lower() in row.lower() for row in rows)


def _dated(word: str, scan: Scan) -> Test:
    found = re.fullmatch(rb"(\d{1,2})-([A-Z][a-z][a-z])-(\d{4})", scan.astring())
    if found is None or found[2].decode() not in MONTHS:
        raise Bad("no date")
    month = MONTHS.index(found[2].decode()) + 1
    start = calendar.timegm((int(found[3]), month, int(found[1]), 0, 0, 0))
    low = start if word != "BEFORE" else -(1 << 62)
    high = {"ON": start + 86400, "BEFORE": start}.get(word, 1 << 62)
    return lambda message: low <= message.date < high
