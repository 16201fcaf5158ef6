"""Passwords: every source, its limits, and that none is ever shown."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from mailsync.model.errors import AuthError, Exit
from mailsync.model.settings import Secret
from mailsync.system import secret as secrets
from mailsync.system.hidden import Password, redact

TAINT = "tAint-7c1e-päss"


def read(secret: Secret, **more: bool) -> str:
    return asyncio.run(secrets.read(secret, "Password:", **more))


def refused(secret: Secret) -> str:
    with pytest.raises(AuthError) as caught:
        read(secret, interactive=False)
    assert caught.value.exit is Exit.AUTH
    return str(caught.value)


def script(folder: Path, text: str) -> Secret:
    path = folder / "command"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return Secret(command=(str(path),))


def test_a_password_is_not_shown_and_is_known_for_redaction() -> None:
    password = Password(TAINT)
    assert repr(password) == "***"
    assert repr({"a": password}) == "{'a': ***}"
    assert password == TAINT
    assert password.encode() == TAINT.encode()
    assert redact(f"LOGIN me {TAINT}.") == "LOGIN me ***."
    assert redact(f"List(name={TAINT.encode()!r})") == "List(name=b'***')"
    assert Password("") == ""
    assert redact("x") == "x"


def test_inline() -> None:
    assert repr(read(Secret(inline=TAINT))) == "***"
    assert TAINT not in repr(Secret(inline=TAINT))


def test_none_at_all_without_a_terminal() -> None:
    assert refused(Secret()) == (
        "no password: set password-command, password-file or another source of it, "
        "or start mailsync on a terminal, where it asks"
    )


# -- the environment ---------------------------------------------------------------------------


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILSYNC_TEST_PASSWORD", TAINT)
    assert read(Secret(env="MAILSYNC_TEST_PASSWORD")) == TAINT
    monkeypatch.delenv("MAILSYNC_TEST_PASSWORD")
    said = refused(Secret(env="MAILSYNC_TEST_PASSWORD"))
    assert said == "password-env: the variable MAILSYNC_TEST_PASSWORD is not set"


# -- a file ------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [TAINT, f"{TAINT}\n", f"{TAINT}\r\nmore\n", f"{TAINT}\n\n"])
def test_the_first_line_of_a_file(tmp_path: Path, data: str) -> None:
    path = tmp_path / "password"
    path.write_bytes(data.encode())
    path.chmod(0o600)
    assert read(Secret(file=path)) == TAINT


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "password-file: no password: the first line is empty"),
        (b"\nx\n", "password-file: no password: the first line is empty"),
        (b"\xff\xfe\n", "password-file: the password is not UTF-8"),
        (b"a\0b\n", "password-file: a password cannot contain NUL or CR"),
    ],
)
def test_a_file_with_no_password(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "password"
    path.write_bytes(data)
    path.chmod(0o600)
    assert refused(Secret(file=path)) == said


def test_a_file_that_others_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "password"
    path.write_text(TAINT)
    path.chmod(0o640)
    assert "others may read it: run `chmod 600` on it" in refused(Secret(file=path))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read(Secret(file=path)) == TAINT


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    said = refused(Secret(file=tmp_path / "no\x1bne"))
    assert said == f"password-file {tmp_path}/no\\x1bne: No such file or directory"


# -- a command ---------------------------------------------------------------------------------


def test_the_first_line_of_a_command_without_a_shell(tmp_path: Path) -> None:
    assert read(Secret(command=("printf", f"%s\nmore\n{'x' * 70000}", TAINT))) == TAINT
    assert read(Secret(command=("echo", "$HOME;id"))) == "$HOME;id"
    assert read(script(tmp_path, "cat; echo p")) == "p"  # its standard input is empty


def test_what_a_failing_command_says_is_shown_safely(tmp_path: Path) -> None:
    said = refused(script(tmp_path, r"echo secret-out; printf 'no\033[2J key\nhere' >&2; exit 3"))
    assert said == f"password-command {tmp_path}/command: ended with status 3: no\\x1b[2J key here"
    assert "killed by signal 9" in refused(script(tmp_path, "kill -9 $$"))


def test_what_a_failing_command_printed_is_not_shown_where_it_says_it_again(tmp_path: Path) -> None:
    said = refused(script(tmp_path, "set -x; echo shown-9f2b; exit 3"))
    assert "ended with status 3: + echo ***" in said
    assert "9f2b" not in said


def test_commands_that_cannot_be_run(tmp_path: Path) -> None:
    assert refused(Secret(command=("/none",))) == (
        "password-command /none: cannot be run: No such file or directory"
    )
    assert refused(Secret(command=(str(tmp_path),))).endswith("cannot be run: Permission denied")
    assert "no password: the first line is empty" in refused(Secret(command=("true",)))


def test_a_command_that_prints_without_end() -> None:
    assert "more than 1048576 bytes" in refused(Secret(command=("yes",)))


def test_a_command_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grandchild that keeps the pipes open does not hold us either."""
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT", 0.3)
    began = time.monotonic()
    assert "no answer within 0 seconds" in refused(script(tmp_path, "sleep 3 & sleep 3"))
    assert time.monotonic() - began < 2.5


