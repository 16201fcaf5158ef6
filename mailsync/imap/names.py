"""Mailbox names between the wire and the model (RFC 3501 §5.1.3, semantics.md)."""

from __future__ import annotations

from mailsync.model.mailboxname import MailboxName


def from_wire(
    wire: bytes, delimiter: str | None, prefix: bytes = b"", *, fold: bool = False
) -> MailboxName:
    """The name of a mailbox as LIST gave it.

    `prefix` is the personal namespace's, with its delimiter (`INBOX.`).  Raises ValueError for a
    name that has no counterpart: outside `prefix`, an empty or too long component, one that could
    not be told from INBOX.
    """
    raise NotImplementedError


def to_wire(name: MailboxName, delimiter: str | None, prefix: bytes = b"") -> bytes:
    """The inverse of `from_wire`; raises ValueError for a name the server could not keep."""
    raise NotImplementedError
