"""Taking over what mbsync and OfflineIMAP left, made by the programs themselves."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from support import former
from support.former import Mbsync, OfflineImap, Tool
from support.oddmail import odd_messages
from support.rig import message
from support.servers import Server
from support.wired import CHANGING, Wired, append_many

from mailsync.local.former import Places
from mailsync.model.errors import ConfigError, Disconnected
from mailsync.model.former import Adoption
from mailsync.model.layout import Layout
from mailsync.model.settings import Deletions
from mailsync.modes import adopt as modes

pytestmark = [pytest.mark.dovecot, pytest.mark.usefixtures("former_programs")]

COUNT = 300
BOXES = ("INBOX", "Lists/python", "Sent")
Make = Callable[[Wired], Tool]

TOOLS: dict[str, Make] = {
    "mbsync": Mbsync,
    "mbsync-date": lambda rig: Mbsync(rig, more="SyncState *\nCopyArrivalDate yes"),
    "mbsync-directory": lambda rig: Mbsync(rig, more=""),
    "mbsync-prefix": lambda rig: Mbsync(rig, more="SyncState {home}/state-"),
    "offlineimap": OfflineImap,
}


@pytest.fixture(params=["mbsync", "offlineimap"])
def make(request: pytest.FixtureRequest) -> Make:
    return TOOLS[request.param]


def server_count(rig: Wired) -> int:
    with rig.client() as client:
        return len(client.uids())


def places(rig: Wired) -> Places:
    home = rig.root / "home"
    return Places((f"{home}/.mbsync/", f"{home}/state-"), f"{home}/.offlineimap")


def adopt(rig: Wired, **options: bool) -> Adoption:
    """Nothing of either side is changed, and no body is transferred."""
    before = rig.snapshot()
    rig.wire.traffic = type(rig.wire.traffic)()
    done = modes.adopt(rig.account, places(rig), **options)  # type: ignore[arg-type]
    assert not CHANGING & rig.traffic.commands.keys(), rig.traffic
    assert (rig.traffic.bodies, rig.traffic.sent_bytes) == (0, 0)
    if not options.get("rename"):
        assert rig.snapshot() == before
    return done


def filled(rig: Wired, count: int = COUNT) -> None:
    with rig.client() as client:
        for box in BOXES[1:]:
            client.create(box)
        for at, box in enumerate(BOXES):
            append_many(client, (message(n) for n in range(at, count, len(BOXES))), box)
        client.store(client.uids()[::7], r"+FLAGS (\Seen)")
        client.store(client.uids()[::11], r"+FLAGS (\Flagged \Answered)")


def assert_equal(rig: Wired) -> None:
    """Both sides hold the same messages, but for the field that mbsync writes into its copies."""

    def plain(view: Counter[tuple[bytes, str]]) -> Counter[tuple[bytes, str]]:
        copied = re.compile(rb"(?m)^X-TUID:.*\n")
        return Counter((copied.sub(b"", body), flags) for body, flags in view.elements())

    with rig.client() as client:
        assert sorted(client.boxes()) == rig.local_boxes()
        for name in client.boxes():
            assert plain(rig.local_view(name)) == plain(client.view(name)), name


def total(done: Adoption, field: str) -> int:
    return sum(getattr(box, field) for box in done.mailboxes)


def all_held(rig: Wired) -> int:
    return rig.sync().total().held


@pytest.mark.parametrize("name", TOOLS)
def test_all_is_known(wired: Wired, name: str) -> None:
    filled(wired)
    TOOLS[name](wired).run()
    done = adopt(wired)
    assert done.exit == 0, done
    assert (total(done, "known"), total(done, "alike")) == (COUNT, 0), done
    assert (total(done, "fetched"), total(done, "sent")) == (0, 0)
    assert_equal(wired)
    wired.idle()
    again = adopt(wired)
    assert total(again, "before") == COUNT
    assert again.exit == 0


def test_a_dry_run_says_the_same_and_leaves_no_cache(wired: Wired, make: Make) -> None:
    filled(wired, 30)
    make(wired).run()
    done = adopt(wired, dry=True)
    assert total(done, "known") == 30
    assert not wired.state.exists() or not list(wired.state.glob("cache.db*"))
    assert not (wired.maildir / ".mailsync").exists()


@pytest.mark.parametrize("name", ["mbsync", "offlineimap"])
def test_without_a_state_by_content(wired: Wired, name: str) -> None:
    filled(wired)
    TOOLS[name](wired).run()
    for path in wired.maildir.rglob(".mbsyncstate"):
        path.unlink()
    shutil.rmtree(wired.root / "home")
    done = adopt(wired)
    assert (total(done, "known"), total(done, "alike")) == (0, COUNT), done
    wired.idle()


def test_what_was_uploaded_by_the_program_has_its_field(wired: Wired) -> None:
    filled(wired, 9)
    tool = Mbsync(wired)
    tool.run()
    wired.put(message("sent"), "Sent", info=":2,S")
    tool.run()
    done = adopt(wired)
    assert total(done, "known") == 10
    wired.idle()


def test_odd_messages(wired: Wired, make: Make) -> None:
    """OfflineIMAP rewrites what is malformed: that is known by the UID and the Message-ID, or is
    left for a sync, and said."""
    with wired.client() as client:
        for one in (odd for odd in odd_messages()[::9] if not odd.has_nul):
            client.append(one.body)
    count = server_count(wired)
    make(wired).run(check=False)  # OfflineIMAP stumbles over some
    done = adopt(wired)
    assert total(done, "paired") + total(done, "fetched") == count, done
    assert total(done, "paired") >= count // 2
    report = wired.sync()
    assert report.total().downloaded == total(done, "fetched")
    wired.idle()


def test_deleted_on_one_side_since(wired: Wired, make: Make) -> None:
    """What the program had on both sides and one lacks: held, whichever side it is."""
    filled(wired, 90)
    make(wired).run()
    for path in wired.files()[:3]:
        path.unlink()
    with wired.client() as client:
        client.expunge(client.uids()[-2:])
    done = adopt(wired)
    assert done.exit == 3
    inbox = next(box for box in done.mailboxes if box.name == "INBOX")
    assert (inbox.held_there, inbox.held_here) == (3, 2), done
    assert total(done, "known") == 85
    assert all_held(wired) == 5
    wired.idle(3)

    wired.accept()
    report = wired.sync()
    assert report.exit == 0, report
    assert (report.total().expunged, report.total().removed) == (3, 2)
    wired.idle()
    assert_equal(wired)


def test_rejected_comes_back(wired: Wired, make: Make) -> None:
    filled(wired, 90)
    make(wired).run()
    for path in wired.files()[:3]:
        path.unlink()
    with wired.client() as client:
        client.expunge(client.uids()[-2:])
    adopt(wired)
    wired.reject()
    report = wired.sync()
    assert (report.total().downloaded, report.total().uploaded) == (3, 2), report
    wired.idle()
    assert_equal(wired)


def test_all_files_gone_is_held(wired: Wired, make: Make) -> None:
    filled(wired, 90)
    make(wired).run()
    for path in wired.files():
        path.unlink()
    done = adopt(wired)
    assert total(done, "held_there") == 30
    assert all_held(wired) == 30
    assert server_count(wired) == 30


def test_changed_since_goes_across(wired: Wired, make: Make) -> None:
    """The flags that the program had seen on both sides are the merge base."""
    filled(wired, 30)
    make(wired).run()
    path = next(p for p in wired.files() if p.parent.name == "cur" and "S" in p.name[-4:])
    unseen = path.name.replace("S", "", 1) if path.name.endswith("S") else path.name
    path.rename(path.with_name(re.sub(r":2,.*", ":2,", path.name)))
    assert unseen
    with wired.client() as client:
        client.store(client.uids()[1:3], r"+FLAGS (\Flagged)")
        append_many(client, [message("new there")])
    wired.put(message("new here"))
    done = adopt(wired)
    assert total(done, "known") == 30
    assert (total(done, "fetched"), total(done, "sent")) == (1, 1)
    report = wired.sync()
    assert report.total().flags_server == 1, report
    assert report.total().flags_local == 2, report
    assert (report.total().downloaded, report.total().uploaded) == (1, 1)
    wired.idle()
    assert_equal(wired)


def test_moved_since(wired: Wired, make: Make) -> None:
    """A file that went to another mailbox under its old name, `,U=` and all, is moved there; and
    one whose name lost the field is known by its content."""
    filled(wired, 90)
    make(wired).run()
    first, second, third, *_ = wired.files()
    for path in (first, second):
        path.rename(wired.box("Sent") / path.parent.name / path.name)
    third.rename(third.with_name(re.sub(r",U=[^:]*", "", third.name)))
    done = adopt(wired)
    assert total(done, "alike") == 1, done
    report = wired.sync()
    assert report.total().moved == 2, report
    assert wired.traffic.bodies == 0
    assert (report.total().uploaded, report.total().downloaded, report.exit) == (0, 0, 0)
    wired.idle()
    assert_equal(wired)


def test_a_copy_with_the_same_number(wired: Wired, make: Make) -> None:
    filled(wired, 30)
    make(wired).run()
    path = wired.files()[0]
    twin = path.with_name(re.sub(r"^[^,]*", "1700000000.copy.reader", path.name))
    shutil.copyfile(path, twin)
    done = adopt(wired)
    assert (total(done, "known"), total(done, "sent")) == (30, 1)
    report = wired.sync()
    assert report.total().uploaded == 1
    wired.idle()


def test_drafts_and_twins(wired: Wired, make: Make) -> None:
    """Drafts keep their Message-ID when they are edited; twins have everything in common."""
    with wired.client() as client:
        client.create("Drafts")
        append_many(client, (message(n) for n in range(3)), "Drafts", flags=r"\Draft \Seen")
        append_many(client, [message("twin")] * 3)
        client.store(client.uids()[1:2], r"+FLAGS (\Flagged)")
    make(wired).run()
    edited = wired.files("Drafts")[0]
    edited.write_bytes(edited.read_bytes() + b"one more line\n")
    done = adopt(wired)
    by_name = {box.name: box for box in done.mailboxes}
    assert by_name["INBOX"].known == 3
    assert by_name["Drafts"].known == 2, done
    report = wired.sync()
    if by_name["Drafts"].held_there:  # mbsync: the file may be another mailbox's
        wired.accept()
        report = wired.sync()
    assert report.exit == 0, report
    wired.idle()
    assert_equal(wired)
    with wired.client() as client:
        bodies = [body for body, _ in client.messages("Drafts").values()]
    assert any(body.endswith(b"one more line\r\n") for body in bodies)


def test_keywords(wired: Wired) -> None:
    """Those of the server arrive with the first sync; a letter of OfflineIMAP is known by the table
    that its user wrote."""
    filled(wired, 9)
    with wired.client() as client:
        client.store(client.uids()[:1], "+FLAGS (Work)")
        client.store(client.uids()[1:2], r"+FLAGS (Play \Seen)")
    tool = OfflineImap(wired)
    rc = tool.conf.read_text()
    tool.conf.write_text(rc.replace("type = Maildir", "type = Maildir\ncustomflag_a = Work"))
    tool.run()
    assert [path.name for path in wired.files() if path.name.endswith("a")]
    (wired.box() / "dovecot-keywords").write_text("0 Work\n")
    done = adopt(wired)
    assert (total(done, "known"), done.exit) == (9, 0)
    report = wired.sync()
    assert report.exit == 0, report
    assert (report.total().flags_server, report.total().uploaded) == (0, 0), report
    wired.idle()
    with wired.client() as client:
        shown = [client.uids("INBOX", f"KEYWORD {word}") for word in ("Work", "Play")]
    assert [len(uids) for uids in shown] == [1, 1]
    assert "Play" in (wired.box() / "dovecot-keywords").read_text()


def test_two_files_with_one_name(wired: Wired, make: Make) -> None:
    """No file is renamed by adopt; the next sync sees that there are two, and sends the second."""
    filled(wired, 30)
    make(wired).run()
    path = wired.files()[0]
    other = wired.box() / "cur" / re.sub(r",.*", ",X=1:2,S", path.name)
    other.write_bytes(b"Subject: another one\n\n")
    wired.disk.ahead = 10  # so that the folder's stamp would be trusted
    done = adopt(wired)
    assert total(done, "paired") == 29 or total(done, "known") == 30, done
    wired.sync()
    wired.reject()  # cur/ goes before new/: the message's own file may have been the second
    wired.sync()
    wired.idle()
    with wired.client() as client:
        assert sum(b"another one" in body for body, _ in client.messages().values()) == 1
    assert_equal(wired)


def test_another_uidvalidity(wired: Wired, make: Make) -> None:
    """The state is of another mailbox of that name: by content, and said."""
    filled(wired, 30)
    make(wired).run()
    with wired.client() as client:
        client.delete("Sent")
        client.create("Sent")
        append_many(client, (message(n) for n in range(2, 30, 3)), "Sent")
    done = adopt(wired)
    sent = next(box for box in done.mailboxes if box.name == "Sent")
    assert (sent.known, sent.alike) == (0, 10), done
    assert "UIDVALIDITY" in " ".join(sent.notices)
    wired.idle()


def test_numbers_that_lie(wired: Wired, make: Make) -> None:
    """Names whose numbers were swapped: nothing is paired wrongly."""
    filled(wired, 30)
    make(wired).run()
    first, second, *_ = wired.files()
    numbers = [re.search(r",U=\d+", path.name)[0] for path in (first, second)]  # type: ignore[index]
    first.rename(first.with_name(first.name.replace(*numbers)))
    second.rename(second.with_name(second.name.replace(*numbers[::-1])))
    done = adopt(wired)
    assert (total(done, "known"), total(done, "alike")) == (28, 2), done
    assert_equal(wired)
    wired.idle()


def test_cut_off_and_run_again(wired: Wired, make: Make) -> None:
    """Wherever the connection ends, the next run completes it."""
    filled(wired, 60)
    make(wired).run()
    wired.files()[0].unlink()
    answers = 0

    def cut(response: bytes) -> bool:
        nonlocal answers
        answers += 1
        return answers == at

    for turn in itertools.count():
        answers, at = 0, 12 + 17 * turn
        wired.wire.cut = cut
        try:
            modes.adopt(wired.account, places(wired))
        except Disconnected:
            continue
        break
    assert turn > 4
    wired.wire.cut = lambda response: False
    done = adopt(wired)
    assert (total(done, "paired"), total(done, "held_there")) == (59, 1)
    wired.idle(3)


NAMES = ("Über/Straße", "Work", "Lists/a&b")


@pytest.mark.parametrize("sep", ["/", "."])
def test_directories_in_the_former_form(wired: Wired, sep: str) -> None:
    for name in NAMES:
        wired.server.doveadm("mailbox", "create", "-u", wired.user, name)  # type: ignore[attr-defined]
        for number in range(3):
            wired.server.save(wired.user, message(f"{NAMES.index(name)}-{number}"), name)  # type: ignore[attr-defined]
    OfflineImap(wired, sep=sep).run()
    with pytest.raises(ConfigError, match="--rename-folders") as told:
        adopt(wired)
    assert "the mailbox Über/Straße" in str(told.value)
    done = adopt(wired, rename=True)
    assert total(done, "known") == 9, done
    assert wired.local_boxes() == sorted(["INBOX", *NAMES])
    wired.idle()


def test_a_mailbox_that_has_another_name_here(wired: Wired) -> None:
    """It is not sent to the server as a new one: said, and put in place by the configuration."""
    filled(wired, 30)
    more = "SyncState *\n\nChannel other\nFar :far:Sent\nNear :near:gesendet\nCreate Both"
    tool = Mbsync(wired, more=more)
    tool.conf.write_text(tool.conf.read_text().replace("Patterns *", "Patterns INBOX Lists/*"))
    tool.run()
    done = adopt(wired)
    assert done.exit == 1
    (box,) = (box for box in done.mailboxes if box.name == "gesendet")
    assert "rename the directory" in box.notices[0]
    assert box.sent == 10

    wired.lose_cache()
    (wired.maildir / ".mailsync").unlink()
    said = wired.run("adopt", "--old-config", str(tool.conf))
    assert said.returncode == 2
    assert "the directory gesendet is the mailbox Sent" in said.stderr
    said = wired.run("adopt", "--old-config", str(tool.conf), "--rename-folders")
    assert said.returncode == 0, said
    assert wired.local_boxes() == ["INBOX", "Lists/python", "Sent"]
    wired.idle()


def test_a_trash_that_is_yet_to_be_made(wired: Wired) -> None:
    filled(wired, 30)
    Mbsync(wired).run()
    wired.changes |= {"trash": "Papierkorb", "deletions": Deletions.TRASH}
    assert adopt(wired).exit == 0


def command(rig: Wired, tool: Tool, conf: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """As a person who has the former program's configuration where it belongs."""
    argv = [sys.executable, "-m", "mailsync", "--config", str(conf), *words]
    env = tool.environment() | {"HOME": str(rig.root), "XDG_STATE_HOME": str(rig.root)}
    return subprocess.run(argv, capture_output=True, text=True, env=env, timeout=120)


