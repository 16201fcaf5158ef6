"""Mailbox names: one form that is a safe path, injective and reversible.

A `MailboxName` is the path of the mailbox under the Maildir root in layout `nested`: components
joined by `/`, in UTF-8, with every character that cannot stand in a path component written as
`%` and two capital hex digits of its UTF-8 bytes.  So a name from the server can never climb out
of the root (CVE-2021-20247), and is safe to print.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NewType

MailboxName = NewType("MailboxName", str)

INBOX = MailboxName("INBOX")
RESERVED = frozenset({"cur", "new", "tmp"})
LONGEST_COMPONENT = 255  # bytes; NAME_MAX of every file system we know
LONGEST = 3072  # bytes; with the root and a file's name it must stay below PATH_MAX, 4096

_ESCAPE = re.compile("%[0-9A-F]{2}")
_FOLDED_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")  # what reads like one where case is folded
# Controls, the separator, surrogates (bytes that are not UTF-8), invisible and bidi characters.
_UNSAFE = re.compile(
    "[\x00-\x1f/\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff]"
)


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogateescape"))


def escape(component: str, *, fold: bool = False) -> str:
    """One hierarchy component as a path component.

    `fold` also escapes what a case-folding or normalising file system would merge.  A result
    over 255 bytes is refused with ValueError, as is an empty component.
    """
    if not component:
        raise ValueError("a mailbox name has an empty component")
    looks = _FOLDED_ESCAPE if fold else _ESCAPE
    text = looks.sub(lambda m: "%25" + m[0][1:], component)
    text = _UNSAFE.sub(lambda m: _percent(m[0]), text)
    if fold:
        text = "".join(
            c if len(c) > 1 or (_folded(c) == c and not unicodedata.combining(c)) else _percent(c)
            for c in _pieces(text)
        )
    if text[0] in ". ":
        text = _percent(text[0]) + text[1:]
    if text[-1] in ". ":
        text = text[:-1] + _percent(text[-1])
    if text in RESERVED:
        text = _percent(text[0]) + text[1:]
    if len(text.encode()) > LONGEST_COMPONENT:
        raise ValueError(f"a mailbox name has a component of over {LONGEST_COMPONENT} bytes")
    return text


def _folded(char: str) -> str:
    return unicodedata.normalize("NFD", char.casefold())


def _pieces(text: str) -> list[str]:
    """Characters of `text`, but an escape already made counts as one piece that stays."""
    pieces: list[str] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        pieces.extend(text[at : match.start()])
        pieces.append(match[0])
        at = match.end()
    pieces.extend(text[at:])
    return pieces


def unescape(component: str) -> str:
    """The inverse of `escape`; raises ValueError for what `escape` never makes."""
    raw = bytearray()
    at = 0
    for match in _ESCAPE.finditer(component):
        raw += component[at : match.start()].encode("utf-8", "surrogateescape")
        raw.append(int(match[0][1:], 16))
        at = match.end()
    raw += component[at:].encode("utf-8", "surrogateescape")
    text = raw.decode("utf-8", "surrogateescape")
    if not text or not any(_escapes_to(text, component, fold) for fold in (False, True)):
        raise ValueError(f"{component!r} is not the name of a mailbox")
    return text


def _escapes_to(text: str, component: str, fold: bool) -> bool:
    try:
        return escape(text, fold=fold) == component
    except ValueError:  # too long, written that way
        return False


def join(components: list[str], *, fold: bool = False) -> MailboxName:
    """Hierarchy components, top first, as one name; INBOX alone is INBOX in any case.

    Raises ValueError for an empty or too long component, or none (RFC 9051 §5.1), and for a name
    that is too long as a whole.
    """
    if len(components) == 1 and components[0].upper() == "INBOX":
        return INBOX
    if not components:
        raise ValueError("a mailbox name is empty")
    name = "/".join(escape(part, fold=fold) for part in components)
    if len(name.encode()) > LONGEST:
        raise ValueError(f"a mailbox name is over {LONGEST} bytes")
    return MailboxName(name)


def split(name: MailboxName) -> list[str]:
    """The hierarchy components of a name, top first; raises ValueError if it is not canonical."""
    return [unescape(part) for part in name.split("/")]
