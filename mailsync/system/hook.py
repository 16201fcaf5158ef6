"""A command of the user's, run at the end of a sync: no shell, no password, no waiting for ever."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from mailsync.system.hidden import for_children, redact
from mailsync.system.text import safe

SHOWN = 4096  # bytes of what it prints that are looked at; the rest is read and dropped
_TICK = 0.05  # seconds between looks whether it has ended

log = logging.getLogger("mailsync.hook")


def run(command: Sequence[str], told: Mapping[str, str], data: bytes, timeout: float) -> str:
    """Why it failed, in one line fit to print; "" when it ended with status 0.

    `told` is added to the environment, `data` is its standard input, `timeout` in seconds.  It is
    a process group of its own, which is killed when its time is over or this process is stopped;
    what it left in the background after a good end goes on.  No file of ours is open in it.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 (the user's command)
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**for_children(), **told},
            start_new_session=True,
            bufsize=0,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return f"cannot be run: {reason}"
    ended = False
    try:
        said = _talk(process, data, time.monotonic() + timeout)
        ended = said is not None
    finally:
        if not ended:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()
    if said is None:
        return f"no end within {timeout:g} seconds: killed"
    shown = safe(redact(b" ".join(said.split()).decode("utf-8", "replace")))
    if shown:
        log.info("%s: %s", safe(command[0]), shown)
    status = process.returncode
    if status == 0:
        return ""
    why = f"ended with status {status}" if status > 0 else f"killed by signal {-status}"
    return f"{why}: {shown}" if shown else why


def _talk(process: subprocess.Popen[bytes], data: bytes, deadline: float) -> bytes | None:
    """The first of what it prints, until the process itself ends, whoever holds its pipes then;
    None: its time is over."""
    said = bytearray()
    rest = memoryview(data)
    assert process.stdin is not None
    assert process.stdout is not None
    with selectors.DefaultSelector() as pipes:
        for pipe in (process.stdin, process.stdout):
            os.set_blocking(pipe.fileno(), False)
        pipes.register(process.stdout, selectors.EVENT_READ)
        pipes.register(process.stdin, selectors.EVENT_WRITE)
        while True:
            over = process.poll() is not None
            for key, _ in pipes.select(0 if over else _TICK):
                if key.fileobj is process.stdin:
                    rest = _feed(process, rest, pipes)
                elif chunk := os.read(key.fd, 65536):
                    said += chunk[: SHOWN - len(said)]
                    over = False if len(chunk) == 65536 else over
                else:
                    pipes.unregister(process.stdout)
            if over:
                return bytes(said)
            if time.monotonic() > deadline:
                return None


def _feed(
    process: subprocess.Popen[bytes], rest: memoryview, pipes: selectors.BaseSelector
) -> memoryview:
    """Some more of its standard input, which it need not read."""
    assert process.stdin is not None
    with suppress(BlockingIOError):
        try:
            rest = rest[os.write(process.stdin.fileno(), rest) :]
        except BrokenPipeError:
            rest = rest[:0]
    if not rest:
        pipes.unregister(process.stdin)
        process.stdin.close()
    return rest
