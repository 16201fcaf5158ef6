"""The demo runs end to end, with Dovecot and without."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from mailsync.cli import demo_server
from mailsync.cli.app import app
from mailsync.cli.state import State


def run() -> str:
    done = CliRunner().invoke(app, ["demo"], obj=State(), standalone_mode=False)
    assert done.exception is None, done.output
    assert done.return_value == 0, done.output
    return done.output


@pytest.mark.dovecot
def test_with_dovecot(dovecot: object) -> None:
    assert "a private Dovecot" in run()


def test_with_pymap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_server, "_is_2_3", lambda program: False)
    output = run()
    assert "pymap" in output
    assert output.count("equal on both sides") == 3
    assert "nothing to do" in output
