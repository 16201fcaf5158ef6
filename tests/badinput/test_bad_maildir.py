"""A Maildir that is not there, not ours, restored from a backup, or has odd things in it."""

from __future__ import annotations

import os
import shutil
import socket
from collections import Counter
from pathlib import Path

import pytest
from support.client import canonical
from support.rig import message
from support.spot import Spot

pytestmark = pytest.mark.dovecot


@pytest.fixture
def full(spot: Spot) -> Spot:
    with spot.client() as client:
        client.create("Work")
    spot.fill(12)
    spot.fill(3, "Work")
    spot.sync(0)
    return spot


# -- the root ----------------------------------------------------------------------------------


def test_a_root_that_is_missing(full: Spot) -> None:
    served = full.served()
    full.mail.rename(full.mail.with_name("elsewhere"))
    for _ in range(2):
        full.sync(3, f"{full.mail} has no .mailsync file", "is it mounted", "mailsync accept me")
        assert not full.mail.exists()
        assert full.served() == served
    full.mail.with_name("elsewhere").rename(full.mail)
    full.settle()


def test_an_empty_mount_point(full: Spot) -> None:
    served = full.served()
    full.mail.rename(full.mail.with_name("elsewhere"))
    full.mail.mkdir()
    done = full.spawn("sync")
    assert done.status == 3
    assert "is it mounted" in done.err
    assert list(full.mail.iterdir()) == []
    assert full.served() == served
    assert full.run("sync", "--dry-run").status == 3


def test_another_maildir_in_its_place(full: Spot) -> None:
    """One that no mailsync knows, and one of another account: neither is touched."""
    served = full.served()
    full.mail.rename(full.mail.with_name("elsewhere"))
    full.rig.put(message("foreign"), info=":2,S")
    before = full.rig.snapshot()
    full.sync(3, "has no .mailsync file")
    marker = (full.mail.with_name("elsewhere") / ".mailsync").read_text()
    (full.mail / ".mailsync").write_text(marker.replace(str(full.state), "/other/state"))
    full.sync(3, "synced by another machine or state directory (/other/state)")
    (full.mail / ".mailsync").write_text("{}")
    full.sync(3, "is not a marker of mailsync that can be understood")
    assert full.rig.snapshot() == before
    assert full.served() == served


def test_a_root_that_is_a_file(full: Spot) -> None:
    served = full.served()
    full.mail.rename(full.mail.with_name("elsewhere"))
    full.mail.write_text("no directory")
    full.sync(75, f"{full.mail}/.mailsync: Not a directory; something that is no directory")
    assert full.mail.read_text() == "no directory"
    assert full.served() == served


def test_restored_from_a_backup(full: Spot, tmp_path: Path) -> None:
    """An older copy comes back: what it lacks is fetched again, nothing is deleted anywhere."""
    shutil.copytree(full.mail, tmp_path / "backup", copy_function=shutil.copy2)
    full.fill(5, first=100)
    full.rig.put(b"Subject: sent since\r\n\r\n", info=":2,S")
    with full.client() as client:
        client.expunge(client.uids()[:1])
    full.sync(0)
    served = full.served()
    full.fill(1, first=200)
    full.sync(0)
    shutil.rmtree(full.mail)
    shutil.copytree(tmp_path / "backup", full.mail, copy_function=shutil.copy2)
    full.sync(3, "the Maildir is older than the cache", "1 held", "mailsync accept me/INBOX")
    now = full.served()
    assert all(not served[box] - now[box] for box in served), "nothing deleted on the server"
    assert not now["INBOX"] - full.stored()["INBOX"], "all of it is here"
    full.idle(3)


@pytest.mark.parametrize("what", ["a directory", "a link", "a FIFO"])
def test_a_table_of_keywords_that_cannot_be_read(full: Spot, what: str) -> None:
    """Its mailbox waits, and says why; the others are synced."""
    table = full.mail / "Work" / "dovecot-keywords"
    table.unlink(missing_ok=True)
    if what == "a directory":
        table.mkdir()
    elif what == "a link":
        table.symlink_to("/etc/passwd")
    else:
        os.mkfifo(table)
    for box in ("INBOX", "Work"):
        for path in (full.mail / box / "new").iterdir():
            path.rename(full.mail / box / "cur" / f"{path.name}:2,FSa")
    full.fill(1, first=300)
    before = full.served()
    done = full.sync(1, f"{table}: ", "Work: 1 parked")
    assert "1 downloaded" in done.out
    assert full.served()["Work"] == before["Work"]
    table.rmdir() if what == "a directory" else table.unlink()
    with full.client() as client:
        assert not [flags for _, flags in client.messages("Work").values() if "F" in flags]


# -- what lies in it ---------------------------------------------------------------------------


