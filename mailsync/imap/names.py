"""Mailbox names between the wire and the model (RFC 3501 §5.1.3).

The wire has modified UTF-7.  A component that is not its canonical form becomes U+DCFF and the
raw bytes, which the model writes as `%FF…`: so each name comes back to the wire byte for byte.
"""

from __future__ import annotations

import base64
import re

from mailsync.model.mailboxname import INBOX, MailboxName, join, split

RAW = "\udcff"

_OTHER = re.compile("&|[^ -~]+")
_SHIFTED = re.compile("&([A-Za-z0-9+,]*)-")


def from_wire(
    wire: bytes, delimiter: str | None, prefix: bytes = b"", *, fold: bool = False
) -> MailboxName:
    """The name of a mailbox as LIST gave it.

    `prefix` is the personal namespace's, with its delimiter (`INBOX.`).  Raises ValueError for a
    name that has no counterpart: outside `prefix`, an empty or too long component, one that could
    not be told from INBOX.
    """
    if wire.upper() == b"INBOX":
        return INBOX
    if b"\0" in wire:  # no command could name it (RFC 9051 §5.1)
        raise ValueError(f"it has a NUL: {wire!r}")
    if not wire.startswith(prefix):
        raise ValueError(f"outside the namespace {prefix!r}: {wire!r}")
    rest = wire[len(prefix) :]
    parts = rest.split(delimiter.encode()) if delimiter else [rest]
    name = join([_component(part) for part in parts], fold=fold)
    if name == INBOX:
        raise ValueError(f"cannot be told from INBOX: {wire!r}")
    return name


def to_wire(name: MailboxName, delimiter: str | None, prefix: bytes = b"") -> bytes:
    """The inverse of `from_wire`; raises ValueError for a name the server could not keep."""
    if name == INBOX:
        return b"INBOX"
    parts = [_wire(part) for part in split(name)]
    separator = delimiter.encode() if delimiter else b""
    if (not separator and len(parts) > 1) or any(separator and separator in p for p in parts):
        raise ValueError(f"the server's delimiter is {delimiter!r}: {name}")
    rest = separator.join(parts)
    wire = prefix + rest
    if b"INBOX" in (wire.upper(), rest.upper()) or b"\0" in wire:
        raise ValueError(f"not a mailbox name on a server: {name}")
    return wire


def encode(text: str) -> bytes:
    """Modified UTF-7, canonical; raises ValueError for lone surrogates."""
    return _OTHER.sub(_shifted, text).encode("ascii")


def decode(wire: bytes) -> str | None:
    """The inverse of `encode`; None for what it never makes."""
    try:
        text = _SHIFTED.sub(_unshifted, wire.decode("ascii"))
        return text if encode(text) == wire else None
    except ValueError:
        return None


def _shifted(found: re.Match[str]) -> str:
    if found[0] == "&":
        return "&-"
    coded = base64.b64encode(found[0].encode("utf-16-be"), b"+,").rstrip(b"=")
    return f"&{coded.decode('ascii')}-"


def _unshifted(found: re.Match[str]) -> str:
    if not found[1]:
        return "&"
    padding = "=" * (-len(found[1]) % 4)
    return base64.b64decode(found[1] + padding, b"+,").decode("utf-16-be")


def _component(wire: bytes) -> str:
    text = decode(wire)
    return RAW + wire.decode("utf-8", "surrogateescape") if text is None else text


def _wire(component: str) -> bytes:
    if not component.startswith(RAW):
        return encode(component)
    wire = component[1:].encode("utf-8", "surrogateescape")
    if decode(wire) is not None:
        raise ValueError("raw bytes that need not be raw")
    return wire
