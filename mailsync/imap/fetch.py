"""FETCH: a fast path by one regex for what we ask for, the generic way for all else.

Both ways give the same event: which one is taken depends on how the bytes arrived.
"""

from __future__ import annotations

import re
from typing import Final

from mailsync.imap import dates
from mailsync.imap.events import NO_SECTIONS, STREAMED, Fetch, Section
from mailsync.imap.limits import Limits
from mailsync.imap.sets import Malformed
from mailsync.imap.tokens import Text, Token, is_nil, key, listed, number, shown, string
from mailsync.model.ids import UID, UID_MAX, ModSeq, SeqNum

LARGEST = (1 << 63) - 1
MOST_FLAGS = 1000  # of one message
LONGEST_ID = 255  # bytes (RFC 8474 §4)
MEMO, MEMO_TEXT = 2048, 256  # flag sets that are remembered, and bytes of the longest

_HEAD = re.compile(
    rb"\* (\d{1,9}) FETCH \((?>(?:"
    rb"UID (\d{1,10})"
    rb"|FLAGS \(([^()\"\r\n]{0,4096})\)"
    rb"|INTERNALDATE \"([^\"\\\r\n]{0,64})\""
    rb"|RFC822\.SIZE (\d{1,18})"
    rb"|MODSEQ \((\d{1,18})\)"
    rb"|EMAILID \(([^()\"\r\n ]{1,255})\)"
    rb"|X-GM-MSGID (\d{1,18})"
    rb")(?: |(?=\))))*(?>\)\r\n|(BODY\[[A-Z0-9. ()-]*\]) \{(\d{1,10})\}\r\n)"
)
_SECTION = re.compile(r"(?:BODY|BINARY)\[.*\](?:<\d+>)?\Z|RFC822(?:\.HEADER|\.TEXT)?\Z", re.S)
_FLAG_SETS: Final[dict[bytes, frozenset[str]]] = {}  # a memo: a listing has few different ones


def flag_set(text: bytes) -> frozenset[str]:
    """`\\Seen $Junk` → the flags, as sent."""
    found = _FLAG_SETS.get(text)
    if found is None:
        found = _few(frozenset(shown(flag) for flag in text.split(b" ") if flag))
        if len(text) <= MEMO_TEXT:
            if len(_FLAG_SETS) >= MEMO:
                _FLAG_SETS.clear()
            _FLAG_SETS[text] = found
    return found


def _few(flags: frozenset[str]) -> frozenset[str]:
    if len(flags) > MOST_FLAGS:
        raise Malformed("too many flags of one message")
    return flags


def fast(buffer: bytearray, at: int, limits: Limits, inline: int) -> tuple[Fetch, int] | None:
    """The Fetch that begins at `at` and the offset after it; None: not all there, or unusual.

    `inline`: the biggest body that is not streamed.
    """
    found = _HEAD.match(buffer, at)
    if found is None:
        return None
    seq, uid, flags, date, size, modseq, email_id, gm_msgid, section, length = found.groups()
    end = found.end()
    number_ = int(uid) if uid is not None else 0
    if not (0 < number_ <= UID_MAX or uid is None):
        return None
    if end + 1 - at > limits.line:
        return None
    seq_ = SeqNum(int(seq)) or None
    flags_ = None if flags is None else _FLAG_SETS.get(flags) or flag_set(flags)
    modseq_ = None if modseq is None else ModSeq(int(modseq)) or None
    if section is None and date is None and size is None and email_id is None and gm_msgid is None:
        return Fetch(seq_, UID(number_) or None, flags_, None, None, modseq_), end
    sections: dict[str, Section] = {}
    if section is not None:
        start, end = end, end + int(length)
        if end - start > min(inline, limits.body) or not buffer.startswith(b")\r\n", end):
            return None
        sections[section.decode("ascii")] = bytes(memoryview(buffer)[start:end])
        end += 3
    fetch = Fetch(
        seq_,
        UID(number_) or None,
        flags_,
        None if date is None else dates.parse(date),
        None if size is None else int(size),
        modseq_,
        None if email_id is None else shown(email_id),
        None if gm_msgid is None else int(gm_msgid) or None,
        sections or NO_SECTIONS,
    )
    return fetch, end


def generic(seq: SeqNum | None, uid: UID | None, items: list[Token]) -> Fetch:
    """From the list of a FETCH response: name and value in turn, in any order."""
    values: dict[str, Token] = {}
    sections: dict[str, Section] = {}
    at = 0
    while at < len(items):
        name = key(items[at])
        value = items[at + 1] if at + 1 < len(items) else b"NIL"
        at += 2
        if not is_section(name):
            values[name] = value
        elif sections.get(name) is not None:
            raise Malformed("the same part of a message twice")
        elif isinstance(value, Text):
            sections[name] = bytes(value)
        elif value is STREAMED:
            sections[name] = STREAMED
        else:
            sections[name] = None
            if isinstance(value, bytes) and not is_nil(value):
                at -= 1  # no value at all (Yandex): this is the next item's name
    said = {name: value for name, value in values.items() if not is_nil(value)}
    size = _positive(said.get("RFC822.SIZE", b"-1"), 0)
    modseq = _positive(_single(said.get("MODSEQ", b"-1")), 1)
    return Fetch(
        seq,
        uid_of(said["UID"]) if "UID" in said else uid,
        _few(frozenset(shown(string(flag)) for flag in listed(said["FLAGS"])))
        if "FLAGS" in said
        else None,
        dates.parse(string(said["INTERNALDATE"])) if "INTERNALDATE" in said else None,
        size,
        None if modseq is None else ModSeq(modseq),
        shown(string(_single(said["EMAILID"]))[:LONGEST_ID]) if "EMAILID" in said else None,
        _positive(said.get("X-GM-MSGID", b"-1"), 1),
        sections or NO_SECTIONS,
    )


def is_section(name: str) -> bool:
    """Whether an item's value is a message's bytes."""
    return _SECTION.match(name) is not None


def uid_of(token: Token) -> UID:
    uid = number(token)
    if not 1 <= uid <= UID_MAX:
        raise Malformed("not a UID")
    return UID(uid)


def _single(token: Token) -> Token:
    """`(x)` or, tolerated, `x`."""
    if not isinstance(token, list):
        return token
    if len(token) != 1:
        raise Malformed("not one value in parentheses")
    return token[0]


def _positive(token: Token, least: int) -> int | None:
    value = number(token)
    return value if least <= value <= LARGEST else None
