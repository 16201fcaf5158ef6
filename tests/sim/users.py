"""What users do in a random run: another client on the server, a mail reader on a machine.

Every act is durable and done at once.  Where it finds nothing to do it does nothing; the ledger
learns only of what was really done.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from sim import decisions
from sim.events import Act
from sim.ledger import Ledger
from sim.letters import LETTERS, WORDS, info_letters, letters_of, shown_words, words_of
from sim.sections import LARGE, LIMIT, LIMITS, OLD, has_section, is_limited, left_out, set_section
from sim.server_state import Message, ghost_of
from sim.stack import Stack
from sim.witness import SERVER

FLAGS = {letter: name for name, letter in LETTERS.items()}
FLAGS |= {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
FLAGS["P"] = "$Forwarded"
FLAGS |= WORDS


JUST_SENT = 5.0  # seconds within which a sync has seen what became of its APPEND
LOSS_SEEN = 27  # the guard holds when more than 25 messages, and a quarter, go


class Users:
    def __init__(self, machines: list[Stack], ledger: Ledger) -> None:
        self.machines = machines
        self.server = machines[0].server
        self.bought = self.server.profile
        self.ledger = ledger
        self.saved: dict[int, list[tuple[str, bytes]]] = {}
        self.old: set[str] = set()  # ghosts beyond max-age
        self.unmade: dict[tuple[int, str], list[str]] = {}  # what was in a mailbox that is deleted
        self.shaken: list[str] = []  # what accidents took
        ledger.scoped = lambda box: any(has_section(m, box) for m in machines)

    def do(self, act: Act) -> None:
        named: Callable[..., None] = getattr(self, f"{act.what}_")
        with contextlib.suppress(OSError, KeyError, ValueError):
            if act.who == "server":
                named(*act.args)
            else:
                named(self.machines[int(act.who) % len(self.machines)], *act.args)

    # -- another client ------------------------------------------------------------------------

    def wire(self, box: str) -> str:
        """The name of a mailbox on the server."""
        profile = self.server.profile
        if box == "INBOX":
            return box
        return profile.prefix.decode() + box.replace("/", profile.delimiter)

    def here(self, wire: str) -> str:
        """What `wire` makes this of."""
        profile = self.server.profile
        return wire.removeprefix(profile.prefix.decode()).replace(profile.delimiter, "/")

    def _message(self, ghost: str, box: str) -> Message:
        """Raises KeyError."""
        found = [m for m in self.server.contents(self.wire(box)) if m.ghost == ghost]
        if not found:
            raise KeyError(ghost)
        return found[0]

    def _odd(self, ghost: str, how: str) -> dict[str, int]:
        """`how`: "large" or "old", beyond the limits of `sections`."""
        if how == "old":
            self.old.add(ghost)
        return {"size": LARGE * (how == "large"), "age": OLD * (how == "old")}

    def serve_(self, ghost: str, box: str, letters: str = "", how: str = "") -> None:
        flags = [FLAGS[letter] for letter in letters]
        self.server.box(self.wire(box))
        self.machines[0].serve(self.wire(box), ghost, *flags, **self._odd(ghost, how))
        self.ledger.born(ghost, box, letters)

    def sflag_(self, ghost: str, box: str, on: str, off: str = "") -> None:
        message = self._message(ghost, box)
        before = letters_of(message.flags)
        self.server.set_flags(
            self.wire(box), message.uid, [FLAGS[x] for x in on], [FLAGS[x] for x in off]
        )
        changed = {x: True for x in on if x not in before} | {x: False for x in off if x in before}
        if changed:
            self.ledger.flagged(ghost, changed)
            if self.ledger.busy and self.server.wall() - message.save_date < JUST_SENT:
                # Taken off before its sender looked, it was forgotten by the server: it is set.
                self.ledger.unsure(ghost, [x for x in changed if not changed[x]])

    def expunge_(self, ghost: str, box: str) -> None:
        message = self._message(ghost, box)
        self.server.expunge(self.wire(box), message.uid)
        held = (one.ghost for box in self.server.boxes.values() for one in box.messages.values())
        seen = ghost in held
        if seen and self.ledger.deeds[ghost].copies:  # a copy and this: no other than a move
            self.server.witness.left(SERVER, box, ghost, letters_of(message.flags), moved=True)
        self._deleted(ghost, "server", seen=seen)

    def smove_(self, ghost: str, box: str, target: str) -> None:
        message = self._message(ghost, box)
        self.server.box(self.wire(target))
        if box != target:
            self.server.move(self.wire(box), message.uid, self.wire(target))
            self.ledger.moved(ghost, box, target)

    def scopy_(self, ghost: str, box: str, target: str) -> None:
        message = self._message(ghost, box)
        self.server.copy(self.wire(box), message.uid, self.wire(target))
        self.ledger.copied(ghost, target)

    def screate_(self, box: str) -> None:
        self.server.create(self.wire(box))

    def srename_(self, old: str, new: str) -> None:
        self.server.rename(self.wire(old), self.wire(new))
        self.ledger.renamed(old, new)

    def validity_(self, box: str, shift: str) -> None:
        self.server.new_uidvalidity(self.wire(box), int(shift))
        self.ledger.doubt(box)

    def lacks_(self, extensions: str) -> None:
        """The server has, from its next session on, all of its profile but these."""
        lacking = {one: False for one in extensions.split(",") if one}
        if "condstore" in lacking:
            lacking["qresync"] = False
        self.server.profile = replace(self.bought, **lacking)  # type: ignore[arg-type]
        by_copy = self.ledger.by_copy or not self.server.profile.move
        self.ledger.by_copy = self.server.witness.by_copy = by_copy

    # -- a mail reader -------------------------------------------------------------------------

    def file_(self, m: Stack, ghost: str, box: str, info: str = "", how: str = "") -> None:
        info = info and self._info(m, box, info.removeprefix(":2,"))
        self._anew(m, box)
        path = m.file(box, ghost, info, **self._odd(ghost, how))
        self.ledger.born(ghost, box, self._shown(m, path))

    def fflag_(self, m: Stack, ghost: str, box: str, on: str, off: str = "") -> None:
        before = self._shown(m, m.path_of(box, ghost))
        letters = "".join(sorted((set(before) | set(on)) - set(off)))
        m.flag(box, ghost, self._info(m, box, letters).removeprefix(":2,"))
        after = self._shown(m, m.path_of(box, ghost))
        changed = {x: x in after for x in {*before} ^ {*after}}
        if {*after} & {*WORDS}:  # one that keeps letters: what another one dropped was removed
            self.ledger.dropped(ghost, "".join({*WORDS} - {*before}), removed=True)
        else:  # as from a reader that drops letters: nothing was removed
            self.ledger.dropped(ghost, "".join({*before} & {*WORDS}))
            changed = {x: value for x, value in changed.items() if x not in WORDS}
        if changed:
            self.ledger.flagged(ghost, changed)

    def fdrop_(self, m: Stack, ghost: str, box: str, on: str, off: str = "") -> None:
        """A reader that knows no letters rewrites the flags."""
        path = m.path_of(box, ghost)
        before = info_letters(path)
        letters = "".join(sorted((set(before) | set(on)) - set(off) - {*WORDS}))
        words = "".join({*self._shown(m, path)} & {*WORDS})
        m.flag(box, ghost, letters)
        self.ledger.dropped(ghost, words)
        changed = {x: x in letters for x in {*before} ^ {*letters}}
        if changed:
            self.ledger.flagged(ghost, changed)

    def _table(self, m: Stack, box: str) -> dict[str, str]:
        return words_of(m.fs.files().get(f"{m.oracle.directory(box)}/dovecot-keywords", b""))

    def _shown(self, m: Stack, path: str) -> str:
        """What a file's name shows, in the letters of `FLAGS`."""
        place = m.oracle.places.message(path)
        assert place is not None
        table = self._table(m, place[0])
        return "".join(sorted({*info_letters(path), *shown_words(path, table)}))

    def _info(self, m: Stack, box: str, letters: str) -> str:
        """For a file's name, by a reader that knows what letters mean in its mailbox; keywords
        that have none there are left out."""
        own = {meaning: letter for letter, meaning in self._table(m, box).items()}
        return ":2," + "".join(sorted(own.get(x, "") if x in WORDS else x for x in letters))

    def unlink_(self, m: Stack, ghost: str, box: str) -> None:
        path = m.path_of(box, ghost)
        m.fs.unlink(path)
        m.fs.sync_dir(path.rpartition("/")[0])
        m.took.add(ghost)
        self._deleted(ghost, str(self.machines.index(m)), seen=self._as_moved(m, box, ghost, path))

    def _as_moved(self, m: Stack, box: str, ghost: str, path: str) -> bool:
        """Whether there is another copy of what is deleted here.  A copy and this: that is no
        other than a move."""
        held = (
            ghost_of(data) for path, data in m.fs.files().items() if m.oracle.places.message(path)
        )
        seen = ghost in held
        if seen and self.ledger.deeds[ghost].copies:
            m.eyes.witness.left(m.eyes.side, box, ghost, info_letters(path), moved=True)
        return seen

    def _deleted(self, ghost: str, who: str, *, seen: bool) -> None:
        """`seen`: there is another copy where the user deleted this one."""
        if seen:
            self.ledger.parted(ghost, who)
        else:
            self.ledger.gone(ghost)

    def fmove_(self, m: Stack, ghost: str, box: str, target: str, unique: str = "") -> None:
        path = m.path_of(box, ghost)
        if box != target:
            if self._table(m, box) != self._table(m, target):  # letters mean something else there
                m.flag(box, ghost, info_letters(path))
            self._anew(m, target)
            m.move_file(box, ghost, target, unique)
            self.ledger.moved(ghost, box, target)

    def fcopy_(self, m: Stack, ghost: str, box: str, target: str, unique: str) -> None:
        path = m.path_of(box, ghost)
        self._anew(m, target)
        m.make(target)
        data = m.fs.files()[path]
        stat = m.fs.stat(path)
        name = f"{unique}:2,{info_letters(path)}"
        path = f"{m.oracle.directory(target)}/cur/{name}"
        m.write(path, data, stat.mtime_ns // 1_000_000_000)
        self.ledger.copied(ghost, target)

    def edit_(self, m: Stack, ghost: str, box: str, new: str) -> None:
        """A draft saved anew: another message takes the place of the old one."""
        path = m.path_of(box, ghost)
        letters = info_letters(path)
        m.file(box, new, f":2,{letters}" if letters else "")
        self.ledger.born(new, box, letters)
        self.unlink_(m, ghost, box)

    def fmake_(self, m: Stack, box: str) -> None:
        self._anew(m, box)
        m.make(box)

    def frename_(self, m: Stack, old: str, new: str) -> None:
        places = m.oracle.places
        for one in (old, *places.below(old, m.disk)):
            m.rename(places.directory(one), places.directory(new + one[len(old) :]))
        self.ledger.renamed(old, new)

    # -- accidents: nobody meant it, so all must come back (I12) ---------------------------------

    def _accident(self, ghosts: list[str]) -> None:
        kept = self.machines[0].oracle.kept(self.server, *(m.fs for m in self.machines))
        for ghost in ghosts:
            if ghost in kept:
                self.ledger.shaken(ghost)
                self.shaken.append(ghost)
            else:
                self.ledger.gone(ghost)

    def _known(self, ghosts: list[str]) -> int:
        """How many of them everybody has, and nothing else is going on with them; without those
        that a section leaves out, which the guard does not count."""
        if any(is_limited(m) for m in self.machines):
            bodies = self.machines[0].oracle.bodies
            ghosts = [g for g in ghosts if g not in self.old and len(bodies.get(g, b"")) <= LIMIT]
        return sum(self.ledger.deeds[g].at_rest for g in ghosts if g in self.ledger.deeds)

    def saccident_(self, box: str) -> None:
        """The provider loses all of a mailbox."""
        messages = self.server.messages(self.wire(box))
        if self._known([message.ghost or "?" for message in messages]) >= LOSS_SEEN:
            self.server.expunge(self.wire(box), [message.uid for message in messages])
            self._accident([message.ghost or "?" for message in messages])

    def sdelete_(self, box: str) -> None:
        messages = self.server.messages(self.wire(box))
        if box != "INBOX" and messages:
            self.server.delete(self.wire(box))
            ghosts = [message.ghost or "?" for message in messages]
            self._accident(ghosts)

    def _files(self, m: Stack, box: str) -> dict[str, str]:
        """Path → ghost."""
        start = f"{m.oracle.directory(box)}/"
        found = {path: ghost_of(data) for path, data in m.fs.files(under=start).items()}
        return {
            path: ghost
            for path, ghost in found.items()
            if ghost and path.count("/") == start.count("/") + 1 and "/tmp/" not in path
        }

    def faccident_(self, m: Stack, box: str) -> None:
        """All files of a mailbox are gone, the directories are there."""
        files = self._files(m, box)
        if self._known(list(files.values())) >= LOSS_SEEN:
            self._unlink(m, files)

    def fdelete_(self, m: Stack, box: str) -> None:
        """The directory of a mailbox is gone; not where there are others below it."""
        files = self._files(m, box)
        if box != "INBOX" and files:
            self._unlink(m, files, quiet=True)
            path = m.oracle.directory(box)
            for folder in ("cur", "new", "tmp"):
                for name, _ in list(m.fs.list(f"{path}/{folder}")):
                    m.fs.unlink(f"{path}/{folder}/{name}")
            for file in ("dovecot-keywords", "maildirfolder"):
                with contextlib.suppress(FileNotFoundError):
                    m.fs.unlink(f"{path}/{file}")
            m.unmake(box)
            self._accident(list(files.values()))
            self.unmade[self.machines.index(m), box] = list(files.values())

    def _anew(self, m: Stack, box: str) -> None:
        """Before something is put into it: a mailbox that was deleted, and that the same user makes
        again, is there; what was in it is deleted."""
        if self._has(m, box):
            self.unmade.pop((self.machines.index(m), box), None)
        self.made_anew(m, [box])

    def missing(self, m: Stack) -> list[str]:
        """The mailboxes that its user deleted, and that are not there again."""
        number = self.machines.index(m)
        return [box for who, box in self.unmade if who == number and not self._has(m, box)]

    def made_anew(self, m: Stack, boxes: list[str]) -> None:
        """What was in them is deleted, but not what was moved on since, or renamed."""
        for box in boxes:
            for ghost in self.unmade.pop((self.machines.index(m), box), []):
                if self.ledger.deeds[ghost].homes[box] > 0:
                    self.ledger.gone(ghost)

    def _has(self, m: Stack, box: str) -> bool:
        try:
            m.fs.stat(m.oracle.directory(box))
        except FileNotFoundError:
            return False
        return True

    def _unlink(self, m: Stack, files: dict[str, str], *, quiet: bool = False) -> None:
        for path, ghost in files.items():
            m.fs.unlink(path)
            m.took.add(ghost)
        for path, ghost in files.items():
            place = m.oracle.places.message(path)
            assert place is not None
            self._as_moved(m, place[0], ghost, path)
        for folder in {path.rpartition("/")[0] for path in files}:
            m.fs.sync_dir(folder)
        if not quiet:
            self._accident(list(files.values()))

    # -- what a person decides -------------------------------------------------------------------

    def accept_(self, m: Stack) -> None:
        decisions.accept(self, m)

    def reject_(self, m: Stack) -> None:
        decisions.reject(self, m)

    def undelete_(self, m: Stack) -> None:
        decisions.undelete(self, m)

    def repair_(self, m: Stack) -> None:
        decisions.repair(self, m)

    # -- the machine ---------------------------------------------------------------------------

    def section_(self, m: Stack, box: str, kind: str = "") -> None:
        """The configuration is edited; see `sections`."""
        if kind or has_section(m, box):
            # What leaves a mailbox that is out is no move: nobody sees it go.
            everywhere = box == "*" or kind == "out" or box in left_out(m)
            set_section(m, box, kind)
            self.ledger.doubt(None if everywhere else box)
            for ghost in self.shaken if kind in LIMITS else ():  # too few may be left to be held
                self.ledger.given_up(ghost)

    def jump_(self, m: Stack, seconds: str) -> None:
        m.skew += float(seconds)

    def reboot_(self, m: Stack) -> None:
        m.reboot()

    def forget_(self, m: Stack) -> None:
        """The cache is lost."""
        for path in m.state.glob("cache.db*"):
            path.unlink()
            self.ledger.doubt()

    def backup_(self, m: Stack) -> None:
        files = sorted(m.state.glob("cache.db*"))
        self.saved[self.machines.index(m)] = [(path.name, path.read_bytes()) for path in files]

    def restore_(self, m: Stack) -> None:
        """The cache as it was at the last backup."""
        if saved := self.saved.get(self.machines.index(m)):
            self.forget_(m)
            for name, data in saved:
                (m.state / name).write_bytes(data)


class Once:
    """A user's act, done at most once: at its step, or after the sync that ended before."""

    __name__ = "act"

    def __init__(self, users: Users, act: Act) -> None:
        self.users, self.act, self.done = users, act, False

    def __call__(self) -> None:
        if not self.done:
            self.done = True
            self.users.do(self.act)
