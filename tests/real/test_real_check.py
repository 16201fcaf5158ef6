"""`check` proves a mirror: all that differs is named, nothing is changed, and doubt is never 0.

`check --repair` makes the cache know what is there; it undoes nothing that a user did.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.dovecot import Dovecot
from support.rig import message
from support.wire import Traffic
from support.wired import Wired, append_many

from mailsync.model.checked import AccountCheck, CheckOptions
from mailsync.model.errors import Exit
from mailsync.model.rows import Side
from mailsync.model.settings import Direction
from mailsync.modes import check as modes

pytestmark = pytest.mark.dovecot


def check(wired: Wired, **options: bool) -> AccountCheck:
    """It never changes a byte, on no side and not in the cache."""
    before, wired.wire.traffic = everything(wired), Traffic()
    found = modes.check(wired.account, CheckOptions(**options))
    if not options.get("repair"):
        assert everything(wired) == before
        commands = wired.traffic.commands
        assert not {"SELECT", "UID STORE", "APPEND", "UID EXPUNGE", "UID MOVE"} & commands.keys()
    return found


def everything(wired: Wired) -> dict[Path, tuple[int, bytes]]:
    files = [path for path in wired.root.glob("**/*") if path.is_file()]
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for path in files
        if path.name != "mailsync.conf" and not path.name.endswith(("-shm", "-wal"))
    }


def told(found: AccountCheck) -> set[tuple[str, int | None, str]]:
    """Mailbox, UID and what."""
    return {(box.name, one.uid, one.what) for box in found.mailboxes for one in box.differences}


@pytest.fixture
def mirror(wired: Wired) -> Wired:
    with wired.client() as client:
        client.create("Work")
        for number in range(6):
            client.append(message(number))
        client.append(message("w"), "Work", "\\Flagged")
    wired.settle()
    assert (check(wired).exit, told(check(wired))) == (Exit.OK, set())
    return wired


def by_number(wired: Wired) -> list[Path]:
    return sorted(wired.files(), key=lambda path: path.read_bytes())


def test_all_that_differs_is_named(mirror: Wired) -> None:
    gone, flagged, edited, *_ = files = by_number(mirror)
    gone.unlink()
    flagged.rename(mirror.box() / "cur" / f"{flagged.name}:2,F")
    edited.write_bytes(edited.read_bytes() + b"more\n")
    new = mirror.put(message("new"))
    with mirror.client() as client:
        client.store([4], "+FLAGS (\\Answered)")
        client.expunge([5])
        client.append(message("there"))
    found = check(mirror)
    assert found.exit is Exit.FAILED
    assert told(found) == {
        ("INBOX", 1, "not in the Maildir"),
        ("INBOX", 2, "flags are none on the server, F in the Maildir"),
        ("INBOX", 3, "the file was changed in place"),
        ("INBOX", 4, "flags are R on the server, none in the Maildir"),
        ("INBOX", 5, "not on the server"),
        ("INBOX", None, "not on the server, new to the cache"),
        ("INBOX", 7, "not in the Maildir, new to the cache"),
    }
    inbox, work = found.mailboxes
    assert (inbox.server, inbox.local, inbox.cache) == (6, 6, 6)
    assert (work.server, work.local, work.cache, work.differences) == (1, 1, 1, ())
    by_uid = {one.uid: one for one in inbox.differences}
    assert by_uid[5].file == f"new/{files[4].name}"
    assert by_uid[None].file == f"new/{new.name}"
    assert by_uid[2].stale == by_uid[1].stale == {Side.LOCAL}
    assert by_uid[4].stale == by_uid[5].stale == {Side.SERVER}
    offline = check(mirror, server=False)
    assert not mirror.traffic.commands
    assert {uid for _, uid, _ in told(offline)} == {1, 2, 3, None}


def test_a_cache_that_agrees_with_both_sides_proves_nothing(mirror: Wired) -> None:
    """What was observed and not yet done: a sync that was cut off, a deletion that is held."""
    with mirror.client() as client:
        client.append(message("there"))
    mirror.wire.refuse = lambda line: "[CANNOT] no" if b"BODY.PEEK[]" in line else None
    mirror.sync()
    mirror.wire.refuse = lambda line: None
    assert told(check(mirror)) >= {("INBOX", 7, "not in the Maildir, parked")} or told(
        check(mirror)
    ) == {("INBOX", 7, "not in the Maildir")}
    assert check(mirror, server=False).exit is Exit.FAILED


def test_mailboxes_on_one_side_only(mirror: Wired) -> None:
    mirror.make("Here")
    with mirror.client() as client:
        client.create("There")
        client.delete("Work")
    assert told(check(mirror)) == {
        ("Here", None, "the mailbox is not on the server"),
        ("There", None, "the mailbox is not in the Maildir"),
        ("Work", None, "the mailbox is not on the server"),
    }


@pytest.mark.parametrize("direction", [Direction.PULL, Direction.PUSH])
def test_what_the_configuration_wants_unequal_is_no_difference(
    mirror: Wired, direction: Direction
) -> None:
    mirror.changes["direction"] = direction
    mirror.sync()
    assert check(mirror).exit is Exit.OK
    if direction is Direction.PULL:
        flagged = by_number(mirror)[0]
        flagged.rename(mirror.box() / "cur" / f"{flagged.name}:2,F")
        mirror.put(message("new"))
    else:
        with mirror.client() as client:
            client.store([1], "+FLAGS (\\Answered)")
            client.append(message("there"))
    assert check(mirror).exit is Exit.FAILED  # no sync has seen it
    assert mirror.sync().exit == 0
    found = check(mirror)
    assert (found.exit, told(found)) == (Exit.OK, set())
    assert len(found.mailboxes[0].notes) == 2


def test_bytes_are_compared(mirror: Wired) -> None:
    found = check(mirror, read_data=True)
    assert (found.exit, [box.read for box in found.mailboxes]) == (Exit.OK, [6, 1])
    path = by_number(mirror)[2]
    seen = path.stat()
    path.write_bytes(path.read_bytes().replace(b"Body", b"Bodx"))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert check(mirror).exit is Exit.OK  # a rotten disk shows no other size or time
    found = check(mirror, read_data=True)
    (one,) = found.mailboxes[0].differences
    assert (found.exit, one.uid, one.file) == (Exit.FAILED, 3, f"new/{path.name}")
    assert one.what.startswith("other bytes: ")
    assert one.what.endswith("; the file has changed since")


def test_what_a_server_does_to_messages_is_told_from_damage(wired: Wired) -> None:
    """Dovecot drops a CR before CR LF."""
    wired.put(message("cr").replace(b"Body of", b"Body\r\r\n of"))
    wired.put(b"Subject: x\n\na\r\r\nb\n")
    assert wired.sync().exit == 0
    found = check(wired, read_data=True)
    assert (found.exit, told(found)) == (Exit.OK, set())
    assert [one.what for one in found.mailboxes[0].notes] == [
        "the server shows a NUL or a CR of it otherwise"
    ] * len(found.mailboxes[0].notes)


def test_large_messages_are_streamed(mirror: Wired) -> None:
    with mirror.client() as client:
        client.append(message("large", 60_000))
    mirror.settle()
    found = check(mirror, read_data=True)
    assert (found.exit, found.mailboxes[0].read) == (Exit.OK, 7)
    assert found.mailboxes[0].size > 4_000_000


def test_many_messages_cost_few_round_trips(wired: Wired) -> None:
    with wired.client() as client:
        append_many(client, (message(number) for number in range(1500)))
    wired.settle()
    assert check(wired).exit is Exit.OK
    assert wired.traffic.commands["UID FETCH"] == 1
    assert wired.traffic.bodies == 0
    assert check(wired, read_data=True).mailboxes[0].read == 1500
    assert wired.traffic.commands["UID FETCH"] == 1 + 15


def test_what_is_put_right_meanwhile_is_no_difference(
    mirror: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync at work: what the first look saw of it is gone at the second."""
    with mirror.client() as client:
        client.append(message("there"))
    looks: list[AccountCheck] = []
    look = modes._look

    async def between(*words: object) -> AccountCheck:
        if looks:
            done = await asyncio.to_thread(mirror.run, "sync")
            assert done.returncode == 0
        looks.append(await look(*words))  # type: ignore[arg-type]
        return looks[-1]

    monkeypatch.setattr(modes, "_look", between)
    found = modes.check(mirror.account, CheckOptions())
    assert [one.differences for one in looks] == [1, 0]
    assert (found.exit, found.differences) == (Exit.OK, 0)