NAMED = {
    "channel": (
        Mbsync,
        "\n\nChannel other\nFar :far:Sent\nNear :near:gesendet\nCreate Both",
        ["INBOX", "Lists/python", "gesendet"],
    ),
    "flatten": (Mbsync, "", ["INBOX", "Lists.python", "Sent"]),
    "sep": (OfflineImap, "", ["INBOX", "Lists.python", "Sent"]),
}


@pytest.mark.parametrize("name", NAMED)
def test_names_of_their_own_become_rules(wired: Wired, name: str) -> None:
    """From the old configuration to an idle sync, and no directory is renamed."""
    filled(wired, 30)
    make, more, boxes = NAMED[name]
    tool: Tool
    if make is Mbsync:
        tree = former.VERBATIM + ("\nFlatten ." if name == "flatten" else "")
        tool = Mbsync(wired, tree=tree, more="SyncState *" + more)
        if more:
            rc = tool.conf.read_text().replace("Patterns *", "Patterns INBOX Lists/*")
            tool.conf.write_text(rc)
    else:
        tool = OfflineImap(wired, sep=".")
    tool.run()
    before = wired.snapshot()
    conf = wired.root / "new" / "mailsync.conf"
    done = command(wired, tool, conf, "adopt", "--write-config", str(conf))
    assert done.returncode == 0, done
    done = command(wired, tool, conf, "adopt")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "30 messages in 3 mailboxes" in done.stdout
    assert wired.local_boxes() == boxes
    done = command(wired, tool, conf, "sync")
    assert "both sides agree, nothing to do" in done.stdout, done
    assert wired.snapshot() == before
    assert wired.local_boxes() == boxes


