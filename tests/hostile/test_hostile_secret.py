"""A taint string as password, wherever it comes from, whatever the server does with it: it is in
no output, log, file, argv, child's environment or traceback."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from support.dialogue import Dialogue, Rand, account
from support.home import Done, Home
from support.scram import SALT, ScramPeer
from support.talker import Talker

from mailsync.model.errors import MailsyncError
from mailsync.model.settings import Secret
from mailsync.server import Server
from mailsync.system.hidden import Password

TAINT = 'tAint-7c1e"b\\c'
QUOTED = TAINT.replace("\\", "\\\\").replace('"', '\\"')
INITIAL = base64.b64encode(b"\0ann\0" + TAINT.encode()).decode()
BEARER = base64.b64encode(f"user=ann\1auth=Bearer {TAINT}\1\1".encode()).decode()
FORMS = {
    BEARER.rstrip("="),
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


def inline(home: Home, word: str = TAINT) -> str:
    return f"password = '{word}'\n"


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


def token(home: Home) -> str:
    return f'token-command = ["cat", "{file_with(home)}"]\n'


def credential(home: Home) -> str:
    home.env["CREDENTIALS_DIRECTORY"] = str(home.root)
    file_with(home)
    return 'password-credential = "secret"\n'


RING = """\
from keyring.backend import KeyringBackend
class Ring(KeyringBackend):
    priority = 1
    def get_password(self, service, username):
        return open({secret!r}).read().strip()
    def set_password(self, service, username, password): ...
"""


def keyring(home: Home) -> str:
    (home.root / "lib").mkdir()
    (home.root / "lib" / "ring.py").write_text(RING.format(secret=str(file_with(home))))
    home.env["PYTHONPATH"] = str(home.root / "lib")
    home.env["PYTHON_KEYRING_BACKEND"] = "ring.Ring"
    return 'password-keyring = ["mailsync", "ann"]\n'


def tunnelled(home: Home) -> str:
    """The command that is the connection writes down what it sees."""
    relay = home.root / "relay"
    relay.write_text(RELAY.format(python=sys.executable, report=home.root / "seen"))
    relay.chmod(0o700)
    home.env["OTHER_WORD"] = TAINT
    other = CONF.replace("accounts.me", "accounts.two").replace("Mail/me", "Mail/two")
    port = re.search(r"port = (\d+)", home.conf.read_text())
    assert port is not None
    mine = f'password = \'{TAINT}\'\ntunnel = ["{relay}", "{port[1]}"]\n'
    return f'{mine}{other.format(port=1)}password-env = "OTHER_WORD"\n'


RELAY = """\
#!/bin/sh
tr '\\0' '\\n' < /proc/$$/environ > {report}
tr '\\0' '\\n' < /proc/$PPID/cmdline >> {report}
exec {python} -c '
import os, socket, sys, threading
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def up():
    while d := os.read(0, 65536): s.sendall(d)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while d := s.recv(65536): os.write(1, d)' "$1"