def spelt(wired: Wired, *words: str) -> list[str]:
    return [sys.executable, "-m", "mailsync", "--config", str(wired.configured()), *words]


def test_a_server_that_does_not_answer_proves_nothing(mirror: Wired) -> None:
    mirror.wire.down = True
    done = mirror.run("check")
    assert (done.returncode, done.stdout) == (75, "")
    done = mirror.run("check", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["exit-status"]) == (75, 75)
    assert said["accounts"]["test"]["errors"]


def test_a_mailbox_that_is_refused_proves_nothing(mirror: Wired) -> None:
    mirror.wire.refuse = lambda line: (
        "[NOPERM] no" if line.startswith(b"EXAMINE") and b"Work" in line else None
    )
    found = check(mirror)
    assert (found.exit, found.differences, len(found.errors)) == (Exit.FAILED, 0, 1)
    assert "Work" in found.errors[0]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("words", [(), ("--read-data", "--json")])
def test_interrupted_is_a_status_of_its_own(
    dovecot: Dovecot, mirror: Wired, number: int, status: int, words: tuple[str, ...]
) -> None:
    """While the server is silent in the middle of it."""
    before = everything(mirror)
    seen: list[bytes] = []

    def silent(response: bytes) -> bytes:
        if b"FETCH" in response:
            seen.append(response)
            time.sleep(1.5)
        return response

    mirror.wire.rewrite = silent
    with subprocess.Popen(
        spelt(mirror, "check", *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not seen and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (status, "mailsync: interrupted\n")
    assert json.loads(out)["exit-status"] == status if words else out == ""
    assert everything(mirror) == before


def test_never_synced_is_no_proof(wired: Wired) -> None:
    done = wired.run("check")
    told = "mailsync: test: never synced: there is nothing to compare\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


@pytest.mark.parametrize("server", [False, True])
def test_what_users_did_since_the_last_sync_stays_done(wired: Wired, server: bool) -> None:
    with wired.client() as client:
        for number in range(5):
            client.append(message(number))
    wired.sync()
    unlinked, flagged, edited, *_ = wired.files()
    unlinked.unlink()
    flagged.rename(wired.box() / "cur" / f"{flagged.name.partition(':')[0]}:2,F")
    edited.write_bytes(edited.read_bytes() + b"more\n")
    wired.put(message("new"))
    with wired.client() as client:
        client.expunge(client.uids()[-1:])
    found = check(wired, server=server)
    assert found.exit is Exit.FAILED
    repaired = check(wired, server=server, repair=True)
    assert repaired.exit is Exit.OK
    assert told(repaired) == told(found)
    left = check(wired, server=server)
    assert not any(one.stale for box in left.mailboxes for one in box.differences)
    total = wired.sync().total()
    assert (total.downloaded, total.held) == (0, 0)
    for _ in range(2):
        wired.sync()
    with wired.client() as client:
        bodies = [body for body, _ in client.messages().values()]
        assert len(bodies) == len(wired.files()) == 4
        assert sum(body.rstrip().endswith(b"more") for body in bodies) == 1
    wired.assert_equal()
    wired.assert_idle()
    assert check(wired, read_data=True).exit is Exit.OK