@pytest.mark.parametrize("inbox", ["Inbox", "incoming"])
def test_an_inbox_of_another_name_is_not_fetched_once_more(wired: Wired, inbox: str) -> None:
    """As many have it: refused with what to do, whether the old configuration is there or not."""
    filled(wired, 9)
    tool = Mbsync(wired, tree=f"Path {{mail}}/\nInbox {{mail}}/{inbox}\nSubFolders Verbatim")
    tool.run()
    conf = wired.root / "new" / "mailsync.conf"
    assert command(wired, tool, conf, "adopt", "--write-config", str(conf)).returncode == 0
    for words in ((), ("--dry-run",)):
        done = command(wired, tool, conf, "adopt", *words)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert f"INBOX is at {wired.maildir}/{inbox}, and must be at" in done.stderr
    if inbox == "Inbox":
        with pytest.raises(ConfigError, match="it is INBOX, and must have that name"):
            adopt(wired)
    (wired.maildir / inbox).rename(wired.box())
    done = command(wired, tool, conf, "adopt")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "9 messages in 3 mailboxes" in done.stdout
    assert "both sides agree, nothing to do" in command(wired, tool, conf, "sync").stdout


@pytest.mark.parametrize(("there", "here"), [("Lists", "old"), ("Lists/", "old/")])
def test_a_channel_for_names_that_begin_so(wired: Wired, there: str, here: str) -> None:
    """Nothing that the channel was for is left out."""
    filled(wired, 30)
    with wired.client() as client:
        client.create("Lists")
        append_many(client, [message("above")], "Lists")
    tool = Mbsync(wired)
    text = tool.conf.read_text()
    stores = f"Far :far:{there}\nNear :near:{here}"
    tool.conf.write_text(text.replace("Far :far:\nNear :near:", stores))
    tool.run()
    before, boxes = wired.snapshot(), wired.local_boxes()
    conf = wired.root / "new" / "mailsync.conf"
    assert command(wired, tool, conf, "adopt", "--write-config", str(conf)).returncode == 0
    done = command(wired, tool, conf, "adopt")
    assert (done.returncode, done.stderr) == (0, ""), done
    count = 10 if there.endswith("/") else 11
    assert f"{count} messages in {len(boxes)} mailbox" in done.stdout
    done = command(wired, tool, conf, "sync")
    assert "both sides agree, nothing to do" in done.stdout, done
    assert (wired.snapshot(), wired.local_boxes()) == (before, boxes)


