"""Bytes from a server → events, whatever the chunks.

A response is text, and literals with text between them.  The buffer holds what is not yet
understood; `_state` is the method that knows what must come next: a line, a literal, a literal
that is streamed, or a line that is too long to be kept.  Each byte is looked at a bounded number
of times: a search for a line end goes on where the last one ended, a literal is not looked into.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mailsync.imap import fetch, longline, responses
from mailsync.imap.codes import AppendUID, Code, CopyUID
from mailsync.imap.events import (
    STREAMED,
    BodyBegin,
    BodyData,
    BodyEnd,
    Continuation,
    Event,
    Status,
    Streamed,
)
from mailsync.imap.limits import KIB, Limits, LiteralError, ProtocolError
from mailsync.imap.longline import LongLine
from mailsync.imap.sets import Malformed
from mailsync.imap.tokens import Skipper, Text, Tokenizer, key, number
from mailsync.model.ids import UID, SeqNum

DEFAULT = Limits()

_PADDING = re.compile(rb"\0+")
_LITERAL = re.compile(rb"(?:^|[ (\]])(~?\{(-?\d+)\+?\})\Z")


class Receiver:
    """Feed it what the connection reads; it holds at most one unfinished response.

    A literal of a BODY[…] bigger than `body_threshold` is streamed (BodyBegin, BodyData…,
    BodyEnd); smaller ones come inside the Fetch.  After an error nothing more is accepted.
    """

    def __init__(self, limits: Limits = DEFAULT, body_threshold: int = 256 * KIB) -> None:
        self.limits = limits
        self.body_threshold = body_threshold
        self._buffer = bytearray()
        self._at = 0  # all before it is understood
        self._searched = 0  # no line end between _at and here
        self._events: list[Event] = []
        self._untagged = 0  # responses since the last tagged one
        self._named = 0  # UIDs in COPYUID and APPENDUID since then
        self._state: Callable[[], bool] = self._line
        self._long = LongLine(limits)
        self._broken = False
        self._reset()

    def _reset(self) -> None:
        """No response has begun."""
        self._tokens: Tokenizer | None = None
        self._name = ""
        self._shown = b""
        self._text = 0  # bytes of this response that are not literals
        self._held = 0  # bytes of its literals that are no bodies
        self._inline = 0  # bytes of its bodies that are not streamed
        self._looked = 0  # items of this FETCH
        self._uid: UID | None = None
        self._left = 0  # bytes of the current literal still to come

    def receive(self, data: bytes) -> list[Event]:
        """The events that `data` completes.  Raises ProtocolError; its `events` are those that
        were complete before."""
        if self._broken:
            raise ProtocolError("the server had broken the protocol before")
        self._buffer += data
        events = self._events = []
        try:
            while self._state():
                pass
        except (ProtocolError, Malformed) as error:
            self._broken = True
            if isinstance(error, ProtocolError):
                error.events = tuple(events)
                raise
            raise ProtocolError(f"the server's answer: {error}", events=tuple(events)) from error
        del self._buffer[: self._at]
        self._searched -= self._at
        self._at = 0
        return events

    def pending(self) -> int:
        """Bytes received that are no event yet; must be 0 before TLS starts (RFC 9051 §6.2.1)."""
        return len(self._buffer) + self._text

    # -- states: each says whether it got on ---------------------------------------------------

    def _line(self) -> bool:
        buffer = self._buffer
        if self._tokens is None and buffer.startswith(b"\0", self._at):
            self._pad()
        end = buffer.find(b"\n", max(self._searched, self._at))
        if end < 0:
            self._searched = len(buffer)
            return len(buffer) - self._at + self._text > self.limits.line and self._lengthy()
        if self._tokens is None and not self._text and self._listing():
            return True
        if end - self._at + self._text > self.limits.line:
            return self._lengthy()
        line = bytes(memoryview(buffer)[self._at : end]).removesuffix(b"\r")
        self._text += end - self._at
        self._at = self._searched = end + 1
        if self._tokens is None:
            self._begin(line)
        elif line[:1] in (b"", b" ", b")"):
            self._go_on(self._tokens, line)
        else:
            raise ProtocolError("the server sent a literal of the wrong size")
        return True

    def _pad(self) -> None:
        """NULs before a response (protocol.md §1.1) count as a part of its line."""
        found = _PADDING.match(self._buffer, self._at)
        assert found is not None, "it begins with one"
        self._text += found.end() - self._at
        self._at = found.end()
        if self._text > self.limits.line:
            raise ProtocolError(longline.TOO_LONG)

    def _listing(self) -> bool:
        """FETCH responses of the usual kind, as many as there are."""
        at, events = self._at, self._events
        before = len(events)
        while (found := fetch.fast(self._buffer, at, self.limits, self.body_threshold)) is not None:
            event, at = found
            events.append(event)
        self._at = self._searched = at
        self._count(len(events) - before)
        return len(events) > before

    def _lengthy(self) -> bool:
        found = None
        if self._tokens is None:
            start = bytes(self._buffer[self._at : self._at + min(KIB, self.limits.line)])
            found = longline.of(start, self.limits)
        if found is None:
            raise ProtocolError(longline.TOO_LONG)
        self._long, skip = found
        self._at += skip
        self._text = skip
        self._state = self._long_line
        return True

    def _long_line(self) -> bool:
        end = self._buffer.find(b"\n", self._at)
        upto = len(self._buffer) if end < 0 else end
        self._long.feed(bytes(memoryview(self._buffer)[self._at : upto]))
        self._text += upto - self._at
        self._at = upto
        if end < 0:
            return False
        self._at += 1
        self._state = self._line
        self._finish(responses.long_line(self._long.finish(), self.limits))
        return True

    def _literal(self) -> bool:
        end = self._at + self._left
        if len(self._buffer) < end:
            return False
        self._close_literal(Text(memoryview(self._buffer)[self._at : end]))
        self._at = end
        return True

    def _stream(self) -> bool:
        end = min(self._at + self._left, len(self._buffer))
        if end == self._at:
            return False
        self._events.append(BodyData(bytes(memoryview(self._buffer)[self._at : end])))
        self._left -= end - self._at
        self._at = end
        if not self._left:
            self._events.append(BodyEnd())
            self._close_literal(STREAMED)
        return True

    # -- responses -----------------------------------------------------------------------------

    def _begin(self, line: bytes) -> None:
        """The first line of a response: all of it, unless a literal follows."""
        if line.startswith(b"+"):
            self._finish(Continuation(line[1:].removeprefix(b" ")))
        elif status := responses.status(line, self.limits):
            self._finish(status)
        elif not line.startswith(b"*"):
            self._finish(responses.ignored(line))
        elif listed := responses.unquoted_list(line):
            self._finish(listed)
        else:
            self._name = responses.name_of(line)
            known = self._name in responses.KNOWN
            self._tokens = (Tokenizer if known else Skipper)(self.limits.nesting)
            self._shown = line[: responses.IGNORED_SHOWN]
            self._go_on(self._tokens, line)

    def _go_on(self, tokens: Tokenizer, line: bytes) -> None:
        """Text of a response, up to its end or to a literal."""
        literal = _LITERAL.search(line) if line.endswith(b"}") else None
        if literal is not None:
            tokens.text(line[: literal.start(1)])
            self._open_literal(tokens, literal[2])
        elif isinstance(tokens, Skipper):
            self._finish(responses.ignored(self._shown))
        else:
            tokens.text(line)
            self._finish(responses.untagged(self._name, tokens.done(), self.limits))

    def _finish(self, event: Event) -> None:
        self._events.append(event)
        self._reset()
        if isinstance(event, Status) and event.code is not None:
            self._charge(event.code)
        if isinstance(event, Status) and event.tag is not None:
            self._untagged = self._named = 0
        else:
            self._count(1)

    def _charge(self, code: Code) -> None:
        """A few bytes name many UIDs, so these are counted, whatever they came in."""
        match code.args:
            case CopyUID(source=uids) | AppendUID(uids=uids):
                self._named += len(uids)
        if self._named > self.limits.uid_list:
            raise ProtocolError("the server does not stop naming UIDs")

    def _count(self, responses: int) -> None:
        self._untagged += responses
        if self._untagged > self.limits.responses:
            raise ProtocolError("the server does not stop sending")

    # -- literals ------------------------------------------------------------------------------

    def _open_literal(self, tokens: Tokenizer, digits: bytes) -> None:
        """Nothing is allocated before the size is found to be allowed."""
        size = int(digits) if len(digits) <= 20 else -1
        body = self._is_body(tokens)
        seq, uid = self._whose(tokens) if body else (None, None)
        if size < 0:
            raise LiteralError("a literal of impossible size", seq=seq, uid=uid, size=None)
        if size > (self.limits.body if body else self.limits.literal - self._held):
            raise LiteralError("a literal that is too big", seq=seq, uid=uid, size=size)
        self._left = size
        self._state = self._literal
        if not body:
            self._held += size
        elif size <= self.body_threshold - self._inline:
            self._inline += size
        else:
            self._events.append(BodyBegin(seq, uid, key(tokens.here[-1]), size))
            self._state = self._stream

    def _is_body(self, tokens: Tokenizer) -> bool:
        if self._name not in ("FETCH", "UIDFETCH") or tokens.depth != 1 or not tokens.here:
            return False
        name = tokens.here[-1]
        return isinstance(name, bytes) and fetch.is_section(key(name))

    def _whose(self, tokens: Tokenizer) -> tuple[SeqNum | None, UID | None]:
        """What a FETCH has said of the message so far; looks at each item once."""
        value = number(tokens.root[1])
        if self._name == "UIDFETCH":
            return None, UID(value)
        here = tokens.here
        for at in range(self._looked, len(here) - 1):
            name = here[at]
            if isinstance(name, bytes) and name.upper() == b"UID":
                self._uid = fetch.uid_of(here[at + 1])
        self._looked = len(here) - 1
        return SeqNum(value) or None, self._uid

    def _close_literal(self, value: Text | Streamed) -> None:
        assert self._tokens is not None, "a literal belongs to a response"
        self._tokens.value(value)
        self._state = self._line
