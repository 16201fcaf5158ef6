"""What makes two messages the same: canonical form, hashes, Message-ID.

Canonical form: every CRLF as LF, nothing else touched (architecture.md, decision 5), so a file
stored either way has the same hash.  Hashes leave out fields that programs add when they copy a
message.  Everything here works on a stream in constant memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

HASH_SIZE = 16
# mbsync writes this field into every message that it copies, in either direction; a Maildir or a
# mailbox that it filled must pair with what it was filled from.
_COPIED = re.compile(rb"^x-tuid:[^\n]*\n", re.I | re.M)
COPIED_SIZE = len("X-TUID: 123456789012\r\n")
# mutt and NeoMutt count the body anew in every message that they save to another mailbox: it is a
# move or a copy all the same.
_COUNTED = re.compile(rb"^(?:content-length|lines):[^\n]*\n", re.I | re.M)
ADDED_SIZE = COPIED_SIZE + len("Content-Length: 1234567890\r\nLines: 1234567890\r\n")
HEADER_LIMIT = 1 << 20  # bytes of header that are looked at; a longer header counts as cut here
_NUL_SHOWN = bytes.maketrans(b"\0", b"\x80")
_MESSAGE_ID = re.compile(rb"^message-id[ \t]*:((?:[^\n]|\n[ \t])*)", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Digest:
    """`body` and `header` are 16-byte BLAKE2b hashes of the canonical form; sizes in bytes.

    `size` is as stored, `wire_size` with every bare LF as CRLF: what RFC822.SIZE should say.
    `message_id` is the field's text without white space, at most 998 bytes, "" when absent.
    """

    size: int
    wire_size: int
    body: bytes
    header: bytes
    message_id: str
    has_nul: bool
    ends_line: bool = True  # the last byte is a LF
    text: bytes = b""  # if `shown`: what is below the header, without the line end at its end


class Digester:
    """Feed it the bytes of one message, in any pieces.  `shown`: as some servers show them
    (`as_shown`), and with a hash of the text alone."""

    def __init__(self, shown: bool = False) -> None:
        self._text = blake2b(digest_size=HASH_SIZE) if shown else None
        self._line_end = b""  # is held back from `_text`: it may be the last
        self._body = blake2b(digest_size=HASH_SIZE)
        self._head = bytearray()
        self._head_done = False
        self._cr = False  # a CR is held back: it may be half of a CRLF
        self._size = self._bare = 0
        self._nul = False
        self._last = b""

    def feed(self, data: bytes) -> None:
        if self._text is not None:
            data = as_shown(data)
        if not data:
            return
        self._size += len(data)
        self._last = data[-1:]
        self._nul = self._nul or b"\0" in data
        if self._cr:
            data = b"\r" + data
        self._cr = data.endswith(b"\r")
        if self._cr:
            data = data[:-1]
        crlf = data.count(b"\r\n")
        self._bare += data.count(b"\n") - crlf
        self._take(data.replace(b"\r\n", b"\n") if crlf else data)

    def _take(self, canonical: bytes) -> None:
        if self._head_done:
            self._take_text(canonical)
            return
        seen = len(self._head)
        self._head += canonical
        if self._head.startswith(b"\n"):
            end = 1
        else:
            found = self._head.find(b"\n\n", max(0, seen - 1))
            end = found + 2 if found >= 0 else 0
        if end or len(self._head) > HEADER_LIMIT:
            self._end_head(min(end or HEADER_LIMIT, HEADER_LIMIT))

    def _end_head(self, end: int) -> None:
        rest = bytes(self._head[end:])
        del self._head[end:]
        self._head_done = True
        self._body.update(_without_copied(bytes(self._head)))
        self._take_text(rest)

    def _take_text(self, canonical: bytes) -> None:
        self._body.update(canonical)
        if self._text is not None and canonical:
            text = self._line_end + canonical
            self._line_end = b"\n" if text.endswith(b"\n") else b""
            self._text.update(text.removesuffix(b"\n"))

    def finish(self) -> Digest:
        if self._cr:
            self._cr = False
            self._take(b"\r")
        if not self._head_done:
            self._end_head(len(self._head))
        head = bytes(self._head)
        return Digest(
            size=self._size,
            wire_size=self._size + self._bare,
            body=self._body.digest(),
            header=_hash(_without_end(head)),
            message_id=_message_id(head),
            has_nul=self._nul,
            ends_line=self._last == b"\n",
            text=b"" if self._text is None else self._text.digest(),
        )


def digest(data: bytes) -> Digest:
    """The digest of a whole message in memory."""
    digester = Digester()
    digester.feed(data)
    return digester.finish()


def canonical_header(data: bytes) -> bytes:
    """Header bytes as a server gives them, made comparable with those of a file."""
    return _without_end(data.replace(b"\r\n", b"\n"))


def _without_end(canonical: bytes) -> bytes:
    """Without its closing blank line, because servers differ on whether BODY[HEADER] of a message
    without a body has one (RFC 9051 §6.4.5 says it always ends with one); without any CR and with
    NUL as 0x80, as Dovecot shows it."""
    head = _without_copied(canonical[:HEADER_LIMIT]).translate(_NUL_SHOWN, b"\r")
    return b"" if head.startswith(b"\n") else head.partition(b"\n\n")[0].rstrip(b"\n")


def _without_copied(head: bytes) -> bytes:
    return _COUNTED.sub(b"", _COPIED.sub(b"", head, count=1))


def header_hash(data: bytes) -> bytes:
    """The hash by which headers from BODY.PEEK[HEADER] and from files are compared."""
    return _hash(canonical_header(data))


def _hash(data: bytes) -> bytes:
    return blake2b(data, digest_size=HASH_SIZE).digest()


def as_shown(data: bytes) -> bytes:
    """Any piece of a message as it is told from others where a server shows NUL as 0x80 and drops
    CRs, as Dovecot does."""
    return data.translate(_NUL_SHOWN, b"\r")


NO_HEADER = header_hash(b"")


@dataclass(frozen=True, slots=True)
class Head:
    """What is kept of a header: hash and Message-ID, so that many large ones cost nothing."""

    hash: bytes
    message_id: str

    @classmethod
    def of(cls, data: bytes) -> Head:
        return cls(header_hash(data), message_id(data))


def message_id(head: bytes) -> str:
    """The Message-ID of a header with LF or CRLF line ends; "" when there is none."""
    return _message_id(head.replace(b"\r\n", b"\n"))


def _message_id(canonical: bytes) -> str:
    found = _MESSAGE_ID.search(canonical)
    if not found:
        return ""
    text = b"".join(found[1].split()).translate(_NUL_SHOWN)
    return text.decode("ascii", "replace")[:998]
