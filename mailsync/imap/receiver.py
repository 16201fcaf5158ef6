"""Bytes from a server → events, whatever the chunks."""

from __future__ import annotations

from mailsync.imap.events import Event
from mailsync.imap.limits import KIB, Limits

DEFAULT = Limits()


class Receiver:
    """Feed it what the connection reads; it holds at most one unfinished response.

    A literal of a BODY[…] bigger than `body_threshold` is streamed (BodyBegin, BodyData…,
    BodyEnd); smaller ones come inside the Fetch.  After an error nothing more is accepted.
    """

    def __init__(self, limits: Limits = DEFAULT, body_threshold: int = 256 * KIB) -> None:
        self.limits = limits
        self.body_threshold = body_threshold

    def receive(self, data: bytes) -> list[Event]:
        """The events that `data` completes.  Raises ProtocolError, with what was understood
        before it in its attribute `events`."""
        raise NotImplementedError

    def pending(self) -> int:
        """Bytes received that are no event yet; must be 0 before TLS starts (RFC 9051 §6.2.1)."""
        raise NotImplementedError