def test_things_that_are_no_messages(full: Spot, tmp_path: Path) -> None:
    """Links, FIFOs, sockets and directories stay untouched, are named, and hold up nothing."""
    cur = full.mail / "INBOX" / "cur"
    (tmp_path / "secret").write_text("Subject: not to be sent\n\n")
    (cur / "link:2,S").symlink_to(tmp_path / "secret")
    (cur / "dangling:2,S").symlink_to("nowhere")
    (cur / "loop:2,S").symlink_to("loop:2,S")
    os.mkfifo(cur / "fifo:2,S")
    (cur / "directory:2,S").mkdir()
    here = os.getcwd()
    os.chdir(cur)  # a socket's name must be short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket:2,S")
    os.chdir(here)
    (full.mail / "Linked").symlink_to(full.mail / "Work")
    os.mkfifo(full.mail / "Fifo")
    (full.mail / "plain file").write_text("x")
    (full.mail / "Half" / "new").mkdir(parents=True)
    with full.client() as client:
        client.create("Fifo/Below")
        client.create("Linked")
    full.rig.put(message("a real one"), info=":2,S")
    things = sorted(path.name for path in cur.iterdir() if not path.is_file() or path.is_symlink())
    assert len(things) == 6
    done = full.run("sync")
    for thing in things:
        assert f"skipped {cur}/{thing}: a" in done.out, done
    assert f"skipped {full.mail}/Linked: symbolic links are not followed" in done.err
    assert "INBOX: 1 uploaded" in done.out
    assert full.served()["INBOX"][canonical(message("a real one"))] == 1
    left = sorted(path.name for path in cur.iterdir() if not path.is_file() or path.is_symlink())
    assert left == things
    assert done.status == 1, "Linked and Fifo/Below cannot be made here"
    assert f"{full.mail}/Linked is no directory" in done.out
    assert f"{full.mail}/Fifo is no directory" in done.out
    full.idle(1)


def test_odd_names_of_files(full: Spot) -> None:
    """No info, unknown letters and fields, doubled names: all kept as they are."""
    cur, new = full.mail / "INBOX" / "cur", full.mail / "INBOX" / "new"
    bodies = {
        cur / "no-info": b"Subject: no info\n\n",
        cur / "letters:2,abSz": b"Subject: letters\n\n",
        cur / "fields,S=20,W=22:2,S": b"Subject: fields\n\n",
        cur / "semicolon;2,S": b"Subject: semicolon\n\n",
        cur / "twin:2,": b"Subject: same bytes\n\n",
        cur / "twin:2,S": b"Subject: same bytes\n\n",
        new / "pair": b"Subject: one of a pair\n\n",
        cur / "pair:2,S": b"Subject: other of a pair\n\n",
        cur / "three:2,": b"Subject: first of three\n\n",
        cur / "three:2,F": b"Subject: second of three\n\n",
        cur / "three:2,S": b"Subject: third of three\n\n",
        cur / ".hidden": b"no message\n",
    }
    for path, body in bodies.items():
        path.write_bytes(body)
    full.sync(0)
    kept = Counter(path.read_bytes() for path in [*cur.iterdir(), *new.iterdir()])
    assert not Counter(bodies.values()) - kept, "no file is gone"
    served = full.served()["INBOX"]
    for body in set(bodies.values()) - {b"no message\n"}:
        assert served[body] == 1, body
    assert b"no message\n" not in served
    full.idle(0)
    with full.client() as client:
        for subject in ("letters", "fields", "semicolon", "no info"):
            client.store(client.uids(search=f'SUBJECT "{subject}"'), "+FLAGS (\\Flagged)")
    full.sync(0)
    names = {path.name for path in cur.iterdir()}
    wanted = {"letters:2,FSabz", "fields,S=20,W=22:2,FS", "semicolon;2,FS", "no-info:2,F"}
    assert wanted <= names
    full.idle(0)


def test_no_message_id_or_one_for_all(full: Spot) -> None:
    """Twenty without, twenty with the same: deleted and flagged one by one, never mixed up."""
    for number in range(20):
        body = b"Subject: %d\r\n\r\n" % number
        full.rig.put(body, info=":2,S", unique=f"none{number}")
        full.rig.put(b"Message-ID: <all@x>\r\n" + body, info=":2,S", unique=f"same{number}")
    full.sync(0)
    assert sum(full.served()["INBOX"].values()) == 12 + 40
    cur = full.mail / "INBOX" / "cur"
    (cur / "same7:2,S").unlink()
    (cur / "none8:2,S").unlink()
    (cur / "same9:2,S").rename(cur / "same9:2,FS")
    full.sync(0, "2 deleted on the server")
    full.rig.assert_equal()
    full.idle(0)


def test_an_empty_file_and_a_nul(full: Spot) -> None:
    empty = full.rig.put(b"", info=":2,S", unique="empty")
    full.rig.put(b"Subject: nul\r\n\r\na\0b\r\n", info=":2,S", unique="nul")
    full.sync(1, "1 uploaded", "cannot upload empty: the file is empty")
    full.idle(1)
    assert empty.read_bytes() == b""
    empty.unlink()
    full.sync(0)
