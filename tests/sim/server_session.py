"""One session: bytes in, bytes out.  Pure: no clock, no network; `Connection` drives it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from .server_faults import Executed, Fault, Stop
from .server_framing import Framer, Wanted
from .server_grammar import Bad, LiteralData, No, Scan
from .server_view import View

if TYPE_CHECKING:
    from .server import SimServer

Handler = Callable[["Session", Scan], str | None]
"""Runs one command.  Returns the text of the tagged OK, None when that comes later.
Raises Bad or No."""

QUIET = {"FETCH", "STORE", "SEARCH"}  # no EXPUNGE while these run (RFC 3501 §7.4.1)
LATE = {"NOOP", "CHECK", "IDLE", "EXPUNGE", "UID EXPUNGE"}
CHANGE_BY_SEQ = {"STORE", "COPY", "MOVE"}
KEEPS_NONE = b"[PERMANENTFLAGS ()]"
NAMING = {"APPEND", "SELECT", "EXAMINE", "STATUS", "CREATE", "DELETE", "RENAME"}


def _named(name: str, scan: Scan) -> bytes | None:
    """The mailbox that the command names first, if it does."""
    if name not in NAMING:
        return None
    ahead = Scan(scan.text, scan.literals)
    ahead.at = scan.at
    try:
        ahead.space()
        return ahead.mailbox()
    except Bad:
        return None


class NotSelected(Bad):
    """Pipelined behind a SELECT that was refused: no fault of the client."""


class Session:
    def __init__(self, server: SimServer, number: int) -> None:
        self.server = server
        self.profile = server.profile
        self.number = number
        self.framer = Framer(server.profile.max_line)
        self.user: str | None = None
        self.view: View | None = None
        self.tls = False
        self.condstore = self.qresync = False
        self.idling = False
        self.closed = False  # the server hangs up
        self.stalled = False  # the server says nothing more, and reads nothing
        self.hold = 0.0  # seconds that the answer is kept back
        self.record = Executed(number, "", None, b"", server.time.now)
        self.line_handler: Callable[[bytes], None] | None = None
        self.tag = "*"
        self._plain = bytearray()
        self._wire = bytearray()
        self._sent = 0
        self._plus_at: int | None = None
        self._deflate: zlib._Compress | None = None
        self._inflate: zlib._Decompress | None = None
        self.compress_next = False
        self._select_refused = False  # what was pipelined behind it is answered BAD

    # -- bytes ---------------------------------------------------------------------------------

    def feed(self, data: bytes, seen: int | None = None) -> None:
        """Bytes arrive.  `seen`: how many of ours the client had read when it wrote them."""
        if self._plus_at is not None:
            if seen is not None and seen < self._plus_at:
                self.violation("bytes of a synchronising literal before the continuation")
            self._plus_at = None
        if self._inflate is not None:
            data = self._inflate.decompress(data)
        self.framer.buffer += data

    def send(self, line: str | bytes) -> None:
        self._plain += line.encode("ascii") if isinstance(line, str) else line
        self._plain += b"\r\n"

    def untagged(self, line: str | bytes) -> None:
        self.send(b"* " + (line.encode("ascii") if isinstance(line, str) else line))

    def drain(self) -> bytes:
        """What the server has written since the last call, as it goes over the wire."""
        self._seal()
        out = bytes(self._wire)
        self._wire.clear()
        return out

    def _seal(self) -> None:
        plain = bytes(self._plain)
        self._plain.clear()
        if self._deflate is not None and plain:
            plain = self._deflate.compress(plain) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._wire += plain
        self._sent += len(plain)

    def violation(self, text: str) -> None:
        self.server.violations.append(f"connection {self.number}: {text}")

    # -- commands ------------------------------------------------------------------------------

    def greet(self) -> None:
        caps = " ".join(self.profile.capabilities(authenticated=False, tls=self.tls))
        code = f"[CAPABILITY {caps}] " if self.profile.greeting_capabilities else ""
        self.untagged(f"OK {code}{self.server.greeting}")

    def run_one(self) -> bool:
        """Execute the next complete command; False when there is none."""
        if self.closed or self.stalled:
            return False
        try:
            if self.line_handler is not None:
                if (line := self.framer.line()) is None:
                    return False
                handler, self.line_handler = self.line_handler, None
                handler(line)
                return True
            framed = self.framer.next(self._gate)
        except Bad as error:
            self.violation(str(error))
            self.send(f"* BAD {error}")
            return True
        if framed is None:
            return False
        self._run(framed.text, framed.literals)
        return True

    def _gate(self, wanted: Wanted) -> bool:
        tag, _, rest = wanted.text.partition(b" ")
        try:
            self._check_literal(wanted)
            scan = Scan(rest, wanted.literals)
            if scan.skip(b"APPEND ") and self.user is not None:
                self.server.check_append(self, scan, wanted)
        except Bad as error:
            self.violation(f"{error} in {wanted.text[:80]!r}")
            self.send(tag + f" {'NO' if self.profile.bad_is_no else 'BAD'} {error}".encode())
            return False
        except No as error:
            if wanted.sync:
                self.send(tag + f" NO {self._terse(str(error))}".encode())
                return False
        if wanted.sync:
            if self.framer.buffer:
                self.violation("bytes of a synchronising literal before the continuation")
            self.send("+ go on")
            self._seal()
            self._plus_at = self._sent
        return True

    def _check_literal(self, wanted: Wanted) -> None:
        mode = self.profile.literal
        if not wanted.sync and (mode == "none" or (mode == "minus" and wanted.size > 4096)):
            raise Bad("a non-synchronising literal that was not offered")
        if wanted.binary and not self.profile.binary:
            raise Bad("a literal8 without BINARY")

    def _run(self, text: bytes, literals: list[LiteralData]) -> None:
        scan = Scan(text, literals)
        self.tag, name = "*", "?"
        try:
            tag = scan.atom()
            if "+" in tag:
                raise Bad("a tag with a plus")
            self.tag = tag
            scan.space()
            name = scan.word()
            if name == "UID":
                scan.space()
                name = f"UID {scan.word()}"
        except Bad as error:
            self.violation(f"{error} in {text[:80]!r}")
            self.send(f"{self.tag} BAD {error}")
            return
        selected = self.view.box.name if self.view else None
        named = _named(name, scan) or selected
        self.record = Executed(self.number, name, named, text, self.server.time.now)
        self.server.executed.append(self.record)
        fault = self.server.next_fault(name, self.record)
        before = len(self._plain)
        if fault is None or not self._instead(fault):
            self.server.witness.asked(self, name)
            self.server.acting = self
            self._answer(name, scan)
            self.server.acting = None
            if fault is not None:
                self._afterwards(fault, before)
            elif self.server.lie is not None:
                told = self.server.lie(self, name, bytes(self._plain[before:]))
                self._tell_instead(before, told)
        if self.view is not None and self.condstore:
            self.view.box.modseq_asked = True
        if self.compress_next:
            self._seal()
            self.compress_next = False
            self._deflate = zlib.compressobj(wbits=-15)
            self._inflate = zlib.decompressobj(wbits=-15)
            if self.framer.buffer:
                self.violation("bytes behind COMPRESS, before its OK")

    def _answer(self, name: str, scan: Scan) -> None:
        text = scan.text
        try:
            handler = self._handler(name)
            if self.profile.chatty and name.startswith("UID "):
                self.tell_news(name)
            done = handler(self, scan)
            if done is None:
                return
            self.record.done = True
            self._select_refused &= self.view is None
            self.tell_news(name)
            self.answer(f"OK {done}")
        except Bad as error:
            if not isinstance(error, NotSelected):
                self.violation(f"{error} in {text[:80]!r}")
            self.answer(f"{'NO' if self.profile.bad_is_no else 'BAD'} {error}")
        except No as error:
            self._select_refused |= name in {"SELECT", "EXAMINE"}
            self.tell_news(name)
            self.answer(f"NO {self._terse(str(error))}")

    def _terse(self, text: str) -> str:
        if self.profile.terse and not text.startswith(("[TRYCREATE]", "[HASCHILDREN]")):
            return text.partition("] ")[2] if text.startswith("[") else text
        return text

    def answer(self, text: str) -> None:
        """The tagged answer of the command that runs."""
        self.record.answer = text
        self.send(f"{self.tag} {text}")

    def _handler(self, name: str) -> Handler:
        found = self.server.commands.get(name)
        if found is None:
            raise Bad(f"unknown command {name}")
        state, switch, handler = found
        if switch and not getattr(self.profile, switch):
            raise Bad(f"{name} was not offered")
        if state == "fresh" and self.user is not None:
            raise Bad(f"{name} after login")
        if state in {"auth", "selected"} and self.user is None:
            raise Bad(f"{name} before login")
        if state == "selected" and self.view is None:
            kind = NotSelected if self._select_refused else Bad
            raise kind(f"{name} without a selected mailbox")
        if name in CHANGE_BY_SEQ and self.server.strict:
            raise Bad(f"{name} by sequence numbers")
        if self.view is not None and self.view.stale() and state != "any":
            self.untagged("BYE The selected mailbox is no longer what it was")
            self.closed = True
            raise No("[CLOSED] gone")
        return handler

    def tell_news(self, name: str = "NOOP") -> None:
        if self.view is None or self.view.stale():
            return
        if self.profile.late_news and name not in LATE:
            return
        for line in self.view.news(
            expunges=name not in QUIET,
            modseq=self.condstore,
            uid=self.qresync or name.startswith("UID "),
            vanished=self.qresync,
        ):
            self.untagged(line)

    # -- faults --------------------------------------------------------------------------------

    def _instead(self, fault: Fault) -> bool:
        """Is the command not executed because of the fault?"""
        match fault.answer:
            case Stop.SILENCE:
                self.stalled = True
            case Stop.CUT_BEFORE:
                self.closed = True
            case str(text) if text.startswith("BYE"):
                self.untagged(text)
                self.closed = True
            case str(text):
                self.answer(text)
            case _:
                return False
        self.record.answer = self.record.answer or str(fault.answer)
        return True

    def _afterwards(self, fault: Fault, before: int) -> None:
        """The command was executed; what becomes of its answer?"""
        self.hold = fault.delay
        said = bytes(self._plain[before:])
        match fault.answer:
            case Stop.CUT_AFTER | Stop.SILENCE_AFTER:
                del self._plain[before:]
                self.closed = fault.answer is Stop.CUT_AFTER
                self.stalled = not self.closed
            case int(count):
                self._plain[before:] = said[:count]
                self.closed = True
            case None:
                pass
            case rewrite if callable(rewrite):
                self._tell_instead(before, rewrite(said))

    def _tell_instead(self, before: int, told: bytes) -> None:
        self.server.witness.lied |= told != self._plain[before:]
        self.server.witness.unkept |= KEEPS_NONE in told and KEEPS_NONE not in self._plain[before:]
        self._plain[before:] = told
