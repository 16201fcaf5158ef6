"""A story in the simulator: what each sync cost and said, decisions, and how it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from unittest import mock

from sim.scenarios import views
from sim.server_faults import Executed, Fault
from sim.stack import Stack
from sim.steps import Steps
from sim.world import make_world

from mailsync.model.report import AccountReport, MailboxReport, Target
from mailsync.modes import decide
from support.wired import text_of


@dataclass(frozen=True)
class Ran:
    """One sync: its report, and what the server counted.  `fetched` and `stored` are whole
    messages, `commands` what was executed, by name."""

    report: AccountReport
    commands: Counter[str]
    fetched: int
    stored: int

    @property
    def total(self) -> MailboxReport:
        return self.report.total()

    @property
    def exit(self) -> int:
        return self.report.exit

    @property
    def text(self) -> str:
        """All that a person is told."""
        return text_of(self.report)


class Story(Stack):
    """`with` closes it.  Runs go on in virtual time; `tell` is one of them.  `watched`: the
    witness is asked after each."""

    watched = False

    def __enter__(self) -> Story:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def tell(self, steps: Steps | None = None, pause: float = 60, **options: bool) -> Ran:
        """One sync, a minute after what was before it."""
        self.pass_time(pause)
        since, fetched = len(self.server.executed), self.server.bodies_sent
        stored = self.server.bodies_stored
        report = self.sync(steps, **options)
        if self.watched:
            self.witnessed("in a story")
        return Ran(
            report,
            self.server.counts(since),
            self.server.bodies_sent - fetched,
            self.server.bodies_stored - stored,
        )

    def change(self, **settings: object) -> None:
        """Another configuration from now on."""
        self.account = replace(self.account, **settings)  # type: ignore[arg-type]

    def refuse_uid(self, command: str, uid: int) -> None:
        """Every such command in INBOX that has the UID in its set, until `next_fault` is deleted
        from the server."""

        def at_it(name: str, record: Executed) -> Fault | None:
            if name != command or record.mailbox != b"INBOX":
                return None
            spans = [part.split(b":") for part in record.text.split()[3].split(b",")]
            hit = any(int(span[0]) <= uid <= int(span[-1]) for span in spans)
            return Fault(name, "NO [CANNOT] not that one") if hit else None

        self.server.next_fault = at_it  # type: ignore[method-assign]

    # -- decisions -----------------------------------------------------------------------------

    def accept(self, *mailboxes: str) -> int:
        """What is held may go, as it is now; and a mailbox that only one side has, with what was
        moved into it meanwhile."""
        here = {place[0] for path in self.mail() if (place := self.oracle.places.message(path))}
        there = {name.decode() for name, box in self.server.boxes.items() if box.messages}
        self.server.witness.given_up |= here ^ there
        self.server.witness.decided = self.server.witness.now
        with self._deciding():
            return decide.accept([Target(self.account, mailboxes)])

    def reject(self, *mailboxes: str) -> int:
        with self._deciding():
            return decide.reject([Target(self.account, mailboxes)])

    def undelete(self, since: float | None = None) -> list[str]:
        with self._deciding():
            done = decide.undelete(self.account, since, False)
        assert done.errors == ()
        return list(done.files)

    @contextmanager
    def _deciding(self) -> Iterator[None]:
        self.pass_time(60)
        world = make_world(
            self.server, self.fs, f"{self.rand.seed}/decide", Steps(), host=self.host
        )
        with mock.patch.object(decide, "production_world", return_value=nullcontext(world)):
            yield

    # -- endings -------------------------------------------------------------------------------

    def agree(self, after: Mapping[str, str], exit: int = 0) -> None:
        """Both sides hold exactly this; nothing was lost; run again, and nothing changes."""
        self.oracle.at_rest(self.server, self.fs, views(after), "at the end")
        self.idle(exit)

    def idle(self, exit: int = 0) -> None:
        """Run again: nothing changes on either side; what is left is said again."""
        self.oracle.no_loss(self.server, self.fs, "at the end")
        assert self.server.violations == [], self.server.violations
        files, executed = self.mail(), len(self.server.executed)
        again = self.tell()
        assert again.exit == exit, again.report
        assert [one.name for one in self.server.changing(executed)] == []
        assert self.mail() == files
        assert (again.fetched, again.stored) == (0, 0)

    def mail(self) -> dict[str, bytes]:
        """Every file of the Maildir but the marker."""
        return {
            path: data
            for path, data in self.fs.files(under="/mail/").items()
            if not path.endswith("/.mailsync")
        }

    def undo(self) -> dict[str, bytes]:
        return self.fs.files(under=f"{self.state}/undo/")
