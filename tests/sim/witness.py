"""Sees every message that leaves a place, and who took it: provenance and scope (I1b, I10, I16).

Users and mailsync act through the same server and disks; whoever runs a command in a session, or
calls a job's disk, is mailsync, and all others are users.  A message may leave a mailbox by
mailsync's hand only after a user took it out of that mailbox on another side.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from mailsync.model.utf7 import from_wire
from sim.disk import SimDisk
from sim.letters import info_letters, system_letters
from sim.places import Places
from sim.server_session import Session
from sim.server_state import Box, Message, ghost_of

if TYPE_CHECKING:
    from sim.server import SimServer

Others = Callable[[], Iterable[tuple[str, str]]]
"""The copies of a message that a side has in other mailboxes: mailbox, letters."""
Forbids = Callable[[str, str, str, bool], str]
SERVER = "server"
SAVING = "FRDP"  # set since the other side deleted: the message survives (I10)


@dataclass(frozen=True)
class Left:
    """A user took a message out of a mailbox; `letters` it had then."""

    side: str
    letters: str
    moved: bool  # to another mailbox


@dataclass
class Witness:
    """`found`: what mailsync did that nobody asked for.  `keeps`: the letters both sides keep."""

    found: list[str] = field(default_factory=list)
    keeps: str = "DFPRST"
    trash: str = "Trash"  # the mailbox for what is deleted
    by_copy: bool = False  # the server has no MOVE
    lied: bool = False  # the server said what is not so
    unkept: bool = False  # and in this sync that it keeps no flags, which are no news then
    forbids: Forbids = lambda *_: ""  # see sections.Scope
    now: int = 0
    overtaken: Callable[[str], None] = lambda ghost: None  # told what came too late to be seen
    given_up: set[str] = field(default_factory=set)  # mailboxes: a user agreed that they go
    agreed: set[str] = field(default_factory=set)  # the same of messages
    decided: int = -1  # when: flags that were set before save nothing
    taken: list[tuple[str, str, str]] = field(default_factory=list)  # side, mailbox, ghost
    _left: defaultdict[str, dict[str, list[Left]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _family: dict[str, str] = field(default_factory=dict)
    _taken_off: set[tuple[str, str]] = field(default_factory=set)  # (ghost, letter)
    _put_on: dict[tuple[str, str, str], int] = field(default_factory=dict)
    # by mailsync: (ghost, letter) → session, when; and what was taken without a look at that
    _stored: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    _unaware: set[tuple[str, str]] = field(default_factory=set)
    # session, mailbox → when the connection last listed it; mailbox b"": its first command
    _looked: dict[tuple[int, bytes], int] = field(default_factory=dict)
    _marked: dict[tuple[int, bytes], int] = field(default_factory=dict)  # and last marked there
    # session, mailbox → the last change in it when the connection last asked for a STATUS
    _counted: dict[tuple[int, bytes], int] = field(default_factory=dict)

    def settled(self, ghost: str) -> None:
        """All sides agree on it, and all know that: what was before justifies nothing more."""
        self._left.pop(ghost, None)
        self._taken_off -= {(ghost, letter) for letter in "DFPRST"}

    # -- mailboxes that were renamed are one -----------------------------------------------------

    def root(self, box: str) -> str:
        while box in self._family:
            box = self._family[box]
        return box

    def renamed(self, old: str, new: str) -> None:
        """By a user; what is below goes along."""
        old, new = self.root(old), self.root(new)
        if old != new:
            self._family[old] = new

    # -- users -----------------------------------------------------------------------------------

    def left(self, side: str, box: str, ghost: str, letters: str, *, moved: bool) -> None:
        self.now += 1
        one = Left(side, letters, moved)
        self._left[ghost].setdefault(self.root(box), []).append(one)

    def flagged(self, side: str, ghost: str, before: str, after: str) -> None:
        self.now += 1
        self._taken_off |= {(ghost, letter) for letter in set(before) - set(after)}
        for letter in set(after) - set(before):
            self._put_on[side, ghost, letter] = self.now

    # -- mailsync --------------------------------------------------------------------------------

    def asked(self, session: Session, name: str) -> None:
        """A command begins (I16)."""
        text, here = session.record.text, session.view.box.name if session.view else b""
        listed = name == "UID FETCH" and b":4294967295" in text  # not some of them
        self._looked.setdefault((session.number, b""), self.now)
        if name == "STATUS":
            for box in session.server.boxes.values():
                self._counted[session.number, box.name] = box.highest
        if listed or name == "UID SEARCH":
            self._looked[session.number, here] = self.now
        if name == "UID STORE" and (b"UNCHANGEDSINCE" in text or b".SILENT" not in text):
            self._marked[session.number, here] = self.now
        # Changing commands name UIDs only; CLOSE would expunge whatever is marked.
        if name in {"STORE", "COPY", "MOVE", "CLOSE"}:
            self.found.append(f"I16 scope: {name} in connection {session.number}")

    def took(self, side: str, box: str, ghost: str, letters: str, how: str, others: Others) -> None:
        """mailsync takes a message out of a mailbox on `side`."""
        self.taken.append((side, box, ghost))
        if self.lied and side != SERVER:
            return  # it believes what it was told of the server
        if any(self.root(box) == self.root(one) for one in self.given_up):
            return
        if ghost in self.agreed:
            return
        here = [
            one
            for place, ones in self._left.get(ghost, {}).items()
            if self.root(place) == self.root(box)
            for one in ones
        ]
        reasons = [one for one in here if one.side != side]
        where = f"{ghost}[{letters}] in {box} on {side}, by {how}"
        moved = any(one.moved for one in reasons) or self._followed(side, box, ghost, others)
        if why := self.forbids(side, box, ghost, moved):
            self.found.append(f"rule 9: {why}: {where}")
        if not reasons and any(self.root(place) == self.root(box) for place, _ in others()):
            return  # along with its mailbox, which a user renamed
        if not reasons and here and "T" in letters and (ghost, "T") in self._stored:
            return  # marked for this user; the cache was lost, and it came here once more
        if not reasons:
            kind = "I16 scope" if how == "EXPUNGE" else "I1b provenance"
            self.found.append(f"{kind}: no user took {where}")
            return
        if moved or (side != SERVER and (box, ghost) in self._unaware):
            return
        spared = {
            letter
            for letter in set(letters) & set(SAVING) & set(self.keeps)
            if not any(letter in one.letters for one in reasons)
            and (ghost, letter) not in self._taken_off
            and self._put_on.get((side, ghost, letter), 0) > self.decided
        }
        # By COPY it was in the trash before: what is set then is to be seen there, too.
        deleted = "" if self.by_copy and how.endswith("EXPUNGE") else self.trash
        if spared and not any(spared <= set(had) for place, had in others() if place != deleted):
            self.found.append(
                f"I10 deleted although {''.join(sorted(spared))} was set meanwhile: {where}"
            )

    def _followed(self, side: str, box: str, ghost: str, others: Others) -> bool:
        """Another machine moved it to the trash on the server: here that is a move like any."""
        moved = any((SERVER, box, ghost) == one for one in self.taken)
        return side != SERVER and moved and any(place == self.trash for place, _ in others())

    # -- the server ------------------------------------------------------------------------------

    def removed(self, server: SimServer, box: Box, messages: list[Message], moved: bool) -> None:
        """Messages are about to leave a mailbox, by a command or by another client's hand."""
        uids = {message.uid for message in messages}
        stays = Counter(m.ghost for m in box.messages.values() if m.uid not in uids)
        session, where = server.acting, _local_name(server, box.name)
        for message in messages:
            ghost, letters = message.ghost or "?", system_letters(message.flags)
            if session is None:
                self.left(SERVER, where, ghost, letters, moved=moved)
                continue
            name = session.record.name
            counted = self._counted.get((session.number, box.name))
            if name == "DELETE" and counted is not None and message.modseq > counted:
                # It takes all, and IMAP has none that takes nothing else.
                self.left(SERVER, where, ghost, letters, moved=False)
                self.overtaken(ghost)
                continue
            if not stays[message.ghost] and not self._unseen(session, ghost, letters, name):
                others = partial(_others, server, box, ghost)
                self.took(SERVER, where, ghost, letters, name, others)

    def flags_set(self, ghost: str | None, before: set[str], after: set[str]) -> None:
        self.flagged(SERVER, ghost or "?", system_letters(before), system_letters(after))

    def box_renamed(self, server: SimServer, old: bytes, new: bytes) -> None:
        """Before it happens."""
        was, will = _local_name(server, old), _local_name(server, new)
        if server.acting is None:
            below = old + server.state.delimiter
            for name, box in server.boxes.items():
                if name == old or name.startswith(below):
                    self.removed(server, box, list(box.messages.values()), True)
                    self.renamed(
                        _local_name(server, name), will + _local_name(server, name)[len(was) :]
                    )
        elif self.root(was) != self.root(will):
            self.found.append(f"I1b provenance: nobody renamed {was} to {will}")

    def stored(
        self, session: Session, ghost: str | None, before: set[str], after: set[str]
    ) -> None:
        """Another machine's mailsync may not know of it yet."""
        self.now += 1
        for letter in set(system_letters(after)) - set(system_letters(before)):
            self._stored[ghost or "?", letter] = session.number, self.now

    def _unseen(self, session: Session, ghost: str, letters: str, name: str) -> bool:
        """What another client did after mailsync last looked: IMAP gives no way to know, but
        UNCHANGEDSINCE when it marks what it expunges (RFC 7162 §3.1.3), or what STORE answers."""
        if session.view is None:
            return False
        place = session.number, session.view.box.name
        looked = self._looked.get(place, self._looked[session.number, b""])
        if name == "UID EXPUNGE" and not self.lied:
            looked = max(looked, self._marked.get(place, 0))
        unseen = False
        for letter in set(letters) & {*SAVING, *("T" if name == "EXPUNGE" else "")}:
            seen = looked
            if name == "EXPUNGE" and letter != "T":  # SEARCH DELETED does not show it
                seen = self._marked.get(place, looked)
            by, at = self._stored.get((ghost, letter), (session.number, 0))
            put_on = self._put_on.get((SERVER, ghost, letter), 0)
            unseen |= put_on > seen or (by != session.number and at > seen) or self.unkept
        if unseen:
            self._unaware.add((_local_name(session.server, session.view.box.name), ghost))
        return unseen


