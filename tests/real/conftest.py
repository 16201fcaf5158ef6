"""The wired rig for tests against a real Dovecot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.dovecot import Dovecot
from support.wire import Wire
from support.wired import Wired

from mailsync.modes import world


@pytest.fixture
def wired_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Wired]]:
    """`wired_on(server, **account)`: a rig on that server; one a test."""
    with ExitStack() as stack:

        def make(server: Dovecot, **changes: object) -> Wired:
            wire = stack.enter_context(Wire(server.port))
            made = Wired(server, tmp_path, changes=changes, wire=wire)
            monkeypatch.setattr(world, "DiskFs", lambda: made.disk)
            return made

        yield make


@pytest.fixture
def wired(dovecot: Dovecot, wired_on: Callable[..., Wired]) -> Wired:
    return wired_on(dovecot)