def test_an_agent_that_a_command_starts_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was waited for until the password that was there counted as none."""
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT", 5)
    pid = tmp_path / "pid"
    assert read(script(tmp_path, f"echo p; sleep 60 & echo $! > {pid}")) == "p"
    os.kill(int(pid.read_text()), 9)  # it went on


# -- a token -----------------------------------------------------------------------------------


def test_a_token_command_is_told_when_the_last_token_was_refused() -> None:
    tell = Secret(token_command=("sh", "-c", 'echo "t-$MAILSYNC_TOKEN_REJECTED"'))
    assert read(tell) == "t-"
    assert read(tell, again=True) == "t-1"
    said = refused(Secret(token_command=("sh", "-c", "echo sign in >&2; exit 3")))
    assert said == "token-command sh: ended with status 3: sign in"


# -- systemd -----------------------------------------------------------------------------------


def test_a_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd.exec(5): the folder is closed, the files in it may be readable to a group."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "mail").write_text(f"{TAINT}\n")
    (tmp_path / "mail").chmod(0o440)
    assert read(Secret(credential="mail")) == TAINT
    said = refused(Secret(credential="other"))
    assert said == f"password-credential {tmp_path}/other: No such file or directory"
    (tmp_path / "empty").write_text("")
    said = refused(Secret(credential="empty"))
    assert said == "password-credential: no password: the first line is empty"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert refused(Secret(credential="mail")) == (
        "password-credential mail: CREDENTIALS_DIRECTORY is not set: this is no service of systemd "
        "with LoadCredential= or SetCredential="
    )


# -- a keyring ---------------------------------------------------------------------------------

RING = Secret(keyring=("mailsync", "me"))


class Ring(KeyringBackend):
    """Answers, raises or waits."""

    priority = 1.0

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer

    def get_password(self, service: str, username: str) -> str | None:
        assert (service, username) == ("mailsync", "me")
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, float):
            time.sleep(self.answer)
        return self.answer if isinstance(self.answer, str) else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError


@pytest.fixture
def ring() -> Iterator[Callable[[object], None]]:
    before = keyring.get_keyring()
    yield lambda answer: keyring.set_keyring(Ring(answer))
    keyring.set_keyring(before)


def test_a_keyring(ring: Callable[[object], None]) -> None:
    ring(TAINT)
    assert read(RING) == TAINT
    assert repr(read(RING)) == "***"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "there is no such password; `keyring set mailsync me` puts it there"),
        ("", "no password: the first line is empty"),
        (KeyringLocked("the keyring is\nlocked \x1b"), r"the keyring is locked"),
        (KeyringLocked(), "KeyringLocked"),
        (RuntimeError(TAINT), "the keyring failed (RuntimeError)"),
    ],
)
def test_a_keyring_without_a_password(
    ring: Callable[[object], None], answer: object, said: str
) -> None:
    ring(answer)
    told = refused(RING)
    assert told.startswith("password-keyring mailsync, me: ")
    assert said in told
    assert told.isprintable()
    assert TAINT not in told


def test_a_keyring_that_waits_for_somebody(
    ring: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT", 0.05)
    ring(1.0)
    assert refused(RING) == "password-keyring mailsync, me: no answer within 0 seconds"
    time.sleep(1.2)  # it answers a loop that is closed


def test_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert refused(RING) == (
        "password-keyring mailsync, me: needs one more package: pip install 'mailsync[keyring]'"
    )


# -- a person ----------------------------------------------------------------------------------


_CHILD = """
import asyncio, sys
from mailsync.model.settings import Secret
from mailsync.system.secret import read
async def main():
    return await read(Secret(), "Password for me:")
try:
    password = asyncio.run(main())
    print(len(password), repr(password))
except KeyboardInterrupt:
    print("interrupted")
import termios
print("echo", bool(termios.tcgetattr(0)[3] & termios.ECHO))
"""


def on_terminal(reply: bytes) -> str:
    """What a process on a terminal of its own shows when `reply` is typed at the prompt."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", _CHILD])
    watchdog = threading.Timer(30, os.kill, (pid, signal.SIGKILL))
    watchdog.start()
    shown = b""
    replied = False
    try:
        while chunk := os.read(fd, 4096):
            shown += chunk
            if not replied and b"me: " in shown:
                replied = True
                os.write(fd, reply)
    except OSError:  # the other end is closed
        pass
    watchdog.cancel()
    os.waitpid(pid, 0)
    os.close(fd)
    return shown.decode()


def test_a_prompt_on_a_terminal_does_not_show_what_is_typed() -> None:
    shown = on_terminal(b"hunter2\n")
    assert "hunter2" not in shown
    assert "7 ***" in shown
    assert "echo True" in shown


def test_a_prompt_can_be_interrupted() -> None:
    shown = on_terminal(b"hun\x03")
    assert "interrupted" in shown
    assert "echo True" in shown
