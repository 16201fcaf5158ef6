"""An error nobody expected: one line for the person, the details in a file."""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback

from mailsync import __version__
from mailsync.cli.state import State
from mailsync.system.hidden import redact

NAME = "mailsync-crash.log"
LIMIT = 1 << 20  # bytes; a longer log begins anew


def told(error: Exception, state: State) -> str:
    """The line to show; the traceback goes to STATE/mailsync-crash.log, without passwords."""
    details = _details(error)
    if state.debug:
        sys.stderr.write(details)
    what = f"unexpected error, {type(error).__name__}; this is a bug in mailsync"
    try:
        path = _append(state.folder, details)
    except OSError as trouble:
        return f"{what}, and its details could not be written to {state.folder}: {trouble.strerror}"
    return f"{what}: its details are in {path}"


def _details(error: Exception) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S %z")
    head = f"== {when} mailsync {__version__}, Python {platform.python_version()}, {sys.platform}"
    # Passwords first: escapes would hide those that have other letters from `redact`.
    words = " ".join(ascii(redact(word)) for word in sys.argv)
    trace = redact("".join(traceback.format_exception(error)))
    plain = trace.encode("ascii", "backslashreplace").decode()
    return f"{head}\n{words}\n{plain}\n"


def _append(folder: str, text: str) -> str:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, NAME)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, 0o600)
    with open(fd, "ab") as file:
        if os.fstat(fd).st_size > LIMIT:
            os.ftruncate(fd, 0)
        file.write(text.encode())
    return path
