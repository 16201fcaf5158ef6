"""SIGINT and SIGTERM: the first one ends the work in order, the second one at once.

What is cut off is completed by the next run, so nobody has to wait for a disk or a server that
does not answer: LIMIT seconds after the first signal the process ends as it stands.  The last
words are said in either case, and once.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from types import FrameType

LIMIT = 1.5  # seconds
_SPEAKING = 0.5  # seconds: nobody may read what is printed
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h"  # the progress display hides it


class Stopped(KeyboardInterrupt):
    """A signal came; `number` says which."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Interrupted(Exception):
    """Made of a KeyboardInterrupt on its way through click, which would print an empty line."""


Words = Callable[[BaseException], int]  # told the cause of an end: its exit status

_words: Words = lambda _: 0  # noqa: E731
_spoken = threading.Lock()


def listen(words: Words = _words) -> None:
    """From now on signals end the work; one that the parent ignores stays ignored (nohup, &).
    `words` tells the user."""
    global _words, _spoken
    _words, _spoken = words, threading.Lock()
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _first)


def _first(number: int, frame: FrameType | None) -> None:
    for each in _SIGNALS:
        signal.signal(each, _second)
    timer = threading.Timer(LIMIT, _late, [number])
    timer.daemon = True
    timer.start()
    # It may come between the call of a coroutine and its first step.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    raise Stopped(number)


def _second(number: int, frame: FrameType | None) -> None:
    end(number)


def last_words(cause: BaseException) -> int:
    """Of the main thread; returns the exit status."""
    if not _spoken.acquire(blocking=False):
        threading.Event().wait()  # they are being said: the process ends in a moment
    return _words(cause)


def _late(number: int) -> None:
    """The main thread hangs, and with it perhaps what it prints on."""
    if _spoken.acquire(blocking=False):
        speaking = threading.Thread(target=_words, args=[Stopped(number)], daemon=True)
        speaking.start()
        speaking.join(_SPEAKING)
    end(number)


def end(number: int) -> None:
    """At once, from any thread: no clean-up, no waiting."""
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(2, _SHOW_CURSOR)
    os._exit(128 + number)
