"""Over 500 odd and malformed messages, both ways (reliability.md §3.6, architecture.md decision 5).

Each crosses a sync as it is: what is on disk is what the server stores, in LF form only where
that can be undone, and what is on the server is the file with each bare LF as CRLF.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.client import Client, canonical
from support.dovecot import Dovecot
from support.oddmail import Odd, odd_messages
from support.rig import Rig

pytestmark = pytest.mark.dovecot

ODD = odd_messages()
LATEST = 2**31 - 1  # Dovecot 2.3 takes a later INTERNALDATE for now
SECOND = 10**9


# -- what to expect, in words of its own -------------------------------------------------------


def wire(stored: bytes) -> bytes:
    """Every bare LF as CRLF."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", stored)


def at_rest(received: bytes) -> bytes:
    """Decision 5: LF form if every LF follows a CR and there is no other CR."""
    reversible = re.fullmatch(rb"(?:[^\r\n]|\r\n)*+", received)
    return received.replace(b"\r\n", b"\n") if reversible else received


def dovecot_serves(body: bytes) -> bytes:
    """What Dovecot 2.3 makes of an APPEND: it drops one CR of CR CR LF and a CR at the very end,
    and shows NUL as 0x80 in BODY[] (RFC 3516 §4.2: no NUL outside literal8)."""
    served = wire(body).replace(b"\r\r\n", b"\r\n").replace(b"\0", b"\x80")
    return served[:-1] if served.endswith(b"\r") else served


def test_the_messages_are_what_they_claim_to_be() -> None:
    assert odd_messages() == ODD
    different = {canonical(odd.body) for odd in ODD}
    assert len(different) >= 500
    assert len({odd.name for odd in ODD}) == len({odd.file for odd in ODD}) == len(ODD)
    assert len({odd.body for odd in ODD}) == len(ODD) - sum(odd.is_twin for odd in ODD) + 3
    assert max(len(odd.file) for odd in ODD) <= 255


@pytest.mark.parametrize(
    ("received", "stored"),
    [(b"a\r\nb", b"a\nb"), (b"a\r\n\n", b"a\r\n\n"), (b"\r", b"\r"), (b"", b""), (b"\r\r\n",) * 2],
)
def test_the_rule_of_the_test_itself(received: bytes, stored: bytes) -> None:
    assert at_rest(received) == stored


# -- the two sides -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Served:
    body: bytes
    date: int
    letters: str


def append(client: Client, odd: Odd, letters: str = "") -> int:
    """By another client, byte for byte; its UID."""
    when = datetime.fromtimestamp(odd.date, UTC).strftime("%d-%b-%Y %H:%M:%S +0000")
    names = {"S": "\\Seen", "F": "\\Flagged", "R": "\\Answered", "D": "\\Draft", "T": "\\Deleted"}
    flags = " ".join(names.get(letter, "$Forwarded") for letter in letters)
    literal = f"{'~' if odd.has_nul else ''}{{{len(odd.body)}+}}"
    line = f'M1 APPEND INBOX ({flags}) "{when}" {literal}\r\n'
    client.imap.send(line.encode() + odd.body + b"\r\n")
    while not (answer := client.imap.readline()).startswith(b"M1 "):
        assert answer
    found = re.search(rb"OK \[APPENDUID \d+ (\d+)\]", answer)
    assert found, (odd.name, answer)
    return int(found[1])


def served(client: Client) -> dict[int, Served]:
    bodies = client.messages()
    _, data = client.imap.uid("FETCH", "1:*", "(UID INTERNALDATE)")
    dates: dict[int, int] = {}
    for line in data:
        found = re.search(rb'UID (\d+) INTERNALDATE "([^"]+)"', line)
        assert found, line
        when = datetime.strptime(found[2].decode().strip(), "%d-%b-%Y %H:%M:%S %z")
        dates[int(found[1])] = int(when.timestamp())
    return {uid: Served(body, dates[uid], letters) for uid, (body, letters) in bodies.items()}


def on_disk(rig: Rig) -> Counter[tuple[bytes, int]]:
    """Every file as (bytes, mtime)."""
    return Counter((path.read_bytes(), int(path.stat().st_mtime)) for path in rig.files())


def put(rig: Rig, odd: Odd) -> None:
    path = os.fsencode(rig.make("INBOX") / "cur") + b"/" + odd.file
    with open(path, "wb") as file:
        file.write(odd.body)
    os.utime(path, ns=(odd.date * SECOND + 123_456_789,) * 2)


def assert_replica(rig: Rig, root: Path, shown: dict[int, Served]) -> None:
    """A fresh Maildir of the same account gets what the server stores, and it can be undone."""
    other = Rig(rig.server, root, user=rig.user)
    report = other.sync()
    assert report.exit == 0, report
    assert report.total().downloaded == len(shown)
    wanted = Counter((at_rest(one.body), one.date) for one in shown.values())
    differences(on_disk(other), wanted)
    back = Counter(wire(path.read_bytes()) for path in other.files())
    assert back == Counter(one.body for one in shown.values()), "the stored form is given back"
    other.assert_idle()


def differences(got: Counter[tuple[bytes, int]], wanted: Counter[tuple[bytes, int]]) -> None:
    more, less = got - wanted, wanted - got
    assert not more, [(body[:60], len(body), date) for body, date in [*more][:5]]
    assert not less, [(body[:60], len(body), date) for body, date in [*less][:5]]


# -- the tests ---------------------------------------------------------------------------------


