"""An edited configuration: another directory, another account name, fewer mailboxes."""

from __future__ import annotations

import json
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


# -- mailbox-names ------------------------------------------------------------------------------

JOB = 'mailbox-names = [{ server = "Work", here = "Job" }, { server = "Work/*", here = "Job-*" }]\n'
FLAT = 'mailbox-names = [{ server = "*", here = "*", flatten = "." }]\n'


def named(spot: Spot) -> dict[str, set[int]]:
    """The files of each mailbox here, by their inodes."""
    boxes = spot.rig.local_boxes()
    return {box: {path.stat().st_ino for path in spot.rig.files(box)} for box in boxes}


def test_rules_for_names_that_come_and_go(full: Spot) -> None:
    """The directories get their new names, with the same files in them; nothing is transferred
    or deleted, and back again."""
    before, served = named(full), full.served()
    for rules, names in (
        (JOB, {"Work": "Job", "Work/Old": "Job-Old"}),
        (FLAT, {"Work/Old": "Work.Old"}),
        ("", {}),
    ):
        full.configure(rules)
        done = full.sync(0)
        assert "uploaded" not in done.out + done.err
        assert "downloaded" not in done.out + done.err
        assert named(full) == {names.get(box, box): files for box, files in before.items()}
        assert full.served() == served
        full.idle(0)


def test_rules_and_changes_on_both_sides(full: Spot) -> None:
    full.configure(JOB)
    full.sync(0)
    full.rig.put(b"Subject: of here\n\n", "Job")
    full.rig.files("Job-Old")[0].rename(full.rig.box("Job") / "cur" / "moved:2,S")
    full.rig.put(b"Subject: of a new one\n\n", "Job-New/Deep")
    with full.client() as client:
        client.append(b"Subject: of there\r\n\r\n", "Work/Old")
        client.rename("Home", "Work/Home")
    full.sync(0)
    assert {box: sum(c.values()) for box, c in full.served().items() if c} == {
        "INBOX": 5, "Work": 7, "Work/Old": 5, "Work/New/Deep": 1, "Work/Home": 5,
    }  # fmt: skip
    assert {box: sum(c.values()) for box, c in full.stored().items() if c} == {
        "INBOX": 5, "Job": 7, "Job-Old": 5, "Job-New/Deep": 1, "Job-Home": 5,
    }  # fmt: skip
    full.idle(0)


def test_a_mailbox_renamed_here_while_those_below_it_lie_elsewhere(full: Spot) -> None:
    """A RENAME takes Work/Old along on the server; here that is Work.Old, beside it."""
    full.configure(FLAT)
    full.sync(0)
    before = named(full)
    full.rig.box("Work").rename(full.rig.box("Office"))
    full.rig.put(b"Subject: of here\n\n", "Work.Old")
    full.sync(0)
    assert set(full.served()) >= {"Office", "Office/Old"}
    assert not {"Work", "Work/Old"} & full.served().keys()
    after = named(full)
    assert after["Office"] == before["Work"]
    assert after["Office.Old"] > before["Work.Old"]
    full.idle(0)


def test_two_mailboxes_with_one_name(full: Spot) -> None:
    """Both are named, nothing is written, on a first run neither."""
    with full.client() as client:
        client.create("Work.Old")
    for fresh in (False, True):
        if fresh:
            full.configure(FLAT, maildir=str(full.mail.with_name("fresh")), account="fresh")
        else:
            full.configure(FLAT)
        files, served = full.rig.snapshot(), full.served()
        for words in (["sync"], ["sync", "--dry-run"], ["mailboxes"]):
            done = full.run(*words)
            assert done.status == 2, done
            assert (
                '"Work.Old" and "Work/Old" on the server would both be "Work.Old" here' in done.err
            )
        assert (full.rig.snapshot(), full.served()) == (files, served)
    assert not [path for path in full.mail.with_name("fresh").glob("*") if path.is_dir()]


def test_names_that_are_swapped(full: Spot) -> None:
    before, served = named(full), full.served()
    full.configure(
        'mailbox-names = [{ server = "Work", here = "Home" }, { server = "Home", here = "Work" }]\n'
    )
    for words in (["sync"], ["sync", "--dry-run"], ["sync"]):
        done = full.run(*words)
        assert done.status == 2, done
        assert "another mailbox's directory; nothing was changed" in done.err + done.out
        assert (named(full), full.served()) == (before, served)
    full.configure()
    assert "both sides agree" in full.sync(0).out


def test_a_name_that_is_taken_here(full: Spot) -> None:
    """By a directory that the server has not: what was synced goes there, nothing is deleted."""
    full.rig.put(b"Subject: of here\n\n", "Job")
    files, served = named(full), full.served()
    full.configure(JOB)
    full.sync(0)
    assert named(full)["Job"] == files["Job"] | files["Work"]
    assert not any(served[box] - full.served()[box] for box in served)
    assert sum(full.served()["Work"].values()) == 6
    full.idle(0)


def test_what_mailboxes_shows(full: Spot) -> None:
    full.configure(JOB + 'layout = "nested"\n')
    shown = [line.split() for line in full.run("mailboxes").out.splitlines()]
    assert ["Job-Old", "yes", "-", "yes", "5", "Work/Old", "selected", "by", '"*"'] in shown
    listed = json.loads(full.run("mailboxes", "--json").out)["accounts"]["me"]
    names = {one["mailbox" if "mailbox" in one else "name"]: one["server-name"] for one in listed}
    assert (names["Job"], names["Job-Old"], names["Home"]) == ("Work", "Work/Old", "")


def test_a_name_that_the_rules_take_away(full: Spot) -> None:
    """A directory that no mailbox of the server becomes is parked by its name."""
    full.configure(FLAT)
    full.sync(0)
    full.rig.put(b"Subject: of here\n\n", "Deep/er")
    done = full.sync(1, "Deep/er", "no name on the server becomes Deep/er by mailbox-names")
    assert len(full.rig.files("Deep/er")) == 1, done


def test_mailboxes_shows_what_the_server_has(spot: Spot) -> None:
    """Not what would be made there: `Lists/a-b` has the same name here as `Lists/a/b` would."""
    with spot.client() as client:
        client.create("Lists/a-b")
    rule = '{ server = "Lists/*", here = "L-*", flatten = "-" }'
    spot.configure(f'mailbox-names = [{rule}, {{ server = "*", here = "*", flatten = "." }}]\n')
    spot.sync(0)
    for folder in ("cur", "new", "tmp"):
        (spot.mail / "A" / "B" / folder).mkdir(parents=True)
    done = spot.run("mailboxes", "--json")
    found = {one["name"]: one for one in json.loads(done.out)["accounts"]["me"]}
    assert found["L-a-b"]["server-name"] == "Lists/a-b"
    assert not found["A/B"]["selected"]
    assert found["A/B"]["why"] == "no name on the server becomes A/B by mailbox-names"
