"""A taint string as password, wherever it comes from, whatever the server does with it: it is in
no output, log, file, argv, child's environment or traceback."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from support.dialogue import Dialogue, Rand, account
from support.home import Done, Home
from support.talker import Talker

from mailsync.model.errors import MailsyncError
from mailsync.server import Server
from mailsync.system.hidden import Password

TAINT = 'tAint-7c1e"b\\c'
QUOTED = TAINT.replace("\\", "\\\\").replace('"', '\\"')
INITIAL = base64.b64encode(b"\0ann\0" + TAINT.encode()).decode()
FORMS = {
    TAINT,
    QUOTED,
    INITIAL,
    INITIAL.rstrip("="),
    base64.b64encode(TAINT.encode()).decode().rstrip("="),
    repr(TAINT)[1:-1],
}

CONF = """\
[accounts.me]
host = "127.0.0.1"
port = {port}
security = "none"
user = "ann"
maildir = "~/Mail/me"
append-wait = 1
timeout = 5
"""
SPY = """\
#!/bin/sh
tr '\\0' '\\n' < /proc/$$/environ > {report}
tr '\\0' '\\n' < /proc/$PPID/cmdline >> {report}
tr '\\0' '\\n' < /proc/$$/cmdline >> {report}
echo "looking for it" >&2
cat {secret}
"""


def tainted(text: str) -> list[str]:
    return [form for form in FORMS if form in text]


def file_with(home: Home) -> Path:
    path = home.root / "secret"
    path.write_text(f"{TAINT}\n")
    path.chmod(0o600)
    return path


def inline(home: Home) -> str:
    return f"password = '{TAINT}'\n"


def file(home: Home) -> str:
    return f'password-file = "{file_with(home)}"\n'


def variable(home: Home) -> str:
    home.env["MAIL_WORD"] = TAINT
    return 'password-env = "MAIL_WORD"\n'


def command(home: Home) -> str:
    """The child writes down what it sees; a second account has its password in a variable."""
    spy = home.root / "spy"
    spy.write_text(SPY.format(report=home.root / "seen", secret=file_with(home)))
    spy.chmod(0o700)
    home.env["OTHER_WORD"] = TAINT
    other = CONF.replace("accounts.me", "accounts.two").replace("Mail/me", "Mail/two")
    return f'password-command = ["{spy}"]\n{other.format(port=1)}password-env = "OTHER_WORD"\n'


SOURCES = {source.__name__: source for source in (inline, file, variable, command)}
PLAIN = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n"
CHALLENGE = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED] hi\r\n"
LOGIN = b"* OK [CAPABILITY IMAP4rev1] hi\r\n"
ECHO = f"{TAINT} {QUOTED} {INITIAL}".encode()
BEHAVIOURS: dict[str, tuple[bytes, dict[bytes, bytes]]] = {
    "takes it": (PLAIN, {}),
    "takes a LOGIN": (LOGIN, {}),
    "asks, and repeats it as a tag": (CHALLENGE, {b"AUTHENTICATE": b"+ $\r\n"}),
    "refuses": (PLAIN, {b"AUTHENTICATE": b"$ NO [AUTHENTICATIONFAILED] no\r\n"}),
    "repeats it in a NO": (
        PLAIN, {b"AUTHENTICATE": b"$ NO [AUTHENTICATIONFAILED] " + ECHO + b"\r\n"}),
    "repeats it in a BAD": (LOGIN, {b"LOGIN": b"$ BAD unknown: LOGIN " + ECHO + b"\r\n"}),
    "repeats it in a BYE": (PLAIN, {b"AUTHENTICATE": b"* BYE " + ECHO + b"\r\n$ NO x\r\n"}),
    "repeats it in an alert": (
        PLAIN, {b"AUTHENTICATE": b"* OK [ALERT] " + ECHO + b"\r\n$ OK in\r\n"}),
    "repeats it in the code": (
        PLAIN, {b"AUTHENTICATE": b"$ NO [X-" + INITIAL.encode() + b"] x\r\n"}),
    "repeats it later": (PLAIN, {b"LIST": b"$ NO because of " + ECHO + b"\r\n"}),
    "repeats it as nonsense": (PLAIN, {b"AUTHENTICATE": ECHO + b"\r\n$ OK in\r\n"}),
    "answers nonsense": (PLAIN, {b"AUTHENTICATE": b"* 1 FETCH (((\r\n$ OK in\r\n"}),
}  # fmt: skip


TABLE = [("inline", behaviour) for behaviour in BEHAVIOURS]
TABLE += [(source, "repeats it in a NO") for source in SOURCES if source != "inline"]


@pytest.mark.parametrize(("source", "behaviour"), TABLE)
def test_it_is_nowhere(home: Home, talker: Talker, source: str, behaviour: str) -> None:
    talker.greeting, answers = BEHAVIOURS[behaviour]
    talker.answers.update(answers)
    home.write(CONF.format(port=talker.port) + SOURCES[source](home))
    kept = {home.conf, home.root / "secret"}
    shown = [home.run("sync", "-vv"), home.run("status", "--debug")]
    assert any(INITIAL.encode() in line or TAINT.encode()[:5] in line for line in talker.heard)
    for done in shown:
        assert not tainted(done.out + done.err), done
    assert "***" in shown[0].err
    for path in home.root.rglob("*"):
        assert not tainted(str(path))
        if path.is_file() and path not in kept:
            text = path.read_bytes().decode("latin-1")
            assert not tainted(text), path
    if source == "command":
        assert "mailsync" in (home.root / "seen").read_text(), "the spy saw the process"
        assert "HOME=" in (home.root / "seen").read_text(), "and its own environment"


CRASH = """\
import sys
from mailsync.server import session
{patch}
from mailsync.cli.entry import run
sys.exit(run(["sync", "--debug"]))
"""
BREAKS = {
    "while it is sent": "def broken(self, data): raise RuntimeError(repr(data))\n"
    "session.Session._write = broken",
    "in the answer": "def broken(self, event): raise RuntimeError(f'{event} {self._calls}')\n"
    "session.Session._answered = broken",
    "with its text": "from mailsync.imap import cmd\n"
    "def broken(user, password): raise RuntimeError(f'{user} {password}')\n"
    "cmd.sasl_plain = broken",
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_crash_does_not_tell_it(home: Home, talker: Talker, name: str) -> None:
    """The traceback in mailsync-crash.log and, with --debug, on the terminal."""
    import subprocess

    talker.greeting = PLAIN
    home.write(CONF.format(port=talker.port) + inline(home))
    done = subprocess.run(
        [sys.executable, "-c", CRASH.format(patch=BREAKS[name])],
        capture_output=True, text=True, env=home.environment(), cwd=home.root, timeout=60,
    )  # fmt: skip
    log = home.state / "mailsync-crash.log"
    assert "RuntimeError" in done.stderr
    assert "RuntimeError" in log.read_text()
    assert not tainted(done.stdout + done.stderr + log.read_text())
    assert log.stat().st_mode & 0o777 == 0o600


async def secret() -> str:
    return Password(TAINT)


ENDS: dict[str, str] = {
    "refused": "S: $1 NO [AUTHENTICATIONFAILED] no",
    "torn": "S: EOF",
    "nonsense": "S: * 1 FETCH (((",
    "silence": "S: * OK wait",
}


@pytest.mark.parametrize("capabilities", ["AUTH=PLAIN SASL-IR", "AUTH=PLAIN LOGINDISABLED", ""])
@pytest.mark.parametrize("end", ENDS)
def test_no_variable_of_a_traceback_tells_it(
    capabilities: str, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = {
        "AUTH=PLAIN SASL-IR": f"C: AUTHENTICATE PLAIN {INITIAL}",
        "AUTH=PLAIN LOGINDISABLED": f"C: AUTHENTICATE PLAIN\nS: +\nC> {INITIAL}",
        "": f'C: LOGIN "ann" "{QUOTED}"',
    }[capabilities]
    script = f"S: * OK [CAPABILITY IMAP4rev1 {capabilities}] hi\n{said}\n{ENDS[end]}"
    peer = Dialogue(script)
    server = Server(account(timeout=0.2), peer, Rand(), secret)
    with pytest.raises(MailsyncError) as caught:
        asyncio.run(server.connect())
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = "".join(told.format())
    assert "server = <" in shown, "variables are shown"
    ours = [frame for frame in shown.split("  File ") if f"{os.sep}mailsync{os.sep}" in frame]
    assert ours
    for frame in ours:
        assert not tainted(frame.replace(said, "")), frame
    assert not tainted(caplog.text)


@pytest.mark.parametrize("make", [inline, variable, file])
def test_a_wrong_configuration_does_not_show_it(home: Home, make: Callable[[Home], str]) -> None:
    text = CONF.format(port=1) + make(home)
    for more in ("passwort = 1\n", "port = 5\n", "host = 3\n", f"x = '{TAINT[:3]}'\n[[[\n"):
        home.write(text + more)
        done: Done = home.run("config", "check")
        assert done.status == 2
        assert not tainted(done.out + done.err)