@pytest.mark.parametrize("name", ["mbsync", "offlineimap"])
def test_from_the_old_configuration_to_a_sync(wired: Wired, name: str) -> None:
    """The way of docs/moving-in.md, by the command line alone."""
    filled(wired, 30)
    tool = TOOLS[name](wired)
    tool.run()
    before = wired.snapshot()
    conf = wired.root / "new" / "mailsync.conf"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return command(wired, tool, conf, *words)

    done = run("adopt", "--write-config", str(conf))
    assert done.returncode == 0, done
    assert run("config", "check").returncode == 0
    for words in (("adopt", "--dry-run"), ("adopt",)):
        done = run(*words)
        assert (done.returncode, done.stderr) == (0, ""), done
        assert "30 messages in 3 mailboxes" in done.stdout
    for _ in range(2):
        done = run("sync")
        assert done.returncode == 0, done
        assert "both sides agree, nothing to do" in done.stdout, done
    assert wired.snapshot() == before


@pytest.mark.parametrize("name", ["mbsync", "offlineimap"])
def test_killed_and_run_again(wired: Wired, name: str) -> None:
    filled(wired)
    TOOLS[name](wired).run()
    wired.files()[0].unlink()
    argv = [sys.executable, "-m", "mailsync", "--config", str(wired.configured()), "adopt"]
    argv += ["--state", str(wired.root / "home" / ".offlineimap")]
    for tenths in range(3, 12):
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            time.sleep(tenths / 10)
            process.kill()
            process.communicate()
    done = adopt(wired)
    assert total(done, "paired") == COUNT - 1, done
    assert total(done, "held_there") == 1
    wired.idle(3)


