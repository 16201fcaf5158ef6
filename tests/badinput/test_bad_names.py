"""Mailbox names with anything in them: inside the root, one to one, or refused by name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.client import Client
from support.dovecot import Dovecot
from support.rig import message
from support.spot import Spot
from support.wired import Wired, text_of

from mailsync.model.mailboxname import MailboxName, split

pytestmark = pytest.mark.dovecot

# What Dovecot lets be created, and the directory it becomes here.
TAKEN = {
    "cur": "%63ur",
    "new": "%6Eew",
    "tmp": "%74mp",
    "a/cur/b": "a/%63ur/b",
    ".hidden": "%2Ehidden",
    "a/.hidden": "a/%2Ehidden",
    " lead": "%20lead",
    "trail ": "trail%20",
    "trail.": "trail%2E",
    "a.b": "a.b",
    "100%": "100%",
    "%41": "%2541",
    "%2E": "%252E",
    "*": "*",
    "a%b": "a%b",
    "Inbox/x": "INBOX/x",
    "x" * 255: "x" * 255,
    "d/" * 40 + "e": "d/" * 40 + "e",
    "&-": "&",
    "&AOk-": "é",
    "&ZeVnLIqe-": "日本語",
    "&IC4-rtl": "%E2%80%AErtl",
    "&IGA-": "%E2%81%A0",
    'q"uote': 'q"uote',
    "back\\slash": "back\\slash",
    "a:b": "a:b",
    "Ab": "Ab",
    "aB": "aB",
    "dovecot-uidlist": "dovecot-uidlist",
}


def command(client: Client, verb: str, name: bytes, body: bytes | None = None) -> bytes:
    """With the name as a literal, so that it may be anything."""
    client.imap.send(b"N1 %b {%d+}\r\n" % (verb.encode(), len(name)) + name)
    if body is not None:
        client.imap.send(b" {%d+}\r\n" % len(body) + body)
    client.imap.send(b"\r\n")
    while not (line := client.imap.readline()).startswith(b"N1 "):
        assert line
    return line


def test_every_name_that_the_server_takes(spot: Spot) -> None:
    with spot.client() as client:
        for name in TAKEN:
            assert command(client, "CREATE", name.encode()).startswith(b"N1 OK"), name
            assert command(client, "APPEND", name.encode(), message(name)).startswith(b"N1 OK")
    spot.sync(0)
    assert set(spot.rig.local_boxes()) == {*TAKEN.values(), "INBOX"}
    for name, local in TAKEN.items():
        (path,) = spot.rig.files(local)
        assert f"Subject: message {name}\n".encode() in path.read_bytes()
        path.rename(path.parent.parent / "cur" / f"{path.name}:2,S")
    spot.sync(0)
    spot.sync(0)
    with spot.client() as client:
        for name in TAKEN:
            assert command(client, "SELECT", name.encode()).startswith(b"N1 OK")
            client.imap.state = "SELECTED"
            assert client.imap.uid("SEARCH", "SEEN")[1] == [b"1"], name


def test_directories_whose_names_the_server_does_not_take(spot: Spot) -> None:
    """Each is parked under its name, its files stay, and the others go on."""
    refused = ("%2E%2E", "%2E%2E/evil", "a%2Fb", "ctl%0Ax", "%FFAGE-", "%00nul", "~tilde")
    refused += ("InBox/x",)
    skipped = ("Inbox", "trailing.", "raw\udcff", "%2e%2e", "e%zz.")
    good = ("%63ur", "é", "e\u0301", "日本", "x%20", "y" * 255, "100%", "INBOX/Sub", "%zz")
    for name in (*refused, *skipped, *good):
        folder = os.fsencode(spot.mail) + b"/" + os.fsencode(name)
        for part in (b"/cur", b"/new", b"/tmp"):
            os.makedirs(folder + part)
        with open(folder + b"/cur/mail:2,S", "wb") as file:
            file.write(b"Subject: in %b\n\n" % ascii(name).encode())
    files = spot.rig.snapshot()
    done = spot.sync(1, *(f"  {name}: 1 parked" for name in refused))
    assert not [name for name in good if f"  {name}: 1 uploaded" not in done.out]
    for name in skipped:
        told = name.replace("\udcff", "\\xff")
        if name != "%2e%2e":  # no escape of ours: the name is these very characters
            assert f"skipped {spot.mail}/{told}: a mailbox cannot have this name" in done.err
    assert spot.rig.snapshot() == files
    spot.idle(1)
    with spot.client() as client:
        assert len(client.boxes()) == len(good) + 2


HOSTILE = (
    b'"../../evil"',
    b'".."',
    b'"."',
    b'"a/../../evil"',
    b'"/etc/evil"',
    b'"a//b"',
    b'"//"',
    b'""',
    b'"~/evil"',
    b'"cur"',
    b'"Work/cur"',
    b'"inbox"',
    b'"iNbOx"',
    b'"&AGE-"',
    b'"&bad"',
    b'"&2AA-"',
    b'"&AAA-"',
    b'"&AC8-"',
    b'"&AC4ALg-/evil"',
    b'"caf\xe9"',
    b'"caf\xc3\xa9"',
    b'"tab\there"',
    b'"\x1b[31mred"',
    b'"bell\x07"',
    b"{6}\r\na\r\nb\r\n",
    b"{3}\r\na\0b",
    b'"' + b"x" * 300 + b'"',
    b'"' + b"y/" * 100 + b'z"',
    b'"' + b"w/" * 2500 + b'w"',
    b'"' + b"z" * 200 + b"&AOkA6QDpAOkA6QDpAOkA6QDpAOkA6QDpAOkA6QDpAOkA6QDpAOkA6QDpAOkA6Q-" + b'"',
    b'"%00"',
    b'"%2E%2E/evil"',
    b'"Work"',
    b"NIL",
)


@pytest.fixture
def hostile(dovecot: Dovecot, wired_on: Callable[..., Wired]) -> Wired:
    """A server whose LIST names more than there is."""
    wired = wired_on(dovecot)
    with wired.client() as client:
        client.create("Work")
    wired.fill(3)
    wired.fill(3, "Work")

    def rewrite(response: bytes) -> bytes:
        if re.match(rb'\* LIST \([^)]*\) "/" "?Work"?\r\n', response):
            return response + b"".join(b'* LIST () "/" %b\r\n' % name for name in HOSTILE)
        return response

    wired.wire.rewrite = rewrite
    return wired


def test_names_that_a_hostile_server_lists(hostile: Wired, tmp_path: Path) -> None:
    before = outside(hostile)
    report = hostile.sync()
    told = text_of(report)
    assert report.exit in (1, 4), report
    assert report.total().downloaded == 6, "INBOX and Work are synced all the same"
    assert outside(hostile) == before
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "is left out" in told
    for name in hostile.local_boxes():
        assert split(MailboxName(name))
    for box in ("INBOX", "Work"):
        assert len(hostile.files(box)) == 3
    assert "../../evil" in told or "%2E%2E" in told
    files = hostile.snapshot()
    hostile.sync()
    assert (hostile.snapshot(), outside(hostile)) == (files, before)


def outside(rig: Wired) -> set[str]:
    """All that lies beside the Maildir and the state."""
    found = set()
    for folder, folders, files in os.walk(rig.root):
        if Path(folder) == rig.root:
            folders[:] = [one for one in folders if one not in ("mail", "state")]
        found |= {f"{folder}/{name}" for name in (*folders, *files)}
    return found | set(os.listdir("/etc"))