def _local_name(server: SimServer, name: bytes) -> str:
    profile = server.profile
    parts = name.removeprefix(profile.prefix).split(profile.delimiter.encode())
    return "/".join(map(from_wire, parts))


def _others(server: SimServer, box: Box, ghost: str) -> list[tuple[str, str]]:
    return [
        (_local_name(server, other.name), system_letters(message.flags))
        for other in server.boxes.values()
        if other is not box
        for message in other.messages.values()
        if message.ghost == ghost
    ]


@dataclass
class LocalWitness:
    """The eyes on one Maildir.  `user`: whose hands these are."""

    witness: Witness
    side: str
    places: Places
    user: bool
    disk: SimDisk
    # What it put there, and the cache has not heard of, with the mailbox where that was before.
    own: dict[str, str | None] = field(default_factory=dict)

    def after(self, step: str) -> None:
        """What the cache was told of is no longer one's own."""
        if step.startswith("cache.") and step.endswith(".done"):
            self.own.clear()

    def gone(self, path: str, data: bytes, target: str | None) -> None:
        """A file left `path` for `target`; None: for good."""
        place = self.places.message(path)
        ghost = ghost_of(data)
        there = None if target is None else self.places.message(target)
        came = self.own.pop(path, None) if there is not None else None
        if there is not None and target is not None and not self.user:
            self.own[target] = None if place is None else place[0]
        if place is None or ghost is None:
            return
        box, name = place
        letters = info_letters(name)
        if there is not None and there[0] == box:
            if self.user:
                self.witness.flagged(self.side, ghost, letters, info_letters(there[1]))
        elif self.user:
            self.witness.left(self.side, box, ghost, letters, moved=there is not None)
        elif target is None and path in self.own:
            del self.own[path]  # taken back: it could not be made durable
        elif there is not None and there[0] == came:
            pass  # put back, for the same reason
        elif not any(home[0] == box and same == data for home, same in self._messages()):
            how = "unlink" if target is None else "rename"
            others = partial(self._others, ghost)
            self.witness.took(self.side, box, ghost, letters, how, others)

    def _others(self, ghost: str) -> list[tuple[str, str]]:
        return [
            (box, info_letters(name))
            for (box, name), data in self._messages()
            if ghost_of(data) == ghost
        ]

    def _messages(self) -> Iterator[tuple[tuple[str, str], bytes]]:
        for path, data in self.disk.files(under=self.places.root).items():
            if (place := self.places.message(path)) is not None:
                yield place, data

    def directory(self, path: str, target: str, inside: dict[str, bytes]) -> None:
        """A directory was renamed, with all that is in it, keyed by the path before."""
        old, new = self.places.mailbox(path), self.places.mailbox(target)
        if old is None or new is None:
            return
        if not self.user:
            if self.witness.root(old) != self.witness.root(new):
                self.witness.found.append(f"I1b provenance: nobody renamed {old} to {new}")
            return
        for file, data in inside.items():
            place, ghost = self.places.message(file), ghost_of(data)
            if place is not None and ghost is not None:
                letters = info_letters(place[1])
                self.witness.left(self.side, place[0], ghost, letters, moved=True)
                self.witness.renamed(place[0], new + place[0].removeprefix(old))
        self.witness.renamed(old, new)
        for below in self.places.below(old, self.disk):
            self.witness.renamed(below, new + below.removeprefix(old))
