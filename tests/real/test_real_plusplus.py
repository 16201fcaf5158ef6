"""Layout maildir++ with a second Dovecot as the mail reader: it works on the very Maildir."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from support.client import Client, Quicker, canonical
from support.dovecot import Dovecot
from support.reader import Owned, Reader
from support.rig import message
from support.wired import Wired, append_many

from mailsync.model.layout import Layout

pytestmark = pytest.mark.dovecot

ODD = ("A", "A/B", "A/B/C d", "&AOk-", "cur", "100%", "INBOX/x", "it's", "a:b", "*", "a/~b")


@pytest.fixture(scope="module")
def reading() -> Iterator[Reader]:
    with Reader() as server:
        yield server


@pytest.fixture
def rig(
    dovecot: Dovecot,
    reading: Reader,
    wired_on: Callable[..., Wired],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Wired]:
    monkeypatch.setenv("MAILSYNC_ALLOW_ROOT", "1")
    made = wired_on(dovecot, layout=Layout.MAILDIRPP)
    made.disk = Owned()
    reading.adopt(made)
    yield made
    reading.remove_users(["reader"])


def views(client: Client) -> dict[str, Counter[tuple[bytes, str]]]:
    return {box: client.view(box) for box in client.boxes()}


def agreed(rig: Wired, reading: Reader) -> dict[str, Counter[tuple[bytes, str]]]:
    """Sync, and all three hold the same; a second sync has nothing to do."""
    report = rig.sync()
    assert report.exit == 0, report
    rig.assert_equal()
    with rig.client() as one, reading.client() as other:
        served = views(one)
        for _ in range(40):  # what changed within the second of its last look it sees later
            if (seen := views(other)) == served:
                break
            time.sleep(0.25)
        assert seen == served
    rig.sync()  # the reader moved new/ to cur/
    rig.idle()
    return served


def test_names_and_messages(rig: Wired, reading: Reader) -> None:
    with rig.client() as client:
        for box in ODD:
            client.create(box)
            client.append(message(f"in {box}"), box, "\\Seen")
        client.append(message("first"))
    served = agreed(rig, reading)
    assert set(served) >= {*ODD, "INBOX"}
    names = {path.name for path in rig.maildir.iterdir() if path.name.startswith(".")}
    assert {".A.B.C d", ".&AOk-", ".INBOX.x", ".cur", ".a:b"} <= names


def test_both_work_at_it(rig: Wired, reading: Reader) -> None:
    """Flags, moves, copies, deletions, new mail and mailboxes of the reader, and of a client."""
    with rig.client() as client:
        client.create("Work")
        client.create("Work/Sub")
        append_many(client, map(message, range(10)))
        append_many(client, map(message, range(10, 14)), "Work/Sub")
    agreed(rig, reading)
    with reading.client() as reader:
        reader.store(reader.uids()[:3], "+FLAGS (\\Seen \\Flagged)")
        reader.move(reader.uids()[3:5], "INBOX", "Work")
        reader.expunge(reader.uids()[-1:])
        reader.create("New/Deep")
        reader.append(message("written"), "New/Deep", "\\Draft")
    with rig.client() as client:
        client.store(client.uids()[:2], "+FLAGS (\\Answered)")
        client.move(client.uids("Work/Sub")[:1], "Work/Sub", "INBOX")
        client.append(message("arrived"))
    served = agreed(rig, reading)
    assert served["New/Deep"] == Counter({(canonical(message("written")), "D"): 1})
    assert {body for body, _ in served["Work"]} == {canonical(message(n)) for n in (3, 4)}
    assert served["INBOX"][canonical(message(0)), "FRS"] == 1
    assert sum(map(Counter.total, served.values())) == 15
    assert rig.traffic.bodies == 0


def test_a_reader_renames_and_deletes_mailboxes(rig: Wired, reading: Reader) -> None:
    with rig.client() as client:
        for box in ("Work", "Work/Sub", "Work/Sub/Deep", "Old"):
            client.create(box)
            client.append(message(f"in {box}"), box)
    before = agreed(rig, reading)
    with reading.client() as reader:
        reader.rename("Work", "Job/Now")
    report = rig.sync()
    assert report.exit == 0, report
    assert (rig.traffic.bodies, rig.traffic.sent_bytes) == (0, 0)
    with reading.client() as reader:
        reader.expunge(reader.uids("Old"), "Old")
    agreed(rig, reading)
    with reading.client() as reader:
        reader.delete("Old")
    served = agreed(rig, reading)
    assert {"Job/Now", "Job/Now/Sub", "Job/Now/Sub/Deep"} <= served.keys()
    assert served["Job/Now/Sub"] == before["Work/Sub"]
    assert not {"Work", "Old"} & served.keys()


def test_a_client_renames_and_deletes_mailboxes(rig: Wired, reading: Reader) -> None:
    """The reader's own files about a mailbox are no reason to keep it."""
    with rig.client() as client:
        for box in ("Work", "Work/Sub", "Old"):
            client.create(box)
        client.append(message("in Work/Sub"), "Work/Sub")
    before = agreed(rig, reading)
    assert (rig.maildir / ".Old" / "dovecot-uidlist").exists()
    with rig.client() as client:
        client.rename("Work", "Job")
        client.delete("Old")
    served = agreed(rig, reading)
    assert served["Job/Sub"] == before["Work/Sub"]
    assert not (rig.maildir / ".Old").exists()
    kept = {path.name for path in rig.maildir.iterdir()}
    assert {"dovecot-uidlist", "dovecot-uidvalidity", ".mailsync"} <= kept


def test_while_a_sync_runs(rig: Wired, reading: Reader) -> None:
    """Nothing is lost, nothing doubled, whenever the reader or the client comes in between."""
    with rig.client() as client:
        client.create("Work")
        append_many(client, map(message, range(40)))
    agreed(rig, reading)
    over = threading.Event()

    def agitate(client: Client, first: int) -> None:
        number = first
        with client:
            while not over.wait(0.1):
                number += 1
                client.append(message(number), "Work")
                written[first] = number - first
                some = client.uids()[number % 7 :: 7]
                if some:
                    with contextlib.suppress(Quicker):
                        client.store(some, f"{'+-'[number % 2]}FLAGS (\\Flagged)")
                        client.move(some[:1], "INBOX", "Work")

    written = {1000: 0, 2000: 0}
    threads = [
        threading.Thread(target=agitate, args=(reading.client(), 1000)),
        threading.Thread(target=agitate, args=(rig.client(), 2000)),
    ]
    for thread in threads:
        thread.start()
    for _ in range(4):
        assert rig.sync().exit in (0, 1, 75)
    over.set()
    for thread in threads:
        thread.join(60)
    rig.sync()
    served = agreed(rig, reading)
    bodies = Counter(body for view in served.values() for body, _ in view.elements())
    expected = {canonical(message(number)) for number in range(40)}
    for first, count in written.items():
        expected |= {canonical(message(first + 1 + n)) for n in range(count)}
    assert bodies == Counter(expected)
