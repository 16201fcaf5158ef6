"""Keywords with a real server, and with a second Dovecot on the very Maildir."""

from __future__ import annotations

import os
import pwd
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.dovecot import Dovecot
from support.rig import message
from support.servers import Server
from support.wired import Wired

from mailsync.model.checked import CheckOptions
from mailsync.model.errors import Exit
from mailsync.modes import check

pytestmark = pytest.mark.dovecot


@pytest.fixture
def filled(wired: Wired) -> Wired:
    with wired.client() as client:
        client.append(message(1), "INBOX", "\\Seen Work")
        client.append(message(2), "INBOX", "\\Seen $Junk work")
        client.append(message(3), "INBOX", "\\Seen")
    done(wired)
    return wired


def done(rig: Wired) -> None:
    rig.settle()
    rig.idle()
    found = check.check(rig.account, CheckOptions())
    assert found.exit is Exit.OK, found


def letters(rig: Wired) -> list[str]:
    """Of every file in INBOX, by its message's number."""
    found = {path.read_bytes().partition(b"message ")[2][:1]: path.name for path in rig.files()}
    return [name.partition(":2,")[2] for _, name in sorted(found.items())]


def words(rig: Wired, box: str = "INBOX") -> list[set[str]]:
    """On the server, by UID."""
    with rig.client() as client:
        client.select(box)
        _, said = client.imap.uid("FETCH", "1:*", "(FLAGS)")
    lists = [re.search(rb"FLAGS \(([^)]*)\)", one)[1] for one in said if isinstance(one, bytes)]  # type: ignore[index]
    return [{w for w in one.decode().split() if not w.startswith("\\")} for one in lists]


def flagged(rig: Wired, number: int, info: str) -> None:
    path = next(p for p in rig.files() if f"message {number}".encode() in p.read_bytes())
    path.rename(path.parent.parent / "cur" / f"{path.name.partition(':2,')[0]}:2,{info}")


def test_both_ways(filled: Wired) -> None:
    assert (filled.box() / "dovecot-keywords").read_text() == "0 $Junk\n1 Work\n"
    assert letters(filled) == ["Sb", "Sab", "S"]
    flagged(filled, 1, "FS")  # as mu and old neomutt do
    flagged(filled, 2, "Sa")
    flagged(filled, 3, "Sb")
    done(filled)
    assert letters(filled) == ["FSb", "Sa", "Sb"]
    assert words(filled) == [{"Work"}, {"$Junk"}, {"Work"}]
    with filled.client() as client:
        client.store([1], "-FLAGS (WORK)")
        client.store([3], "+FLAGS (Later)")
    done(filled)
    assert letters(filled) == ["FS", "Sa", "Sbc"]


@pytest.mark.parametrize("name", ["cyrus", "cyrus-dots", "courier"])
def test_keywords_on_other_servers(
    name: str, real_server: Callable[[str], Server], wired_on: Callable[..., Wired]
) -> None:
    server = real_server(name)
    rig = wired_on(server)
    rig.user = getattr(server, "user", rig.user)
    with rig.client() as client:
        for number, flags in ((1, "\\Seen Work"), (2, "\\Seen $Junk work"), (3, "\\Seen")):
            client.append(message(number), "INBOX", flags)
    done(rig)
    assert letters(rig) == ["Sb", "Sab", "S"]
    flagged(rig, 1, "FS")
    flagged(rig, 2, "Sa")
    flagged(rig, 3, "Sb")
    rig.put(message(4), info=":2,Sab")
    done(rig)
    assert letters(rig) == ["FSb", "Sa", "Sb", "Sab"]
    shown = [{word.lower() for word in one} for one in words(rig)]
    assert shown == [{"work"}, {"$junk"}, {"work"}, {"$junk", "work"}]


@pytest.mark.parametrize("name", ["courier-old", "imap4d", "pymap"])
def test_servers_without_keywords(name: str, wired_to: Callable[..., Wired]) -> None:
    """What was set here stays here, and is sent to nobody again and again."""
    rig = wired_to(name)
    with rig.client() as client:
        for number in (1, 2):
            client.append(message(number))
    rig.settle()
    (rig.box() / "dovecot-keywords").write_text("0 $Junk\n1 Work\n")
    flagged(rig, 1, "FSb")
    rig.put(message(3), info=":2,Sab")
    rig.settle()
    rig.idle()
    assert letters(rig) == ["FSb", "", "Sab"]
    assert words(rig) == [set()] * 3


