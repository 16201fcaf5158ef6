"""`mailsync demo`: the main job on a private server, told step by step."""

from __future__ import annotations

import imaplib
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

from mailsync.cli import log, out
from mailsync.cli.demo_server import PASSWORD, USER, demo_server
from mailsync.cli.options import common
from mailsync.cli.state import State
from mailsync.cli.sync import tell
from mailsync.config import default_path
from mailsync.model.errors import Exit, MailsyncError
from mailsync.model.report import AccountReport, SyncOptions, Target
from mailsync.model.settings import Account, Deletions, Secret, Security

View = Counter[tuple[bytes, bool, bool]]  # canonical body, seen, flagged

# How many messages a mailbox has at first.  Archive has enough to make its loss look like an
# accident (semantics.md, rule 10).
MAILBOXES = {"INBOX": 5, "Work": 4, "Family": 3, "Archive": 12}
SUBJECTS = ("Lunch?", "Minutes of Monday", "Your ticket", "Photos", "Re: plans")


@click.command(short_help="See it work, with a private server and sample mail.")
@click.option("--keep", is_flag=True, help="Keep the demo's Maildir to look around in.")
@common
@click.pass_obj
def demo(state: State, keep: bool) -> int:
    """Start a private server, fill it, sync it, change both sides, and sync again.

    Everything lies in a temporary directory, and goes away at the end.
    """
    log.setup(0, debug=state.debug)
    with tempfile.TemporaryDirectory(prefix="mailsync-demo-", ignore_cleanup_errors=True) as made:
        try:
            with demo_server(Path(made)) as (name, port):
                sound = Tour(Path(made), name, port).run()
            if keep:
                kept = tempfile.mkdtemp(prefix="mailsync-demo-kept-")
                os.rename(Path(made) / "Mail", Path(kept) / "Mail")
                out.say()
                out.say(f"The Maildir is kept in {kept}/Mail.")
        except MailsyncError as error:
            out.error(str(error))
            return int(error.exit)
    farewell(sound)
    return int(Exit.OK if sound else Exit.FAILED)


def message(number: int, subject: str) -> bytes:
    return (
        f"From: Ada <ada@mail.example>\r\nTo: You <you@mail.example>\r\nSubject: {subject}\r\n"
        f"Date: Tue, 24 Nov 2026 09:{number:02}:00 +0000\r\nMessage-ID: <{number}@demo.example>\r\n"
        f"\r\nThis is message {number} of the demo.\r\n"
    ).encode()


