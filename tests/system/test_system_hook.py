"""A hook as a process: what it gets, how it fails, and that it never holds anything up."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

import pytest

from mailsync.system import hidden
from mailsync.system.hook import run

SH = ("/bin/sh", "-c")


def hook(script: str, data: bytes = b"", timeout: float = 20, **told: str) -> str:
    return run([*SH, script], told, data, timeout)


def test_it_gets_data_and_environment(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hook(f'cat > {out}; printf "%s" "$WHAT" >> {out}', b"data;", WHAT="$(x) `y` \n") == ""
    assert out.read_text() == "data;$(x) `y` \n"


def test_its_words_are_no_shell(tmp_path: Path) -> None:
    assert run(["/bin/echo", f"> {tmp_path}/x; touch {tmp_path}/y"], {}, b"", 20) == ""
    assert list(tmp_path.iterdir()) == []


def test_much_data_that_is_read_or_not() -> None:
    data = b"x" * 3_000_000
    assert hook("test $(wc -c) -eq 3000000", data) == ""
    assert hook("exit 0", data) == ""
    assert hook("head -c 10 >/dev/null", data) == ""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 3", "ended with status 3"),
        ("echo no index; exit 1", "ended with status 1: no index"),
        ("echo no index >&2; exit 1", "ended with status 1: no index"),
        ("printf 'a\\033[2Jb\\nc'; exit 1", "ended with status 1: a\\x1b[2Jb c"),
        ("kill -9 $$", "killed by signal 9"),
        ("exec /nowhere/at/all 2>/dev/null", "ended with status 127"),
    ],
)
def test_how_it_fails(script: str, said: str) -> None:
    assert hook(script) == said


def test_a_command_that_is_not_there() -> None:
    assert run(["/nowhere/hook"], {}, b"", 20) == "cannot be run: No such file or directory"


def test_much_output_is_cut() -> None:
    assert hook("yes | head -c 2000000") == ""
    assert len(hook("yes | head -c 2000000; exit 1")) < 600


def test_its_time_is_over(tmp_path: Path) -> None:
    """With all that it started."""
    mark = tmp_path / "mark"
    said = hook(f"(sleep 2; touch {mark}) & sleep 60", timeout=0.3)
    assert said == "no end within 0.3 seconds: killed"
    time.sleep(2.5)
    assert not mark.exists()


def test_what_it_leaves_in_the_background_holds_nothing_up(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    assert hook(f"sleep 60 & echo $! > {pid}") == ""
    os.kill(int(pid.read_text()), 9)  # it went on


def test_it_gets_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden, "_variables", {"SESAME"})
    monkeypatch.setattr(hidden, "_seen", {"open-sesame"})
    monkeypatch.setenv("SESAME", "open-sesame")
    assert hook("env | grep -c sesame; exit 1") == "ended with status 1: 0"
    assert hook("echo open-sesame; exit 1") == "ended with status 1: ***"


def test_it_has_none_of_our_files(tmp_path: Path) -> None:
    with open(tmp_path / "secret", "w") as file:
        os.set_inheritable(file.fileno(), True)
        script = f"import os, sys; sys.exit(os.path.exists('/proc/self/fd/{file.fileno()}'))"
        said = run([sys.executable, "-c", f"{script}"], {}, b"", 20)
    assert said == ""


def test_what_it_prints_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mailsync.hook")
    assert hook("echo 3 new messages") == ""
    assert caplog.messages == ["/bin/sh: 3 new messages"]
