"""Untagged responses: tokens → events (RFC 9051 §7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from mailsync.imap import fetch
from mailsync.imap.codes import Code, Word, set_code, split_code
from mailsync.imap.events import (
    Capability,
    Enabled,
    ESearch,
    Event,
    Exists,
    Expunged,
    Id,
    Ignored,
    List,
    MailboxFlags,
    Namespace,
    NamespaceEntries,
    Search,
    Status,
    StatusData,
    StatusKind,
    Vanished,
)
from mailsync.imap.limits import Limits
from mailsync.imap.sets import Malformed, Ranges
from mailsync.imap.tokens import (
    Token,
    Tokenizer,
    is_nil,
    key,
    listed,
    number,
    shown,
    string,
    uid_ranges,
)
from mailsync.model.ids import UID_MAX, ModSeq, SeqNum
from mailsync.model.uidset import UIDSet

KINDS: dict[bytes, StatusKind] = {
    b"OK": "OK",
    b"NO": "NO",
    b"BAD": "BAD",
    b"BYE": "BYE",
    b"PREAUTH": "PREAUTH",
}
_STATUS = re.compile(rb"([^ ]+) +(OK|NO|BAD|BYE|PREAUTH)(?: +(.*))?\Z", re.I | re.S)
_OBJECT_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_BARE_CODE = re.compile(rb"(?:\* +)?(\[(?:COPYUID|APPENDUID) .*)\Z", re.I | re.S)
_UNQUOTED_LIST = re.compile(
    rb"\* +(LIST|LSUB|XLIST) +\(([^()]*)\) +(NIL|\"(?:\\?[^\"])?\") +([^ \"{].*?)"
    rb"( \(\"?[A-Z]+\"? *\(.*)?\Z",
    re.I | re.S,
)
_SPECIAL = re.compile(rb"[ ()\"]")
IGNORED_SHOWN = 200  # characters


def ignored(line: bytes) -> Ignored:
    return Ignored(shown(line[:IGNORED_SHOWN]))


def status(line: bytes, limits: Limits) -> Status | None:
    """A status response, tagged or not; also Exchange's code without one (protocol.md §1.1)."""
    found = _STATUS.match(line)
    if found is None:
        bare = _BARE_CODE.match(line)
        if bare is None:
            return None
        return Status("OK", *_code_and_text(bare[1], limits))
    kind = KINDS[found[2].upper()]
    tag = None if found[1] == b"*" else shown(found[1])
    if tag is not None and kind in ("BYE", "PREAUTH"):
        return None
    return Status(kind, *_code_and_text(found[3] or b"", limits), tag)


def _code_and_text(rest: bytes, limits: Limits) -> tuple[Code | None, str]:
    code, text = split_code(rest, limits) if rest.startswith(b"[") else (None, rest)
    return code, shown(text)


def unquoted_list(line: bytes) -> List | None:
    """A LIST line whose name should have been quoted: all that follows the delimiter is the name,
    spaces and parentheses too (MailKit#945).  None: the tokenizer will do."""
    found = _UNQUOTED_LIST.match(line)
    if found is None or line.endswith(b"}") or not _SPECIAL.search(found[4].rstrip(b" ")):
        return None
    delimiter = None if found[3].upper() == b"NIL" else shown(found[3][1:-1])[-1:] or None
    attributes = frozenset(shown(word).lower() for word in found[2].split())
    return List(attributes, delimiter, found[4].rstrip(b" "), lsub=found[1].upper() == b"LSUB")


def name_of(line: bytes) -> str:
    """The name of an untagged response: the word after `*` and, if there is one, a number."""
    words = line.split(None, 3)
    at = 2 if len(words) > 2 and words[1].isdigit() else 1
    return shown(words[at]).upper() if len(words) > at else ""


def untagged(name: str, tokens: list[Token], limits: Limits) -> Event:
    """`tokens` begin with `*`; `name` is one of `KNOWN`."""
    try:
        if name in _NUMBERED:
            return _NUMBERED[name](number(tokens[1]), tokens[3:])
        return _NAMED[name](tokens[2:], limits)
    except (ValueError, LookupError) as error:
        raise Malformed(f"{name} cannot be understood") from error


