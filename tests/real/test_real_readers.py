"""What real mail readers do to the Maildir arrives on the server: nothing is lost, nothing doubled,
and no body travels that need not."""

from __future__ import annotations

import re
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
from support.readers import Readers
from support.rig import message
from support.wired import Wired, append_many

from mailsync.model.report import AccountReport

pytestmark = pytest.mark.dovecot
COUNT = 8
BOXES = ("INBOX", "Work", "Drafts", "Trash")


@pytest.fixture
def rig(real_readers: None, wired: Wired) -> Wired:
    """Eight messages in INBOX, and other mailboxes, on both sides."""
    with wired.client() as client:
        for name in BOXES[1:]:
            client.create(name)
        append_many(client, map(message, range(COUNT)))
    wired.settle()
    return wired


@pytest.fixture
def reader(rig: Wired, tmp_path: Path) -> Readers:
    return Readers(tmp_path / "reader", rig.maildir)


def on_server(rig: Wired) -> dict[str, dict[str, str]]:
    """By mailbox the number of each message there, with its flags; each message once."""
    found: dict[str, dict[str, str]] = {}
    with rig.client() as client:
        for name in BOXES:
            for (body, flags), count in client.view(name).items():
                (number,) = re.findall(rb"Message-ID: <([^@]*)@", body) or [b"-"]
                assert count == 1, (name, number)
                assert found.setdefault(name, {}).setdefault(number.decode(), flags) == flags
    return found


def at(number: int) -> str:
    return f'<limit>~s "message {number}"<enter><first-entry>'


COUNTED = re.compile(rb"(?m)^(?:Content-Length|Lines): .*\n")


def settle(rig: Wired) -> AccountReport:
    """A sync to success and equal sides, but for what neomutt counts when it saves a message."""
    report = rig.sync()
    assert report.exit == 0, report
    with rig.client() as client:
        for name in BOXES:
            here, there = rig.local_view(name), client.view(name)
            plain = [
                Counter({(COUNTED.sub(b"", b), f): n for (b, f), n in view.items()})
                for view in (here, there)
            ]
            assert plain[0] == plain[1], name
    return report


def arrived(rig: Wired, *, sent: int = 0, moved: int = 0) -> None:
    """After a sync both sides are equal, and no more bodies travelled than must."""
    report = settle(rig)
    assert (rig.traffic.bodies, report.total().uploaded) == (0, sent), report
    assert report.total().moved == moved, report
    rig.idle()


# -- neomutt -------------------------------------------------------------------------------------


def test_neomutt_reads_flags_saves_deletes(rig: Wired, reader: Readers) -> None:
    reader.neomutt(
        [
            *(at(0), "<display-message><exit>"),
            *(at(1), "<flag-message>"),
            *(at(2), "<save-message>=Work<enter>"),
            *(at(3), "<delete-message>"),
            *(at(4), "<display-message><exit><save-message>=Work<enter>"),
        ]
    )
    arrived(rig, moved=2)
    there = on_server(rig)
    assert there["INBOX"] == {"0": "S", "1": "F", "5": "", "6": "", "7": ""}
    assert there["Work"] == {"2": "", "4": "S"}
    done = rig.run("check", "--read-data")
    assert done.returncode == 0, done


def test_neomutt_all_at_once(rig: Wired, reader: Readers) -> None:
    """tag-all: flags of all, then all to another mailbox; back by hand."""
    reader.neomutt(["<tag-pattern>~A<enter><tag-prefix><set-flag>!"])
    arrived(rig)
    assert on_server(rig)["INBOX"] == {str(n): "F" for n in range(COUNT)}
    reader.neomutt(["<tag-pattern>~A<enter><tag-prefix><save-message>=Work<enter>"])
    arrived(rig, moved=COUNT)
    assert on_server(rig) == {"Work": {str(n): "F" for n in range(COUNT)}}
    reader.neomutt([at(3), "<save-message>=INBOX<enter>"], "Work")
    arrived(rig, moved=1)


def test_neomutt_copies(rig: Wired, reader: Readers) -> None:
    reader.neomutt([at(1), "<copy-message>=Work<enter>"])
    settle(rig)
    there = on_server(rig)
    assert there["Work"] == {"1": ""}
    assert len(there["INBOX"]) == COUNT
    rig.idle()


def test_neomutt_deletes_to_its_trash_folder(rig: Wired, reader: Readers) -> None:
    """Deleted there is a copy and a deletion: a move for us."""
    reader.neomutt([at(1), "<delete-message>"], more='set trash = "+Trash"\n')
    arrived(rig, moved=1)
    assert on_server(rig)["Trash"].keys() == {"1"}
    reader.neomutt([at(1), "<delete-message>"], "Trash", more='set trash = "+Trash"\n')
    settle(rig)
    assert "Trash" not in on_server(rig)
    rig.idle()


def test_neomutt_purges_what_it_marked(rig: Wired, reader: Readers) -> None:
    """`maildir_trash`: T is a flag for us, and T for the server, until it is expunged."""
    reader.neomutt([at(1), "<delete-message>"], more="set maildir_trash = yes\n")
    arrived(rig)
    assert on_server(rig)["INBOX"]["1"] == "T"
    rig.changes["expunge_deleted"] = True
    settle(rig)
    assert "1" not in on_server(rig)["INBOX"]
    rig.idle()


