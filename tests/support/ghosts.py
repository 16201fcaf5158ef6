"""Messages that carry an id, what both sides hold of them, and what a sync must make of it.

A *ghost* is a message as a user made it; copies of it, by whomever, carry the same `X-Ghost`
(reliability.md §5.2).  What must come out of a sync follows from three states: what both sides
agreed on before (`base`), and what each shows when the sync begins.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from support.client import canonical

Place = tuple[str, str]  # mailbox, flag letters
ANY = "?"  # flags that the rules leave open
TRASH, DRAFTS = "Trash", "Drafts"
SAVING = set("FRDP")
QUIET = {"$junk", "$notjunk", "junk", "nonjunk", "$mdnsent"}
_GHOST = re.compile(rb"^X-Ghost: (\S+)", re.M)


@dataclass(frozen=True)
class Copy:
    """One message on one side; `key`: its UID or the path of its file."""

    ghost: str
    box: str
    flags: str
    key: object
    date: int = 0
    keywords: frozenset[str] = frozenset()

    @property
    def place(self) -> Place:
        return self.box, self.flags


def ghost_of(body: bytes) -> str:
    found = _GHOST.search(body)
    return found[1].decode() if found else "?"


@dataclass
class Ledger:
    """What users made and did in one round, by ghost."""

    born: dict[str, bytes] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)  # born in an earlier round
    copied: Counter[str] = field(default_factory=Counter)
    moved: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # by sides
    unsure: set[str] = field(default_factory=set)  # edited, renamed: what remains is no proof
    edited: set[tuple[str, str]] = field(default_factory=set)  # mailbox, unique name: in place
    touched: Counter[str] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)  # deleted or overwritten, a copy of it
    redated: set[str] = field(default_factory=set)  # for ever
    boxes: set[str] = field(default_factory=set)  # made, renamed or removed as a whole
    taboo: set[str] = field(default_factory=set)  # names that no mailbox can get
    gone: set[str] = field(default_factory=set)  # ghosts of removed mailboxes
    decided: str = ""  # about what was held: accept, reject

    def whole(self, box: str) -> bool:
        """It, or one above it, was made, renamed or removed as a whole in this round."""
        return any(box == one or box.startswith(one + "/") for one in self.boxes)

    def next_round(self) -> None:
        self.copied.clear()
        self.touched.clear()
        self.decided = ""
        self.moved.clear()
        for one in (self.taken, self.unsure, self.edited, self.boxes, self.gone):
            one.clear()


def merge(base: str, server: str, local: str) -> str:
    """I9: per flag, the side that differs from the base."""
    kept = set(base)
    return "".join(sorted(kept ^ ((kept ^ set(server)) | (kept ^ set(local)))))


def union(server: str, local: str) -> str:
    both = (set(server) | set(local)) - set("DT")
    return "".join(sorted(both | (set(server) & set(local) & {"T"}) | (set(server) & {"D"})))


def saves(base: Copy, now: Copy) -> bool:
    """I10: changed so that a deletion on the other side does not take it."""
    new = {word.lower() for word in now.keywords - base.keywords} - QUIET
    gained, lost = set(now.flags) - set(base.flags), set(base.flags) - set(now.flags)
    return bool(gained & SAVING or "T" in lost or new)


def outcomes(
    base: Copy | None, server: Copy | None, local: Copy | None, *, trash: bool, unsure: bool
) -> list[list[Place]]:
    """What may become of a ghost of which no side ever held two."""
    if base is None:
        both = [one for one in (server, local) if one is not None]
        if server is not None and local is not None and server.box == local.box:
            return [[(server.box, union(server.flags, local.flags))]]
        return [[one.place for one in both]]
    if server is not None and local is not None:
        flags = merge(base.flags, server.flags, local.flags)
        if base.box in (server.box, local.box) or server.box == local.box:
            box = local.box if server.box == base.box else server.box
            return [[(box, flags)]]
        return [[(server.box, ANY), (local.box, ANY)]]
    left = server or local
    if left is None:
        return [[]]
    if left.box != base.box:
        return [[left.place]]
    trashed = trash and local is None and base.box != TRASH
    deleted = [(TRASH, left.flags)] if trashed else []
    if unsure:
        return [[], deleted, [left.place]]
    if deleted and base.box == DRAFTS and not saves(base, left):
        return [[], deleted]  # its Message-ID may be that of a new one: it was saved anew
    return [[left.place]] if saves(base, left) else [deleted]


def miscounted(base: list[Copy], now: list[Copy], ledger: Ledger, *, trash: bool) -> list[str]:
    """I1, I2, I3 where nobody knows what a sync saw when: by what users did, only.  `trash`: what
    was deleted is there."""
    before, after = by_ghost(base), by_ghost(now)
    found: list[str] = []
    for ghost in sorted(ledger.born):
        had, has = len(before.get(ghost, [])), len(after.get(ghost, []))
        born = ghost not in ledger.known
        top = max(had, born) + ledger.copied[ghost]
        top += max(had, 1) if len(ledger.moved[ghost]) == 2 else 0
        if has > top:
            found.append(f"{ghost}: {has} copies, at most {top} were made")
        if not has and (had or born) and ghost not in ledger.taken:
            found.append(f"{ghost}: lost")
        kept = [one for one in after.get(ghost, []) if not (trash and one.box == TRASH)]
        if kept and had == 1 and ghost in ledger.taken and ledger.touched[ghost] == 1:
            found.append(f"{ghost}: deleted, and there again")
    return found


def by_ghost(copies: Iterable[Copy]) -> dict[str, list[Copy]]:
    found: defaultdict[str, list[Copy]] = defaultdict(list)
    for one in copies:
        found[one.ghost].append(one)
    return found


@dataclass
class States:
    """What was agreed on, what each side showed when the sync began."""

    base: list[Copy]
    server: list[Copy]
    local: list[Copy]


def harm(states: States, now: list[Copy], ledger: Ledger, *, trash: bool) -> list[str]:
    """I1, I2, I3, I9, I10, I11 ghost by ghost; both sides are equal, as `now` says."""
    before, served, filed = map(by_ghost, (states.base, states.server, states.local))
    after = by_ghost(now)
    found: list[str] = []
    for ghost in sorted({*before, *served, *filed, *after}):
        sides = before.get(ghost, []), served.get(ghost, []), filed.get(ghost, [])
        text = _simple if _is_simple(ghost, sides, ledger) else _bounds
        said = text(ghost, sides, after.get(ghost, []), ledger, trash)
        if said:
            shown = [[one.place for one in side] for side in (*sides, after.get(ghost, []))]
            found.append(f"{ghost}: {said}; base, server, Maildir, now: {shown}")
    return found


Sides = tuple[list[Copy], list[Copy], list[Copy]]


def _is_simple(ghost: str, sides: Sides, ledger: Ledger) -> bool:
    touched = any(ledger.whole(one.box) for side in sides for one in side)
    return max(map(len, sides)) < 2 and not ledger.copied[ghost] and not touched


def _simple(ghost: str, sides: Sides, now: list[Copy], ledger: Ledger, trash: bool) -> str:
    base, server, local = (side[0] if side else None for side in sides)
    may = outcomes(base, server, local, trash=trash, unsure=ghost in ledger.unsure)
    got = sorted(one.place for one in now)
    boxes = sorted(one.box for one in now)
    for wanted in may:
        if got == sorted(wanted):
            return ""
        if any(flags == ANY for _, flags in wanted) and boxes == sorted(b for b, _ in wanted):
            return ""
    return f"expected {' or '.join(map(str, may))}"


def _bounds(ghost: str, sides: Sides, now: list[Copy], ledger: Ledger, trash: bool) -> str:
    """Of twins nobody can say which is which; but no fewer than were left, no more than made."""
    base, server, local = sides
    both = len(ledger.moved[ghost]) == 2
    top = max(len(base) + ledger.copied[ghost], 1) + (len(base) if both else 0)
    if not base:
        top = max(len(server) + len(local), 1)
    if ledger.decided == "reject":
        top += len(base)  # what is missing was brought back
    if len(now) > top:
        return f"{len(now)} copies, at most {top} were made"
    held = ledger.decided == "accept" and any(ledger.whole(one.box) for one in (*server, *local))
    whole = any(ledger.whole(one.box) for side in sides for one in side)
    if not now and not (ghost in ledger.gone or held or _may_be_gone(sides, whole)):
        return "lost"
    return _stayed(sides, now, ledger)


def _may_be_gone(sides: Sides, whole: bool) -> bool:
    """Every copy was taken out by one side or the other, and none was put anywhere."""
    base, server, local = (Counter(one.box for one in side) for side in sides)
    if whole:  # renamed, made or removed as a whole: boxes say nothing
        return bool(base) and not (server and local)
    added = (server - base) + (local - base)
    return not added and not (base - ((base - server) + (base - local)))


def _stayed(sides: Sides, now: list[Copy], ledger: Ledger) -> str:
    """In a mailbox left alone as a whole, what neither side took out must still be there."""
    counts = [Counter(one.box for one in side) for side in (*sides, now)]
    base, server, local, got = counts
    for box, number in base.items():
        left = number - max(number - server[box], 0) - max(number - local[box], 0)
        if not ledger.whole(box) and got[box] < left:
            return f"{got[box]} left in {box} of {left}"
    return ""


def equal(server: list[Copy], local: list[Copy]) -> list[str]:
    """What differs between the sides."""
    a, b = (Counter((one.ghost, *one.place) for one in side) for side in (server, local))
    return [f"only on the server: {one}" for one in sorted((a - b).elements())] + [
        f"only in the Maildir: {one}" for one in sorted((b - a).elements())
    ]


def wrong_dates(server: list[Copy], local: list[Copy], redated: set[str]) -> list[str]:
    """A message has its INTERNALDATE as its file's mtime."""
    there: Mapping[str, list[Copy]] = by_ghost(server)
    return [
        f"{one.ghost} in {one.box}: INTERNALDATE {there[one.ghost][0].date}, mtime {one.date}"
        for one in local
        if one.ghost not in redated
        and len(there.get(one.ghost, [])) == 1
        and there[one.ghost][0].date != one.date
    ]


def broken(copies: Iterable[tuple[Copy, bytes]], born: Mapping[str, bytes]) -> list[str]:
    """Copies whose bytes are not those of birth, but for line ends."""
    return [
        f"{one.ghost} in {one.box} is not as it was born"
        for one, body in copies
        if canonical(body) != born.get(one.ghost)
    ]
