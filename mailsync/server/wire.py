"""The bytes of one connection: deadlines, progress, compression, counting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from mailsync.imap import (
    BodyData,
    Deflate,
    Event,
    Limits,
    ProtocolError,
    Receiver,
    Status,
)
from mailsync.model.errors import Disconnected, ServerDefect
from mailsync.server.answers import lost
from mailsync.server.values import Traffic
from mailsync.system.seams import Stream

LEAST_PROGRESS = 1024  # bytes of an unfinished response within one timeout; less is a dribble
PATIENCE = 30  # timeouts that a server may fill with `* OK Still here`, and nothing to the matter
LAST_WORDS = 16  # reads after a failed write
FAREWELL = 2.0  # seconds for LOGOUT, or for the reason after a failed write


class Wire:
    """Every wait ends after `timeout` seconds without progress, in Disconnected.

    What the server says is given to `dispatch`, event by event, from within `read`; it tells
    whether somebody waits for that.
    """

    def __init__(
        self,
        stream: Stream,
        timeout: float,
        traffic: Traffic,
        limits: Limits,
        dispatch: Callable[[Event], bool],
    ) -> None:
        self.stream = stream
        self.ends_tagged = False  # the bytes read last ended with a tagged answer
        self._timeout, self._traffic, self._limits = timeout, traffic, limits
        self._dispatch = dispatch
        self._receiver = Receiver(limits)
        self._deflate: Deflate | None = None
        self._steps: Iterator[bytes] | None = None  # of what was read last, not yet inflated
        self._wrote = False  # since the last read
        self._stalled = self._unanswered = 0.0  # seconds waited without progress, without answer
        self._dribbled = self._answered = 0

    def pending(self) -> int:
        """Bytes read that are no response yet."""
        return self._receiver.pending()

    def forget(self) -> None:
        """After STARTTLS: nothing is left of what came in clear."""
        self._receiver = Receiver(self._limits)

    @property
    def compressed(self) -> bool:
        return self._deflate is not None

    def compress(self) -> None:
        self._deflate = Deflate()

    async def write(self, data: bytes) -> None:
        self._traffic.plain_out += len(data)
        if self._deflate is not None:
            data = self._deflate.compress(data)
        try:
            async with asyncio.timeout(self._timeout):
                await self.stream.write(data)
        except (TimeoutError, OSError) as error:
            raise lost(error, self._timeout) from error
        self._wrote = True
        self._traffic.bytes_out += len(data)

    async def salvage(self) -> None:
        """After a failed write: a server that stops reading mostly says why first."""
        try:
            async with asyncio.timeout(min(FAREWELL, self._timeout)):
                for _ in range(LAST_WORDS):
                    if self._steps is not None:
                        self._inflate()
                    elif data := await self.stream.read():
                        self._receive(data)
                    else:
                        break
        except (TimeoutError, OSError, ServerDefect):
            pass

    async def read(self) -> None:
        """Wait for bytes once.  Raises Disconnected, or ServerDefect for what they say."""
        if self._steps is not None:
            await asyncio.sleep(0)
            if self._inflate():
                return
        if self._wrote:
            self._traffic.round_trips += 1
            self._wrote = False
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(max(0.0, self._timeout - self._stalled)):
                data = await self.stream.read()
        except (TimeoutError, OSError) as error:
            raise lost(error, self._timeout) from error
        if not data:
            raise Disconnected("the server closed the connection")
        waited = loop.time() - began
        self._stalled += waited
        self._unanswered += waited
        self._receive(data)
        if self._stalled >= self._timeout or self._unanswered >= self._timeout * PATIENCE:
            raise Disconnected("the server is alive but makes no progress")

    def _receive(self, data: bytes) -> None:
        self._traffic.bytes_in += len(data)
        if self._deflate is None:
            self._understand(data)
            return
        self._steps = self._deflate.decompress(data)
        self._inflate()

    def _inflate(self) -> bool:
        """One step of what was read; False: that is used up.  The next step waits for the next
        `read`, so that whoever takes the bodies takes them before there are more: a few bytes may
        inflate to a thousand times as many."""
        assert self._steps is not None
        step = next(self._steps, None)
        if step is None:
            self._steps = None
            return False
        self._understand(step)
        return True

    def _understand(self, data: bytes) -> None:
        self._traffic.plain_in += len(data)
        try:
            events = self._receiver.receive(data)
        except ProtocolError as error:
            for event in error.events:
                self._dispatch(event)
            error.events = ()  # the error is kept for longer than what they hold may be
            raise
        waited_for = [self._dispatch(event) for event in events]
        if events:
            self.ends_tagged = _ends(events[-1])
        self._note_progress(events, len(data), any(waited_for))

    def _note_progress(self, events: Sequence[Event], size: int, waited_for: bool) -> None:
        """A finished response is progress, and so is a decent piece of a literal; an answer is what
        ends a command, or a decent piece of what somebody waits for."""
        self._dribbled += size
        whole = any(not isinstance(event, BodyData) for event in events)
        if whole or self._dribbled >= LEAST_PROGRESS:
            self._stalled, self._dribbled = 0.0, 0
        self._answered += size if waited_for else 0
        if self._answered >= LEAST_PROGRESS or any(_ends(event) for event in events):
            self._unanswered, self._answered = 0.0, 0


def _ends(event: Event) -> bool:
    return isinstance(event, Status) and event.tag is not None
