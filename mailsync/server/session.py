"""One connection: commands out, answers to whom they belong.

Commands are pipelined: `send` writes any number of them at once, `finish` reads until they are
answered.  A server works them off in order, so an untagged response belongs to the oldest
unanswered command that claims it, but never to one behind a SELECT that is itself unanswered;
what nobody claims is news of the selected mailbox.  Reading happens only when somebody waits, so
a slow consumer of a body slows down the server and not the memory.

Each wait has a deadline, and after any doubt (a torn command, a broken protocol, a stall) the
connection is closed: from then on every call raises the reason.

Past 400 lines because what goes out, what comes back and what ends it share one state; in parts
they would reach into each other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from mailsync.imap import (
    WAIT,
    BodyData,
    Capabilities,
    Capability,
    Command,
    Continuation,
    Enabled,
    Event,
    Hidden,
    Id,
    Limits,
    Literal,
    LiteralMode,
    Pending,
    Status,
    Tags,
    cmd,
    encode,
)
from mailsync.model.errors import (
    Disconnected,
    Help,
    InsecureError,
    MailsyncError,
    Reach,
    ServerDefect,
    StorageError,
    Unavailable,
)
from mailsync.server.answers import farewell, refusal, retry_after, said, tls_failed, without_text
from mailsync.server.calls import Call, Selection
from mailsync.server.turn import Turn, Turns
from mailsync.server.values import Traffic
from mailsync.server.wire import FAREWELL, Wire
from mailsync.system.seams import Rand, Stream
from mailsync.system.text import safe

log = logging.getLogger("mailsync.imap")

EXTENSIONS = frozenset({"CONDSTORE", "QRESYNC"})  # that ENABLED may name and we use
_LOGINS = frozenset({"LOGIN", "AUTHENTICATE"})
PIECE = 256 << 10  # bytes written at once, so that each write has its own deadline


class Session:
    """Not for two tasks at once: hold `busy()` from `send` to the end of `finish`."""

    def __init__(
        self, stream: Stream, rand: Rand, timeout: float, traffic: Traffic, limits: Limits
    ) -> None:
        self.traffic = traffic
        self.capabilities = Capabilities()
        self.capabilities_told = False  # since this was last set to False
        self.enabled: frozenset[str] = frozenset()
        self.id: dict[str, str] = {}
        self.selected: Selection | None = None
        self.broken: MailsyncError | None = None
        self._timeout = timeout
        self._wire = Wire(stream, timeout, traffic, limits, self._dispatch)
        self._tags = Tags(rand.bits)
        self._pending = Pending()
        self._calls: dict[str, Call] = {}  # unanswered, oldest first
        self._turns = Turns()
        self._greeting: Status | None = None
        self._go: list[bytes] = []  # the texts of the last two `+` that arrived
        self._leaving = False  # LOGOUT was sent
        self._bye = False  # the server said so unasked
        self._wait: float | None = None  # seconds that a refusal asked for; some then hang up

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[Turn]:
        """The connection for one task at a time, with no command in flight."""
        async with self._turns.take() as turn:
            self._check()
            # What somebody gave up waiting for, such as a SELECT, must not change things later.
            await self.finish(*self._calls.values())
            yield turn

    # -- commands ------------------------------------------------------------------------------

    async def run(self, *calls: Call) -> None:
        """Send all in one write and wait for all answers; a NO or BAD is in the call's status."""
        await self.send(*calls)
        await self.finish(*calls)

    async def must(self, call: Call, what: str) -> Call:
        """Run one command; a NO or BAD is raised."""
        await self.run(call)
        self.require(call, what)
        return call

    @staticmethod
    def require(call: Call, what: str) -> None:
        """Raise the refusal of an answered command."""
        if not call.succeeded:
            assert call.status is not None, "finish() comes before require()"
            raise refusal(call.status, what)

    async def send(self, *calls: Call) -> None:
        """Write the commands; waits only where a literal has to."""
        self._check()
        out = bytearray()
        try:
            for call in calls:
                await self._send_one(call, out)
            await self._write(bytes(out))
        except BaseException as error:
            # Whatever it was: part of a command may be out.
            await self._close(Disconnected("closed: a command was torn"))
            # Where the server refused first, its refusal says more than the lost connection.
            refused = all(call.status is not None for call in calls) and not calls[-1].succeeded
            if not (refused and isinstance(error, Disconnected)):
                raise

    async def _send_one(self, call: Call, out: bytearray) -> None:
        call.tag = self._tags.next()
        pieces = encode(call.command, call.tag, self.literal_mode, call.sync_first)
        call.exposed = pieces.count(WAIT) < _literals(call.command)
        self._pending.sent(call.tag, call.command.name)
        self._calls[call.tag] = call
        self.traffic.commands[call.command.name] += 1
        log.debug("> %s %s", call.tag, call.command)
        for piece in pieces:
            if isinstance(piece, Hidden):  # by itself: it stays what it is down to the socket
                await self._write(bytes(out))
                out.clear()
                await self._write(piece)
                continue
            if isinstance(piece, bytes):
                out += piece
                continue
            await self._write(bytes(out))
            out.clear()
            if piece is WAIT:
                if not await self._invited(call):
                    return
            else:
                await self._stream_body(call, piece.index)

    @property
    def literal_mode(self) -> LiteralMode:
        return self.capabilities.literal

    async def finish(self, *calls: Call) -> None:
        """Read until all of them are answered."""
        for call in calls:
            while call.status is None:
                await self.pump()

    async def authenticate(self, call: Call, answer: Callable[[bytes | None], bytes]) -> None:
        """Run an AUTHENTICATE.  `answer` makes the response to each challenge, both without their
        base64 (None: it was none); what it raises ends the connection."""
        self._go = []
        await self.send(call)
        while (said := await self._challenge(call)) is not None:
            if len(self._go) > 1:
                raise await self._fail(ServerDefect("a challenge that waits for no answer"))
            self._go = []
            await self._write(cmd.sasl_line(answer(cmd.sasl_challenge(said))))

    async def _challenge(self, call: Call) -> bytes | None:
        """The text of the server's `+`; None: the command was answered."""
        while not self._go and call.status is None:
            await self.pump()
        return self._go[0] if call.status is None else None

    async def _invited(self, call: Call) -> bool:
        """Whether the server wants the literal: `+`, or a tagged refusal instead."""
        self._go = []
        invited = await self._challenge(call) is not None
        if call.status is not None and call.status.kind == "OK":
            raise await self._fail(ServerDefect("the server accepted half a command"))
        return invited

    async def _stream_body(self, call: Call, index: int) -> None:
        """Exactly the announced bytes or a closed connection: a server never gets to read the
        rest of a message as commands, nor takes half a message for one."""
        size = [p.size for p in call.command.parts if isinstance(p, Literal) and p.data is None]
        left = size[index]
        source = call.bodies[index]()
        try:
            async for chunk in source:
                left -= len(chunk)
                if left < 0:
                    break
                for at in range(0, len(chunk), PIECE):
                    await self._write(chunk[at : at + PIECE])
        finally:
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()
        if left:
            raise StorageError(
                "a message changed while it was sent; it was not stored",
                reach=Reach.MESSAGE,
                help=Help.RETRY,
            )

    async def _write(self, data: bytes) -> None:
        if not data:
            return
        self._check()
        try:
            await self._wire.write(data)
        except Disconnected as error:
            await self._wire.salvage()
            raise await self._fail(error) from error

    async def pump(self) -> None:
        """Wait for bytes once and hand out what they say."""
        self._check()
        try:
            await self._wire.read()
        except MailsyncError as error:
            raise await self._fail(error) from error
        if self.broken is not None:
            await self._wire.stream.close()

    # -- to whom it belongs ----------------------------------------------------------------------

    def _dispatch(self, event: Event) -> bool:
        """Whether somebody waits for it."""
        if log.isEnabledFor(logging.DEBUG) and not isinstance(event, BodyData):
            log.debug("< %s", without_text(event))
        if isinstance(event, Status) and event.tag is not None:
            self._answered(event)
            return True
        head: Call | None = None
        for call in self._calls.values():
            if call.selects is not None and head is not None:
                break  # all from here on is of the next mailbox
            head = head or call
            if call.take(event):
                return True
            if call.selects is not None:
                break
        match event:
            case Status():
                self._untagged(event, head)
            case Capability(atoms):
                self._learn(atoms)
            case Enabled(atoms):
                self.enabled |= atoms & EXTENSIONS
            case Id(fields):
                self.id = dict(fields)
            case Continuation(text):
                self._go = [*self._go[-1:], text]
            case _:
                self._note(event, head)
        return False

    def _note(self, event: Event, head: Call | None) -> None:
        """News of a mailbox: the one being selected, else the one that is."""
        about = head.selects if head is not None and head.selects is not None else self.selected
        if about is not None:
            about.note(event)

    def _answered(self, status: Status) -> None:
        assert status.tag is not None
        self._pending.answered(status.tag)  # raises for a tag that was not sent
        call = self._calls.pop(status.tag)
        if self._bye and status.kind == "NO" and call.command.name not in _LOGINS:
            return  # it refuses nothing, it goes: the command is as one without an answer
        if status.code is not None:
            call.note_code(status.code)
            self._learn_code(status)
        if call.selects is not None:
            call.selects.note(status)
            call.selects.done = True
            # A SELECT that failed leaves none selected (RFC 9051 §6.3.2).
            self.selected = call.selects if status.kind == "OK" else None
        elif call.code("CLOSED") or (call.command.name == "UNSELECT" and status.kind == "OK"):
            self.selected = None
        call.status = status
        if status.kind != "OK":
            self._wait = retry_after(status) or self._wait
        if call.exposed and status.kind == "BAD" and self.broken is None:
            # It may be reading the literal as commands right now (protocol.md §0.3).
            self.broken = Disconnected("closed: the server did not understand a command's literal")

    def _untagged(self, status: Status, head: Call | None) -> None:
        if status.kind == "BYE":
            self._bye = not self._leaving
            if self._bye and self.broken is None:
                self.broken = self._not_before(farewell(status))
            return
        if self._greeting is None:
            self._greeting = status
        if status.code is not None:
            if head is not None:
                head.note_code(status.code)
            self._learn_code(status)
            self._note(status, head)

    def _learn_code(self, status: Status) -> None:
        if status.code is not None and status.code.name == "CAPABILITY":
            atoms = status.code.args
            if isinstance(atoms, frozenset):
                self._learn(atoms)

    def _learn(self, atoms: frozenset[str]) -> None:
        self.capabilities = Capabilities(atoms)
        self.capabilities_told = True

    # -- the connection's own steps ----------------------------------------------------------------

    async def greeting(self) -> Status:
        """The server's first words: OK or PREAUTH.  A BYE or anything else is raised."""
        while self._greeting is None:
            await self.pump()
            if self.broken is not None:
                raise self.broken
            if self._greeting is None and not self._wire.pending():
                raise await self._fail(ServerDefect("this is no IMAP server: no greeting"))
        if self._greeting.kind not in ("OK", "PREAUTH"):
            raise await self._fail(
                ServerDefect(f"the server greets with {safe(self._greeting.kind)}")
            )
        return self._greeting

    @property
    def greeting_text(self) -> str:
        return self._greeting.text if self._greeting is not None else ""

    async def start_tls(self, upgrade: Callable[[Stream], Awaitable[None]]) -> None:
        """STARTTLS (reliability.md §4.1): nothing said in clear is believed afterwards."""
        call = Call(cmd.starttls())
        await self.run(call)
        if not call.succeeded:
            assert call.status is not None
            why = said(call.status)
            raise await self._fail(InsecureError(f"the server refuses to start TLS: {why}"))
        if not self._clean():
            raise await self._fail(
                InsecureError("somebody put text between the server's consent to TLS and TLS")
            )
        try:
            async with asyncio.timeout(self._timeout):
                await upgrade(self._wire.stream)
        except MailsyncError as error:
            raise await self._fail(error) from error
        except (TimeoutError, OSError) as error:
            raise await self._fail(tls_failed(error, self._timeout)) from error
        self._wire.forget()
        self.capabilities, self.capabilities_told = Capabilities(), False
        self.enabled, self.id = frozenset(), {}
        self._greeting = Status("OK", None, "")  # anybody may have written the one in clear

    async def start_compress(self) -> bool:
        """COMPRESS=DEFLATE from here on (RFC 4978); False: the server does not want to."""
        if self._wire.compressed:
            return True
        call = Call(cmd.compress())
        await self.run(call)
        if not call.succeeded:
            return False
        if not self._clean():
            raise await self._fail(ServerDefect("the server does not start compression cleanly"))
        self._wire.compress()
        return True

    def _clean(self) -> bool:
        """Nothing came behind the tagged answer that was read last."""
        return self._wire.ends_tagged and not self._calls and not self._wire.pending()

    async def close(self) -> None:
        """LOGOUT if all is well, but never for longer than two seconds; never raises."""
        if self.broken is None and self._turns.free:
            self._turns.end()  # what is still coming for it is dropped
            call = Call(cmd.logout())
            self._leaving = True
            try:
                async with asyncio.timeout(min(FAREWELL, self._timeout)):
                    await self.run(call)
            except (TimeoutError, MailsyncError):
                pass
        await self._close(Disconnected("the connection was closed"))

    def _check(self) -> None:
        """What broke the connection stands in the way of all else, however far it reached."""
        if self.broken is None:
            return
        if self.broken.reach is not Reach.ACCOUNT:
            raise Disconnected(f"closed: {self.broken}") from self.broken
        raise self.broken

    async def _close(self, reason: MailsyncError) -> None:
        if self.broken is None:
            self.broken = reason
        await self._wire.stream.close()

    async def _fail(self, error: MailsyncError) -> MailsyncError:
        """Close; returns the error to raise: the server's own last word if it had one."""
        if isinstance(self.broken, MailsyncError):
            error = self.broken
        await self._close(self._not_before(error))
        return error

    def _not_before(self, error: MailsyncError) -> MailsyncError:
        """Exchange names a time in a refusal, then hangs up: the time still holds."""
        if error.retry_after is None and isinstance(error, Disconnected | Unavailable):
            error.retry_after = self._wait
        return error


def _literals(command: Command) -> int:
    return sum(isinstance(part, Literal) for part in command.parts)