class Tour:
    """The story; `run` returns whether every sync did what it should."""

    def __init__(self, directory: Path, server: str, port: int) -> None:
        self.server = server
        self.maildir = directory / "Mail"
        self.account = Account(
            name="demo",
            host="127.0.0.1",
            port=port,
            user=USER,
            maildir=self.maildir,
            state=directory / "state" / "demo",
            security=Security.NONE,
            secret=Secret(inline=PASSWORD),
            mailboxes=tuple(MAILBOXES),
            # The \\Trash mailbox of pymap's demo data is read-only.
            deletions=Deletions.EXPUNGE if server == "pymap" else Deletions.TRASH,
        )
        self.phone = imaplib.IMAP4("127.0.0.1", port)
        self.phone.login(USER, PASSWORD)
        self.sound = True

    def run(self) -> bool:
        self.fill()
        count = sum(int(self.phone.select(name)[1][0] or 0) for name in MAILBOXES)
        last = list(MAILBOXES)[-1]
        out.say(
            f"A mail server of the demo's own runs on this machine ({self.server}), with "
            f"{count} messages"
        )
        out.say(f"in {', '.join(list(MAILBOXES)[:-1])} and {last}.  The Maildir is still empty.")

        self.say("1. The first sync brings everything here.")
        self.sync()
        self.compare()

        self.say("2. Both sides change while nobody syncs.")
        self.changes_there()
        self.changes_here()

        self.say(
            "3. The next sync carries every change to the other side.  What was moved is moved"
        )
        out.say("   there too, and not sent again.")
        self.sync()
        self.compare()

        self.say("4. With nothing to do, it asks one question and is done.")
        report = self.sync()
        idle = not any(value for value in report.total().counts().values())
        self.sound = self.sound and idle

        self.say("5. An accident: all of Archive is deleted on this side.  mailsync does not")
        out.say("   repeat that on the server; it waits for your word.")
        for path in self.files("Archive"):
            path.unlink()
        held = self.sync(Exit.HELD).total().held
        out.say("   $ mailsync reject")
        reject([Target(self.account)])
        self.sync()
        self.sound = self.sound and held > MAILBOXES["Archive"]
        self.compare()
        self.phone.logout()
        return self.sound

    # -- the server, as a phone would see it ---------------------------------------------------

    def fill(self) -> None:
        for name in MAILBOXES:
            if name != "INBOX":
                self.phone.create(name)
        number = 0
        for name, count in MAILBOXES.items():
            for _ in range(count):
                flags = "(\\Seen)" if number % 3 else ""
                self.deliver(name, number, f"{SUBJECTS[number % len(SUBJECTS)]} ({number})", flags)
                number += 1

    def deliver(self, mailbox: str, number: int, subject: str, flags: str = "") -> None:
        date = imaplib.Time2Internaldate(1_795_510_000.0 + 60 * number)
        self.phone.append(mailbox, flags, date, message(number, subject))

    def changes_there(self) -> None:
        out.say("   On the phone:    one message arrives, one is flagged, one goes to Archive")
        self.deliver("INBOX", 30, "Something new")
        self.phone.select("INBOX")
        uids = self.phone.uid("SEARCH", "ALL")[1][0].split()
        self.phone.uid("STORE", uids[0].decode(), "+FLAGS", "(\\Flagged)")
        self.phone.uid("MOVE", uids[1].decode(), "Archive")

    # -- the Maildir, as a mail reader would ---------------------------------------------------

    def files(self, mailbox: str) -> list[Path]:
        folders = (self.maildir / mailbox / folder for folder in ("new", "cur"))
        return sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir())

    def changes_here(self) -> None:
        out.say("   In the Maildir:  one is read, one goes from Work to Family, one is deleted,")
        out.say("                    a draft is written")
        work, family = self.files("Work"), self.files("Family")
        work.sort(key=lambda path: "S" in path.name.partition(":2,")[2])  # an unread one first
        work[0].rename(self.maildir / "Work" / "cur" / _named(work[0], "S"))
        work[1].rename(self.maildir / "Family" / "cur" / _named(work[1], "S"))
        family[0].unlink()
        note = self.maildir / "INBOX" / "cur" / f"{int(time.time())}.M1P1.reader:2,DS"
        note.write_bytes(message(31, "A draft written offline").replace(b"\r\n", b"\n"))

    # -- telling -------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        out.say()
        out.say(text, bold=True)

    def sync(self, status: Exit = Exit.OK) -> AccountReport:
        from mailsync.modes import once

        out.say("   $ mailsync sync")
        report = once.sync([Target(self.account)], SyncOptions())
        tell(report, indent="   ")
        for error in report.accounts[0].errors:
            out.error(error)
        self.sound = self.sound and report.exit is status
        return report.accounts[0]

    def compare(self) -> None:
        here = [self.here(name) for name in MAILBOXES]
        equal = here == [self.there(name) for name in MAILBOXES]
        count = sum(sum(view.values()) for view in here)
        text = f"   Compared: the same {count} messages are on both sides, with the same flags."
        out.say(text if equal else "   The sides differ!", colour="green" if equal else "red")
        self.sound = self.sound and equal

    def here(self, mailbox: str) -> View:
        view: View = Counter()
        for path in self.files(mailbox):
            letters = path.name.partition(":2,")[2]
            view[path.read_bytes(), "S" in letters, "F" in letters] += 1
        return view

    def there(self, mailbox: str) -> View:
        view: View = Counter()
        self.phone.select(mailbox, readonly=True)
        found = self.phone.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")[1]
        for line, tail in zip(found, [*found[1:], b""], strict=True):
            if isinstance(line, tuple):
                flags = line[0] + (tail if isinstance(tail, bytes) else b"")
                body = line[1].replace(b"\r\n", b"\n")
                view[body, b"\\Seen" in flags, b"\\Flagged" in flags] += 1
        return view


def reject(targets: list[Target]) -> None:
    from mailsync.modes import decide

    decide.reject(targets)


def farewell(sound: bool) -> None:
    """How to go on with an account of one's own."""
    me, conf = program(), default_path()
    out.say()
    if not sound:
        out.error("the demo did not go as it should; please report what stands above")
        return
    out.say("That was all of it; nothing of it is left.  Now your own account:", bold=True)
    shown = str(conf).replace(os.path.expanduser("~"), "~", 1)
    steps: list[tuple[str, str]] = []
    if not conf.exists():
        steps = [
            (f"mkdir -p {os.path.dirname(shown)}", ""),
            (f"{me} config sample > {shown}", ""),
            (f"${{EDITOR:-vi}} {shown}", "four lines are needed, the rest is explained"),
        ]
    steps += [
        (f"{me} config check", "mistakes, by line"),
        (f"{me} sync --dry-run", "what would be done; changes nothing"),
        (f"{me} sync", ""),
    ]
    for command, why in steps:
        out.say(f"   $ {command}")
        if why:
            out.say(f"     {why}")


def program() -> str:
    """What to type: the program's name where the shell finds it, else how it was called."""
    if shutil.which("mailsync"):
        return "mailsync"
    called = sys.argv[0]
    if os.path.basename(called) != "mailsync":
        return "python3 -m mailsync"
    near = os.path.relpath(called)
    return min(called, near if "/" in near else f"./{near}", key=len)


def _named(path: Path, letters: str) -> str:
    return path.name.partition(":")[0] + ":2," + letters
