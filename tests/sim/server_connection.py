"""One connection: gives a session its bytes in time, one command after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from .server_session import Session

if TYPE_CHECKING:
    from .server import SimServer


class Connection:
    """`send` takes what the server writes, `hang_up` follows its last byte."""

    def __init__(
        self,
        server: SimServer,
        number: int,
        send: Callable[[bytes], None],
        hang_up: Callable[[], None],
    ) -> None:
        self.server = server
        self.session = Session(server, number)
        self._send = send
        self._hang_up = hang_up
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    def start(self, *, tls: bool) -> None:
        self.session.tls = tls
        if self.server.greeting_fault is not None:
            self._send(self.server.greeting_fault)
            self._end()
            return
        self.session.greet()
        self._flush()

    def feed(self, data: bytes, seen: int) -> None:
        """Bytes from the client, who had read `seen` bytes of ours when it wrote them."""
        if self._over:
            return
        self.session.feed(data, seen)
        self._later()

    def _later(self) -> None:
        if self._timer is None and not self._over:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.server.delay(), self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._over:
            return
        self.server.advance()
        if not self.session.run_one():
            self._flush()  # a continuation may be all that there is to say
            return
        hold, self.session.hold = self.session.hold, 0.0
        if hold:
            self._timer = asyncio.get_running_loop().call_later(hold, self._resume)
            return
        self._resume()

    def _resume(self) -> None:
        self._timer = None
        if self._over:
            return
        self._flush()
        if self.session.closed:
            self._end()
        else:
            self._later()

    def push(self) -> None:
        """Tell an idling client what another one did."""
        if self.session.idling and not self._over:
            self.session.tell_news()
            self._flush()

    def _flush(self) -> None:
        if out := self.session.drain():
            self._send(out)

    def _end(self) -> None:
        self._over = True
        self._cancel()
        self.server.forget(self)
        self._hang_up()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def lost(self, rest: bytes) -> None:
        """The client is gone; `rest` was still on its way, and what it had sent may yet run."""
        if self._over:
            return
        self._over = True
        self._cancel()
        self.server.forget(self)
        if rest:
            self.session.feed(rest)
        self.server.bury(self.session)
