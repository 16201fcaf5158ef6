"""An asyncio event loop in virtual time: when nothing is ready, time jumps to the next timer.

asyncio's own loop runs the callbacks; only its selector, the one place where a loop waits, is
replaced by the jump.  There are no sockets, no threads and no real waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, NoReturn, TypeVar

from .steps import Crash

T = TypeVar("T")

TURNS = 2_000_000


class Deadlock(RuntimeError):
    """Nothing is ready and no timer is set, or the run never ends; notes say who waits where."""


class Time:
    """Seconds since the machine booted; outlives the loops (processes) that share it."""

    __slots__ = ("now",)

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now


class _Jump:
    """Stands where a selector would."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop

    def select(self, timeout: float | None) -> list[object]:
        self.loop.turn()
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is set")
        if timeout > 0:
            self.loop.jump()
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """`trouble` collects what asyncio would have logged (exceptions nobody retrieved)."""

    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, time: Time | None = None, *, turns: int = TURNS) -> None:
        super().__init__()
        self.clock = time or Time()
        self.turns = turns
        self.trouble: list[dict[str, Any]] = []
        self._selector = _Jump(self)
        self.set_exception_handler(self._remember)

    def time(self) -> float:
        return self.clock.now

    def turn(self) -> None:
        self.turns -= 1
        if self.turns < 0:
            raise Deadlock("the loop turned too often: something spins")

    def jump(self) -> None:
        """To the next timer, to the exact bit."""
        self.clock.now = max(self.clock.now, self._scheduled[0].when())

    def _remember(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None or not crashed(error):
            self.trouble.append(context)

    def _process_events(self, events: list[object]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody has to be woken."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        raise RuntimeError("no threads in the simulator: use the Pool")

    async def getaddrinfo(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError("no network in the simulator: use the Net")


def crashed(error: BaseException) -> bool:
    """Is it the crash, or a group that holds it?"""
    if isinstance(error, BaseExceptionGroup):
        return any(crashed(inner) for inner in error.exceptions)
    return isinstance(error, Crash)


def run(main: Coroutine[Any, Any, T], time: Time | None = None, *, turns: int = TURNS) -> T:
    """One process: run `main` to its end on a loop of its own.

    Raises what `main` raises; Crash bare, also out of a TaskGroup; Deadlock; RuntimeError when
    an exception in the background was never retrieved although `main` ended well.
    """
    loop = VirtualLoop(time, turns=turns)
    try:
        result = loop.run_until_complete(loop.create_task(main, name="main"))
    except Deadlock as error:
        for line in _waiting(loop):
            error.add_note(line)
        raise
    except BaseExceptionGroup as group:
        if crashed(group):
            raise Crash(str(group)) from group
        raise
    finally:
        _wind_down(loop)
    if loop.trouble:
        context = loop.trouble[0]
        raise RuntimeError(f"asyncio: {context['message']}") from context.get("exception")
    return result


def _waiting(loop: VirtualLoop) -> Iterator[str]:
    for task in sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name()):
        where = [f"{f.f_code.co_filename}:{f.f_lineno}" for f in task.get_stack()]
        yield f"{task.get_name()} waits at {' < '.join(where[-2:]) or 'nowhere'}"


def _wind_down(loop: VirtualLoop) -> None:
    """Cancel what is left (after a crash its `finally` blocks meet dead seams) and close."""
    loop.turns = TURNS
    left = sorted(asyncio.all_tasks(loop), key=lambda task: (len(task.get_name()), task.get_name()))
    try:
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    except Deadlock:
        for task in left:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                loop.trouble.append({"message": f"{task!r} does not end when cancelled"})
    finally:
        loop.close()
