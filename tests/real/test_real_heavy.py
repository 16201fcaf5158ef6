"""What weighs on a server: 50 MB in one message, a full quota, a restart in the middle."""

from __future__ import annotations

import imaplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from support.client import canonical
from support.dovecot import Dovecot
from support.rig import message
from support.servers import Server
from support.servers.courier import Courier
from support.servers.cyrus import Cyrus
from support.wired import Wired, text_of

pytestmark = pytest.mark.servers

DOVECOT = pytest.param("dovecot", marks=pytest.mark.dovecot)
LARGE = 50_000_000 // 70  # lines
FULL = 100  # KiB


@pytest.fixture(params=[DOVECOT, "cyrus", "courier", "courier-old", "imap4d", "pymap"])
def rig(request: pytest.FixtureRequest, wired_to: Callable[..., Wired]) -> Wired:
    return wired_to(request.param)


def test_fifty_megabytes_each_way(rig: Wired) -> None:
    # imap4d takes minutes for 50 MB.
    lines = LARGE // 10 if rig.server.dir.name.startswith("imap4d") else LARGE
    there, here = message("there", lines), message("here", lines)
    with rig.client() as client:
        client.append_raw(there)
    rig.put(here)
    rig.put(message("small"))
    report = rig.sync()
    assert report.exit == 0, report
    assert (report.total().downloaded, report.total().uploaded) == (1, 2)
    assert {canonical(there), canonical(here)} <= {path.read_bytes() for path in rig.files()}
    rig.assert_equal()
    rig.idle()


# -- quota -----------------------------------------------------------------------------------------


class Limited:
    """A server on which the quota of a user can be set, in KiB."""

    def __init__(self, name: str) -> None:
        self.server: Cyrus | Courier | Dovecot
        if name == "cyrus":
            self.server = Cyrus()
        elif name == "courier":
            self.server = Courier()
        else:
            self.server = Dovecot(
                extra="protocol imap {\n  mail_plugins = $mail_plugins quota\n}\n"
                "plugin {\n  quota = count:User\n  quota_vsizes = yes\n"
                f"  quota_rule = *:storage={FULL}K\n}}\n"
            )

    def limit(self, user: str, size: int) -> None:
        server = self.server
        if isinstance(server, Cyrus):
            with imaplib.IMAP4(server.host, server.port) as admin:
                admin.login("admin", server.password)
                assert admin.setquota(f"user/{user}", f"(STORAGE {size})")[0] == "OK"
        elif isinstance(server, Courier):
            (server.home(user) / "maildirsize").write_text(f"{size * 1024}S\n")
        elif size != FULL:
            text = server.config.read_text()
            server.config.write_text(text.replace(f"storage={FULL}K", f"storage={size}K"))
            server.restart()


@pytest.fixture(params=[DOVECOT, "cyrus", "courier"])
def limited(request: pytest.FixtureRequest, own_server: Callable[[str], None]) -> Iterator[Limited]:
    own_server(request.param)
    made = Limited(request.param)
    with made.server:
        yield made


def test_a_quota_that_is_full(limited: Limited, wired_on: Callable[..., Wired]) -> None:
    """What does not fit waits and is named; all else goes on, and it fits one day."""
    rig = wired_on(limited.server)
    rig.fill(3)
    rig.settle()
    limited.limit(rig.user, FULL)
    rig.put(message("does not fit", 2 * FULL * 1024 // 70))
    rig.put(message("fits"))
    with rig.client() as client:
        client.expunge(client.uids()[:1])
    report = rig.sync()
    assert report.exit == 1, report
    assert "quota" in text_of(report).lower(), report
    assert (report.total().parked, report.total().uploaded, report.total().removed) == (1, 1, 1)
    assert len(rig.files()) == 4
    rig.idle(exit=1)
    limited.limit(rig.user, 100 * FULL)
    rig.watch.ahead += 25 * 3600
    rig.settle()
    rig.idle()


# -- restart ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cyrus", "cyrus-dots", "courier", "courier-old", "imap4d"])
def test_restarted_in_the_middle(
    real_server: Callable[[str], Server], wired_on: Callable[..., Wired], name: str
) -> None:
    """Dovecot's turn is in real/faults.py, again and again.  (pymap has its mail in memory.)"""
    server = real_server(name)
    rig = wired_on(server)
    rig.fill(300)
    for number in range(1000, 1040):
        rig.put(message(number))
    words = [sys.executable, "-m", "mailsync", "--config", str(rig.configured()), "sync", "-q"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and len(list(rig.maildir.glob("INBOX/*/*"))) < 60:
            time.sleep(0.005)
        running = process.poll() is None
        server.restart()
        _, said = process.communicate(timeout=120)
    assert running
    assert process.returncode in (0, 1, 75), said
    assert "Traceback" not in said
    rig.watch.ahead += 25 * 3600
    rig.settle()
    assert len(rig.files()) == 340
    rig.idle()
