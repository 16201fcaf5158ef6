"""The demo runs end to end, with Dovecot and without, and tells the same story."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from support.home import Home

from mailsync.cli import demo_server
from mailsync.cli.app import app
from mailsync.cli.state import State


def run() -> str:
    done = CliRunner().invoke(app, ["demo"], obj=State(), standalone_mode=False)
    assert done.exception is None, done.output
    assert done.return_value == 0, done.output
    return done.output


def check(output: str) -> None:
    assert output.count("   Compared: the same ") == 3
    assert "differ" not in output
    assert "   demo: both sides agree, nothing to do\n" in output
    assert "   demo: 13 held\n" in output
    assert "   demo: 13 downloaded\n" in output
    assert "config sample > ~/" in output


@pytest.mark.dovecot
def test_with_dovecot(dovecot: object) -> None:
    output = run()
    assert "(a private Dovecot), with 24 messages" in output
    assert (
        "demo: 1 downloaded, 1 uploaded, 1 flag change here, 1 flag change on the server, 3 moved\n"
        in output
    )
    check(output)


def test_with_pymap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_server, "_is_2_3", lambda program: False)
    output = run()
    assert "(pymap)" in output
    check(output)


def test_who_has_a_configuration_is_not_told_to_overwrite_it(home: Home) -> None:
    home.account(1)
    done = home.run("demo")
    assert done.status == 0, done
    assert "config sample" not in done.out
    assert "config check" in done.out
    assert sorted(path.name for path in home.root.iterdir()) == [".config"]  # nothing of it is left