@pytest.mark.parametrize("sep", ["/", "."])
def test_a_prefix_on_the_server(
    dovecot_with: Callable[..., Server], wired_on: Callable[..., Wired], sep: str
) -> None:
    """The server has INBOX.Sent where mailsync has Sent; OfflineIMAP keeps the prefix."""
    rig = wired_on(dovecot_with(prefix="INBOX.", separator="."))
    with rig.client() as client:
        client.create("Sent")
        for at, box in enumerate(("INBOX", "Sent")):
            append_many(client, (message(n) for n in range(at, 10, 2)), box)
    OfflineImap(rig, sep=sep).run()
    with pytest.raises(ConfigError, match="is the mailbox Sent"):
        adopt(rig)
    done = adopt(rig, rename=True)
    assert total(done, "known") == 10, done
    rig.idle()


def test_maildirpp(wired: Wired) -> None:
    """Refused by what to say, and taken over once that is said."""
    filled(wired, 9)
    wired.server.doveadm("mailbox", "create", "-u", wired.user, "A/B")  # type: ignore[attr-defined]
    wired.server.save(wired.user, message("below"), "A/B")  # type: ignore[attr-defined]
    Mbsync(wired, tree=former.MAILDIRPP).run()
    with pytest.raises(ConfigError, match=r'layout = "maildir\+\+"'):
        adopt(wired)
    wired.changes["layout"] = Layout.MAILDIRPP
    done = adopt(wired)
    assert total(done, "known") == 10, done
    wired.idle()
    assert {"A/B", "INBOX"} <= set(wired.local_boxes())


