"""Response codes: what stands in brackets in a status response (RFC 9051 §7.1, RFC 5530)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailsync.imap.limits import Limits, ProtocolError
from mailsync.imap.sets import Malformed, Ranges, ranges
from mailsync.model.ids import UID, UID_MAX, UIDValidity
from mailsync.model.uidset import UIDSet


@dataclass(frozen=True, slots=True)
class AppendUID:
    """APPENDUID (RFC 4315 §3): the UIDs in the order of the appended messages."""

    uid_validity: UIDValidity
    uids: tuple[UID, ...]


@dataclass(frozen=True, slots=True)
class CopyUID:
    """COPYUID (RFC 4315 §3): `source[i]` became `target[i]`; both have the same length."""

    uid_validity: UIDValidity
    source: tuple[UID, ...]
    target: tuple[UID, ...]


CodeArgs = None | int | str | frozenset[str] | UIDSet | AppendUID | CopyUID


@dataclass(frozen=True, slots=True)
class Code:
    """`name` in capitals.  `args` is None where there are none or they make no sense, else

    - APPENDUID: `AppendUID`; COPYUID: `CopyUID`;
    - UIDNEXT, UIDVALIDITY, HIGHESTMODSEQ, UNSEEN, APPENDLIMIT: an int ≥ 1 (APPENDLIMIT ≥ 0),
      UIDNEXT a UID;
    - PERMANENTFLAGS: the flags as sent, with `\\*`; CAPABILITY: atoms in capitals;
      BADCHARSET: charsets in capitals;
    - MODIFIED: `UIDSet` (the numbers of the command: UIDs for UID STORE, RFC 7162 §3.1.3);
    - MAILBOXID: the id (RFC 8474 §4.1);
    - any other: the text as sent.
    """

    name: str
    args: CodeArgs = None


# -- reading ---------------------------------------------------------------------------------------

Word = bytes | Ranges

_CODE = re.compile(rb"\[([^\] \[]++)(?: ++(\([^()]*+\) *+|[^\]]*+))?\] ?(.*)\Z", re.S)
_WORD = re.compile(rb'"((?:[^"\\]|\\.)*+)"|([^ ()"]+)', re.S)
_NUMBERS = {"UIDNEXT": 1, "UIDVALIDITY": 1, "HIGHESTMODSEQ": 1, "UNSEEN": 1, "APPENDLIMIT": 0}
_LARGEST = (1 << 63) - 1
OF_SETS = frozenset({"APPENDUID", "COPYUID", "MODIFIED"})


def split_code(text: bytes, limits: Limits) -> tuple[Code | None, bytes]:
    """A status response's text → its code and the text for people.

    Without a closing bracket it is all text.
    """
    found = _CODE.match(text)
    if found is None:
        return None, text
    name = found[1].decode("ascii", "replace").upper()
    args = (found[2] or b"").strip(b" ")
    if len(args) > limits.code and name not in OF_SETS:
        raise ProtocolError("the server sent a response code that is too long")
    return Code(name, _args(name, args, limits)), found[3]


def set_code(name: str, words: Sequence[Word], limits: Limits) -> Code:
    """One of `OF_SETS` from its arguments; without them when they make no sense, as Exchange's
    `[COPYUID 7  ]`: then the server just did not tell."""
    try:
        return Code(name, _sets(name, words, limits))
    except Malformed:
        return Code(name)


def _args(name: str, args: bytes, limits: Limits) -> CodeArgs:
    if name in OF_SETS:
        return set_code(name, args.split(), limits).args
    if name in _NUMBERS:
        most = UID_MAX if name == "UIDNEXT" else _LARGEST
        sane = args.isdigit() and len(args) < 20 and _NUMBERS[name] <= int(args) <= most
        return int(args) if sane else None
    if name == "PERMANENTFLAGS":
        return frozenset(_words(args))
    if name in ("CAPABILITY", "BADCHARSET"):
        return frozenset(word.upper() for word in _words(args))
    if name == "MAILBOXID":
        return next(iter(_words(args)), None)
    return args.decode("utf-8", "replace") or None


def _words(args: bytes) -> list[str]:
    return [(quoted or plain).decode("utf-8", "replace") for quoted, plain in _WORD.findall(args)]


def _sets(name: str, words: Sequence[Word], limits: Limits) -> CodeArgs:
    sets = [word if isinstance(word, Ranges) else ranges(word, limits.ranges) for word in words]
    if name == "MODIFIED":
        if len(sets) != 1:
            raise Malformed("MODIFIED has one set")
        return sets[0].uid_set()
    validity = sets[0].uids(1) if sets else ()
    lists = [numbers.uids(limits.uid_list) for numbers in sets[1:]]
    if len(validity) != 1 or len(lists) != (2 if name == "COPYUID" else 1):
        raise Malformed("not the right number of arguments")
    uid_validity = UIDValidity(validity[0])
    if name == "APPENDUID":
        return AppendUID(uid_validity, lists[0])
    if len(lists[0]) != len(lists[1]):
        raise Malformed("two sets of different size")
    return CopyUID(uid_validity, lists[0], lists[1])
