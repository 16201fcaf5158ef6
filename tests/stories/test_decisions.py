"""accept and reject from the first warning to agreement: by command line against Dovecot, and
what else may happen between a decision and the sync in the simulator."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import pytest
from sim.server_profile import Profile, plain, strict_qresync
from sim.steps import Crash, Steps
from support.client import canonical
from support.storied import Story
from support.wired import Wired, append_many, message

from mailsync.cli.entry import run
from mailsync.model.settings import Guard
from mailsync.system.lock import Lock

COUNT = 30
DAY = 24 * 3600


def ghosts(*gone: int) -> str:
    return " ".join(f"m{number}" for number in range(COUNT) if number not in gone)


@pytest.fixture
def emptied() -> Story:
    """All 30 files of INBOX and all 12 of Work are gone: held."""
    with Story("decide", guard=Guard()) as story:
        story.server.create("Work")
        for number in range(COUNT):
            story.serve("INBOX", f"m{number}")
        for number in range(12):
            story.serve("Work", f"w{number}")
        story.tell()
        for path in story.mail():
            story.fs.unlink(path)
        ran = story.tell()
        assert (ran.exit, ran.total.held) == (3, COUNT + 12)
        yield story


def test_one_of_two_mailboxes(emptied: Story) -> None:
    assert emptied.accept("INBOX") == COUNT
    ran = emptied.tell()
    assert (ran.exit, ran.total.expunged, ran.total.held) == (3, COUNT, 12)
    emptied.oracle.deleted |= {f"m{number}" for number in range(COUNT)}
    emptied.idle(exit=3)
    assert emptied.accept("INBOX") == 0
    assert emptied.reject("Work") == 12
    ran = emptied.tell()
    assert (ran.exit, ran.fetched) == (0, 12)
    emptied.agree({"Work": " ".join(f"w{number}" for number in range(12))})


def test_accepted_is_only_what_was_held_then(emptied: Story) -> None:
    """What comes afterwards is asked about anew, and what changed on the server is saved."""
    emptied.serve("Work", "late")
    emptied.accept("Work")
    emptied.server.set_flags("Work", emptied.uid_of("Work", "w3"), ["\\Flagged"])
    ran = emptied.tell()
    assert (ran.total.expunged, ran.total.held) == (11, COUNT)
    assert ran.fetched == 2  # late, and w3 that was flagged since
    emptied.oracle.deleted |= {f"w{number}" for number in range(12)} - {"w3"}
    emptied.reject("INBOX")
    assert emptied.tell().exit == 0
    emptied.agree({"INBOX": ghosts(), "Work": "w3:F late"})


@pytest.mark.parametrize("make", [strict_qresync, plain])
def test_a_mailbox_that_was_made_anew_since_is_another_one(make: Callable[[], Profile]) -> None:
    """Of the same name, with the same mail: it was accepted under another UIDVALIDITY."""
    with Story("anew", make()) as s:
        s.server.create("Work")
        for ghost in "abc":
            s.serve("Work", ghost)
        s.tell()
        for ghost in "abc":
            s.unlink("Work", ghost)
        s.unmake("Work")
        assert s.tell().exit == 3
        had = [(one.body, one.date) for one in s.server.contents("Work")]
        s.server.delete("Work")
        s.server.create("Work")
        for body, date in had:
            s.server.deliver("Work", body, (), date)
        assert s.accept() == 1
        ran = s.tell()
        assert (ran.exit, ran.total.expunged) == (3, 0)
        assert s.server.ghosts("Work") == dict.fromkeys("abc", 1)
        s.idle(exit=3)
        assert s.accept() == 1
        ran = s.tell()
        assert (ran.exit, ran.total.expunged) == (0, 3)
        assert b"Work" not in s.server.boxes


def test_accepted_expires(emptied: Story) -> None:
    emptied.accept()
    emptied.pass_time(DAY + 60)
    ran = emptied.tell()
    assert (ran.exit, ran.total.expunged, ran.total.held) == (3, 0, COUNT + 12)
    emptied.idle(exit=3)


def test_accepted_twice(emptied: Story) -> None:
    assert emptied.accept() == COUNT + 12
    assert emptied.accept() == 0
    ran = emptied.tell()
    assert (ran.exit, ran.total.expunged) == (0, COUNT + 12)


def test_accepted_and_taken_back(emptied: Story) -> None:
    """Of the mailbox named alone, before the sync that would do it."""
    assert emptied.accept() == COUNT + 12
    assert emptied.reject("INBOX") == COUNT
    assert emptied.reject("INBOX") == 0
    ran = emptied.tell()
    assert (ran.exit, ran.fetched, ran.total.expunged) == (0, COUNT, 12)
    emptied.oracle.deleted |= {f"w{number}" for number in range(12)}
    assert emptied.reject() == 0, "what is done is done"
    emptied.agree({"INBOX": ghosts()})


def test_what_expired_is_not_taken_back(emptied: Story) -> None:
    emptied.accept()
    emptied.pass_time(DAY + 60)
    assert emptied.reject() == 0
    ran = emptied.tell()
    assert (ran.exit, ran.total.held) == (3, COUNT + 12)


def test_the_files_come_back_after_accept(emptied: Story) -> None:
    """Somebody puts the files back before the sync: nothing is deleted."""
    emptied.accept()
    for number in range(COUNT):
        body = emptied.oracle.bodies[f"m{number}"]
        emptied.write(f"/mail/INBOX/cur/{number}.back:2,", body, 1_700_000_001 + number)
    ran = emptied.tell()
    assert (ran.exit, ran.total.expunged, ran.fetched, ran.stored) == (0, 12, 0, 0)
    emptied.oracle.deleted |= {f"w{number}" for number in range(12)}
    emptied.agree({"INBOX": ghosts()})


@pytest.mark.parametrize("decision", ["accept", "reject"])
@pytest.mark.parametrize("here", [True, False])
def test_a_whole_mailbox(decision: str, here: bool) -> None:
    """Gone on one side with all that was in it, and a mailbox below it that stays."""
    with Story("whole", guard=Guard()) as story:
        for box in ("Work", "Work/Keep"):
            story.server.create(box)
        for number in range(3):
            story.serve("Work", f"w{number}")
        story.serve("Work/Keep", "k")
        story.serve("INBOX", "a")
        story.tell()
        if here:
            for path in story.fs.files(under="/mail/Work/cur/") | story.fs.files(
                under="/mail/Work/new/"
            ):
                story.fs.unlink(path)
            for folder in ("cur", "new", "tmp"):
                story.fs.rmdir(f"/mail/Work/{folder}")
        else:
            story.server.delete("Work")
        ran = story.tell()
        assert (ran.exit, ran.total.expunged, ran.total.removed) == (3, 0, 0)
        story.idle(exit=3)
        assert getattr(story, decision)("Work") > 0
        ran = story.tell()
        rest = {"INBOX": "a", "Work/Keep": "k"}
        if decision == "accept":
            assert ran.total.expunged + ran.total.removed == 3
            assert (ran.fetched, ran.stored) == (0, 0)
            story.oracle.deleted |= {"w0", "w1", "w2"}
            assert len(story.undo()) == (0 if here else 3)
            assert ran.exit == 0, ran.report
            story.agree(rest)
        else:
            assert (ran.exit, ran.fetched, ran.stored) == (0, 3 if here else 0, 0 if here else 3)
            story.agree(rest | {"Work": "w0 w1 w2"})


def killed_while_accepted() -> Story:
    """All 30 were expunged on the server, which was held, and was accepted."""
    story = Story("killed", guard=Guard())
    for number in range(COUNT):
        story.serve("INBOX", f"m{number}")
    story.tell()
    for number in range(COUNT):
        story.expunge("INBOX", f"m{number}")
    assert story.tell().total.held == COUNT
    assert story.accept() == COUNT
    return story


def removal() -> range:
    steps = Steps(record=True)
    with killed_while_accepted() as story:
        story.tell(steps)
    first = steps.names.index("cache.record_deletions.done")
    return range(first + 1, steps.names.index("cache.removed") + 1)


@pytest.mark.parametrize(("model", "first"), [("all", 0), ("synced", 1), ("weak", 2)])
@pytest.mark.parametrize("words", [(), ("INBOX",)])
def test_rejected_after_a_sync_that_was_killed(
    model: str, first: int, words: tuple[str, ...]
) -> None:
    """Between the renames into undo and the commit: the files come out of undo again."""
    steps = removal()
    assert len(steps) > COUNT
    for at in [*steps[first :: len(steps) // 4], steps[-1 - first]]:
        with killed_while_accepted() as story:
            with pytest.raises(Crash):
                story.tell(Steps(crash_at=at))
            story.disk.crash(model, story.rand.fork(f"crash {at}"))
            assert story.reject(*words) == COUNT
            story.oracle.deleted.clear()
            ran = story.tell()
            assert (ran.exit, ran.fetched, ran.stored) == (0, 0, COUNT), at
            story.agree({"INBOX": ghosts()})
            assert model == "weak" or story.undo() == {}, at


# -- by command line -----------------------------------------------------------------------------


@pytest.fixture
def rig(wired: Wired) -> Wired:
    """INBOX and `My Work` on both sides under the default guard; by then the files of the one and
    the messages of the other are gone."""
    wired.changes["guard"] = Guard()
    with wired.client() as client:
        client.create("My Work")
        append_many(client, map(message, range(COUNT)))
        append_many(client, map(message, range(100, 100 + COUNT)), "My Work")
        wired.settle()
        client.expunge(client.uids("My Work"), "My Work")
    for path in wired.files():
        path.unlink()
    return wired


def counts(rig: Wired) -> tuple[int, int, int, int]:
    """Messages in INBOX there and here, in `My Work` there and here."""
    with rig.client() as client:
        there = [len(client.uids(box)) for box in ("INBOX", "My Work")]
    return there[0], len(rig.files()), there[1], len(rig.files("My Work"))


@pytest.mark.dovecot
def test_nobody_is_asked_without_a_terminal(rig: Wired) -> None:
    done = rig.run("sync")
    assert done.returncode == 3, done
    assert "mailsync accept test/INBOX" in done.stdout
    assert "mailsync reject 'test/My Work'" in done.stdout
    for verb in ("accept", "reject"):
        done = rig.run(verb)
        assert done.returncode == 2
        assert "--yes" in done.stderr
        assert f"{COUNT} of {COUNT} messages would be deleted" in done.stdout
    assert counts(rig) == (COUNT, 0, 0, COUNT)
    done = rig.run("sync", "-q")
    assert (done.returncode, counts(rig)) == (3, (COUNT, 0, 0, COUNT))


@pytest.mark.dovecot
def test_accept_and_reject_by_command_line(rig: Wired) -> None:
    assert rig.run("sync", "-q").returncode == 3
    done = rig.run("accept", "test/My Work", "--yes")
    assert done.returncode == 0, done
    assert f"{COUNT} deletions in the Maildir" in done.stdout
    assert counts(rig) == (COUNT, 0, 0, COUNT), "a decision changes nothing by itself"
    done = rig.run("reject", "--yes", "test/INBOX")
    assert done.returncode == 0, done
    assert f"{COUNT} deletions on the server" in done.stdout

    done = rig.run("sync", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit-status"]) == (0, 0)
    boxes = told["accounts"]["test"]["mailboxes"]
    assert boxes["My Work"]["removed"] == boxes["INBOX"]["downloaded"] == COUNT
    assert told["accounts"]["test"]["held"] == told["accounts"]["test"]["expunged"] == 0
    assert counts(rig) == (COUNT, COUNT, 0, 0)
    assert (rig.traffic.bodies, rig.traffic.sent_bytes) == (COUNT, 0)
    rig.assert_equal()
    rig.idle()

    for verb in ("accept", "reject"):
        done = rig.run(verb, "--yes")
        assert (done.returncode, done.stdout) == (0, "nothing is held\n")
    done = rig.run("undelete", "--yes")
    assert done.returncode == 0, done
    assert f"{COUNT} files came back" in done.stdout
    rig.settle()
    assert counts(rig) == (COUNT, COUNT, COUNT, COUNT)
    assert {path.read_bytes() for path in rig.files("My Work")} == {
        canonical(message(number)) for number in range(100, 100 + COUNT)
    }
    rig.idle()


@pytest.mark.dovecot
def test_reject_takes_accept_back(rig: Wired) -> None:
    assert rig.run("sync", "-q").returncode == 3
    assert rig.run("accept", "--yes").returncode == 0
    done = rig.run("accept", "--yes")
    assert (done.returncode, done.stdout) == (0, "nothing is held\n")
    done = rig.run("reject", "test/INBOX", "--yes")
    assert done.returncode == 0, done
    assert f"INBOX: {COUNT} deletions on the server" in done.stdout
    assert "accepted, and not done yet" in done.stdout
    done = rig.run("sync")
    assert (done.returncode, counts(rig)) == (0, (COUNT, COUNT, 0, 0)), done
    rig.idle()


@pytest.mark.dovecot
def test_accept_both_at_once(rig: Wired) -> None:
    assert rig.run("sync", "-q").returncode == 3
    done = rig.run("accept", "--yes")
    assert done.returncode == 0, done
    done = rig.run("sync")
    assert (done.returncode, counts(rig)) == (0, (0, 0, 0, 0)), done
    rig.idle()


@pytest.mark.dovecot
def test_a_decision_waits_for_no_lock(rig: Wired) -> None:
    """While a sync runs it says so and exits 75; nothing is decided."""
    assert rig.run("sync", "-q").returncode == 3
    with Lock(str(rig.state / "lock")):
        done = rig.run("accept", "--yes")
    assert done.returncode == 75, done
    assert "another mailsync" in done.stderr
    assert rig.run("sync", "-q").returncode == 3
    assert counts(rig) == (COUNT, 0, 0, COUNT)


@pytest.mark.dovecot
@pytest.mark.parametrize("verb", ["accept", "reject"])
def test_what_was_not_shown_is_not_decided(
    rig: Wired, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """A sync of cron's holds more while a person reads what is held."""
    with rig.client() as client:
        client.create("More")
        append_many(client, map(message, range(200, 200 + COUNT)), "More")
    assert rig.sync().exit == 3

    def thinks(question: str, yes: bool) -> bool:
        for path in rig.files("More"):
            path.unlink()
        assert rig.sync().total().held == 3 * COUNT
        return True

    with monkeypatch.context() as patch:
        patch.setattr("mailsync.cli.decide.agreed", thinks)
        assert run(["--config", str(rig.configured()), verb]) == 75
    said = capsys.readouterr()
    assert "test/More" not in said.out
    assert "what is held changed meanwhile" in said.err
    assert rig.sync().total().held == 3 * COUNT
    assert counts(rig) == (COUNT, 0, 0, COUNT)
    done = rig.run(verb, "--yes")
    assert (done.returncode, "test/More" in done.stdout) == (0, True), done
    assert rig.sync().exit == 0
    rig.assert_equal()
    rig.idle()


