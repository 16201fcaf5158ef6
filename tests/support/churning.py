"""Random changes on both sides of a real Dovecot, and what must hold after every sync.

The campaigns of tests/real are made of it: churn.py (quiet and during a sync), kill.py.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from unittest import mock

from mailsync.model.checked import CheckOptions
from mailsync.model.errors import Exit
from mailsync.model.report import AccountReport
from mailsync.model.settings import Deletions
from mailsync.modes import check, world
from support.churn_profiles import Profile
from support.ghosts import Copy, Ledger, States, broken, equal, harm, miscounted, wrong_dates
from support.hands import SPECIAL, MaildirHand, ServerHand
from support.servers import Server
from support.wire import Wire
from support.wired import Wired, text_of

CHANGING = (
    *("APPEND", "UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE", "EXPUNGE"),
    *("CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE"),
)


ChurnT = TypeVar("ChurnT", bound="Churn")


class Failed(AssertionError):
    """The text says seed, round and what was done."""


@dataclass
class Churn:
    rig: Wired
    profile: Profile
    seed: int
    ledger: Ledger = field(default_factory=Ledger)
    log: list[str] = field(default_factory=list)
    rounds: int = 0
    syncs: int = 0
    done: int = 0  # changes

    def __post_init__(self) -> None:
        self.rand = random.Random(f"churn {self.seed}")
        profile = self.profile
        common = {
            "flags": profile.flags,
            "never": profile.never,
            "keywords": profile.keywords,
            "rewrites": profile.rewrites,
            "dated": profile.dated,
            "flat": profile.flat,
        }
        self.server = ServerHand(self.ledger, self.rand, str(self.seed), side="s", **common)  # type: ignore[arg-type]
        self.maildir = MaildirHand(
            self.ledger,
            self.rand,
            str(self.seed),
            side="l",
            root=self.rig.maildir,
            cache=self.rig.state / "cache.db",
            **common,  # type: ignore[arg-type]
        )
        self.hands = (self.server, self.maildir)

    @property
    def trash(self) -> bool:
        return self.rig.account.deletions is Deletions.TRASH

    def run(self, rounds: int) -> None:
        self.begin()
        for number in range(1, rounds + 1):
            self.rounds = number
            self.round(number)

    # -- the story of one round ----------------------------------------------------------------

    def begin(self) -> None:
        self.log = ["the first sync"]
        with self.rig.client() as self.server.client:
            have = self.server.boxes()
            for box in [*SPECIAL, "A", "A/C"]:
                if box not in have:
                    self.server.client.create(box)
            for _ in range(25):
                self.log.append(self.server.append([], self.server.boxes()))
            for box in ("INBOX", "B"):
                self.maildir.make(box)
            for _ in range(10):
                self.log.append(self.maildir.put([], self.maildir.boxes()))
            self.reach(())
            self.check_equal()

    def round(self, number: int) -> None:
        self.ledger.next_round()
        self.log = [f"round {number}"]
        with self.rig.client() as self.server.client:
            base = [one for one, _ in self.server.read()]
            hot = sorted({one.ghost for one in base})
            for hand in self.hands:
                hand.hot = self.rand.sample(hot, min(3, len(hot)))
            self.maildir.hot = self.server.hot
            self.rig.disk.ahead = self.rand.choice([0, 5])
            self.change(base)
            states = States(
                base,
                [one for one, _ in self.server.read()],
                [one for one, _ in self.maildir.read()],
            )
            if number % 3 == 1 and self.differ():
                self.check_proof(Exit.FAILED)
            self.reach(self.allowed())
            self.check_equal()
            now = [one for one, _ in self.server.read()]
            self.complain(harm(states, now, self.ledger, trash=self.trash))
            self.check_idle()
            if number % 3 == 2:
                self.check_proof(Exit.OK, read_data=True)

    def differ(self) -> list[str]:
        return equal([one for one, _ in self.server.read()], [c for c, _ in self.maildir.read()])

    def change(self, base: list[Copy]) -> None:
        copies = {self.server.side: list(base), self.maildir.side: [
            one for one, _ in self.maildir.read()]}  # fmt: skip
        # A parent that is left on one side only is as good as gone: what is put there is held.
        self.ledger.taboo = self.server.not_selectable()
        left = set(self.server.boxes()) ^ set(self.maildir.boxes())
        whole = {hand.side for hand in self.hands if self.rand.random() < self.profile.whole}
        for _ in range(self.rand.randrange(2, 14)):
            hand = self.rand.choice(self.hands)
            boxes = [box for box in hand.boxes() if box not in left]
            if hand.side in whole and self.rand.random() < 0.4:
                whole.discard(hand.side)
                self.note(hand, hand.mailbox(copies[hand.side], hand.boxes()))
            elif boxes:
                self.note(hand, hand.act(copies[hand.side], boxes))

    def note(self, hand: ServerHand | MaildirHand, what: str) -> None:
        if what:
            self.done += 1
            self.log.append(f"{'server' if hand is self.server else 'Maildir'}: {what}")

    def allowed(self) -> tuple[Exit, ...]:
        """A mailbox that is gone with mail in it waits for a person (rule 10)."""
        return (Exit.HELD,) if self.ledger.boxes else ()

    def reach(self, allowed: tuple[Exit, ...]) -> None:
        """One sync; more after decisions where something may be held.

        To accept a move into a mailbox that is gone is not enough: it has nowhere to go.
        """
        time.sleep(max(0.01, self.profile.stale))  # beyond the grain of mtime: for stamps that hold
        report = self.sync()
        if self.profile.renews and report.exit is Exit.HELD and "UIDVALIDITY" in text_of(report):
            self.log.append("a new UIDVALIDITY hides what was expunged: accept")
            self.ledger.unsure |= self.ledger.taken
            self.rig.accept()
            report = self.sync()
        decisions = [self.rand.choice(["accept", "reject"]), "reject"]
        while report.exit in allowed and decisions:
            self.ledger.decided = decide = decisions.pop(0)
            self.log.append(f"held: {decide}")
            assert getattr(self.rig, decide)() > 0
            report = self.sync()
        if report.exit:
            self.complain([f"exit {report.exit}: {text_of(report)}", repr(report)])

    def sync(self) -> AccountReport:
        self.syncs += 1
        report = self.rig.sync()
        self.complain(self.profile.unused(self.rig.traffic.lines))
        return report

    # -- what must hold ------------------------------------------------------------------------

    def complain(self, said: list[str]) -> None:
        if said:
            wire = [f"  {line}" for line in self.rig.traffic.lines]
            kind = "profile" if self.profile.server == "dovecot" else "server"
            where = f"--seed {self.seed} --{kind} {self.profile.name}"
            raise Failed("\n".join([*said, where, *self.log, "the last sync sent:", *wire]))

    def check_equal(self) -> None:
        served, filed = self.server.read(), self.maildir.read()
        said = broken([*served, *filed], self.ledger.born)
        said += equal([one for one, _ in served], [one for one, _ in filed])
        said += self.other_boxes(served + filed)
        if self.profile.dated:
            said += wrong_dates(
                [one for one, _ in served], [one for one, _ in filed], self.ledger.redated
            )
        self.complain(said)

    def other_boxes(self, held: list[tuple[Copy, bytes]]) -> list[str]:
        """Mailboxes on one side only.  An empty one with others below it is never removed."""
        served, filed = set(self.server.boxes()), set(self.maildir.boxes())
        full = {one.box for one, _ in held}
        every = served | filed
        parents = {box for box in every if any(one.startswith(box + "/") for one in every)}
        return [
            f"only on the {'server' if box in served else 'local side'}: mailbox {box}"
            for box in sorted(served ^ filed)
            if box not in parents - full
        ]

    def touched(self, before: dict[str, tuple[int, int]]) -> list[str]:
        """Files of the Maildir that came, went or changed since that snapshot."""
        return sorted({path for path, _ in before.items() ^ self.rig.snapshot().items()})

    def check_idle(self) -> None:
        before = self.rig.snapshot()
        report = self.sync()
        if self.profile.renews and "UIDVALIDITY" in text_of(report):
            self.log.append("the server gave a new UIDVALIDITY")
            self.reach(())
            return
        traffic = self.rig.traffic
        said = [f"idle: {name}" for name in CHANGING if traffic.commands[name]]
        said += ["idle: a body was fetched"] if traffic.bodies else []
        said += [f"idle: {path} was touched" for path in self.touched(before)]
        said += [f"idle: exit {report.exit} {text_of(report)}"] if report.exit else []
        self.complain(said)

    def check_proof(self, exit: Exit, **options: bool) -> None:
        """`mailsync check` says what two other pairs of eyes saw, and changes nothing."""
        before = self.rig.snapshot()
        found = check.check(self.rig.account, CheckOptions(**options))
        said = [f"check: exit {found.exit}, not {exit}"] if found.exit is not exit else []
        said += [f"check: {path} was touched" for path in self.touched(before)]
        self.complain([*said, repr(found)] if said else [])


class During(Churn):
    """The changes come while a sync runs; when they end, two syncs bring both sides together."""

    def round(self, number: int) -> None:
        self.ledger.next_round()
        self.ledger.known |= self.ledger.born.keys()
        self.log = [f"round {number}"]
        with self.rig.client() as self.server.client:
            base = [one for one, _ in self.server.read()]
            over = threading.Event()
            threads = [
                threading.Thread(target=self.agitate, args=(hand, over, self.rand.random()))
                for hand in self.hands
            ]
            for thread in threads:
                thread.start()
            for _ in range(self.rand.randrange(1, 4)):
                self.syncs += 1
                self.rig.sync()
            over.set()
            for thread in threads:
                thread.join(60)
            time.sleep(0.01)
            if self.sync().exit or self.differ():
                self.log.append("a second sync")
                self.reach(())
            self.check_equal()
            now = [one for one, _ in self.server.read()]
            self.complain(miscounted(base, now, self.ledger, trash=self.trash))
            self.check_idle()

    def agitate(self, hand: ServerHand | MaildirHand, over: threading.Event, seed: float) -> None:
        hand.rand = rand = random.Random(seed)
        while not over.wait(rand.random() * 0.05):
            # What was only just put there is let be: an APPEND that is expunged before it is
            # looked up is parked, and sent again later.
            copies = [one for one, _ in hand.read() if one.ghost in self.ledger.known]
            with contextlib.suppress(AssertionError):
                self.note(hand, hand.act(copies, hand.boxes()))


@contextmanager
def using(rig: Wired) -> Iterator[None]:
    """Every sync has the disk and the clock of this rig."""
    with (
        mock.patch.object(world, "DiskFs", return_value=rig.disk),
        mock.patch.object(world, "SystemClock", return_value=rig.watch),
    ):
        yield


@contextmanager
def churning(
    kind: Callable[[Wired, Profile, int], ChurnT],
    profile: Profile,
    seed: int,
    root: Path,
    server: Server,
    deletions: Deletions = Deletions.EXPUNGE,
) -> Iterator[ChurnT]:
    with Wire(server.port) as wire:
        rig = Wired(server, root, changes={"deletions": deletions, **profile.account}, wire=wire)
        rig.user = getattr(server, "user", rig.user)
        with using(rig):
            yield kind(rig, profile, seed)