# -- with a number in front ------------------------------------------------------------------------


def _seq(value: int) -> SeqNum:
    if not 1 <= value <= UID_MAX:
        raise Malformed("not a sequence number")
    return SeqNum(value)


def _fetch(value: int, rest: list[Token]) -> Event:
    return fetch.generic(_seq(value) if value else None, None, listed(rest[0]))


def _uid_fetch(value: int, rest: list[Token]) -> Event:
    return fetch.generic(None, fetch.uid_of(b"%d" % value), listed(rest[0]))


_NUMBERED: dict[str, Callable[[int, list[Token]], Event]] = {
    "EXISTS": lambda value, rest: Exists(_seq(value) if value else 0),
    "EXPUNGE": lambda value, rest: Expunged(_seq(value)),
    "FETCH": _fetch,
    "UIDFETCH": _uid_fetch,
}


# -- with a name in front --------------------------------------------------------------------------


def _atoms(rest: list[Token]) -> frozenset[str]:
    return frozenset(key(token) for token in rest if isinstance(token, bytes))


def _capability(rest: list[Token], limits: Limits) -> Event:
    return Capability(_atoms(rest))


def _enabled(rest: list[Token], limits: Limits) -> Event:
    return Enabled(_atoms(rest))


def _flags(rest: list[Token], limits: Limits) -> Event:
    return MailboxFlags(frozenset(shown(string(flag)) for flag in listed(rest[0])))


def _list(rest: list[Token], limits: Limits) -> Event:
    attributes, delimiter, name, *extended = rest
    old_name = None
    if extended and isinstance(extended[0], list):
        pairs = _pairs(extended[0])
        if "OLDNAME" in pairs:
            old_name = string(listed(pairs["OLDNAME"])[0])
    return List(
        frozenset(shown(string(word)).lower() for word in listed(attributes)),
        _delimiter(delimiter),
        bytes(string(name)),
        None if old_name is None else bytes(old_name),
    )


def _lsub(rest: list[Token], limits: Limits) -> Event:
    attributes, delimiter, name = rest
    words = frozenset(shown(string(word)).lower() for word in listed(attributes))
    return List(words, _delimiter(delimiter), bytes(string(name)), lsub=True)


def _delimiter(token: Token) -> str | None:
    return None if is_nil(token) else shown(string(token)) or None


def _pairs(tokens: list[Token]) -> dict[str, Token]:
    """Name and value in turn; a last name without a value is dropped."""
    return {key(name): value for name, value in zip(tokens[::2], tokens[1::2], strict=False)}


def _status(rest: list[Token], limits: Limits) -> Event:
    if len(rest) > 2 or isinstance(rest[0], list):
        # An unquoted name with spaces or parentheses (imap4d): whose it is can only be guessed.
        return Ignored("STATUS")
    values: dict[str, int | str] = {}
    for name, value in _pairs(listed(rest[1]) if len(rest) > 1 else []).items():
        if name == "MAILBOXID":
            values |= _object_id(name, value)
        elif not is_nil(value) and not isinstance(value, list):
            least = 1 if name in ("UIDNEXT", "UIDVALIDITY", "HIGHESTMODSEQ") else 0
            if least <= number(value) <= (UID_MAX if name == "UIDNEXT" else fetch.LARGEST):
                values[name] = number(value)
    return StatusData(bytes(string(rest[0])), values)


def _object_id(name: str, value: Token) -> dict[str, str]:
    """RFC 8474 §4: one word of few characters.  Cyrus 3.6 shows what is in freed memory."""
    words = listed(value)
    word = shown(string(words[0])) if len(words) == 1 and not isinstance(words[0], list) else ""
    return {name: word} if _OBJECT_ID.fullmatch(word) else {}


def _modseq(value: Token) -> ModSeq | None:
    said = number(value)
    return ModSeq(said) if 1 <= said <= fetch.LARGEST else None


def _search(rest: list[Token], limits: Limits) -> Event:
    modseq = None
    if rest and isinstance(rest[-1], list):
        modseq = _modseq(_pairs(rest[-1]).get("MODSEQ", b"0"))
        rest = rest[:-1]
    if len(rest) == 1 and isinstance(rest[0], Ranges):
        return Search(rest[0].uid_set(), modseq)
    numbers = Ranges(limits.ranges)
    numbers.add(string(token) for token in rest)
    return Search(numbers.uid_set(), modseq)


