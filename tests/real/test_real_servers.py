"""The main job against servers other than Dovecot: prefix, delimiter, and what each lacks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.rig import message
from support.servers import Server
from support.wired import Wired

pytestmark = pytest.mark.servers

OTHERS = ["cyrus", "cyrus-dots", "courier", "courier-old", "pymap"]


@pytest.fixture(params=OTHERS)
def rig(
    request: pytest.FixtureRequest,
    real_server: Callable[[str], Server],
    wired_on: Callable[..., Wired],
) -> Wired:
    server = real_server(request.param)
    made = wired_on(server)
    made.user = getattr(server, "user", made.user)
    return made


def test_first_sync_and_an_idle_one(rig: Wired) -> None:
    rig.fill(12)
    rig.put(message("local"), info=":2,S")
    rig.settle()
    rig.idle()
