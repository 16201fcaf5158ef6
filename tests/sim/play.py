"""Plays a random run: every event, every invariant, then a calm end (reliability.md §5.2, §5.3).

At every step: nothing is lost (I1).  After every sync: the exit status says what happened, the
client kept to the protocol, what mailsync removed lies in undo (I21), and what everybody agrees on
was not multiplied.  At the end, without faults: all sides are equal and idle, and hold
what the users made.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from mailsync.cache.schema import read_only
from mailsync.model.checked import AccountCheck
from mailsync.model.errors import Exit
from mailsync.model.layout import Layout
from mailsync.model.report import AccountReport
from mailsync.model.settings import Deletions, Guard, Secret
from sim import asked
from sim import faults as faulty
from sim.asked import Asked
from sim.decisions import checked
from sim.events import Act, Event, Pause, Run, Sync
from sim.ledger import Ledger
from sim.loop import crashed
from sim.oracle import Oracle, Violation, told
from sim.sections import Scope, singled_out, wrong_clock
from sim.server_profile import PRESETS, Profile
from sim.stack import Stack, together
from sim.steps import Steps
from sim.users import FLAGS, Once, Users
from sim.witness import Forbids

PASSWORD = "Taint-5f1c0e"
_OF_THIS_PROCESS = re.compile(r"process \d+|/sim-\w+")  # no part of a trace
SERVER_SINCE = "the server has changed since"  # as check says
UNBASED = "SELECT count(*) FROM messages WHERE synced IS NULL AND synced_masked <> 0"
HEALED = 2 * 86400.0  # seconds: what was parked is due again
ROUNDS = 8
LONGEST = 6 * 3600.0  # seconds that one sync may take, whatever the server does (I18)
SETTINGS: dict[str, Callable[[str], object]] = {
    "deletions": Deletions,
    "guard": lambda text: Guard() if text == "yes" else Guard(share=None),
    "expunge_deleted": lambda text: text == "yes",
    "layout": Layout,
    "trash": str,  # the server says of no mailbox that it is that one
    "undelete_days": int,
    "download_per_day": int,
    "upload_per_day": int,
}
Views = dict[str, Counter[tuple[str, str]]]


def _either(first: Forbids, second: Forbids) -> Forbids:
    return lambda *what: first(*what) or second(*what)


class Watched(Steps):
    """Looks at the world at every step, and leaves a trace."""

    def __init__(self, play: Play, number: int) -> None:
        super().__init__()
        self.play = play
        self.number = number
        self.first = self.last = 0  # steps of all, from the first to the last of this one

    def step(self, name: str) -> None:
        self.play.clicks += 1
        self.first, self.last = self.first or self.play.clicks, self.play.clicks
        super().step(name)
        if not self._acting:
            self.play.trace(f"{self.number} {name}")
            self.play.look(name)


@dataclass
class Outcome:
    """`wrong` is empty where all is well."""

    wrong: str
    trace: str
    syncs: int
    steps: int
    rounds: int
    crashes: int
    twice: bool = False  # played again, to the same trace


class Play:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.profile: Profile = PRESETS[run.profile]()
        self.hash = hashlib.sha256()
        self.syncs = self.steps = self.rounds = self.crashes = 0
        self.clicks = 0  # steps of all processes, in their order
        self.stuck = False  # a server without UIDPLUS does not let us go on (I16)
        self.began = 0  # the number of the event before a calm end
        self.seen: tuple[int, ...] = ()
        settings: dict[str, Any] = {"secret": Secret(inline=PASSWORD)}
        for key, value in run.settings:
            settings[key] = SETTINGS[key](value)
        self.machines = [Stack(run.seed, self.profile, **settings)]
        first = self.machines[0]
        self.server = first.server
        self.server.password = PASSWORD
        for number in range(1, run.machines):
            other = Stack(
                f"{run.seed}/{number}", server=self.server, host=f"host{number}", **settings
            )
            other.oracle = Oracle(first.oracle.places, "", first.oracle.alter)
            other.oracle.bodies = first.oracle.bodies
            self.machines.append(other)
        self.oracle = first.oracle
        for machine in self.machines:
            machine.grain = run.grain
            machine.disk.be(run.disk, str(machine.state))
        rewritten = self.profile.alter_lf(b"X: y\n\nz\n") != b"X: y\n\nz\n"
        self.witness = self.server.witness
        self.ledger = Ledger(
            rewritten=rewritten,
            by_copy=not self.profile.move,
            machines=run.machines,
            settled=self.witness.settled,
            expunges=first.account.expunge_deleted,
            agreed=self.witness.agreed.add,
            root=self.witness.root,
        )
        self.witness.overtaken = self.ledger.given_up
        self.users = Users(self.machines, self.ledger)
        self.clean: dict[int, int] = {}  # machine → event number of its last good sync
        for name in ("Trash", "Drafts"):
            if self.users.wire(name) != name:
                self.server.rename(name, self.users.wire(name))
        if "trash" in settings:
            self.server.delete(self.users.wire("Trash"))
            self.witness.trash = self.ledger.trash = settings["trash"]
        self.letters = "".join(
            letter
            for letter in "DFPRSTjw"
            if letter in "DFRST" or self.profile.keywords or FLAGS[letter] in self.profile.permanent
        )
        self.witness.keeps = self.ledger.letters = self.letters

    # -- the whole run -------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        wrong = ""
        with ExitStack() as stack:
            for machine in self.machines:
                stack.callback(machine.close)
            try:
                for number, event in enumerate(self.run.events, 1):
                    self.ledger.now = number
                    self.event(event)
                    self.look(f"after event {number}", always=True)
                self.calm()
            except Violation as error:
                wrong = f"event {self.ledger.now}: {error}"
        return Outcome(
            wrong, self.hash.hexdigest(), self.syncs, self.steps, self.rounds, self.crashes
        )

    def event(self, event: Event) -> None:
        self.trace(repr(event))
        if isinstance(event, Act):
            self.users.do(event)
        elif isinstance(event, Pause):
            self.server.time.now += event.seconds
        else:
            self.sync(event)

    def trace(self, text: str) -> None:
        for machine in self.machines:
            text = text.replace(str(machine.state), "STATE")
        self.hash.update(text.encode(errors="surrogateescape"))

    # -- syncs ---------------------------------------------------------------------------------

    def sync(self, event: Sync) -> list[AccountReport | None]:
        """What each process reported; None: it was killed."""
        self.ledger.busy, self.witness.unkept = True, False
        server, self.server.rand = self.server, self.server.rand.__class__(f"server {event.seed}")
        since, began = len(server.executed), server.time.now
        processes = [number % len(self.machines) for number in event.machines]
        watched = [Watched(self, at) for at, _ in enumerate(processes)]
        jobs = []
        for at, number in enumerate(processes):
            machine = self.machines[number]
            machine.took.clear()
            seed = f"{self.run.seed}/{event.seed}/{at}"
            options, only = asked.given(event), asked.only(event)
            jobs.append((machine, machine.job(watched[at], seed=seed, only=only, **options)))
        for machine in self.machines:
            machine.cursors.blind |= any(one.what == "mislist" for one in event.faults)
            # A clock that is set back may give a folder the very times it had, if they are coarse.
            machine.cursors.blind |= self.run.grain > 1 and wrong_clock(machine, event.faults)
        had = [self.oracle.kept(None, machine.fs) for machine, _ in jobs]
        scope = self._scope(event, processes)
        wanted = Asked(event, [machine for machine, _ in jobs], self.users, since)
        if event.options:
            self.witness.forbids = _either(self.witness.forbids, wanted.forbids)
        late = []
        for one in event.meddling:
            task = Once(self.users, one.act)
            late.append(task)
            watched[one.who % len(watched)].at(one.at, task)
        with faulty.applied(self, event, watched, [job for _, job in jobs]):
            said = together([job for _, job in jobs], server.time)
        for task in late:
            task()
        self.ledger.synced(lied=self.witness.lied, torn=bool(event.faults))
        self.syncs += len(jobs)
        self.steps += sum(one.count for one in watched)
        self._trace_commands(since)
        results = [
            self._result(said[at], watched[at].dead, f"{event.machines[at]}")
            for at in range(len(jobs))
        ]
        slept = sum(float(one.how) for one in event.faults if one.what == "suspend")
        if server.time.now - began > LONGEST + slept:
            raise Violation(f"I18: a sync took {server.time.now - began:.0f} s")
        self._alone(processes, watched)
        self.witness.forbids = lambda *_: ""
        self._protocol(event)
        if scope is not None and not event.meddling and (broken := scope.broken()):
            raise Violation(f"rule 9: {broken}")
        if event.options and (broken := wanted.broken()):
            raise Violation(f"asked: {broken}")
        self._undo(jobs, had)
        self._rest(event, processes, results)
        return results

    def _scope(self, event: Sync, processes: list[int]) -> Scope | None:
        """Where nobody else's command can be taken for this machine's."""
        if len(processes) > 1 or self.server.haunted:
            return None
        machine = self.machines[processes[0]]
        dated = self.profile.alter is None and not wrong_clock(machine, event.faults)
        scope = Scope(machine, self.users, dated, self.run.profile == "gmail")
        self.witness.forbids = scope.forbids
        return scope

    def _trace_commands(self, since: int) -> None:
        for one in self.server.executed[since:]:
            self.trace(f"{one.name} {one.mailbox!r} {one.text!r} {one.answer}")
            secret = one.name not in {"LOGIN", "AUTHENTICATE"} and PASSWORD.encode() in one.text
            if secret:
                raise Violation(f"I17: the password went out in {one.name}")

    def _result(
        self, said: AccountReport | BaseException, dead: bool, who: str
    ) -> AccountReport | None:
        if isinstance(said, BaseException):
            if dead and crashed(said):
                self.crashes += 1
                self.trace("crashed")
                return None
            text = f"{type(said).__name__}: {said}"
            error = Violation(f"machine {who}: an exception came out: {text}")
            raise error from said
        self.trace(_OF_THIS_PROCESS.sub("", repr(said)))
        if PASSWORD in repr(said):
            raise Violation("I17: the password is in the report")
        if said.exit is not Exit.OK and not told(said):
            raise Violation(f"machine {who}: exit {said.exit}, and no reason: {said}")
        return said

    def _alone(self, processes: list[int], watched: list[Watched]) -> None:
        """I20: of two runs at once on one machine one does nothing at all.  After one that was
        killed another may begin."""
        busy = sorted(
            (n, one.first, one.last) for n, one in zip(processes, watched, strict=True) if one.count
        )
        for (n, _, last), (other, first, _) in pairwise(busy):
            if n == other and first < last:
                raise Violation(f"I20: two runs at once: {[one.count for one in watched]} steps")

    def _protocol(self, event: Sync) -> None:
        if unasked := self.witness.found:
            raise Violation(f"{unasked[:3]}")
        found = [one for one in self.server.violations if "without a selected" not in one]
        self.server.violations.clear()
        if found and not any(one.what == "lie" for one in event.faults):
            raise Violation(f"the client broke the protocol: {found[:3]}")

    def _undo(self, jobs: list[tuple[Stack, Any]], had: list[set[str]]) -> None:
        for (machine, _), before in zip(jobs, had, strict=True):
            if not machine.account.undelete_days:
                continue  # removed for good
            kept = self.oracle.kept(None, machine.fs, undo=f"{machine.state}/undo")
            if lost := before - kept - machine.took:
                raise Violation(f"I21: neither in the Maildir nor in undo: {sorted(lost)}")

    def _rest(self, event: Sync, processes: list[int], results: list[AccountReport | None]) -> None:
        """Whoever synced without any trouble has seen all that was there before."""
        calm = not event.faults and not event.meddling and asked.is_whole(event)
        well = results[0] is not None and results[0].exit is Exit.OK
        if calm and well and len(processes) == 1:
            self.clean[processes[0]] = self.ledger.now
        if len(self.clean) == len(self.machines) and not self.server.haunted:
            # Touched by the very event: not yet seen.
            since = min(self.clean.values()) - 1
            if wrong := self.ledger.rest(self.views(), since):
                raise Violation(wrong)

    # -- looking -------------------------------------------------------------------------------

    def look(self, when: str, *, always: bool = False) -> None:
        """I1, at every instant and in every state after a crash."""
        boxes = self.server.boxes.values()
        now = (
            len(self.server.boxes),
            sum(box.highest + box.uid_validity for box in boxes),
            *(machine.disk.version for machine in self.machines),
        )
        if now == self.seen and not always:
            return
        self.seen = now
        kept = self.oracle.kept(self.server, *(machine.fs for machine in self.machines))
        lost = self.oracle.bodies.keys() - kept
        lost = {g for g in lost if not (d := self.ledger.deeds.get(g)) or not d.deleted}
        if lost:
            deeds = {ghost: self.ledger.deeds.get(ghost) for ghost in sorted(lost)}
            raise Violation(f"I1: lost at {when}: {deeds}")

    def views(self) -> list[Views]:
        """What the server holds, and each Maildir, with the flags that the server can keep."""
        found = self.oracle.server_views(self.server)
        served = {self.users.here(name): view for name, view in found.items()}
        local = [self.oracle.local_views(m.fs.files(), m.kept_words()) for m in self.machines]
        return [self._masked(views) for views in (served, *local)]

    def _masked(self, views: Views) -> Views:
        masked: Views = {}
        for name, view in views.items():
            if view:
                masked[name] = counter = Counter()
                for (ghost, letters), count in view.items():
                    counter[ghost, "".join(x for x in letters if x in self.letters)] += count
        return masked

    # -- the calm end --------------------------------------------------------------------------

    def calm(self) -> None:
        """No faults and no users any more: idle within a few rounds, and all as it must be; first
        with what is left out, then with all of it."""
        self.server.settle()
        for machine in self.machines:
            machine.skew = 0.0
        if any(singled_out(machine) for machine in self.machines):
            self._rounds()
            for number, machine in enumerate(self.machines):
                for box in singled_out(machine):
                    self.users.do(Act(str(number), "section", (box,)))
        if not self.stuck:
            self._rounds()
        if self.stuck:
            return  # as the rule wants it
        if apart := self._apart():
            raise Violation(f"I4: idle, and not equal: {apart}")
        if wrong := self.ledger.judge(self.views()[0]):
            raise Violation(wrong)
        self._proven()
        self._secrets()
        self._based()

    def _rounds(self) -> None:
        """Until nobody has anything to do."""
        self.began = self.ledger.now
        by_day = any(key.endswith("_per_day") for key, _ in self.run.settings)
        for number in range(ROUNDS * 5 if by_day else ROUNDS):
            self.rounds = number + 1
            self.ledger.now += 1
            self.server.time.now += HEALED if number < 2 or by_day else 60
            quiet = [self._quiet(at) for at in range(len(self.machines))]
            if self.stuck or (number >= 2 and all(quiet)):
                return
        raise Violation(f"I4: not idle after {self.rounds} rounds: {self._apart()}")

    def _late(self) -> bool:
        return self.ledger.now - self.began > 2

    def _foreign(self, report: AccountReport) -> bool:
        """Without UIDPLUS what others marked \\Deleted, or a run that was forgotten, holds up our
        own deletions, and is said (I16)."""
        notices = [text for box in report.mailboxes for text in box.notices]
        return bool(notices) and all("no UIDPLUS" in text for text in notices)

    def _quiet(self, number: int) -> bool:
        """One sync in which nothing goes wrong: whether it had nothing to do."""
        machine = self.machines[number]
        before, files = len(self.server.executed), machine.fs.files()
        (report,) = self.sync(Sync((number,), seed=1_000_000 + self.ledger.now * 10 + number))
        assert report is not None
        if report.exit is Exit.HELD:
            self.users.do(Act(str(number), "reject"))
            return False
        refused = self._foreign(report)
        if report.exit is Exit.TEMPORARY and report.total().waiting:
            return False  # for the next day
        self.stuck = self.stuck or (refused and self._late())
        if report.exit is not Exit.OK and not refused and self._late():
            raise Violation(f"all is well again, and exit {report.exit}: {report}")
        changing = self.server.changing(before)
        marker = {path: data for path, data in files.items() if "/.mailsync" not in path}
        after = {p: d for p, d in machine.fs.files().items() if "/.mailsync" not in p}
        return not changing and marker == after and report.exit is Exit.OK

    def _apart(self) -> str:
        served, *local = self.views()
        return "; ".join(
            f"{name} on the server {dict(served.get(name, {}))}, "
            f"on machine {number} {dict(view.get(name, {}))}"
            for number, view in enumerate(local)
            for name in sorted(served.keys() | view.keys())
            if served.get(name, Counter()) != view.get(name, Counter())
        )

    def _proven(self) -> None:
        """By `mailsync check`, also what the server changed of what it was sent."""
        for number, machine in enumerate(self.machines):
            found = checked(machine)
            if (found.exit is not Exit.OK or found.differences) and not self._sized(found):
                raise Violation(f"check, on machine {number}: {found}")

    def _sized(self, found: AccountCheck) -> bool:
        """Of what it rewrote the server told a size that was not so: that is a change since."""
        lied = self.witness.lied and self.ledger.rewritten
        said = [one.what for box in found.mailboxes for one in box.differences]
        return lied and not found.exits and all(one.endswith(SERVER_SINCE) for one in said)

    def _secrets(self) -> None:
        for machine in self.machines:
            for path in machine.state.rglob("*"):
                if path.is_file() and PASSWORD.encode() in path.read_bytes():
                    raise Violation(f"I17: the password is in {path.name}")

    def _based(self) -> None:
        """What the server does not keep has no merge base left where there is none."""
        for path in (path for m in self.machines for path in m.state.rglob("cache.db")):
            with closing(sqlite3.connect(read_only(str(path)), uri=True)) as c:
                (wrong,) = c.execute(UNBASED).fetchone()
            if wrong:
                raise Violation(f"{wrong} messages were never synced, and have a masked base")


def play(run: Run) -> Outcome:
    return Play(run).outcome()


__all__ = ["Outcome", "Play", "play", "replace"]
