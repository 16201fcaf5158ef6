"""Passwords: where they come from, and how they are kept out of everything that is written."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from typing import IO

from mailsync.model.errors import AuthError
from mailsync.model.settings import Secret
from mailsync.system.hidden import Password, for_children
from mailsync.system.text import safe

COMMAND_TIMEOUT = 60.0  # seconds
LIMIT = 1 << 20  # bytes of a command's output or of a password file
_STDERR_SHOWN = 4096  # bytes

_one_at_a_time = asyncio.Lock()


async def read(secret: Secret, prompt: str = "Password:", *, interactive: bool = True) -> Password:
    """The password; `prompt` is the question when none is configured.

    Nobody is asked unless `interactive` and standard input is a terminal.  Raises AuthError,
    which says what to configure.
    """
    if secret.command:
        return await _from_command(secret.command)
    if secret.file is not None:
        return _from_file(str(secret.file))
    if secret.env:
        value = os.environ.get(secret.env, "")
        if not value:
            raise AuthError(f"password-env: the variable {secret.env} is not set")
        return _checked(value.encode("utf-8", "surrogateescape"), "password-env")
    if secret.inline:
        return Password(secret.inline)
    if interactive and sys.stdin and sys.stdin.isatty():
        return await _from_terminal(prompt)
    raise AuthError(
        "no password: set password-command, password-file or password-env, "
        "or start mailsync on a terminal, where it asks"
    )


def _checked(data: bytes, source: str) -> Password:
    """The first line of `data`."""
    line = data.split(b"\n", 1)[0].removesuffix(b"\r")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise AuthError(f"{source}: the password is not UTF-8") from None
    if not text:
        raise AuthError(f"{source}: no password: the first line is empty")
    if "\0" in text or "\r" in text:
        raise AuthError(f"{source}: a password cannot contain NUL or CR")
    return Password(text)


# -- a file ------------------------------------------------------------------------------------


def _from_file(path: str) -> Password:
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            _check_mode(path, found.st_mode)
            data = file.read(LIMIT)
    except OSError as error:
        raise AuthError(f"password-file {safe(path)}: {error.strerror}") from None
    return _checked(data, "password-file")


def _check_mode(path: str, mode: int) -> None:
    """systemd's credentials are guarded by their folder, whatever their group bits say."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if credentials and os.path.dirname(os.path.realpath(path)) == os.path.realpath(credentials):
        return
    if stat.S_ISREG(mode) and stat.S_IMODE(mode) & 0o077:
        raise AuthError(f"password-file {safe(path)}: others may read it: run `chmod 600` on it")


# -- a command ---------------------------------------------------------------------------------


async def _from_command(command: tuple[str, ...]) -> Password:
    name = f"password-command {safe(command[0])}"
    try:
        process = subprocess.Popen(  # noqa: S603, ASYNC220 (the user's command; no wait)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=for_children(),
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise AuthError(f"{name}: cannot be run: {reason}") from None
    with process:
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT):
                out, said = await asyncio.gather(_all_of(process.stdout), _all_of(process.stderr))
                while (status := process.poll()) is None:  # noqa: ASYNC110 (no event says so)
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AuthError(f"{name}: no answer within {COMMAND_TIMEOUT:.0f} seconds") from None
        finally:
            process.kill()
    if len(out) > LIMIT or len(said) > LIMIT:
        raise AuthError(f"{name}: it printed more than {LIMIT} bytes")
    if status:
        why = f"ended with status {status}" if status > 0 else f"killed by signal {-status}"
        shown = safe(b" ".join(said[:_STDERR_SHOWN].split()))
        raise AuthError(f"{name}: {why}" + (f": {shown}" if shown else ""))
    return _checked(out, name)


async def _all_of(pipe: IO[bytes] | None) -> bytes:
    """Everything up to the end; what is too much ends it early and closes the pipe.

    By hand, because asyncio's own subprocesses wait for ever for a grandchild that holds a pipe.
    """
    assert pipe is not None
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    data = bytearray()
    loop.add_reader(pipe.fileno(), readable.set)
    try:
        while len(data) <= LIMIT:
            await readable.wait()
            readable.clear()
            chunk = os.read(pipe.fileno(), 65536)
            if not chunk:
                break
            data += chunk
    finally:
        loop.remove_reader(pipe.fileno())
        pipe.close()
    return bytes(data)


# -- a person ----------------------------------------------------------------------------------


async def _from_terminal(prompt: str) -> Password:
    """Not getpass, which cannot be interrupted while an event loop runs."""
    async with _one_at_a_time:
        return _checked(await _unseen_line(sys.stdin, f"{safe(prompt)} "), "terminal")


async def _unseen_line(terminal: IO[str], prompt: str) -> bytes:
    import termios

    loop = asyncio.get_running_loop()
    fd = terminal.fileno()
    readable = asyncio.Event()
    before = termios.tcgetattr(fd)
    quiet = termios.tcgetattr(fd)
    quiet[3] = (quiet[3] & ~termios.ECHO) | termios.ICANON
    termios.tcsetattr(fd, termios.TCSAFLUSH, quiet)
    loop.add_reader(fd, readable.set)
    try:
        print(prompt, end="", file=sys.stderr, flush=True)  # noqa: T201 (this room asks here only)
        await readable.wait()
        return os.read(fd, 4096)
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSANOW, before)
        print(file=sys.stderr)  # noqa: T201