"""
SOURCES = {
    source.__name__: source
    for source in (inline, file, variable, command, token, credential, keyring, tunnelled)
}
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
    if source == "token":  # it can only repeat what it was sent
        talker.greeting = talker.greeting.replace(b"AUTH=PLAIN", b"AUTH=XOAUTH2")
        answers = {k: v.replace(INITIAL.encode(), BEARER.encode()) for k, v in answers.items()}
    talker.answers.update(answers)
    home.write(CONF.format(port=talker.port))
    home.write(CONF.format(port=talker.port) + SOURCES[source](home))
    kept = {home.conf, home.root / "secret"}
    shown = [home.run("sync", "-vv"), home.run("status", "--debug")]
    forms = (INITIAL.encode(), TAINT.encode()[:5], BEARER.encode())
    assert any(form in line for line in talker.heard for form in forms), (shown, talker.heard)
    for done in shown:
        assert not tainted(done.out + done.err), done
    assert "***" in shown[0].err
    for path in home.root.rglob("*"):
        assert not tainted(str(path))
        if path.is_file() and path not in kept:
            text = path.read_bytes().decode("latin-1")
            assert not tainted(text), path
    if source in ("command", "tunnelled"):
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


@pytest.mark.parametrize("word", [TAINT, "tAint-ñ-日本-7c1e"], ids=ascii)
@pytest.mark.parametrize("name", BREAKS)
def test_a_crash_does_not_tell_it(home: Home, talker: Talker, name: str, word: str) -> None:
    """The traceback in mailsync-crash.log and, with --debug, on the terminal: also where it shows
    letters that are not ASCII as escapes."""
    import subprocess

    talker.greeting = PLAIN
    home.write(CONF.format(port=talker.port) + inline(home, word))
    done = subprocess.run(
        [sys.executable, "-c", CRASH.format(patch=BREAKS[name])],
        capture_output=True, text=True, env=home.environment(), cwd=home.root, timeout=60,
    )  # fmt: skip
    log = home.state / "mailsync-crash.log"
    assert "RuntimeError" in done.stderr
    assert "RuntimeError" in log.read_text()
    told = done.stdout + done.stderr + log.read_text()
    assert not tainted(told)
    assert not any(part in told for part in ("tAint", "7c1e"))
    assert log.stat().st_mode & 0o777 == 0o600


async def secret() -> str:
    return Password(TAINT)


ENDS: dict[str, str] = {
    "refused": "S: $1 NO [AUTHENTICATIONFAILED] no",
    "torn": "S: EOF",
    "nonsense": "S: * 1 FETCH (((",
    "silence": "S: * OK wait",
}


@pytest.mark.parametrize(
    "capabilities",
    ["AUTH=PLAIN SASL-IR", "AUTH=PLAIN LOGINDISABLED", "", "AUTH=XOAUTH2 SASL-IR"],
)
@pytest.mark.parametrize("end", ENDS)
def test_no_variable_of_a_traceback_tells_it(
    capabilities: str, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = {
        "AUTH=PLAIN SASL-IR": f"C: AUTHENTICATE PLAIN {INITIAL}",
        "AUTH=PLAIN LOGINDISABLED": f"C: AUTHENTICATE PLAIN\nS: +\nC> {INITIAL}",
        "AUTH=XOAUTH2 SASL-IR": f"C: AUTHENTICATE XOAUTH2 {BEARER}",
        "": f'C: LOGIN "ann" "{QUOTED}"',
    }[capabilities]
    script = f"S: * OK [CAPABILITY IMAP4rev1 {capabilities}] hi\n{said}\n{ENDS[end]}"
    peer = Dialogue(script)
    words = Secret(token_command=("x",)) if "XOAUTH2" in capabilities else Secret()
    server = Server(account(timeout=0.2, secret=words), peer, Rand(), secret)
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


@pytest.mark.parametrize("end", ["takes it", "wrong password", "wrong signature", "bomb", "torn"])
def test_scram_leaves_nothing_to_guess_from(end: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the password nor the proof, salt and signature by which it could be guessed."""
    caplog.set_level(logging.DEBUG)
    peer = {
        "takes it": ScramPeer(password=TAINT),
        "wrong password": ScramPeer(password="x"),
        "wrong signature": ScramPeer(password=TAINT, final=lambda _: "v=AAAA"),
        "bomb": ScramPeer(password=TAINT, iterations="9" * 9),
        "torn": ScramPeer(password=TAINT, then="* BYE $"),
    }[end]
    server = Server(account(timeout=0.2), peer, Rand(), secret)
    shown = ""
    try:
        asyncio.run(server.connect())
    except MailsyncError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        ours = f"{os.sep}mailsync{os.sep}mailsync{os.sep}"
        shown = "".join(f for f in "".join(told.format()).split("  File ") if ours in f)
        shown += str(error)
    assert (shown == "") == (end == "takes it")
    text = shown + caplog.text
    assert not tainted(text)
    proofs = [line for line in peer.lines if len(line) > 100 and " " not in line]
    assert len(proofs) == (0 if end == "bomb" else 1)
    for said in (*proofs, base64.b64encode(SALT).decode()):
        assert said.rstrip("=") not in text
