"""Passwords: where they come from, and how they are kept out of everything that is written."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from typing import IO

from mailsync.model.errors import AuthError
from mailsync.model.settings import Secret
from mailsync.system.text import safe

COMMAND_TIMEOUT = 60.0  # seconds
LIMIT = 1 << 20  # bytes of a command's output or of a password file
_STDERR_SHOWN = 4096  # bytes

_seen: set[str] = set()
_one_at_a_time = asyncio.Lock()


class Password(str):
    """A password; `repr` shows `***`, and `redact` knows it from now on."""

    __slots__ = ()

    def __new__(cls, value: str) -> Password:
        if value:
            _seen.add(value)
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return "***"


def redact(text: str) -> str:
    """`text` with every password that was read in this process as `***`."""
    for secret in sorted(_seen, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


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
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise AuthError(f"{name}: cannot be run: {reason}") from None
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT):
            out, said = await asyncio.gather(
                _capped(process.stdout, LIMIT), _capped(process.stderr, LIMIT)
            )
            status = await process.wait()
    except TimeoutError:
        raise AuthError(f"{name}: no answer within {COMMAND_TIMEOUT:.0f} seconds") from None
    except _TooMuch:
        raise AuthError(f"{name}: it printed more than {LIMIT} bytes") from None
    finally:
        await _end(process)
    if status:
        why = f"ended with status {status}" if status > 0 else f"killed by signal {-status}"
        shown = safe(b" ".join(said[:_STDERR_SHOWN].split()))
        raise AuthError(f"{name}: {why}" + (f": {shown}" if shown else ""))
    return _checked(out, name)


class _TooMuch(Exception):
    pass


async def _capped(stream: asyncio.StreamReader | None, limit: int) -> bytes:
    assert stream is not None
    data = bytearray()
    while chunk := await stream.read(65536):
        data += chunk
        if len(data) > limit:
            raise _TooMuch
    return bytes(data)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
    # A grandchild may hold the pipes open for ever: nobody waits for it.
    process._transport.close()  # type: ignore[attr-defined]


# -- a person ----------------------------------------------------------------------------------


async def _from_terminal(prompt: str) -> Password:
    """Not getpass, which cannot be interrupted while an event loop runs."""
    async with _one_at_a_time:
        sys.stderr.write(f"{safe(prompt)} ")
        sys.stderr.flush()
        try:
            data = await _unseen_line(sys.stdin)
        finally:
            sys.stderr.write("\n")
    return _checked(data, "terminal")


async def _unseen_line(terminal: IO[str]) -> bytes:
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
        await readable.wait()
        return os.read(fd, 4096)
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSANOW, before)
