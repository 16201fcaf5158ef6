"""One run, and from it many that go another way: a process is forked where they part.

What came before happens once.  The child goes on in a copy of the directory under the same name;
what the parent has open there stays its own.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import pickle
import shutil
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

Said = tuple[int, list[str]]  # how many steps the run took that went on, what was wrong


DEATH = 1  # PR_SET_PDEATHSIG: prctl(2)
STUCK = 300  # seconds


def _end_with_parent() -> None:
    """A lock that another thread held at the fork is held for ever in the child: it would keep the
    pipes of its parent open, and whoever reads them waiting."""
    ctypes.CDLL(None).prctl(DEATH, signal.SIGKILL)
    signal.alarm(STUCK)


class Branch:
    """`inside` is true in a child.  One child at a time: the parent waits for its end."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.inside = False
        self._pipe = -1
        self._what = ""

    def apart(self, go: Callable[[], Said]) -> Said:
        """`go` in a child, and what it said."""
        said = self.split(self._what)
        if said is None:
            self.end(go)
        return said

    def split(self, what: str) -> Said | None:
        """None in the child, which ends by `end`; in the parent what it said there.

        Within a coroutine the child goes on in the loop that was running.
        """
        kept = self.directory.with_name(f"{self.directory.name}.{os.getpid()}")
        self.directory.rename(kept)  # what is open goes with it
        shutil.copytree(kept, self.directory)
        loop = asyncio._get_running_loop()
        hear, say = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(hear)
            _end_with_parent()
            self.inside, self._pipe, self._what = True, say, what
            asyncio._set_running_loop(loop)  # it belongs to a process
            gc.disable()  # it would touch, and so copy, all that the parent has
            return None
        os.close(say)
        with open(hear, "rb") as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        shutil.rmtree(self.directory)
        kept.rename(self.directory)
        if not said:
            raise RuntimeError(f"{what}: the child ended without a word")
        words: Said = pickle.loads(said)
        return words

    def end(self, go: Callable[[], Said]) -> NoReturn:
        """The child's last act: nothing of the parent is closed, flushed or finalised."""
        try:
            said = go()
        except BaseException:
            said = 0, [f"{self._what}: {traceback.format_exc()}"]
        with open(self._pipe, "wb") as pipe:
            pipe.write(pickle.dumps(said))
        os._exit(0)
