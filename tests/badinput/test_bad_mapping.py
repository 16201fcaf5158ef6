"""An edited configuration: another directory, another account name, fewer mailboxes."""

from __future__ import annotations

import shutil

import pytest
from support.spot import Spot

pytestmark = pytest.mark.dovecot


@pytest.fixture
def full(spot: Spot) -> Spot:
    with spot.client() as client:
        for box in ("Work", "Work/Old", "Home"):
            client.create(box)
    for box in ("INBOX", "Work", "Work/Old", "Home"):
        spot.fill(5, box)
    spot.sync(0)
    return spot


def test_another_directory_that_is_empty(full: Spot) -> None:
    """Every message seems deleted: nothing is; accept makes it the Maildir and fetches all."""
    served = full.served()
    old = full.stored()
    full.mail.rename(full.mail.with_name("old"))
    elsewhere = full.mail.with_name("new-place")
    full.configure(maildir=str(elsewhere))
    full.sync(3, f"{elsewhere} has no .mailsync file", "mailsync accept me")
    assert not elsewhere.exists()
    assert full.served() == served
    elsewhere.mkdir()
    full.sync(3)
    assert full.run("accept", "--yes").status == 0
    full.sync(3, "held")
    assert full.served() == served, "and still nothing is deleted"
    full.run("reject", "--yes")
    full.sync(0)
    elsewhere.rename(full.mail)
    assert full.stored() == old
    assert full.served() == served


def test_another_directory_with_the_same_mail(full: Spot) -> None:
    """The Maildir was moved, marker and all: nothing is asked, nothing is sent."""
    served = full.served()
    files = [path.read_bytes() for path in full.rig.files()]
    elsewhere = full.mail.with_name("new-place")
    full.mail.rename(elsewhere)
    full.configure(maildir=str(elsewhere))
    assert "both sides agree" in full.sync(0).out
    assert full.served() == served
    elsewhere.rename(full.mail)
    assert [path.read_bytes() for path in full.rig.files()] == files


def test_another_directory_with_other_mail(full: Spot) -> None:
    """Two accounts' directories swapped by mistake: neither is touched."""
    served = full.served()
    other = full.mail.with_name("other")
    (other / "INBOX").mkdir(parents=True)
    for folder in ("cur", "new", "tmp"):
        (other / "INBOX" / folder).mkdir()
    (other / "INBOX" / "cur" / "private:2,S").write_text("Subject: of another account\n\n")
    marker = (full.mail / ".mailsync").read_text().replace(str(full.state), "/state/other")
    (other / ".mailsync").write_text(marker)
    full.configure(maildir=str(other))
    full.sync(3, "synced by another machine or state directory (/state/other)")
    assert full.served() == served
    left = sorted(path.name for path in other.rglob("*") if path.is_file())
    assert left == [".mailsync", "private:2,S"]


def test_a_renamed_account(full: Spot) -> None:
    """Its state directory is new, the Maildir says so; accept pairs it again by content."""
    served, files = full.served(), full.rig.snapshot()
    full.configure(account="mine")
    full.sync(3, "synced by another machine or state directory", "mailsync accept mine")
    assert (full.served(), full.rig.snapshot()) == (served, files)
    assert full.run("accept", "--yes").status == 0
    full.sync(0)
    assert (full.served(), full.rig.snapshot()) == (served, files)
    assert "both sides agree" in full.sync(0).out


def test_fewer_mailboxes_and_more_again(full: Spot) -> None:
    """What is out of scope is deleted on neither side, whatever happens there meanwhile."""
    served, stored = full.served(), full.stored()
    full.configure('mailboxes = ["*", "!Work*", "!Home"]\n')
    full.sync(0)
    assert (full.served(), full.stored()) == (served, stored)
    full.idle(0)
    shutil.rmtree(full.mail / "Home")
    for path in full.rig.files("Work"):
        path.unlink()
    with full.client() as client:
        client.expunge(client.uids("Work/Old"), "Work/Old")
    served = full.served()
    stored = full.stored()
    full.sync(0)
    assert (full.served(), full.stored()) == (served, stored)
    full.configure()
    done = full.run("sync")
    assert done.status == 3, "what went meanwhile is held"
    assert not any(served[box] - full.served()[box] for box in served)
    assert not any(stored[box] - full.stored()[box] for box in stored)
    full.run("reject", "--yes")
    full.sync(0)
    full.rig.assert_equal()
    assert sum(full.served()["Work"].values()) == sum(full.served()["Home"].values()) == 5


@pytest.mark.parametrize("first", ["nested", "maildir++"])
def test_another_layout(spot: Spot, first: str) -> None:
    """It would find no mailbox at all: it is refused, by name, and accept changes nothing."""
    other = "nested" if first == "maildir++" else "maildir++"
    with spot.client() as client:
        client.create("Work")
    for box in ("INBOX", "Work"):
        spot.fill(5, box)
    spot.configure(f'layout = "{first}"\n')
    spot.sync(0)
    served, files = spot.served(), spot.rig.snapshot()
    spot.configure(f'layout = "{other}"\n')
    for words in (["sync"], ["sync", "--dry-run"], ["accept", "--yes"], ["check"]):
        done = spot.run(*words)
        assert done.status == 2, done
        assert f'{spot.mail} was begun as "{first}"' in done.out + done.err
        assert (spot.served(), spot.rig.snapshot()) == (served, files)
    spot.configure(f'layout = "{first}"\n')
    assert "both sides agree" in spot.sync(0).out
    assert (spot.served(), spot.rig.snapshot()) == (served, files)
    for path in spot.state.glob("cache.db*"):
        path.unlink()
    spot.configure(f'layout = "{other}"\n')
    spot.sync(2, f'layout: {spot.mail} was begun as "{first}"')
    assert (spot.served(), spot.rig.snapshot()) == (served, files)
