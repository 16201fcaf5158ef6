"""The program against a real Dovecot, as a person or a script runs it."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator

import pytest
from support.client import Client
from support.dovecot import Dovecot
from support.home import Done, Home
from support.rig import message

from mailsync.system.lock import Lock

pytestmark = pytest.mark.dovecot
_users = itertools.count(1)
COUNTS = {
    "downloaded", "uploaded", "flags-local", "flags-server", "removed", "expunged", "moved",
    "renamed", "held", "failed", "parked", "unsent", "waiting",
}  # fmt: skip


@pytest.fixture
def user() -> str:
    return f"cli{os.getpid()}x{next(_users)}"


@pytest.fixture
def client(dovecot: Dovecot, user: str, home: Home) -> Iterator[Client]:
    """A phone; the account `me` of the home is its account, with 12 messages in Work."""
    home.account(dovecot.port, user)
    with Client(dovecot.port, user) as client:
        client.create("Work")
        for number in range(12):
            client.append(message(number), "Work")
        client.append(message("hello"))
        yield client


def good(done: Done, status: int = 0) -> Done:
    assert done.status == status, done
    assert "Traceback" not in done.err
    return done


def test_a_dry_run_before_the_first_sync_writes_nothing(home: Home, client: Client) -> None:
    before = home.bytes()
    done = good(home.run("sync", "--dry-run"))
    assert done.out.splitlines() == [
        "me: 4 actions planned, nothing done",
        "  CreateLocalMailbox INBOX: new on the server",
        "  CreateLocalMailbox Work: new on the server",
        "  Download INBOX UID 1: new on the server",
        "  Download Work UID 1:12: new on the server",
    ]
    assert done.err == ""
    assert home.bytes() == before


def test_a_dry_run_says_what_it_could_not_look_at(home: Home, client: Client) -> None:
    """A mailbox that lacks new/ is as a sync would find it; one that lost mail with it is named."""
    (home.mail / "Half" / "cur").mkdir(parents=True)
    (home.mail / "Half" / "cur" / "1.half:2,S").write_bytes(message("half"))
    done = good(home.run("sync", "--dry-run"))
    assert "  Upload Half 1.half: new in the Maildir" in done.out.splitlines()
    assert not (home.mail / "Half" / "new").exists()
    good(home.run("sync"))
    shutil.rmtree(home.mail / "Work" / "new")
    done = good(home.run("sync", "--dry-run"), 1)
    assert "  Work: Work/new is missing, and 12 messages were in it" in done.out


def test_a_dry_run_later_changes_neither_side(home: Home, client: Client) -> None:
    good(home.run("sync"))
    client.append(message("new"))
    (home.mail / "INBOX/cur/1.offline:2,S").write_bytes(message("offline"))
    uid = client.uids("Work")[0]
    next((home.mail / "Work/new").iterdir()).unlink()
    before, there = home.bytes(), client.view("INBOX")
    done = good(home.run("sync", "--dry-run", "--json"))
    plan = json.loads(done.out)["accounts"]["me"]["plan"]
    assert [line.split(" ")[0] for line in plan] == ["Download", "Upload", "Expunge"]
    assert all(": " in line for line in plan)  # each with its reason
    assert home.bytes() == before
    assert client.view("INBOX") == there
    assert uid in client.uids("Work")


def test_one_object_on_standard_output(home: Home, client: Client) -> None:
    first = json.loads(good(home.run("sync", "--json")).out)
    assert first["exit-status"] == 0
    account = first["accounts"]["me"]
    assert account["exit-status"] == 0
    assert account.keys() > COUNTS
    assert account["downloaded"] == 13
    assert {name: box["downloaded"] for name, box in account["mailboxes"].items()} == {
        "INBOX": 1,
        "Work": 12,
    }
    assert all(box.keys() > COUNTS for box in account["mailboxes"].values())
    second = json.loads(good(home.run("sync", "--json")).out)
    assert not any(second["accounts"]["me"][name] for name in COUNTS)


def test_without_a_terminal_lines_and_with_q_nothing(home: Home, client: Client) -> None:
    done = good(home.run("sync"))
    assert done.err == f"me: 13 messages in 2 mailboxes, {done.err.split(', ')[1]}"
    assert done.out == "me: 13 downloaded\n  INBOX: 1 downloaded\n  Work: 12 downloaded\n"
    client.append(message("late"))
    assert good(home.run("sync", "-q")) == Done(0, "", "")
    done = good(home.run("sync"))
    assert done == Done(0, "me: both sides agree, nothing to do\n", "")


@pytest.mark.parametrize("no_color", ["", "1"])
def test_on_a_terminal(home: Home, client: Client, no_color: str) -> None:
    done = good(home.on_terminal("sync", NO_COLOR=no_color, columns=70))
    assert "13/13 messages" in done.out  # the bar, which goes away
    assert "  Work: 12 downloaded\r\n" in done.out
    assert ("\x1b[1mme: 13 downloaded" in done.out) == (not no_color)
    colours = [part for part in done.out.split("\x1b[")[1:] if part[:2] in ("31", "32", "38")]
    assert bool(colours) == (not no_color)


def test_mailboxes_shows_both_sides_and_why(home: Home, client: Client) -> None:
    with home.conf.open("a") as file:
        file.write('mailboxes = ["*", "!Work"]\n')
    (home.mail / "日本/cur").mkdir(parents=True)
    done = good(home.run("mailboxes", LC_ALL="C"))
    assert done.out.splitlines()[1:] == [
        "  mailbox  server  here  synced  messages  why",
        '  INBOX    yes     -     yes            1  selected by "*"',
        '  Work     yes     -     -             12  left out by "!Work"',
        '  日本     -       yes   yes               selected by "*"',
    ]
    lines = json.loads(good(home.run("mailboxes", "--json")).out)["accounts"]["me"]
    assert [(line["name"], line["selected"]) for line in lines] == [
        ("INBOX", True),
        ("Work", False),
        ("日本", True),
    ]
    assert "\\u65e5\\u672c" in good(home.run("mailboxes", PYTHONIOENCODING="latin-1")).out


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("me/Wrok", "me/Wrok: there is no such mailbox on either side; did you mean me/Work?"),
        (
            "me/Other",
            "me/Other: there is no such mailbox on either side; `mailsync mailboxes` lists them",
        ),
        ("me/Junk", 'me/Junk is not synced: left out by "!Junk"'),
    ],
)
def test_a_mailbox_that_is_not_there(home: Home, client: Client, asked: str, told: str) -> None:
    client.create("Junk")
    with home.conf.open("a") as file:
        file.write('mailboxes = ["*", "!Junk"]\n')
    for _ in range(2):  # by the full path, and when there is nothing to do
        assert good(home.run("sync", asked), 2).err == f"mailsync: {told}\n"
        good(home.run("sync"))
    assert told in good(home.run("accept", asked), 2).err
    assert good(home.run("status")).err == ""


def test_held_asked_for_and_rejected(home: Home, client: Client) -> None:
    assert good(home.run("accept")).out == "nothing is held\n"
    good(home.run("sync"))
    for path in (home.mail / "Work/new").iterdir():
        path.unlink()
    held = good(home.run("sync"), 3)
    assert held.out == (
        "me: 12 held\n"
        "  Work: 12 held\n"
        "    all 12 messages would be deleted on the server\n"
        "What is held in me/Work: `mailsync accept me/Work` lets it happen, "
        "`mailsync reject me/Work` brings the messages back\n"
    )
    told = good(home.run("status"), 3).out
    assert "12 held" in told.splitlines()[0]
    assert told.endswith("  Work: 12 held: all 12 messages would be deleted on the server\n")
    shown = (
        "me/Work: 12 deletions on the server\n  all 12 messages would be deleted on the server\n"
    )

    for verb in ("accept", "reject"):
        done = good(home.run(verb), 2)
        assert done.out == shown
        assert done.err.startswith("mailsync: there is no terminal to ask on: say --yes")
    no = good(home.on_terminal("accept", "me/Work", keys="n\n"), 3)
    assert "Accept 12 deletions? [y/N]" in no.out
    assert no.out.endswith("nothing was changed\r\n")
    assert good(home.on_terminal("accept", keys="\x04"), 2).out.endswith(
        "no answer; nothing was changed\x1b[0m\r\n"
    )
    good(home.run("sync"), 3)

    assert good(home.run("reject", "--yes")).out == (
        shown + "rejected: `mailsync sync` brings back what is missing\n"
    )
    assert "12 downloaded" in good(home.run("sync")).out


def test_a_mailbox_that_is_held_as_a_whole(home: Home, client: Client) -> None:
    good(home.run("sync"))
    shutil.rmtree(home.mail / "Work")
    for _ in range(2):
        done = good(home.run("sync"), 3)
        assert done.out.startswith("me: 1 held\n  Work: 1 held\n    the mailbox is gone in the")
        assert "`mailsync accept me/Work`" in done.out
    done = good(home.run("status", "--json"), 3)
    work = json.loads(done.out)["accounts"]["me"]["mailboxes"]["Work"]
    assert work["held"] == 1
    assert work["messages"] == 12
    assert good(home.run("accept", "-y")).out.splitlines()[0] == (
        "me/Work: 12 deletions on the server"
    )
    done = good(home.run("sync"))
    assert done.out == "me: 12 deleted on the server\n  Work: 12 deleted on the server\n"
    assert client.boxes() == ["INBOX"]
    assert good(home.run("sync")).out == "me: both sides agree, nothing to do\n"


def test_undelete(home: Home, client: Client) -> None:
    good(home.run("sync"))
    assert good(home.run("undelete")).out == "nothing to bring back\n"
    client.expunge(client.uids("Work")[:2], "Work")
    good(home.run("sync"))
    dry = good(home.run("undelete", "--dry-run", "--since", "2h")).out
    assert dry.count("  Work/") == 2
    assert dry.endswith("2 files would come back\n")
    assert good(home.run("undelete", "me"), 2).err.startswith("mailsync: there is no terminal")
    assert "came back" not in good(home.on_terminal("undelete", keys="n\n")).out
    done = good(home.on_terminal("undelete", keys="y\n"))
    assert "Bring 2 files back? [y/N]" in done.out
    assert "2 files came back; `mailsync sync` uploads" in done.out
    assert "2 uploaded" in good(home.run("sync")).out
    assert good(home.run("undelete", "-y")).out == "nothing to bring back\n"
    assert len(client.uids("Work")) == 12


def test_check_looks_and_repair_changes_the_cache_only(home: Home, client: Client) -> None:
    assert "never synced: there is nothing to compare" in good(home.run("check"), 1).err
    good(home.run("sync"))
    offline = good(home.run("check", "--no-server")).out
    assert offline.startswith("me: 13 messages in 2 mailboxes: cache and Maildir agree\n")
    assert good(home.run("check")).out.splitlines() == [
        "me: 13 messages in 2 mailboxes: cache, Maildir and server agree",
        "  mailbox  server  here  cache  differ",
        "  INBOX         1     1      1       0",
        "  Work         12    12     12       0",
    ]
    assert good(home.run("check", "-q")).out == ""
    read = good(home.run("check", "--read-data")).out.splitlines()
    assert read[0].startswith("me: 13 messages in 2 mailboxes, 13 read on both sides (")
    assert read[3].split() == ["Work", "12", "12", "12", "0", "12"]
    found = json.loads(good(home.run("check", "--json")).out)
    assert (found["exit-status"], found["accounts"]["me"]["messages"]) == (0, 13)
    assert "needs the server" in good(home.run("check", "--read-data", "--no-server"), 2).err
    path = min((home.mail / "Work/new").iterdir())  # names sort like UIDs: not the one below
    os.utime(path, (1, 1))
    client.store(client.uids("Work")[-1:], "+FLAGS (\\Flagged)", "Work")
    before = home.bytes()
    done = good(home.run("check", "-q"), 1)
    assert f"new/{path.name}: the file was changed in place" in done.out
    assert len(done.out.splitlines()) == 3
    assert home.bytes() == before
    done = good(home.run("check", "--repair"))
    assert "repaired: the cache knows what is there; the next sync acts on it" in done.out
    changed = {name for name, was in home.bytes().items() if before.get(name) != was}
    assert all(name.startswith(".local/state/mailsync/me") for name in changed)
    assert "downloaded" not in good(home.run("sync")).out
    good(home.run("check"))
    assert len(client.uids("Work")) == 12


def test_status_tells_of_a_sync_that_ended_early(home: Home, client: Client) -> None:
    done = good(home.run("status"))
    assert (done.out, done.err) == ("", "mailsync: me: never synced\n")
    good(home.run("sync"))
    (home.mail / ".mailsync").rename(home.root / "marker")
    refused = good(home.run("sync"), 3)
    done = good(home.run("status"), 3)
    assert done.out.startswith("me: last success ")
    assert "the last sync ended early: " + refused.err.removeprefix("mailsync: me: ") in done.err
    assert good(home.run("reject")).out == "nothing is held\n"
    assert "has no .mailsync file" in good(home.run("undelete", "-y"), 3).err
    shown = good(home.on_terminal("accept", keys="y\n"))
    assert "13 of 13 files that the cache knows are there" in shown.out
    assert "Accept this Maildir, and pair every message again? [y/N]" in shown.out
    assert good(home.run("sync")).out == "me: both sides agree, nothing to do\n"
    assert good(home.run("status")).err == ""


def test_status_by_account_and_mailbox(home: Home, client: Client) -> None:
    good(home.run("sync"))
    lines = good(home.run("status")).out.splitlines()
    assert lines[0].startswith("me: last success ")
    assert lines[0].endswith(" ago, 13 messages in 2 mailboxes")
    assert lines[1] == "  mailbox  messages  last success"
    assert [line.split()[:2] for line in lines[2:]] == [["INBOX", "1"], ["Work", "12"]]
    assert len(good(home.run("status", "-q")).out.splitlines()) == 1
    found = json.loads(good(home.run("status", "--json")).out)["accounts"]["me"]
    assert found["age"] >= 0
    assert found["mailboxes"]["Work"]["messages"] == 12
    assert '"me/Work": this command is about whole accounts: "me"' in (
        good(home.run("status", "me/Work"), 2).err
    )


def test_a_trash_that_is_misspelt_costs_nothing(home: Home, client: Client) -> None:
    with home.conf.open("a") as file:
        file.write('trash = "Wrok"\n')
    told = 'me: trash = "Wrok": there is no such mailbox on either side, did you mean "Work"?'
    assert told in good(home.run("sync"), 2).err
    assert told.removeprefix("me: ") in good(home.run("status"), 2).err
    home.conf.write_text(home.conf.read_text().replace("Wrok", "Work"))
    good(home.run("sync"))
    next((home.mail / "INBOX/new").iterdir()).unlink()
    good(home.run("sync"))
    assert len(client.uids("Work")) == 13


LEGACY = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # as ISO-8859-1 would be


def test_a_locale_without_utf_8_sees_the_same_mailboxes(home: Home, client: Client) -> None:
    client.create("&ANw-ml&AOQ-ut")
    client.append(message("one"), "&ANw-ml&AOQ-ut")
    good(home.run("sync"))
    assert good(home.run("sync", **LEGACY)).out == "me: both sides agree, nothing to do\n"
    assert good(home.run("sync", "me/Ümläut", **LEGACY)).err == ""
    client.create("&ANY-l")
    good(home.run("sync", **LEGACY))
    assert (home.mail / "Öl" / "cur").is_dir()
    assert good(home.run("sync")).out == "me: both sides agree, nothing to do\n"


def test_an_account_that_was_never_synced_stops_no_decision(home: Home, client: Client) -> None:
    first = (
        home.conf.read_text().replace("accounts.me", "accounts.her").replace("Mail/me", "Mail/her")
    )
    home.write(first + home.conf.read_text())
    good(home.run("sync", "me"))
    shutil.rmtree(home.mail / "Work/new")
    (home.mail / "Work/new").mkdir()
    good(home.run("sync", "me"), 3)
    assert good(home.run("undelete")).out == "nothing to bring back\n"
    assert "her: never synced" in good(home.run("undelete", "her"), 2).err
    assert "accepted" in good(home.run("accept", "--yes")).out
    assert "rejected" in good(home.run("reject", "--yes")).out
    assert "12 downloaded" in good(home.run("sync", "me")).out
    assert good(home.run("sync", "me")).out == "me: both sides agree, nothing to do\n"


def test_an_account_that_is_busy_stops_no_decision_about_another(
    home: Home, client: Client
) -> None:
    """What cannot be looked at is said, with the account's name, and counts in the exit status."""
    home.write(
        home.conf.read_text().replace("accounts.me", "accounts.her").replace("Mail/me", "Mail/her")
        + home.conf.read_text()
    )
    good(home.run("sync"))
    for path in (home.mail / "Work/new").iterdir():
        path.unlink()
    good(home.run("sync", "me"), 3)
    with Lock(str(home.state / "her" / "lock")):
        for words in (("accept", "--yes"), ("reject", "--yes")):
            done = good(home.run(*words), 75)
            assert f"{words[0]}ed: " in done.out
            assert done.err.startswith("mailsync: her: another mailsync")
        good(home.run("accept", "--yes", "me"), 0)
        assert "12 downloaded" in good(home.run("sync", "me")).out
        client.expunge(client.uids()[:1])
        assert "1 removed here" in good(home.run("sync", "me")).out
        dry = good(home.run("undelete", "--dry-run"), 75)
        assert "1 file would come back" in dry.out
        done = good(home.run("undelete", "--yes"), 75)
        assert "1 file came back" in done.out
        assert done.err.startswith("mailsync: her: another mailsync")
        done = good(home.run("undelete", "--yes"), 75)
        assert done.out == ""


def test_a_part_of_an_account_does_not_speak_for_the_whole(home: Home, client: Client) -> None:
    good(home.run("sync"))
    path = next((home.mail / "Work/new").iterdir())
    path.rename(home.mail / "INBOX/cur" / f"{path.name}:2,S")
    assert good(home.run("sync", "me/INBOX")).out == "me: nothing to do\n"
    assert "1 moved" in good(home.run("sync")).out
    assert good(home.run("sync")).out == "me: both sides agree, nothing to do\n"


def test_a_directory_that_is_no_mailbox_is_said_every_time(home: Home, client: Client) -> None:
    (home.mail / "a\tb" / "cur").mkdir(parents=True)
    for _ in range(3):
        done = good(home.run("sync"))
        assert "a\\x09b: a mailbox cannot have this name; rename it" in done.err
        time.sleep(1)
    assert done.out == "me: both sides agree, nothing to do\n"
