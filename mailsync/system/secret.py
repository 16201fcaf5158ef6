"""Passwords: where they come from, and how they are kept out of everything that is written."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import IO

from mailsync.model.errors import AuthError
from mailsync.model.settings import Secret
from mailsync.system.hidden import Password, for_children, redact
from mailsync.system.text import safe

COMMAND_TIMEOUT = 60.0  # seconds
LIMIT = 1 << 20  # bytes of a command's output or of a password file
REJECTED = "MAILSYNC_TOKEN_REJECTED"  # in the environment of token-command
_STDERR_SHOWN = 4096  # bytes
_TICK = 0.01  # seconds between looks at a command

_one_at_a_time = asyncio.Lock()


async def read(
    secret: Secret, prompt: str = "Password:", *, interactive: bool = True, again: bool = False
) -> Password:
    """The password or token; `prompt` is the question when none is configured.

    `again`: the server refused the last token; token-command is told so by REJECTED=1 in its
    environment.  Nobody is asked unless `interactive` and standard input is a terminal.  Raises
    AuthError, which says what to configure.
    """
    if secret.command:
        return await _from_command("password-command", secret.command)
    if secret.token_command:
        more = {REJECTED: "1"} if again else {}
        return await _from_command("token-command", secret.token_command, more)
    if secret.file is not None:
        return _from_file("password-file", str(secret.file))
    if secret.credential:
        return _from_credential(secret.credential)
    if secret.keyring:
        return await _from_keyring(*secret.keyring)
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
        "no password: set password-command, password-file or another source of it, "
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


def _from_file(key: str, path: str) -> Password:
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            _check_mode(key, path, found.st_mode)
            data = file.read(LIMIT)
    except OSError as error:
        raise AuthError(f"{key} {safe(path)}: {error.strerror}") from None
    return _checked(data, key)


def _from_credential(name: str) -> Password:
    """One of those that systemd gives a service (systemd.exec(5), CREDENTIALS)."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise AuthError(
            f"password-credential {safe(name)}: CREDENTIALS_DIRECTORY is not set: this is no "
            "service of systemd with LoadCredential= or SetCredential="
        )
    return _from_file("password-credential", os.path.join(folder, name))


def _check_mode(key: str, path: str, mode: int) -> None:
    """systemd's credentials are guarded by their folder, whatever their group bits say."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if credentials and os.path.dirname(os.path.realpath(path)) == os.path.realpath(credentials):
        return
    if stat.S_ISREG(mode) and stat.S_IMODE(mode) & 0o077:
        raise AuthError(f"{key} {safe(path)}: others may read it: run `chmod 600` on it")


# -- a keyring ---------------------------------------------------------------------------------


async def _from_keyring(service: str, user: str) -> Password:
    """The desktop's, by the library keyring: Secret Service, KWallet and others.

    In a thread of its own that nobody waits for at the end: it may ask for the keyring's password
    where there is nobody to give it.
    """
    name = f"password-keyring {safe(service)}, {safe(user)}"
    loop = asyncio.get_running_loop()
    found: asyncio.Future[str | AuthError | None] = loop.create_future()

    def ask() -> None:
        answer = _ask_keyring(name, service, user)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, answer)

    def tell(answer: str | AuthError | None) -> None:
        if not found.done():
            found.set_result(answer)

    threading.Thread(target=ask, daemon=True).start()
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT):
            answer = await found
    except TimeoutError:
        raise AuthError(f"{name}: no answer within {COMMAND_TIMEOUT:.0f} seconds") from None
    if isinstance(answer, AuthError):
        raise answer
    if answer is None:
        put = f"keyring set {safe(service)} {safe(user)}"
        raise AuthError(f"{name}: there is no such password; `{put}` puts it there")
    return _checked(answer.encode("utf-8", "surrogateescape"), name)


def _ask_keyring(name: str, service: str, user: str) -> str | AuthError | None:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return AuthError(f"{name}: needs one more package: pip install 'mailsync[keyring]'")
    try:
        answer = keyring.get_password(service, user)
        return None if answer is None else str(answer)
    except KeyringError as error:
        why = " ".join(str(error).split()) or type(error).__name__
        return AuthError(f"{name}: {safe(redact(why))}")
    except Exception as error:  # of a backend, and there are many
        return AuthError(f"{name}: the keyring failed ({type(error).__name__})")


# -- a command ---------------------------------------------------------------------------------


async def _from_command(
    key: str, command: tuple[str, ...], more: Mapping[str, str] = {}
) -> Password:
    name = f"{key} {safe(command[0])}"
    try:
        process = subprocess.Popen(  # noqa: S603, ASYNC220 (the user's command; no wait)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**for_children(), **more},
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise AuthError(f"{name}: cannot be run: {reason}") from None
    with process:
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT):
                pipes = (process.stdout, process.stderr)
                out, said = await asyncio.gather(*(_all_of(pipe, process) for pipe in pipes))
                while (status := process.poll()) is None:  # noqa: ASYNC110 (no event says so)
                    await asyncio.sleep(_TICK)
        except TimeoutError:
            raise AuthError(f"{name}: no answer within {COMMAND_TIMEOUT:.0f} seconds") from None
        finally:
            process.kill()
    if len(out) > LIMIT or len(said) > LIMIT:
        raise AuthError(f"{name}: it printed more than {LIMIT} bytes")
    if status:
        why = f"ended with status {status}" if status > 0 else f"killed by signal {-status}"
        # What it printed before it failed may be the password, and `set -x` say it once more.
        line = out.split(b"\n", 1)[0].strip()
        told = said.replace(line, b"***") if line else said
        shown = safe(redact(b" ".join(told[:_STDERR_SHOWN].split()).decode("utf-8", "replace")))
        raise AuthError(f"{name}: {why}" + (f": {shown}" if shown else ""))
    return _checked(out, name)


async def _all_of(pipe: IO[bytes] | None, process: subprocess.Popen[bytes]) -> bytes:
    """Everything until the process itself ends, whoever holds its pipe then: an agent that it
    started.  What is too much ends it early and closes the pipe."""
    assert pipe is not None
    os.set_blocking(pipe.fileno(), False)
    data = bytearray()
    try:
        while len(data) <= LIMIT:
            over = process.poll() is not None  # asked before the last read
            try:
                chunk = os.read(pipe.fileno(), 65536)
            except BlockingIOError:
                if over:
                    break
                await asyncio.sleep(_TICK)
                continue
            if not chunk:
                break
            data += chunk
    finally:
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
