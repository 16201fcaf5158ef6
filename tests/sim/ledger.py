"""What the users did to each message of a random run, and what must therefore hold at the end.

The ledger knows no sync; it only asks for what no order of events can excuse.  A message whose
users contradicted each other is held to less, and always to: not lost, not multiplied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

LETTERS = "DFPRSTjw"  # j and w are keywords


@dataclass
class Deeds:
    """What users did to one ghost."""

    homes: Counter[str]  # mailbox → copies that users put there; a move changes it
    flags: dict[str, bool]  # what all sides held when it last was at rest, or at birth
    said: dict[str, set[bool]] = field(default_factory=dict)  # by letter, since then
    copies: int = 0
    moves: int = 0
    restless: bool = False  # moved, copied or deleted while not everybody knew it
    baseless: bool = False  # the cache was lost: what both sides agreed on is not known
    spare: int = 0  # copies more that a lost cache or a new UIDVALIDITY excuses
    deleted: bool = False
    for_good: bool = False  # deleted at rest, and nobody touched it since (I3)
    touched: int = 0  # the number of the last event that named it
    parted: set[str] = field(default_factory=set)  # who deleted one copy and saw another
    rest_at: int | None = None  # the event after which all sides agreed on it
    called: set[str] = field(default_factory=set)  # what its mailboxes were called since then

    @property
    def at_rest(self) -> bool:
        return self.rest_at is not None and self.rest_at >= self.touched

    @property
    def most(self) -> int:
        """Copies that there may be: two moves to two places keep both (I11)."""
        return 1 + self.copies + max(0, self.moves - 1) + self.restless + self.spare


@dataclass
class Ledger:
    """`now` is the number of the event that happens; `busy`: during a sync."""

    now: int = 0
    busy: bool = False
    rewritten: bool = False  # the server changes what it stores: nothing pairs by content
    expunges: bool = False  # what is \Deleted on both sides goes
    by_copy: bool = False  # it has no MOVE: machines that delete at once leave a copy each
    machines: int = 1
    letters: str = LETTERS  # the flags that the server can keep
    trash: str = "Trash"
    deeds: dict[str, Deeds] = field(default_factory=dict)
    settled: Callable[[str], None] = lambda ghost: None  # told what is at rest
    root: Callable[[str], str] = lambda box: box  # the same for all names that a mailbox had
    agreed: Callable[[str], None] = lambda ghost: None  # told what may go, though no user took it
    scoped: Callable[[str], bool] = lambda box: False  # some machine leaves out a part of it
    _last_sync: int = -1  # when it ended

    def synced(self, *, lied: bool, torn: bool) -> None:
        """A sync is over.  `lied`: what the server said was not so, perhaps of a message that it
        had just rewritten: then nothing tells that it is the one that was sent.  `torn`: nor was
        its UID heard, perhaps, and one without a Message-ID (see body_of) is any message."""
        self.busy = False
        self._last_sync = self.now
        for ghost, deeds in self.deeds.items():
            unknown = lied or (torn and ghost.endswith("~"))
            deeds.spare += unknown and self.rewritten and not deeds.at_rest

    def born(self, ghost: str, box: str, letters: str) -> None:
        flags = {letter: letter in letters for letter in LETTERS}
        self.deeds[ghost] = Deeds(Counter({box: 1}), flags, touched=self.now)
        self._marked(ghost)

    def _marked(self, ghost: str) -> None:
        """Once the other side has the flag, too, it goes."""
        deeds = self.deeds[ghost]
        if self.expunges and (deeds.flags["T"] or True in deeds.said.get("T", ())):
            deeds.deleted = deeds.restless = True
            self._at_once(deeds)
            self.agreed(ghost)

    def _at_once(self, deeds: Deeds) -> None:
        """Two copies are what anything restless may have."""
        if self.by_copy:
            deeds.spare = max(deeds.spare, self.machines - 2)

    def _touch(self, ghost: str) -> tuple[Deeds, bool]:
        """The deeds, and whether it was at rest before."""
        deeds = self.deeds[ghost]
        rested = deeds.at_rest and not self.busy
        deeds.touched = self.now
        deeds.rest_at = None
        deeds.restless |= self._scoped(deeds)  # it waits, for another side to do otherwise
        return deeds, rested

    def _scoped(self, deeds: Deeds) -> bool:
        return any(count and self.scoped(box) for box, count in deeds.homes.items())

    def moved(self, ghost: str, box: str, target: str) -> None:
        deeds, rested = self._touch(ghost)
        deeds.moves += 1
        deeds.restless |= not rested
        deeds.for_good = False
        deeds.homes[box] -= 1
        deeds.homes[target] += 1

    def copied(self, ghost: str, target: str) -> None:
        deeds, rested = self._touch(ghost)
        deeds.copies += 1
        deeds.restless |= not rested
        deeds.for_good = False
        deeds.homes[target] += 1

    def gone(self, ghost: str) -> None:
        deeds, rested = self._touch(ghost)
        if self.by_copy and deeds.deleted:
            deeds.restless = True
            self._at_once(deeds)
        simple = deeds.moves == deeds.copies == 0
        deeds.for_good = simple and (rested or deeds.for_good) and not self._scoped(deeds)
        deeds.deleted = True

    def parted(self, ghost: str, who: str) -> None:
        """One of several copies that a user sees is deleted: not the message; unless others do
        the same with another one, or it was under way before: by COPY perhaps, and what that left
        is expunged before anybody sees that the copy is gone."""
        restless = self.deeds[ghost].restless
        deeds, _ = self._touch(ghost)
        deeds.parted.add(who)
        copying = self.by_copy and self.busy and deeds.moves > 0
        deeds.deleted |= restless or copying or len(deeds.parted) > 1
        deeds.restless, deeds.for_good = True, False
        deeds.spare += 1

    def shaken(self, ghost: str) -> None:
        """A copy vanished that nobody deleted."""
        deeds, rested = self._touch(ghost)
        deeds.restless |= not rested
        deeds.deleted |= not rested  # moved there and gone with the mailbox: as good as deleted
        deeds.for_good = False

    def given_up(self, ghost: str) -> None:
        """Held, and a user agreed that it goes; it may yet be saved."""
        if ghost in self.deeds:
            deeds, _ = self._touch(ghost)
            deeds.deleted = deeds.restless = True
            deeds.for_good = False

    def brought_back(self, ghost: str, box: str) -> None:
        """Out of undo, as a new message."""
        if ghost in self.deeds:
            deeds, _ = self._touch(ghost)
            deeds.deleted = deeds.for_good = False
            deeds.restless = True
            deeds.spare += 1
            deeds.homes[box] += 1
            self._marked(ghost)  # it comes back as it was

    def flagged(self, ghost: str, letters: dict[str, bool]) -> None:
        """Only what it changed."""
        deeds, _ = self._touch(ghost)
        deeds.for_good = False
        for letter, value in letters.items():
            # Without a merge base flags are united, and these are as they are on the server.
            unsure = deeds.baseless and (not value or letter in "DT")
            deeds.said.setdefault(letter, set()).update((True, False) if unsure else (value,))
        self._marked(ghost)

    def unsure(self, ghost: str, letters: Iterable[str]) -> None:
        for letter in letters:
            self.deeds[ghost].said.setdefault(letter, set()).update((True, False))

    def dropped(self, ghost: str, letters: str, *, removed: bool = False) -> None:
        """Keywords that a reader left out of a name: no removal, unless no sync had seen them (nor
        had one perhaps during which they were set), or (`removed`) another reader showed others
        since."""
        deeds = self.deeds[ghost]
        if removed or deeds.touched >= self._last_sync or self.busy:
            self.unsure(ghost, [x for x in letters if deeds.flags[x] or x in deeds.said])

    def unmarked(self, ghost: str) -> None:
        """Rejected: what is \\Deleted on both sides loses that."""
        if ghost in self.deeds:
            self.unsure(ghost, "T")

    def doubt(self, box: str | None = None) -> None:
        """UIDs or the cache lost their meaning: what was deleted may come back (I13, I3)."""
        for deeds in self.deeds.values():
            if box is None or deeds.homes[box] or deeds.deleted:
                deeds.for_good = False
                deeds.restless |= not deeds.at_rest
                here = sum(count for count in deeds.homes.values() if count > 0)
                deeds.spare += max(1, here) if self.rewritten else not deeds.at_rest
                deeds.touched, deeds.rest_at = self.now, None
                deeds.baseless = True

    def renamed(self, old: str, new: str) -> None:
        """By one who may not know yet that another user called it otherwise: both are kept."""

        def concerns(box: str) -> bool:
            return box == old or box.startswith(f"{old}/")

        for deeds in self.deeds.values():
            twice = any(map(concerns, deeds.called))
            here = [box for box in deeds.homes if concerns(box)]
            if here or twice:
                doubtful = twice or not deeds.at_rest or any(map(self.scoped, here))
                deeds.restless |= doubtful
                deeds.spare += doubtful * max(1, len(here))
                deeds.for_good = False
                deeds.touched, deeds.rest_at = self.now, None
            for box in here:
                deeds.homes[new + box[len(old) :]] += deeds.homes.pop(box)
                deeds.called.add(box)

    def rest(self, views: list[dict[str, Counter[tuple[str, str]]]], since: int) -> str:
        """Everybody synced well after event `since`: what was touched no later than that, and is
        the same for all, is at rest: judged now, for what it was before counts no more.  What is
        wrong; or empty.
        """
        for ghost, deeds in self.deeds.items():
            held = [_of(view, ghost) for view in views]
            if deeds.touched > since or any(one != held[0] for one in held):
                continue
            places = Counter(box for box, _ in held[0].elements())
            flags = {letters for _, letters in held[0]}
            if wrong := self._wrong(ghost, held[0]):
                return wrong
            if not places:
                deeds.for_good |= deeds.deleted
            elif len(flags) == 1 and not deeds.for_good:
                (letters,) = flags
                deeds.flags = {letter: letter in letters for letter in LETTERS}
                deeds.said.clear()
                deeds.rest_at = self.now
                self.settled(ghost)
                deeds.homes, deeds.copies, deeds.moves = places, places.total() - 1, 0
                deeds.deleted = deeds.restless = deeds.baseless = False
                deeds.parted.clear()
                deeds.called.clear()
                deeds.spare = 0
                self._marked(ghost)  # not before the next sync where the cache was lost
        return ""

    # -- the end -------------------------------------------------------------------------------

    def judge(self, view: dict[str, Counter[tuple[str, str]]]) -> str:
        """What is wrong with what all sides hold now; empty: nothing."""
        for ghost in sorted(self.deeds):
            if wrong := self._wrong(ghost, _of(view, ghost)):
                return wrong
        strangers = {g for box in view.values() for g, _ in box} - self.deeds.keys()
        return f"strangers: {strangers}" if strangers else ""

    def _under_one_name(self, places: Counter[str]) -> Counter[str]:
        """Who puts a message into a mailbox may not know yet that another user renamed it."""
        found = Counter[str]()
        for box, count in places.items():
            found[self.root(box)] += count
        return found

    def _wrong(self, ghost: str, held: Counter[tuple[str, str]]) -> str:
        """With one message, of which all sides hold the same."""
        deeds = self.deeds[ghost]
        total = sum(held.values())
        places = Counter(box for box, _ in held.elements())
        told = f"{ghost} in {dict(places)}, {deeds}"
        if not deeds.deleted and total == 0:
            return f"I1: lost: {told}"
        if total > deeds.most:
            return f"I2: too many copies: {told}"
        if deeds.for_good and places.total() > places[self.trash]:
            return f"I3: back after it was deleted: {told}"
        if deeds.deleted or deeds.restless or deeds.spare:
            return ""
        if deeds.moves == 0 or (deeds.moves == 1 and deeds.copies == 0):
            homes, there = self._under_one_name(+deeds.homes), self._under_one_name(places)
            if there.keys() != homes.keys() or any(there[b] > homes[b] for b in there):
                return f"I11: not where it was put: {told}"
        if deeds.copies or deeds.moves > 1:
            return ""
        if wrong := _flags(deeds, held, self.letters):
            return f"I9: flag {wrong}: {told}"
        return ""


def _of(view: dict[str, Counter[tuple[str, str]]], ghost: str) -> Counter[tuple[str, str]]:
    return Counter(
        {
            (box, letters): count
            for box, held in view.items()
            for (who, letters), count in held.items()
            if who == ghost
        }
    )


def _flags(deeds: Deeds, held: Counter[tuple[str, str]], letters: str) -> str:
    for (_, flags), letter in ((one, letter) for one in held for letter in letters):
        allowed = deeds.said.get(letter, {deeds.flags[letter]})
        if (letter in flags) not in allowed:
            return f"{letter} is {letter in flags}"
    return ""
