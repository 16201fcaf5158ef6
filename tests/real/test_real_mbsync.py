"""Who comes from mbsync keeps the Maildir: nothing is carried, nothing is doubled."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.dovecot import Dovecot
from support.rig import Rig, message

pytestmark = pytest.mark.dovecot

CONFIG = """\
IMAPAccount a
Host 127.0.0.1
Port {port}
User {user}
Pass secret
SSLType None
AuthMechs LOGIN

IMAPStore far
Account a

MaildirStore near
Path {mail}/
Inbox {mail}/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
SyncState *
CopyArrivalDate {date}
"""


@pytest.mark.parametrize("date", ["yes", "no"])
def test_a_maildir_of_mbsync(dovecot: Dovecot, tmp_path: Path, date: str) -> None:
    mbsync = shutil.which("mbsync")
    if mbsync is None:
        reason = "mbsync not found: apt-get install isync"
        if os.environ.get("MAILSYNC_REQUIRE_DOVECOT") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    rig = Rig(dovecot, tmp_path)
    rig.maildir.mkdir()
    with rig.client() as client:
        client.create("Work")
        for number in range(8):
            box = ("INBOX", "Work")[number % 2]
            client.append(message(number, number), box, date="02-Oct-2026 10:00:00 +0000")
    conf = tmp_path / "mbsyncrc"
    conf.write_text(CONFIG.format(port=dovecot.port, user=rig.user, mail=rig.maildir, date=date))
    argv = [mbsync, "-c", str(conf), "-a"]
    subprocess.run(argv, check=True, capture_output=True)
    rig.put(message("sent"), "Work", info=":2,S")
    subprocess.run(argv, check=True, capture_output=True)
    assert all(b"X-TUID" in path.read_bytes() for path in rig.files())
    before = rig.snapshot()

    report = rig.sync()
    assert report.exit == 0, report
    assert not any(report.total().counts().values()), report
    assert rig.snapshot() == before
    rig.assert_idle()

    # And it goes on: a move and a deletion reach the server.
    first, second, *_ = rig.files("INBOX")
    first.rename(rig.box("Work") / "cur" / f"{first.name.partition(':')[0]}:2,S")
    second.unlink()
    report = rig.sync()
    total = report.total()
    assert (total.moved, total.expunged, total.uploaded, total.downloaded) == (1, 1, 0, 0), report
    with rig.client() as client:
        assert len(client.uids("INBOX")) == 2
        assert len(client.uids("Work")) == 6
    rig.assert_idle()
