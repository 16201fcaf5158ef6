"""Line ends (architecture.md, decision 5).

Received form: as the server sent it.  LF form: every CRLF as LF; taken only where that can be
undone: every LF follows a CR and there is no other CR.  Wire form: every bare LF as CRLF.
"""

from __future__ import annotations


def stored_form(received: bytes) -> bytes:
    """A whole message as it is stored: in LF form if that can be undone, else as received."""
    pairs = received.count(b"\r\n")
    if not pairs or received.count(b"\n") != pairs or received.count(b"\r") != pairs:
        return received
    return received.replace(b"\r\n", b"\n")


class ToStored:
    """`stored_form` for a message in pieces.

    It hopes for the LF form.  At the first byte that cannot be undone `turned` becomes True:
    what was given out before `feed` or `finish` said so has to be rewritten by `as_received`
    (every LF in it was a CRLF), what they return from then on is the received form.
    """

    def __init__(self) -> None:
        self.turned = False
        self._cr = False  # a CR is held back: it may be half of a CRLF

    def feed(self, data: bytes) -> bytes:
        if self.turned or not data:
            return data
        if self._cr:
            data = b"\r" + data
        body = data[:-1] if data.endswith(b"\r") else data
        pairs = body.count(b"\r\n")
        if body.count(b"\n") != pairs or body.count(b"\r") != pairs:
            self.turned = True
            return data
        self._cr = len(body) < len(data)
        return body.replace(b"\r\n", b"\n") if pairs else body

    def finish(self) -> bytes:
        if self.turned or not self._cr:
            return b""
        self.turned = True
        return b"\r"


def as_received(lf_form: bytes) -> bytes:
    return lf_form.replace(b"\n", b"\r\n")


class ToWire:
    """Stored form to wire form, in pieces: CRLF stays, a bare LF becomes CRLF."""

    def __init__(self) -> None:
        self._cr = False  # the last byte given out was a CR

    def feed(self, data: bytes) -> bytes:
        if not data:
            return data
        follows = self._cr and data.startswith(b"\n")
        self._cr = data.endswith(b"\r")
        body = data[1:] if follows else data
        if b"\n" in body:
            if b"\r\n" in body:
                body = body.replace(b"\r\n", b"\n")
            body = body.replace(b"\n", b"\r\n")
        return b"\n" + body if follows else body
