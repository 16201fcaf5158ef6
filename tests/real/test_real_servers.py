"""The main job against servers other than Dovecot: prefix, delimiter, and what each lacks."""

from __future__ import annotations

import contextlib
import imaplib
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.churn_profiles import SERVERS as PROFILES
from support.churning import Churn, churning
from support.killing import s7
from support.rig import Rig, message
from support.servers import Server
from support.servers.pymaps import Pymap
from support.wired import Wired, append_many

from mailsync.model.settings import Guard

pytestmark = pytest.mark.servers

OTHERS = ["cyrus", "cyrus-dots", "courier", "courier-old", "imap4d", "pymap"]


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


# -- both ways, with what each server lacks --------------------------------------------------------


ROUNDS = {"cyrus": 2, "cyrus-dots": 1, "courier": 2, "courier-old": 2, "imap4d": 2}


@pytest.mark.parametrize("name", ROUNDS)
def test_churn(real_server: Callable[[str], Server], tmp_path: Path, name: str) -> None:
    """The fixed share; the campaign is `python tests/real/churn.py --server NAME --rounds 200`."""
    with churning(Churn, PROFILES[name], 1, tmp_path, real_server(name)) as churn:
        churn.run(ROUNDS[name])


def test_churn_on_pymap(tmp_path: Path) -> None:
    """On one of its own, as it has one user."""
    with Pymap() as server, churning(Churn, PROFILES["pymap"], 1, tmp_path, server) as churn:
        churn.run(1)


# -- what hurts users of other programs (reliability.md §0) ----------------------------------------

COUNT = 30


@pytest.fixture(params=["cyrus", "courier-old"])
def full(
    request: pytest.FixtureRequest,
    real_server: Callable[[str], Server],
    wired_on: Callable[..., Wired],
) -> Wired:
    """30 messages on both sides, under the default guard."""
    made = wired_on(real_server(request.param), guard=Guard())
    made.fill(COUNT)
    made.settle()
    made.idle()
    return made


def on_server(rig: Wired, box: str = "INBOX") -> int:
    with rig.client() as client:
        return len(client.uids(box))


def nothing_transferred(rig: Wired) -> None:
    assert (rig.traffic.bodies, rig.traffic.sent_bytes) == (0, 0), rig.traffic


def test_s1_all_files_gone(full: Wired) -> None:
    for path in full.files():
        path.unlink()
    report = full.sync()
    assert (report.exit, report.total().held) == (3, COUNT), report
    assert on_server(full) == COUNT


def test_s3_cache_lost(full: Wired) -> None:
    full.lose_cache()
    full.settle()
    nothing_transferred(full)
    assert len(full.files()) == on_server(full) == COUNT
    full.idle()


def test_s5_mailbox_made_anew_in_another_order(full: Wired) -> None:
    with full.client() as client:
        client.create("Work")
        append_many(client, map(message, range(100, 120)), "Work")
        full.settle()
        client.select("INBOX")
        client.delete("Work")
        time.sleep(1.1)  # Courier's UIDVALIDITY is the second
        client.create("Work")
        append_many(client, map(message, reversed(range(100, 120))), "Work")
    full.settle()
    nothing_transferred(full)
    full.idle()


def test_s6_server_mailbox_emptied(full: Wired) -> None:
    with full.client() as client:
        client.expunge(client.uids())
    report = full.sync()
    assert (report.exit, report.total().held) == (3, COUNT), report
    assert len(full.files()) == COUNT


def test_s8_s9_a_reader_renames_and_moves_files(full: Wired) -> None:
    """By COPY where there is no MOVE; without UIDPLUS the copies are looked up."""
    target = full.make("Archive")
    for number, path in enumerate(full.files()):
        if number < 5:
            path.rename(path.parent.parent / "cur" / f"17{number:08}.R{number}.reader:2,")
        elif number < 25:
            path.rename(target / "cur" / path.name)
    report = full.settle()
    assert report.total().moved == 20, report
    nothing_transferred(full)
    assert (on_server(full), on_server(full, "Archive")) == (10, 20)
    full.idle()


@pytest.mark.parametrize("name", ["cyrus", "courier-old"])
def test_s7_killed_and_restarted_at_once(
    real_server: Callable[[str], Server], tmp_path: Path, name: str
) -> None:
    rig = Rig(real_server(name), tmp_path)
    report = s7(rig, random.Random(7), count=60)
    assert not report.bad, report


@pytest.mark.parametrize("name", ["cyrus", "cyrus-dots", "courier", "courier-old", "pymap"])
def test_odd_names(
    real_server: Callable[[str], Server], wired_on: Callable[..., Wired], name: str
) -> None:
    """Those that the server takes, both ways; the others are named and hurt nobody."""
    rig = wired_on(real_server(name))
    rig.user = getattr(rig.server, "user", rig.user)
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
