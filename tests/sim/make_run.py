"""Makes a random run from a seed: what a household does to its mail on a bad day.

Swarm: each seed switches features off at random, so that rare ones meet often.
"""

from __future__ import annotations

from dataclasses import replace

from sim.asked import ONLY, OPTIONS
from sim.events import Act, Event, Fault, Meddling, Pause, Run, Sync
from sim.faulty import ANSWERS, ERRORS
from sim.liar import LIES
from sim.rand import SimRand
from sim.sections import KINDS
from sim.server_profile import EXTENSIONS, PRESETS

BOXES = ("INBOX", "Work", "Archive", "Lists/Python")
FAULTS = (
    *("answer", "errno", "cut", "crash", "mislist", "slow"),
    *("refuse", "suspend", "jump", "nil", "missing"),
)
DECISIONS = ("accept", "reject", "undelete", "repair")
WEIGHTS = {"crash": 4, "cut": 3, "answer": 3, "errno": 3, "mislist": 2}


def make_run(seed: int | str, profile: str | None = None) -> Run:
    """`profile`: a name of PRESETS, or "liar"; None: any."""
    return _Maker(seed, profile).run()


class _Maker:
    def __init__(self, seed: int | str, profile: str | None) -> None:
        self.seed = str(seed)
        self.rand = rand = SimRand(f"run {seed}")
        self.lies = profile == "liar" or (profile is None and rand.chance(0.1))
        names = [profile] if profile in PRESETS else list(PRESETS)
        self.profile = rand.choice(names)
        self.machines = 2 if rand.chance(0.35) else 1
        if self.machines > 1 and rand.fork("machines").chance(0.25):
            self.machines = 3
        self.boxes = list(BOXES[: 2 + rand.below(3)])
        self.ghosts: list[str] = []
        self.where: dict[str, str] = {}  # as the maker believes; a wrong guess does nothing
        made = PRESETS[self.profile]()
        letters = "FRS" + ("D" if rand.chance(0.3) else "")
        letters += "P" if made.keywords or "$Forwarded" in made.permanent else ""
        letters += "jw" if made.keywords and rand.chance(0.5) else ""
        if made.uidplus and self.profile != "gmail" and rand.chance(0.3):
            letters += "T"
        self.letters = letters
        self.faults = [one for one in FAULTS if rand.chance(0.5)]
        # Where a server merges equal messages there is no second copy to be had.
        self.acts = [
            one for one in _ACTS if rand.chance(0.7) and (one, made.merges) != ("copy", True)
        ]
        self.acts = self.acts or ["birth"]
        self.calmness = rand.choice([0.1, 0.4, 0.7])  # share of syncs without a fault
        self.meddles = rand.choice([0, 0, 2, 6])
        self.rare = rand.chance(0.25)
        self.accidents = rand.chance(0.2)
        self.aside = rand.fork("sections")
        self.sections = self.aside.chance(0.3)
        self.admin = rand.fork("server")
        self.changing = self.admin.chance(0.15)
        self.person = rand.fork("person")
        self.decides = self.person.chance(0.3)
        self.untrashed = self.person.chance(0.15) and self.profile != "gmail"
        special = ["Drafts"] if self.untrashed or self.profile == "gmail" else ["Drafts", "Trash"]
        self.special = special if self.person.chance(0.4) else []
        self.asks = self.person.chance(0.3)

    def run(self) -> Run:
        rand = self.rand
        events: list[Event] = [
            Act("server", "screate", (box,)) for box in self.boxes if box != "INBOX"
        ]
        events += [self._birth() for _ in range(2 + rand.below(8))]
        if self.accidents:
            self.acts.append("accident")
            box = rand.choice(self.boxes)
            events += [self._birth(box) for _ in range(32)]
            events += self._rest()
        for _ in range(2 + rand.below(5)):
            events += [self._act() for _ in range(rand.below(6))]
            events.append(Pause(rand.choice([1.0, 5.0, 60.0, 3700.0])))
            if self.sections:
                events += self._section()
            if self.changing and self.admin.chance(0.4):
                events.append(self._other_server())
            if self.decides and self.person.chance(0.5):
                who = str(self.person.below(self.machines))
                events.append(Act(who, self.person.choice(DECISIONS)))
            events.append(self._asked(self._sync()))
            if rand.chance(0.3):  # what comes next, comes when all is at rest
                events += self._rest()
        settings = [("guard", "yes")] if self.accidents else []
        if rand.chance(0.4):
            settings.append(("deletions", "trash"))
        if self.aside.chance(0.2):
            settings.append(("layout", "maildir++"))
        if self.person.chance(0.2):
            settings.append(("expunge_deleted", "yes"))
        if self.person.chance(0.1):
            settings.append(("undelete_days", "0"))
        if self.untrashed:
            settings.append(("trash", self.person.choice(["", "Bin"])))
        if self.person.chance(0.1):
            way = self.person.choice(["download", "upload"])
            settings.append((f"{way}_per_day", self.person.choice(["60000", "120000"])))
        return Run(
            seed=self.seed,
            profile=self.profile,
            machines=self.machines,
            disk=rand.choice(["posix"] * 8 + ["fold", "nfd", "bare", "apart"]),
            grain=rand.choice([1, 1, 1_000_000_000, 2_000_000_000]),
            settings=tuple(settings),
            events=tuple(events),
        )

    # -- users ---------------------------------------------------------------------------------

    def _who(self) -> str:
        return str(self.rand.below(self.machines))

    def _box(self) -> str:
        """Where mail comes or goes; a mail reader may put what it deletes into the trash itself."""
        return self.rand.choice([*self.boxes, *self.special])

    def _new(self) -> str:
        number = len(self.ghosts) + 1
        # See body_of.  Where the header is rewritten and no UID named, nothing tells a `~`.
        bare = "" if self.profile == "proton" else "~"
        ghost = f"m{number}{('', '', '', bare, '=')[number % 5]}"
        self.ghosts.append(ghost)
        return ghost

    def _birth(self, box: str = "") -> Act:
        rand, box = self.rand, box or self._box()
        ghost = self._new()
        self.where[ghost] = box
        letters = self._some()
        odd: tuple[str, ...] = ()
        if self.sections and self.aside.chance(0.4):
            odd = (self.aside.choice(["large", "old"]),)
        if rand.chance(0.6):
            return Act("server", "serve", (ghost, box, letters, *odd))
        info = f":2,{letters}" if letters else ""
        return Act(self._who(), "file", (ghost, box, info, *odd))

    def _section(self) -> list[Event]:
        """The configuration is edited, of any machine."""
        aside, found = self.aside, list[Event]()
        while aside.chance(0.4):
            who, box = str(aside.below(self.machines)), aside.choice([*self.boxes, "*"])
            kind = aside.choice([*KINDS, "", ""])
            found.append(Act(who, "section", (box, kind)))
        return found

    def _other_server(self) -> Act:
        """The provider changes what it runs: some extensions are gone, or are there again."""
        lacks = [one for one in EXTENSIONS if self.admin.chance(0.3)]
        return Act("server", "lacks", (",".join(lacks),))

    def _some(self) -> str:
        return "".join(sorted(x for x in self.letters if self.rand.chance(0.2)))

    def _act(self) -> Act:
        what = self.rand.choice(self.acts)
        if what == "birth" or not self.ghosts:
            return self._birth()
        if what == "mailbox":
            return self._mailbox()
        if what == "machine":
            return self._machine()
        if what == "accident":
            box, how = self.rand.choice(self.boxes), self.rand.choice(["accident", "delete"])
            if self.rand.chance(0.5):
                return Act("server", f"s{how}", (box,))
            return Act(self._who(), f"f{how}", (box,))
        rand, ghost = self.rand, self.rand.choice(self.ghosts[-12:])
        box = self.where[ghost]
        server = self.rand.chance(0.5)
        if what == "flag":
            on, off = self._some(), self._some()
            off = "".join(x for x in off if x not in on)
            if server:
                return Act("server", "sflag", (ghost, box, on, off))
            how = "fdrop" if "w" in self.letters and rand.chance(0.3) else "fflag"
            return Act(self._who(), how, (ghost, box, on, off))
        if what == "delete":
            if server:
                return Act("server", "expunge", (ghost, box))
            return Act(self._who(), "unlink", (ghost, box))
        if what == "edit":
            new = self._new()
            self.where[new] = box
            return Act(self._who(), "edit", (ghost, box, new))
        return self._transfer(what, ghost, box, server)

    def _transfer(self, what: str, ghost: str, box: str, server: bool) -> Act:
        target = self._box()
        if what == "move":
            self.where[ghost] = target
        if server:
            return Act("server", "smove" if what == "move" else "scopy", (ghost, box, target))
        unique = f"{1_790_000_000 + self.rand.below(9999)}.{ghost}.reader{self.rand.below(99)}"
        if what == "copy":
            return Act(self._who(), "fcopy", (ghost, box, target, unique))
        unique = unique if self.rand.chance(0.5) else ""
        return Act(self._who(), "fmove", (ghost, box, target, unique))

    def _mailbox(self) -> Act:
        rand = self.rand
        number = len(self.boxes) + rand.below(3)
        new = rand.choice(["New", "Deep/Er", "Lists/Other"]) + str(number)
        if rand.chance(0.5):
            self.boxes.append(new)
            if rand.chance(0.5):
                return Act("server", "screate", (new,))
            return Act(self._who(), "fmake", (new,))
        old = rand.choice([box for box in self.boxes if box != "INBOX"])
        new = f"Renamed{number}"
        self.boxes[self.boxes.index(old)] = new
        for ghost, box in self.where.items():
            self.where[ghost] = new if box == old else box
        if rand.chance(0.5):
            return Act("server", "srename", (old, new))
        return Act(self._who(), "frename", (old, new))

    def _machine(self) -> Act:
        rand, who = self.rand, self._who()
        if self.rare and rand.chance(0.5):
            what = rand.choice(["forget", "backup", "restore", "validity"])
            if what == "validity":
                return Act("server", what, (rand.choice(self.boxes), str(rand.below(20))))
            return Act(who, what)
        if rand.chance(0.3):
            return Act(who, "reboot")
        return Act(who, "jump", (str(rand.choice([-1e9, -3600, -3.0, 2.0, 3600, 1e8])),))

    # -- syncs ---------------------------------------------------------------------------------

    def _rest(self) -> list[Event]:
        events: list[Event] = []
        for _ in range(2 if self.machines > 1 else 1):
            for number in range(self.machines):
                events += [Pause(60.0), Sync((number,), self.rand.below(1_000_000))]
        return events

    def _sync(self) -> Sync:
        rand = self.rand
        machines: tuple[int, ...] = (rand.below(self.machines),)
        if self.machines > 1 and rand.chance(0.5):
            machines = (0, 1)
            if self.machines > 2:
                machines = rand.choice([(0, 1), (1, 2), (2, 0), (0, 1, 2)])
        elif rand.chance(0.05):
            machines *= 2
        meddling: tuple[Meddling, ...] = ()
        if self.meddles and rand.chance(0.7):
            meddling = tuple(
                Meddling(rand.below(len(machines)), 1 + rand.below(400), self._act())
                for _ in range(1 + rand.below(self.meddles))
            )
        faults: tuple[Fault, ...] = ()
        if self.faults and not rand.chance(self.calmness):
            faults = tuple(self._fault(len(machines)) for _ in range(1 + rand.below(2)))
        if self.lies and rand.chance(0.8):
            told = sorted(LIES)
            chosen = [kind for kind in told if rand.chance(0.15)]
            if "body empty" in chosen and "size 0" in chosen:
                chosen.remove("size 0")  # both at once: that is a message without bytes
            kinds = ",".join(chosen)
            faults += (Fault("lie", 0, rand.choice([5, 20, 60]), kinds),)
        return Sync(machines, rand.below(1_000_000), meddling, faults)

    def _asked(self, sync: Sync) -> Sync:
        """Of some mailboxes, or otherwise than in full; not where two runs of one machine meet."""
        person = self.person
        if not self.asks or person.chance(0.5) or len({*sync.machines}) < len(sync.machines):
            return sync
        options = [one for one in OPTIONS if person.chance(0.25)]
        if {"pull", "push"} <= {*options}:
            options.remove("push")
        if person.chance(0.3):
            options.append(ONLY + person.choice(self.boxes))
        return replace(sync, options=tuple(options))

    def _fault(self, processes: int) -> Fault:
        rand, who = self.rand, self.rand.below(processes)
        weighted = [one for one in self.faults for _ in range(WEIGHTS.get(one, 1))]
        what = rand.choice(weighted)
        sticky = rand.chance(0.3)
        if what == "answer":
            how, at = rand.choice(list(ANSWERS)), 1 + rand.below(40)
            if rand.chance(0.5):
                how += "@" + rand.choice(_COMMANDS)
                at = 1 + rand.below(3)
            return Fault(what, who, at, how, sticky and "@" in how)
        if what == "errno":
            return Fault(what, who, 1 + rand.below(200), rand.choice(ERRORS[:-2]), sticky)
        if what == "mislist":
            how = rand.choice(["miss", "double"]) + f":{rand.below(9)}"
            return Fault(what, who, 1 + rand.below(12), how)
        if what == "cut":
            way = rand.choice(["up", "down"])
            at = 1 + rand.below(3000 if way == "up" else 12000)
            return Fault(what, who, at, f"{way}:{rand.below(2)}")
        if what == "crash":
            return Fault(what, who, 1 + rand.below(450), rand.choice(["all", "synced", "weak"]))
        if what == "slow":
            return Fault(what, who, 1 + rand.below(40), rand.choice(["20", "50", "200"]))
        if what == "suspend":
            return Fault(what, who, 1 + rand.below(300), rand.choice(["40", "1200", "90000"]))
        if what == "jump":
            return Fault(
                what, who, 1 + rand.below(300), rand.choice(["-1e9", "-60", "7200", "1e8"])
            )
        if what == "refuse":
            return Fault(what, who, 1 + rand.below(3))
        return Fault(what, who, 1 + rand.below(12), rand.choice(self.boxes))  # nil, missing


_ACTS = ("birth", "birth", "flag", "flag", "delete", "move", "copy", "edit", "mailbox", "machine")
_COMMANDS = (
    *("SELECT", "UID FETCH", "UID STORE", "UID MOVE", "UID COPY", "UID EXPUNGE", "APPEND"),
    *("LIST", "STATUS", "LOGIN", "CREATE", "RENAME", "UID SEARCH", "ENABLE", "CAPABILITY"),
)
