"""A message of 200 MB, both ways, in constant memory."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.spot import Spot

pytestmark = pytest.mark.dovecot

LINE = b"0123456789abcdef" * 4095 + b"0123456789abcd\r\n"  # 64 KiB
SIZE = 200 << 20
ROOM = 48 << 20  # more than the same run needs for small messages


def head(name: str) -> bytes:
    return b"Subject: large %b\r\nMessage-ID: <%b@large>\r\n\r\n" % (name.encode(), name.encode())


def save(spot: Spot, name: str) -> None:
    """Another client stores a large message, piece by piece."""
    with spot.client() as client:
        start = head(name)
        command = f"M1 APPEND INBOX () {{{len(start) + SIZE}+}}\r\n"
        client.imap.send(command.encode() + start)
        for _ in range(SIZE // len(LINE)):
            client.imap.send(LINE)
        client.imap.send(b"\r\n")
        while not (line := client.imap.readline()).startswith(b"M1 "):
            assert line
        assert line.startswith(b"M1 OK"), line


def peak(spot: Spot) -> int:
    """`mailsync sync` to success; the most memory it had, in bytes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mailsync", "sync", "-q"],
        stdin=subprocess.DEVNULL,
        env=spot.home.environment(),
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss << 10


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def large(name: str, end: bytes) -> str:
    """The digest of a large message with these line ends."""
    sha = hashlib.sha256(head(name).replace(b"\r\n", end))
    line = LINE.replace(b"\r\n", end)
    for _ in range(SIZE // len(LINE)):
        sha.update(line)
    return sha.hexdigest()


def test_200_mb_both_ways(spot: Spot) -> None:
    spot.fill(3)
    spot.rig.put(b"Subject: small\r\n\r\n")
    base = peak(spot)
    save(spot, "down")
    assert peak(spot) < base + ROOM, "downloading"
    (got,) = [path for path in spot.rig.files() if path.stat().st_size > 1 << 20]
    assert digest(got) == large("down", b"\n")
    got.unlink()
    spot.sync(0, "1 deleted on the server")

    path = spot.mail / "INBOX" / "cur" / "large:2,S"
    with path.open("wb") as file:
        file.write(head("up").replace(b"\r\n", b"\n"))
        for _ in range(SIZE // len(LINE)):
            file.write(LINE.replace(b"\r\n", b"\n"))
    assert peak(spot) < base + ROOM, "uploading"
    with spot.client() as client:
        (uid,) = client.uids(search="LARGER 1000000")
        total = len(head("up")) + SIZE
        assert b"RFC822.SIZE %d)" % total in client.imap.uid("FETCH", str(uid), "RFC822.SIZE")[1][0]
        for at in (0, 1 << 20, SIZE // 2, total - 1000):
            data = client.imap.uid("FETCH", str(uid), f"BODY.PEEK[]<{at}.1000>")[1]
            assert data[0][1] == part("up", at), at
    assert "both sides agree" in spot.sync(0).out


def part(name: str, at: int) -> bytes:
    """A thousand bytes of it as the server has it."""
    begin = head(name)
    skipped = max(0, at - len(begin)) % len(LINE)
    return (begin[at:] + (LINE * 2)[skipped:])[:1000]
