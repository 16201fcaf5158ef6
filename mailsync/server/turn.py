"""Whose turn it is on a session.

An answer that comes as an asynchronous iterator holds the session while it is read.  Its reader
may leave it in the middle and never say so (an exception out of `async for` closes nothing), so
the next command of the same task, or of any task once that one is done, takes the turn over; an
iterator that is read on after that raises RuntimeError instead of mixing up answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Turn:
    def __init__(self, task: asyncio.Task[object] | None) -> None:
        self.task = task
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def over(self) -> bool:
        return self.ended.done()

    def end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def check(self) -> None:
        """After every point at which others may have run."""
        if self.over:
            raise RuntimeError("another command took the connection over in the middle of this one")


class Turns:
    def __init__(self) -> None:
        self._now: Turn | None = None

    @property
    def free(self) -> bool:
        """Nobody but the current task would be disturbed."""
        turn = self._now
        return turn is None or turn.over or turn.task is _me() or _gone(turn)

    def end(self) -> None:
        """Whoever has the turn gets nothing more."""
        if self._now is not None:
            self._now.end()

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Turn]:
        """Waits while another task that is alive has its turn."""
        while not self.free:
            assert self._now is not None
            assert self._now.task is not None
            either: set[asyncio.Future[Any]] = {self._now.ended, self._now.task}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        self.end()
        turn = self._now = Turn(_me())
        try:
            yield turn
        finally:
            turn.end()


def _me() -> asyncio.Task[object] | None:
    return asyncio.current_task()


def _gone(turn: Turn) -> bool:
    return turn.task is None or turn.task.done()