def test_neomutt_postpones_and_edits_a_draft(rig: Wired, reader: Readers) -> None:
    reader.neomutt(["<mail>you@rig.example<enter>first<enter><postpone-message>"])
    arrived(rig, sent=1)
    assert list(on_server(rig)["Drafts"].values()) == ["DS"] or on_server(rig)["Drafts"]
    editor = 'set editor = "sed -i -e s/first/second/"\n'
    reader.neomutt(["<first-entry><edit-raw-message>"], "Drafts", more=editor)
    report = settle(rig)
    assert (rig.traffic.bodies, report.total().uploaded) == (0, 1), report
    with rig.client() as client:
        (body,) = [body for (body, _), _ in client.view("Drafts").items()]
    assert b"second" in body
    rig.idle()


# -- notmuch -------------------------------------------------------------------------------------


def test_notmuch_tags(rig: Wired, reader: Readers) -> None:
    reader.notmuch("new")
    reader.notmuch("tag", "-unread", "--", "*")
    arrived(rig)
    assert on_server(rig)["INBOX"] == {str(n): "S" for n in range(COUNT)}
    reader.notmuch("new")
    reader.notmuch("tag", "+flagged", "+replied", "--", "id:1@rig.example")
    reader.notmuch("tag", "+unread", "--", "id:2@rig.example")
    arrived(rig)
    there = on_server(rig)["INBOX"]
    assert (there["1"], there["2"], there["3"]) == ("FRS", "", "S")


def test_notmuch_changes_all_copies(rig: Wired, reader: Readers) -> None:
    with rig.client() as client:
        append_many(client, [message(1)], "Work")
    settle(rig)
    reader.notmuch("new")
    reader.notmuch("tag", "+flagged", "-unread", "--", "id:1@rig.example")
    arrived(rig)
    there = on_server(rig)
    assert (there["INBOX"]["1"], there["Work"]["1"]) == ("FS", "FS")


def test_notmuch_sees_what_the_server_changed(rig: Wired, reader: Readers) -> None:
    reader.notmuch("new")
    with rig.client() as client:
        client.store([1], "+FLAGS (\\Seen \\Flagged)")
    settle(rig)
    reader.notmuch("new")
    assert reader.notmuch("count", "tag:flagged", "and", "not", "tag:unread") == "1\n"
    before = rig.snapshot()
    assert rig.sync().exit == 0
    assert rig.snapshot() == before


# -- mu, as mu4e drives it -----------------------------------------------------------------------


def test_mu_marks_and_moves(rig: Wired, reader: Readers) -> None:
    reader.mu_index()
    reader.mu_move(0, "+S-N")
    reader.mu_move(1, "+F-N")
    reader.mu_move(2, "+R+S-N")
    reader.mu_move(3, "+S-N", "Work")
    reader.mu_move(4, "-N", "Work", rename=True)
    reader.mu_move(5, "+T-N", "Trash")
    arrived(rig, moved=3)
    there = on_server(rig)
    assert there["INBOX"] == {"0": "S", "1": "F", "2": "RS", "6": "", "7": ""}
    assert there["Work"] == {"3": "S", "4": ""}
    assert there["Trash"] == {"5": "T"}
    reader.mu_index()
    reader.mu_move(3, "-S", "INBOX", rename=True)
    arrived(rig, moved=1)
    assert on_server(rig)["INBOX"]["3"] == ""


def test_mu_removes(rig: Wired, reader: Readers) -> None:
    reader.mu_index()
    name = next(path for path in rig.files() if b"<6@rig" in path.read_bytes())
    found = reader.run("mu", "find", "--fields=l", "msgid:6@rig.example").strip()
    assert found == str(name)
    name.unlink()  # what mu4e's D comes to
    settle(rig)
    assert "6" not in on_server(rig)["INBOX"]
    rig.idle()


# -- all of them, and a sync at work -------------------------------------------------------------


def test_one_after_the_other(rig: Wired, reader: Readers) -> None:
    """Three readers of one Maildir between two syncs."""
    reader.notmuch("new")
    reader.mu_index()
    reader.neomutt([at(1), "<save-message>=Work<enter>"])
    reader.notmuch("new")
    reader.notmuch("tag", "+flagged", "--", "id:1@rig.example")
    reader.mu_index()
    reader.mu_move(1, "+S-N", "INBOX")
    reader.mu_move(2, "+S-N", "Work", rename=True)
    arrived(rig, moved=1)
    there = on_server(rig)
    assert (there["INBOX"]["1"], there["Work"]) == ("FS", {"2": "S"})


def test_tagging_while_syncs_run(rig: Wired, reader: Readers) -> None:
    """notmuch renames every file again and again, the server flags them, new mail comes."""
    reader.notmuch("new")
    over = threading.Event()
    failed: list[BaseException] = []

    def tag() -> None:
        try:
            for turn in range(1000):
                if over.is_set():
                    return
                reader.notmuch("tag", "+-"[turn % 2] + "flagged", "--", "*")
        except (AssertionError, subprocess.SubprocessError) as error:
            failed.append(error)

    thread = threading.Thread(target=tag)
    thread.start()
    try:
        with rig.client() as client:
            for number in range(COUNT, COUNT + 4):
                client.store([number - COUNT + 1], "+FLAGS (\\Answered)")
                client.append(message(number))
                rig.sync()
    finally:
        over.set()
        thread.join()
    assert failed == []
    reader.notmuch("new")
    reader.notmuch("tag", "+flagged", "--", "*")
    settle(rig)
    counted = Counter(on_server(rig)["INBOX"].values())
    assert counted == Counter({"FR": 4, "F": COUNT})
    rig.idle()
