"""Random two-way changes with a second IMAP client and a mail reader, against a real Dovecot.

python tests/real/churn.py --rounds 200 --seed 1
python tests/real/churn.py --rounds 30 --seed 1 --profile minimal --deletions trash
python tests/real/churn.py --rounds 50 --seed 1 --during    # the changes come while a sync runs
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest import mock

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from support.churn_profiles import PROFILES, Profile
from support.dovecot import Dovecot
from support.ghosts import Copy, Ledger, States, broken, equal, harm, wrong_dates
from support.hands import SPECIAL, MaildirHand, ServerHand
from support.wire import Wire
from support.wired import Wired, text_of

from mailsync.model.errors import Exit
from mailsync.model.report import AccountReport
from mailsync.model.settings import Deletions
from mailsync.modes import world

CHANGING = (
    *("APPEND", "UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE", "EXPUNGE"),
    *("CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE"),
)


class Failed(AssertionError):
    """The text says seed, round and what was done."""


@dataclass
class Churn:
    rig: Wired
    profile: Profile
    seed: int
    ledger: Ledger = field(default_factory=Ledger)
    log: list[str] = field(default_factory=list)
    syncs: int = 0
    done: int = 0  # changes

    def __post_init__(self) -> None:
        self.rand = random.Random(f"churn {self.seed}")
        flags = self.profile.flags
        self.server = ServerHand(self.ledger, self.rand, str(self.seed), flags=flags, side="s")
        self.maildir = MaildirHand(
            self.ledger, self.rand, str(self.seed), flags=flags, side="l", root=self.rig.maildir
        )
        self.hands = (self.server, self.maildir)

    @property
    def trash(self) -> bool:
        return self.rig.account.deletions is Deletions.TRASH

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
            self.reach(self.allowed())
            self.check_equal()
            now = [one for one, _ in self.server.read()]
            self.complain(harm(states, now, self.ledger, trash=self.trash))
            self.check_idle()

    def change(self, base: list[Copy]) -> None:
        copies = {self.server.side: list(base), self.maildir.side: [
            one for one, _ in self.maildir.read()]}  # fmt: skip
        whole = {hand.side for hand in self.hands if self.rand.random() < self.profile.whole}
        for _ in range(self.rand.randrange(2, 14)):
            hand = self.rand.choice(self.hands)
            boxes = [b for b in hand.boxes() if b not in self.ledger.boxes or hand.side in whole]
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
        """One sync; one more after a decision where something may be held."""
        time.sleep(0.01)  # beyond the grain of mtime, for stamps that hold
        report = self.sync()
        if report.exit in allowed:
            decide = self.rand.choice(["accept", "reject"])
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
            where = f"--seed {self.seed} --profile {self.profile.name}"
            raise Failed("\n".join([*said, where, *self.log, "the last sync sent:", *wire]))

    def check_equal(self) -> None:
        served, filed = self.server.read(), self.maildir.read()
        said = broken([*served, *filed], self.ledger.born)
        said += equal([one for one, _ in served], [one for one, _ in filed])
        said += self.other_boxes(served + filed)
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

    def check_idle(self) -> None:
        before = self.rig.snapshot()
        report = self.sync()
        traffic = self.rig.traffic
        said = [f"idle: {name}" for name in CHANGING if traffic.commands[name]]
        said += ["idle: a body was fetched"] if traffic.bodies else []
        said += ["idle: a file was touched"] if self.rig.snapshot() != before else []
        said += [f"idle: exit {report.exit} {text_of(report)}"] if report.exit else []
        self.complain(said)


class During(Churn):
    """The changes come while a sync runs; when they end, two syncs bring both sides together."""

    def round(self, number: int) -> None:
        self.ledger.next_round()
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
            states = States(
                base,
                [one for one, _ in self.server.read()],
                [one for one, _ in self.maildir.read()],
            )
            time.sleep(0.01)
            if self.sync().exit or self.differ():
                self.log.append("a second sync")
                self.reach(())
            self.check_equal()
            self.complain(self.counted(states))
            self.check_idle()

    def differ(self) -> list[str]:
        return equal([one for one, _ in self.server.read()], [c for c, _ in self.maildir.read()])

    def agitate(self, hand: ServerHand | MaildirHand, over: threading.Event, seed: float) -> None:
        rand = random.Random(seed)
        hand.rand = rand
        if isinstance(hand, ServerHand):
            hand.client = self.rig.client()
        while not over.wait(rand.random() * 0.05):
            copies = [one for one, _ in hand.read()]
            with contextlib.suppress(AssertionError):
                self.note(hand, hand.act(copies, hand.boxes()))

    def counted(self, states: States) -> list[str]:
        return []


@contextmanager
def churning(
    profile: Profile, seed: int, root: Path, server: Dovecot, deletions: Deletions, during: bool
) -> Iterator[Churn]:
    with Wire(server.port) as wire:
        rig = Wired(server, root, changes={"deletions": deletions, **profile.account}, wire=wire)
        with mock.patch.object(world, "DiskFs", return_value=rig.disk):
            churn = (During if during else Churn)(rig, profile, seed)
            yield churn


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", choices=[*PROFILES, "all"], default="full")
    parser.add_argument("--deletions", choices=["expunge", "trash"], default="expunge")
    parser.add_argument("--during", action="store_true")
    parser.add_argument("--flags", help="letters that users set, of DFPRST")
    parser.add_argument("--keep", action="store_true", help="leave the state of a failure")
    options = parser.parse_args()
    chosen = list(PROFILES) if options.profile == "all" else [options.profile]
    bad = 0
    for name in chosen:
        root = Path(tempfile.mkdtemp(prefix="churn-"))
        began = time.monotonic()
        profile, deletions = PROFILES[name], Deletions(options.deletions)
        profile = replace(profile, flags=options.flags or profile.flags)
        with Dovecot(capability=profile.capability) as server:
            made = churning(profile, options.seed, root, server, deletions, options.during)
            number, churn = 0, None
            try:
                with made as churn:
                    churn.begin()
                    for number in range(1, options.rounds + 1):
                        churn.round(number)
            except Failed as error:
                bad += 1
                print(f"FAILED {error}", flush=True)
                if options.keep and churn is not None:
                    print(f"kept: {root}")
                    shutil.copytree(server.home(churn.rig.user), root / "server")
            finally:
                if not options.keep:
                    shutil.rmtree(root)
        assert churn is not None
        print(
            f"{name}, {options.deletions}{', during' if options.during else ''}, "
            f"seed {options.seed}: {number} rounds, {churn.done} changes, {churn.syncs} syncs, "
            f"{time.monotonic() - began:.0f} s",
            flush=True,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