def test_check_says_what_differs(filled: Wired) -> None:
    flagged(filled, 3, "Sa")
    with filled.client() as client:
        client.store([1], "+FLAGS ($Junk)")
        client.store([2], "+FLAGS (Fresh)")
    found = check.check(filled.account, CheckOptions())
    said = "\n".join(one.what for box in found.mailboxes for one in box.differences)
    assert found.exit is Exit.FAILED
    assert "flags are S on the server, S $Junk in the Maildir" in said
    assert "flags are S $Junk Work on the server, S Work in the Maildir" in said
    assert "keywords Fresh on the server, new to the cache" in said
    done(filled)


def test_an_upload_a_move_and_an_undelete_carry_them(filled: Wired) -> None:
    filled.put(message(4), info=":2,Sab")
    with filled.client() as client:
        client.create("Other")
    done(filled)
    assert words(filled)[3] == {"$Junk", "Work"}
    moved = next(p for p in filled.files() if b"message 2" in p.read_bytes())
    moved.rename(filled.box("Other") / "cur" / moved.name)
    done(filled)
    assert words(filled, "Other") == [{"$Junk", "Work"}]
    with filled.client() as client:
        client.expunge([4])
    done(filled)
    assert filled.run("undelete", "--yes").returncode == 0
    done(filled)
    assert words(filled)[-1] == {"$Junk", "Work"}


def test_a_cache_from_before_takes_the_union(filled: Wired) -> None:
    """What another program set in a Maildir that was synced without keywords is not removed, nor
    what the server has."""
    raw = sqlite3.connect(filled.state / "cache.db")
    bits = f"~{(1 << 63) - 64}"
    for column in ("server_flags", "server_shown", "local_flags", "local_shown", "synced"):
        raw.execute(f"UPDATE messages SET {column} = {column} & {bits}")
    raw.execute("DELETE FROM keywords")
    raw.execute("UPDATE mailboxes SET messages = NULL, highest_modseq = NULL, stamp = NULL")
    raw.commit()
    raw.close()
    flagged(filled, 1, "Sa")
    done(filled)
    assert words(filled) == [{"Work", "$Junk"}, {"$Junk", "Work"}, set()]
    assert letters(filled) == ["Sab", "Sab", "S"]


@pytest.fixture
def second(wired: Wired) -> Iterator[Dovecot]:
    """Another Dovecot, whose users have this Maildir."""
    location = f"maildir:{wired.maildir}:INBOX={wired.maildir}/INBOX:LAYOUT=fs"
    with Dovecot(location=location) as server:
        yield server


def belongs_to(root: Path, user: str) -> None:
    """The Maildir, and the way to it."""
    who = pwd.getpwnam(user)
    for path in [*root.rglob("*"), root]:
        os.chown(path, who.pw_uid, who.pw_gid)
    for path in root.parents:
        if path.stat().st_uid == 0 and len(path.parts) > 2:
            path.chmod(path.stat().st_mode | 0o011)


def test_beside_a_dovecot_on_the_same_maildir(filled: Wired, second: Dovecot) -> None:
    """It reads our table, adds to it, and removes the last letter of a message."""
    if os.getuid() == 0:
        belongs_to(filled.maildir, "nobody")
    look = ("fetch", "-u", "ann", "hdr.subject flags", "mailbox", "INBOX", "all")
    shown = second.doveadm(*look).replace(" \\Recent", "")
    flags = [set(one.split()) for one in re.findall(r"flags: (.*)", shown)]
    assert flags == [{"\\Seen", "Work"}, {"\\Seen", "$Junk", "Work"}, {"\\Seen"}]
    change = ("-u", "ann", "Mine", "mailbox", "INBOX", "header", "subject", "message 3")
    second.doveadm("flags", "add", *change)
    second.doveadm(
        "flags", "remove", "-u", "ann", "Work", "mailbox", "INBOX", "header", "subject", "message 1"
    )
    if os.getuid() == 0:
        belongs_to(filled.maildir, "root")
    assert letters(filled) == ["S", "Sab", "Sc"]
    done(filled)
    assert words(filled) == [set(), {"$Junk", "Work"}, {"Mine"}]
    with filled.client() as client:
        client.store([1], "+FLAGS (Fresh)")
    done(filled)
    if os.getuid() == 0:
        belongs_to(filled.maildir, "nobody")
    assert "Fresh" in second.doveadm(*look)
    if os.getuid() == 0:
        belongs_to(filled.maildir, "root")
    done(filled)