def _esearch(rest: list[Token], limits: Limits) -> Event:
    tag = None
    if rest and isinstance(rest[0], list):
        tag = shown(string(_pairs(rest[0])["TAG"]))
        rest = rest[1:]
    uid = bool(rest) and not isinstance(rest[0], Ranges | list) and key(rest[0]) == "UID"
    pairs = _pairs(rest[1:] if uid else rest)
    numbers = {name: number(pairs[name]) for name in ("COUNT", "MIN", "MAX") if name in pairs}
    return ESearch(
        tag,
        uid,
        uid_ranges(pairs["ALL"], limits.ranges).uid_set() if "ALL" in pairs else None,
        numbers.get("COUNT"),
        numbers.get("MIN"),
        numbers.get("MAX"),
        _modseq(pairs["MODSEQ"]) if "MODSEQ" in pairs else None,
    )


def _vanished(rest: list[Token], limits: Limits) -> Event:
    earlier = bool(rest) and isinstance(rest[0], list)
    if earlier:
        rest = rest[1:]
    if len(rest) > 1:
        raise Malformed("more than one set")
    uids = uid_ranges(rest[0], limits.ranges).uid_set() if rest else UIDSet()
    return Vanished(uids, earlier)


def _namespace(rest: list[Token], limits: Limits) -> Event:
    personal, other, shared = (_namespaces(token) for token in rest)
    return Namespace(personal, other, shared)


def _namespaces(token: Token) -> NamespaceEntries:
    if is_nil(token):
        return ()
    entries = [listed(entry) for entry in listed(token)]
    return tuple((bytes(string(entry[0])), _delimiter(entry[1])) for entry in entries)


def _id(rest: list[Token], limits: Limits) -> Event:
    if not rest or is_nil(rest[0]):
        return Id({})
    pairs = _pairs(listed(rest[0]))
    said = {name.lower(): value for name, value in pairs.items() if not is_nil(value)}
    return Id({name: shown(string(value)) for name, value in said.items()})


_NAMED: dict[str, Callable[[list[Token], Limits], Event]] = {
    "CAPABILITY": _capability,
    "ENABLED": _enabled,
    "FLAGS": _flags,
    "LIST": _list,
    "XLIST": _list,
    "LSUB": _lsub,
    "STATUS": _status,
    "SEARCH": _search,
    "ESEARCH": _esearch,
    "VANISHED": _vanished,
    "NAMESPACE": _namespace,
    "ID": _id,
}
KNOWN = frozenset(_NAMED) | frozenset(_NUMBERED)


def long_line(words: list[Word], limits: Limits) -> Event:
    """What `LongLine.finish` gave; the same as the line parsed whole."""
    for at, word in enumerate(words[:3]):
        if isinstance(word, bytes) and word.startswith(b"["):
            return _long_status(
                b" ".join(map(_text, words[:at])), word[1:], words[at + 1 :], limits
            )
    tokenizer = Tokenizer(limits.nesting)
    for word in words:
        if isinstance(word, Ranges):
            tokenizer.value(word)
        else:
            tokenizer.text(word)
    return untagged(name_of(_text(words[0]) + b" " + _text(words[1])), tokenizer.done(), limits)


def _text(word: Word) -> bytes:
    return word if isinstance(word, bytes) else b""


def _long_status(head: bytes, name: bytes, rest: list[Word], limits: Limits) -> Event:
    args: list[Word] = []
    text: list[bytes] = []
    closed = False
    for word in rest:
        if closed:
            text.append(_text(word))
        elif isinstance(word, Ranges) or b"]" not in word:
            args.append(word)
        else:
            closed = True
            last, _, after = word.partition(b"]")
            args += [last] if last else []
            text += [after] if after else []
    code = set_code(shown(name).upper(), args, limits)
    said = Status("OK") if head in (b"", b"*") else status(head, limits)
    if said is None:
        return ignored(head)
    return replace(said, code=code, text=shown(b" ".join(text)))