def test_offlineimap_in_maildirpp(wired: Wired) -> None:
    """`nametrans` puts a dot before each name; INBOX is a mailbox like any other then."""
    filled(wired, 30)
    dotted = "nametrans = lambda name: '.' + name.replace('/', '.')"
    OfflineImap(wired, sep=".", more=dotted).run()
    wired.changes["layout"] = Layout.MAILDIRPP
    wired.changes["mailboxes"] = ("*", "!INBOX")
    done = adopt(wired)
    assert total(done, "known") == 20, done
    wired.idle()


def test_legacy_is_refused_clearly(wired: Wired) -> None:
    filled(wired, 9)
    Mbsync(wired, tree="Path {mail}/\nInbox {mail}/INBOX\nSubFolders Legacy").run()
    with pytest.raises(ConfigError, match="Legacy"):
        adopt(wired)


def test_placeholders_and_expired(wired: Wired) -> None:
    """Neither is a deletion by the user: what mbsync itself had taken away is fetched."""
    with wired.client() as client:
        append_many(client, (message(n) for n in range(10)), flags=r"\Seen")
    Mbsync(wired).run()
    with wired.client() as client:
        client.append(message("big", size=1000))
    Mbsync(wired, more="SyncState *\nMaxMessages 6\nMaxSize 10k").run()
    done = adopt(wired)
    (inbox,) = done.mailboxes
    assert (inbox.known, inbox.held_there, inbox.held_here) == (5, 0, 1), inbox
    assert inbox.fetched == 6
    assert "5 messages that mbsync had removed here by MaxMessages" in " ".join(inbox.notices)
    report = wired.sync()
    assert (report.total().downloaded, report.total().held, report.exit) == (6, 1, 3)
    wired.accept()  # the file that only says how large the message was
    assert wired.sync().total().removed == 1
    wired.idle()
    assert_equal(wired)


