"""`mailsync demo`: the main job on a private server, told step by step."""

from __future__ import annotations

import imaplib
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

from mailsync.cli import log, out
from mailsync.cli.demo_server import PASSWORD, USER, demo_server
from mailsync.cli.options import common
from mailsync.cli.state import State
from mailsync.model.errors import Exit, MailsyncError
from mailsync.model.report import AccountReport, SyncOptions, Target
from mailsync.model.settings import Account, Deletions, Secret, Security

View = Counter[tuple[bytes, bool, bool]]  # canonical body, seen, flagged
MAILBOXES = ("INBOX", "Work", "Family", "Archive")


@click.command(short_help="See it work, with a private server and sample mail.")
@click.option("--keep", is_flag=True, help="Keep the demo's directory to look around in.")
@common
@click.pass_obj
def demo(state: State, keep: bool) -> int:
    """Start a private server, fill it, sync it, change both sides, and sync again."""
    log.setup(0, debug=state.debug)
    with tempfile.TemporaryDirectory(prefix="mailsync-demo-", ignore_cleanup_errors=True) as made:
        try:
            with demo_server(Path(made)) as (name, port):
                sound = Tour(Path(made), name, port).run()
            if keep:
                kept = tempfile.mkdtemp(prefix="mailsync-demo-kept-")
                os.rename(Path(made) / "Mail", Path(kept) / "Mail")
                out.say(f"The Maildir is kept in {kept}/Mail.")
        except MailsyncError as error:
            out.error(str(error))
            return int(error.exit)
    return int(Exit.OK if sound else Exit.FAILED)


def message(number: int, subject: str) -> bytes:
    return (
        f"From: Ada <ada@mail.example>\r\nTo: You <you@mail.example>\r\nSubject: {subject}\r\n"
        f"Date: Tue, 24 Nov 2026 09:{number:02}:00 +0000\r\nMessage-ID: <{number}@demo.example>\r\n"
        f"\r\nThis is message {number} of the demo.\r\n"
    ).encode()


class Tour:
    """The story; `run` returns whether both sides were equal at every stop."""

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
            # The \\Trash mailbox of pymap's demo data is read-only.
            deletions=Deletions.EXPUNGE if server == "pymap" else Deletions.TRASH,
        )
        self.phone = imaplib.IMAP4("127.0.0.1", port)
        self.phone.login(USER, PASSWORD)
        self.sound = True

    def run(self) -> bool:
        self.fill()
        self.say(f"1. {self.server} with sample mail in {len(MAILBOXES)} mailboxes; the first sync")
        self.sync()
        self.changes_there()
        self.changes_here()
        self.say("3. The second sync carries both across")
        self.sync()
        self.say("4. A third one has nothing to do")
        report = self.sync()
        total = report.total()
        idle = not any(value for value in total.counts().values())
        self.sound = self.sound and idle
        self.phone.logout()
        self.farewell()
        return self.sound

    # -- the server, as a phone would see it ---------------------------------------------------

    def fill(self) -> None:
        for name in MAILBOXES[1:]:
            self.phone.create(name)
        subjects = ("Lunch?", "Minutes of Monday", "Your ticket", "Photos", "Re: plans")
        for number in range(20):
            flags = "(\\Seen)" if number % 3 else ""
            subject = f"{subjects[number % len(subjects)]} ({number})"
            self.deliver(MAILBOXES[number % 4], number, subject, flags)

    def deliver(self, mailbox: str, number: int, subject: str, flags: str = "") -> None:
        date = imaplib.Time2Internaldate(1_795_510_000.0 + 60 * number)
        self.phone.append(mailbox, flags, date, message(number, subject))

    def changes_there(self) -> None:
        self.deliver("INBOX", 30, "Something new")
        self.phone.select("INBOX")
        uids = self.phone.uid("SEARCH", "ALL")[1][0].split()
        self.phone.uid("STORE", uids[0].decode(), "+FLAGS", "(\\Flagged)")
        self.phone.uid("MOVE", uids[1].decode(), "Archive")
        self.say("2. Meanwhile, on the phone: a new message, a flag, one archived")

    # -- the Maildir, as a mail reader would ---------------------------------------------------

    def files(self, mailbox: str) -> list[Path]:
        folders = (self.maildir / mailbox / folder for folder in ("new", "cur"))
        return sorted(path for folder in folders for path in folder.iterdir())

    def changes_here(self) -> None:
        work, family = self.files("Work"), self.files("Family")
        self.read(work[0])
        work[1].rename(self.maildir / "Family" / "cur" / _named(work[1], "S"))
        family[0].unlink()
        note = self.maildir / "INBOX" / "cur" / f"{int(time.time())}.M1P1.reader:2,DS"
        note.write_bytes(message(31, "A draft written offline").replace(b"\r\n", b"\n"))
        self.say(
            "   and here, in a mail reader: one read, one moved, one deleted, a draft", gap=False
        )

    def read(self, path: Path) -> None:
        path.rename(path.parent.parent / "cur" / _named(path, "S"))

    # -- telling -------------------------------------------------------------------------------

    def say(self, text: str, *, gap: bool = True) -> None:
        if gap:
            out.say()
        out.say(text, bold=True)

    def sync(self) -> AccountReport:
        from mailsync.modes import once

        (report,) = once.sync([Target(self.account)], SyncOptions()).accounts
        counts = {name: value for name, value in report.total().counts().items() if value}
        done = ", ".join(f"{value} {name}" for name, value in counts.items())
        out.say(f"   $ mailsync sync        {done or 'nothing to do'}")
        for error in report.errors:
            out.error(error)
        here = sum(len(self.files(name)) for name in MAILBOXES)
        equal = report.exit is Exit.OK and all(
            self.here(name) == self.there(name) for name in MAILBOXES
        )
        state = "equal on both sides" if equal else "NOT equal"
        out.say(f"   {here} messages, {state}", colour="green" if equal else "red")
        self.sound = self.sound and equal
        return report

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

    def farewell(self) -> None:
        out.say()
        out.say("That was all of it." if self.sound else "Something went wrong; please report it.")
        out.say(
            "Now your own account (nothing is changed before you say `sync` without --dry-run):"
        )
        for line in (
            "mkdir -p ~/.config/mailsync",
            "mailsync config sample > ~/.config/mailsync/mailsync.conf     and edit it",
            "mailsync config check",
            "mailsync sync --dry-run",
            "mailsync sync",
        ):
            out.say(f"   $ {line}")


def _named(path: Path, letters: str) -> str:
    return path.name.partition(":")[0] + ":2," + letters
