"""Mailbox names between the wire and the model: delimiter, namespace and modified UTF-7."""

from __future__ import annotations

from mailsync.model import utf7
from mailsync.model.mailboxname import INBOX, MailboxName, join, split


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
    name = join([utf7.from_wire(part) for part in parts], fold=fold)
    if name == INBOX:
        raise ValueError(f"cannot be told from INBOX: {wire!r}")
    return name


def to_wire(name: MailboxName, delimiter: str | None, prefix: bytes = b"") -> bytes:
    """The inverse of `from_wire`; raises ValueError for a name the server could not keep."""
    if name == INBOX:
        return b"INBOX"
    parts = [utf7.to_wire(part) for part in split(name)]
    separator = delimiter.encode() if delimiter else b""
    if (not separator and len(parts) > 1) or any(separator and separator in p for p in parts):
        raise ValueError(f"the server's delimiter is {delimiter!r}: {name}")
    rest = separator.join(parts)
    wire = prefix + rest
    if b"INBOX" in (wire.upper(), rest.upper()) or b"\0" in wire:
        raise ValueError(f"not a mailbox name on a server: {name}")
    return wire