def test_appended_by_a_client_and_downloaded(dovecot: Dovecot, tmp_path: Path) -> None:
    rig = Rig(dovecot, tmp_path)
    with rig.client() as client:
        uids = {append(client, odd, odd.letters): odd for odd in ODD}
        shown = served(client)
    for uid, odd in uids.items():
        assert shown[uid].body == dovecot_serves(odd.body), odd.name
        assert shown[uid].letters == odd.letters
        assert odd.date > LATEST or shown[uid].date == odd.date, odd.name
    report = rig.sync()
    assert report.exit == 0, report
    assert report.total().downloaded == len(ODD)
    wanted = Counter((at_rest(one.body), one.date) for one in shown.values())
    differences(on_disk(rig), wanted)
    rig.assert_equal()
    rig.assert_idle()
    with rig.client() as client:
        assert served(client) == shown, "the server is as it was"
    assert_replica(rig, tmp_path / "other", shown)


def test_put_as_files_and_uploaded(dovecot: Dovecot, tmp_path: Path) -> None:
    rig = Rig(dovecot, tmp_path)
    for odd in ODD:
        put(rig, odd)
    before = {path.name: path.read_bytes() for path in rig.files()}
    report = rig.sync()
    assert report.exit == 0, report
    assert report.total().uploaded == len(ODD)
    assert {path.name: path.read_bytes() for path in rig.files()} == before, "not a byte touched"
    with rig.client() as client:
        shown = served(client)
    got = Counter((one.body, one.letters) for one in shown.values())
    assert got == Counter((dovecot_serves(odd.body), odd.letters) for odd in ODD)
    kept = Counter((one.body, one.date) for one in shown.values() if one.date <= LATEST)
    soon = Counter((dovecot_serves(o.body), o.date) for o in ODD if o.date <= LATEST)
    assert not soon - kept, "INTERNALDATE is the file's mtime"
    rig.assert_idle()
    assert_replica(rig, tmp_path / "other", shown)

    # The cache is lost: what is stored as it was sent is known again, and what has another header
    # there only because of CRs and NULs.
    for path in rig.state.glob("cache.db*"):
        path.unlink()
    assert rig.sync().exit == 0
    with rig.client() as client:
        again = Counter(one.body for one in served(client).values())
    before_loss = Counter(one.body for one in shown.values())
    altered = ("header-cr-crcrlf", "header-crlf-lfcr", "nul-in-header", "nul-first", "nul-only")
    for odd in ODD:
        body = dovecot_serves(odd.body)
        if body == wire(odd.body) or odd.name in altered:
            assert again[body] == before_loss[body], odd.name


def test_dates_that_imap_or_the_disk_cannot_say(dovecot: Dovecot, tmp_path: Path) -> None:
    rig = Rig(dovecot, tmp_path)
    years = {"0001": 0, "1601": 0, "1901": 0, "1969": 0, "1970": 86_400}
    with rig.client() as client:
        for year in years:
            client.append(
                b"Subject: %b\r\n\r\n" % year.encode(), date=f"02-Jan-{year} 00:00:00 +0000"
            )
    stamps = (-(2**33), -1, 0, 1, 2**31, 2**32 + 1, 2**33 + 1, 2**34 - 1)
    for stamp in stamps:
        path = rig.put(b"Subject: file of %d\r\n\r\n" % stamp, info=":2,S")
        os.utime(path, ns=(stamp * SECOND,) * 2)
    before = {path.name: path.stat().st_mtime_ns for path in rig.files()}
    report = rig.sync()
    assert report.exit == 0, report
    assert (report.total().downloaded, report.total().uploaded) == (len(years), len(stamps))
    after = {path.name: path.stat().st_mtime_ns for path in rig.files()}
    assert before.items() <= after.items()
    rig.assert_equal()
    rig.assert_idle()
    with rig.client() as client:
        shown = served(client)
    assert_replica(rig, tmp_path / "other", shown)


def test_an_empty_file_is_parked_by_name(dovecot: Dovecot, tmp_path: Path) -> None:
    rig = Rig(dovecot, tmp_path)
    rig.put(b"", info=":2,S", unique="empty")
    rig.put(b"Subject: x\r\n\r\n", info=":2,S")
    report = rig.sync()
    assert report.exit == 1
    assert (report.total().uploaded, report.total().parked) == (1, 1)
    assert "empty: the file is empty" in report.mailboxes[0].notices[0]
    rig.assert_idle()
    (rig.maildir / "INBOX" / "cur" / "empty:2,S").write_bytes(b"Subject: no more\n\n")
    assert rig.sync("INBOX").total().failed == 0


def test_on_both_sides_already(dovecot: Dovecot, tmp_path: Path) -> None:
    """A Maildir and an account that hold the same odd mail are paired, whatever the files' line
    ends; nothing is doubled, and nothing again when the cache is lost."""
    rig = Rig(dovecot, tmp_path)
    with rig.client() as client:
        uids = {append(client, odd, odd.letters): odd for odd in ODD}
        shown = served(client)
    for uid, one in shown.items():
        body = (one.body, at_rest(one.body), canonical(one.body))[uid % 3]
        put(rig, replace(uids[uid], body=body, date=one.date))
    before = on_disk(rig)
    for _ in range(2):
        report = rig.sync()
        assert report.exit == 0, report
        assert (report.total().uploaded, report.total().downloaded) == (0, 0), report
        assert on_disk(rig) == before
        with rig.client() as client:
            assert served(client) == shown
        rig.assert_idle()
        for path in rig.state.glob("cache.db*"):
            path.unlink()