@pytest.mark.dovecot
def test_one_mailbox_of_a_maildir_that_is_not_proven_ours(wired: Wired) -> None:
    """The Maildir is the first thing to decide about: else the answer to one question would be
    taken for that to another."""
    wired.changes["guard"] = Guard()
    wired.fill(COUNT + 5)
    wired.settle()
    for path in wired.files()[:COUNT]:
        path.unlink()
    assert wired.sync().total().held == COUNT
    (wired.maildir / ".mailsync").unlink()
    done = wired.run("accept", "test/INBOX", "--yes")
    assert (done.returncode, done.stdout) == (3, ""), done
    assert "If it is right: mailsync accept test" in done.stderr
    assert not (wired.maildir / ".mailsync").exists()
    done = wired.run("accept", "--yes")
    assert done.returncode == 0, done
    assert "5 of 5 files" in done.stdout
    assert "deletions" not in done.stdout, "those are found anew, or not at all"
    assert wired.sync().total().expunged == 0
    with wired.client() as client:
        assert len(client.uids()) == COUNT + 5


@pytest.mark.dovecot
def test_a_maildir_that_is_not_proven_ours(wired: Wired) -> None:
    wired.fill(COUNT)
    wired.settle()
    away = wired.root / "away"
    shutil.move(wired.maildir, away)
    wired.maildir.mkdir()
    done = wired.run("sync")
    assert done.returncode == 3
    assert "mailsync accept test" in done.stderr
    done = wired.run("accept")
    assert done.returncode == 2
    assert f"0 of {COUNT} files" in done.stdout
    wired.maildir.rmdir()
    shutil.move(away, wired.maildir)
    (wired.maildir / ".mailsync").unlink()
    done = wired.run("accept", "test", "--yes")
    assert done.returncode == 0, done
    assert f"{COUNT} of {COUNT} files" in done.stdout
    done = wired.run("sync")
    assert done.returncode == 0, done
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    wired.assert_equal()
    wired.idle()