def test_what_is_out_of_scope_is_not_announced(wired: Wired) -> None:
    with wired.client() as client:
        client.append(message("small"))
        client.append(message("big", size=1000))
    Mbsync(wired, more="SyncState *\nMaxSize 10k").run()
    wired.changes["max_size"] = 10_000
    (inbox,) = adopt(wired).mailboxes
    assert (inbox.known, inbox.fetched, inbox.held_here) == (1, 0, 1), inbox
    report = wired.sync()
    assert (report.total().downloaded, report.total().held) == (0, 1), report


def test_a_tree_that_lost_its_empty_directories(wired: Wired) -> None:
    """As git or an archive leaves it: they count as empty, and the next sync makes them."""
    filled(wired, 30)
    Mbsync(wired).run()
    for path in wired.files():
        path.rename(wired.box() / "cur" / path.name)
    for folder in ("new", "tmp"):
        (wired.box() / folder).rmdir()
    for dry in (True, False):
        done = adopt(wired, dry=dry)
        assert (done.exit, total(done, "known")) == (0, 30), done
        assert not (wired.box() / "new").exists()
    assert wired.sync().exit == 0
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0)
    wired.idle()


def test_there_is_no_maildir(wired: Wired) -> None:
    with pytest.raises(ConfigError, match="nothing to take over"):
        adopt(wired)


def test_the_command(wired: Wired, tmp_path: Path) -> None:
    filled(wired, 30)
    Mbsync(wired).run()
    wired.files()[0].unlink()
    done = wired.run("adopt", "--dry-run")
    assert done.returncode == 3, done
    assert "29 messages" in done.stdout
    done = wired.run("adopt")
    assert done.returncode == 3, done
    assert "mailsync accept test" in done.stdout
    assert done.stderr == ""
    assert '"by-state"' in wired.run("adopt", "--json").stdout
