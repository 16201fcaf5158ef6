"""The main job against servers other than Dovecot: prefix, delimiter, and what each lacks."""

from __future__ import annotations

import contextlib
import imaplib
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from support.churn_profiles import SERVERS as PROFILES
from support.churning import Churn, churning
from support.killing import s7
from support.rig import message
from support.servers import Server
from support.servers.pymaps import Pymap
from support.wired import Wired

pytestmark = pytest.mark.servers

DOVECOT = pytest.param("dovecot", marks=pytest.mark.dovecot)
OTHERS = ["cyrus", "cyrus-dots", "courier", "courier-old", "imap4d", "pymap"]


@pytest.fixture(params=OTHERS)
def rig(request: pytest.FixtureRequest, wired_to: Callable[..., Wired]) -> Wired:
    return wired_to(request.param)


def test_first_sync_and_an_idle_one(rig: Wired) -> None:
    rig.fill(12)
    rig.put(message("local"), info=":2,S")
    rig.settle()
    rig.idle()


# -- both ways, with what each server lacks --------------------------------------------------------


ROUNDS = {
    "cyrus": 2,
    "cyrus-dots": 1,
    "cyrus-delayed": 1,
    "courier": 2,
    "courier-old": 2,
    "imap4d": 2,
}


@pytest.mark.parametrize("name", ROUNDS)
def test_churn(real_server: Callable[[str], Server], tmp_path: Path, name: str) -> None:
    """The fixed share; the campaign is `python tests/real/churn.py --server NAME --rounds 200`."""
    with churning(Churn, PROFILES[name], 1, tmp_path, real_server(name)) as churn:
        churn.run(ROUNDS[name])


def test_churn_on_pymap(tmp_path: Path) -> None:
    """On one of its own, as it has one user."""
    with Pymap() as server, churning(Churn, PROFILES["pymap"], 1, tmp_path, server) as churn:
        churn.run(1)


# -- what else may go wrong ------------------------------------------------------------------------


@pytest.mark.parametrize("name", OTHERS)
def test_s7_killed_and_restarted_at_once(wired_to: Callable[..., Wired], name: str) -> None:
    report = s7(wired_to(name), random.Random(7), count=60)
    assert not report.bad, report


@pytest.mark.parametrize("name", ["cyrus", "cyrus-dots", "courier", "courier-old", "pymap"])
def test_a_parent_is_renamed_while_the_mailbox_below_is_selected(
    wired_to: Callable[..., Wired], name: str
) -> None:
    """Courier refuses that: it is left before.  The last by its name is looked at last.  (imap4d
    shows what came a second late.)"""
    rig = wired_to(name)
    with rig.client() as client:
        for box in ("z", "z/z"):
            client.create(box)
            client.append(message(box), box)
    rig.settle()
    with rig.client() as client:
        client.append(message("new"), "z/z")
    rig.box("z").rename(rig.box("B"))
    rig.settle()
    rig.idle()
    assert len(rig.files("B/z")) == 2


@pytest.mark.parametrize("name", [DOVECOT, *OTHERS])
def test_odd_names(wired_to: Callable[..., Wired], name: str) -> None:
    """Those that the server takes, both ways; the others are named and hurt nobody."""
    rig = wired_to(name)
    taken: list[str] = []
    with rig.client() as client:
        for box in ("a b", "&AMQ-rger", "[x]", "a&-b", "C,D+E", "it's", "~x", "(x)", "100%%"):
            with contextlib.suppress(AssertionError, imaplib.IMAP4.error):
                client.create(box)
                client.append_raw(message(box), box)
                taken.append(box)
    assert len(taken) >= 5, taken
    here = ["neu & alt", "öl", "x.y", "deep/er/still"]
    for box in here:
        rig.put(message(box), box)
    report = rig.sync()
    assert report.exit in (0, 1), report
    assert report.total().downloaded >= len(taken)
    with rig.client() as client:
        assert {"neu &- alt", "&APY-l", "deep/er/still"} <= set(client.boxes())
    again = rig.sync()
    assert again.exit == report.exit
    assert (rig.traffic.bodies, rig.traffic.sent_bytes) == (0, 0)
