"""Exit status and last words of every ending, of the program as a process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.home import Home
from support.talker import Talker

REFUSED = {b"AUTHENTICATE": b"$ NO [AUTHENTICATIONFAILED] no\r\n"}
REFUSED |= {b"LOGIN": REFUSED[b"AUTHENTICATE"]}

# words -> exit status, and what the one line on standard error says
MISUSE = (
    (("snyc",), 'no command "snyc"; did you mean "sync"?'),
    (("frobnicate",), 'no command "frobnicate"; see mailsync --help'),
    (("status", "--jsn"), "Did you mean '--json'?"),
    (("config", "chek"), "Did you mean 'check'?"),
    (("sync", "mee"), 'no account "mee" in {conf}; did you mean "me"?'),
    (("sync", "other"), 'no account "other" in {conf}; there are: me'),
    (("sync", "--pull", "--push"), "--pull and --push leave nothing to do"),
    (("sync", "me/"), '"me/" names no mailbox after the "/"'),
    (("undelete", "--since", "yesterday"), '"yesterday" is no time: say "3d"'),
    (("--config", "nowhere.conf", "sync"), "nowhere.conf: cannot be read: No such file"),
)


@pytest.mark.parametrize(("words", "told"), MISUSE, ids=[" ".join(case[0]) for case in MISUSE])
def test_misuse_is_2_and_said_in_a_line(home: Home, words: tuple[str, ...], told: str) -> None:
    conf = home.account(1)
    done = home.run(*words)
    assert done.status == 2
    assert done.out == ""
    first, *rest = done.err.splitlines()
    assert first.startswith("mailsync: ")
    assert told.format(conf=conf) in first
    assert all(line.endswith("--help` says more") for line in rest)


def test_no_configuration_says_how_to_get_one(home: Home) -> None:
    done = home.run("sync")
    assert done.status == 2
    assert f"{home.conf}: there is no configuration yet" in done.err
    assert "mailsync config sample" in done.err
    assert home.bytes() == {}


def test_a_refused_password_is_77_at_once(home: Home, talker: Talker) -> None:
    talker.answers.update(REFUSED)
    home.account(talker.port)
    for words in (("sync",), ("mailboxes",)):
        done = home.run(*words)
        assert done.status == 77, done
        assert done.out == ""
        assert done.err.count("\n") == 1
        assert "me: the server refused the login" in done.err
    logins = [line for line in talker.heard if b"AUTHENTICATE" in line or b"LOGIN" in line]
    assert len(logins) == 2  # never tried again


def test_no_connection_is_75(home: Home) -> None:
    home.account(1)
    done = home.run("mailboxes")  # a sync says the same after some attempts
    assert done.status == 75
    assert "127.0.0.1:1 cannot be reached" in done.err


def test_a_second_instance_says_so_and_is_75(home: Home, talker: Talker) -> None:
    talker.greeting = b""
    home.account(talker.port)
    first = home.start("sync")
    try:
        assert talker.connected.wait(60)
        before = home.bytes()
        done = home.run("sync")
        assert done.status == 75
        assert f"another mailsync (process {first.pid}) holds" in done.err
        assert home.bytes() == before
    finally:
        first.kill()
        first.communicate()


SIGNALS = ((signal.SIGINT, 130), (signal.SIGTERM, 143))


@pytest.mark.parametrize(("number", "status"), SIGNALS)
@pytest.mark.parametrize("json", [False, True], ids=["words", "json"])
def test_a_signal_ends_a_sync(
    home: Home, talker: Talker, number: int, status: int, json: bool
) -> None:
    talker.greeting = b""
    home.account(talker.port)
    process = home.start("sync", *["--json"] * json)
    assert talker.connected.wait(60)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert err == "mailsync: interrupted; the next run completes the work\n"
    assert (f'"exit-status": {status}' in out) == json


DEAF = """
import sys, time
from mailsync.cli import stop
stop.listen()
word = "ready"
while True:
    try:
        print(word, flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        word = "first"
"""


@pytest.mark.parametrize(("number", "status"), SIGNALS)
@pytest.mark.parametrize("again", [False, True], ids=["one", "two"])
def test_nothing_outlives_a_signal(number: int, status: int, again: bool) -> None:
    """Work that does not end, as that of a disk which hangs, is left; at once after a second."""
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.stdout.readline() == b"first\n"
        if again:
            process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == status


HUNG = """
import os, sys, time
from mailsync.modes import once
def hangs(*args, **more):
    word = "ready"
    while True:
        try:
            print(word, flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            word = ""
once.sync = hangs
from mailsync.cli.entry import run
sys.exit(run(["sync", *sys.argv[1:]]))
"""


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_work_that_hangs_has_its_last_words_too(
    home: Home, number: int, status: int, reads: bool
) -> None:
    """But not on a terminal that takes nothing more."""
    home.account(1)
    reading, writing = os.pipe()
    if not reads:
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writing, bytes(65536))
        os.set_blocking(writing, True)
    with subprocess.Popen(
        [sys.executable, "-c", HUNG, "--json"],
        stdout=subprocess.PIPE, stderr=writing, env=home.environment(),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        out = process.stdout.read()
        assert process.wait(60) == status
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read()
    assert said.endswith(b"mailsync: interrupted; the next run completes the work\n") == reads
    assert json.loads(out)["exit-status"] == status


def test_a_signal_that_the_parent_ignores_is_ignored() -> None:
    code = "import signal; from mailsync.cli import stop; stop.listen(); " + (
        "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    )
    shell = f"trap '' INT; exec {sys.executable} -c '{code}'"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


PRINTING = (("--help",), ("config", "sample"), ("config", "check"), ("status", "--json"))


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_reader_that_has_gone_leaves_no_trace(home: Home, words: tuple[str, ...]) -> None:
    home.account(1)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "mailsync", *words],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        env=home.environment(),
        check=False,
    )
    os.close(writing)
    assert done.returncode == 141, "1 would say that some items failed"
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_full_disk_behind_the_output_is_75(home: Home, words: tuple[str, ...]) -> None:
    home.account(1)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mailsync", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=home.environment(),
            check=False,
        )
    assert done.returncode == 75
    assert done.stderr.splitlines()[-1] == (
        "mailsync: output cannot be written: No space left on device"
    )


@pytest.mark.parametrize("words", [("status",), ("config", "check"), ("status", "--json")])
def test_no_output_at_all(home: Home, words: tuple[str, ...]) -> None:
    """A standard output that is closed, as some schedulers leave it."""
    home.account(1)
    shell = f"exec {sys.executable} -m mailsync {' '.join(words)} >&-"
    done = subprocess.run(
        ["sh", "-c", shell], capture_output=True, text=True, env=home.environment(), check=False
    )
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
    assert "bug" not in done.stderr


def test_a_bug_is_one_line_and_a_file(home: Home, tmp_path: Path) -> None:
    home.account(1)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import mailsync.config as config\n"
        "def load(*args): raise ZeroDivisionError('password = hunter2')\n"
        "config.load = load\n"
    )
    done = home.run("status", PYTHONPATH=str(broken))
    log = home.state / "mailsync-crash.log"
    assert done.status == 1
    assert done.err == (
        "mailsync: unexpected error, ZeroDivisionError; this is a bug in mailsync: "
        f"its details are in {log}\n"
    )
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_step_that_was_not_begun_is_not_complained_of() -> None:
    """The signal comes between the call of a coroutine and its first step."""
    code = """
import os, signal
from mailsync.cli import stop
stop.listen()
async def step(): pass
def take(one): os.kill(os.getpid(), signal.SIGTERM)
try:
    take(step())
except stop.Stopped:
    print("stopped")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("stopped\n", "")
