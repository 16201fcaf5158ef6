"""What the cache says it has seen, held against what there is: apply before advance (I14).

A stored HIGHESTMODSEQ, UIDNEXT or stamp of a folder promises that all up to it is stored.  Looked
at after every call to the cache that moved one of them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from mailsync.local.names import split_name
from sim.disk import SimDisk
from sim.letters import system_letters
from sim.places import Places
from sim.server import SimServer
from sim.server_state import Box

THERE = 1  # Presence.THERE
BITS = {1: "D", 2: "F", 4: "P", 8: "R", 16: "S", 32: "T"}  # of the column server_shown
Cursor = tuple[int, bytes | None, str, int | None, int | None, int | None, int | None, str | None]
_CURSORS = """
    SELECT id, iif(server = 1, wire_name, NULL), name, uid_validity, uid_next, messages,
        highest_modseq, stamp
    FROM mailboxes WHERE selected AND NOT relink"""


class Cursors:
    """The eyes on the cache of one machine.  `blind`: its disk lists what is not so."""

    def __init__(self, server: SimServer, disk: SimDisk, state: Path, places: Places) -> None:
        self.server, self.disk, self.places = server, disk, places
        self.path = state / "cache.db"
        self.seen: list[Cursor] = []
        self.state: object = None
        self.blind = False

    def after(self, step: str) -> None:
        """Notes what is wrong with the witness of the server."""
        if not (step.startswith("cache.") and step.endswith(".done")) or not self.path.exists():
            return
        if (state := _state(self.path)) == self.state:
            return
        self.state = state
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as cache:
            now: list[Cursor] = cache.execute(_CURSORS).fetchall()
            for cursor in now:
                if cursor not in self.seen:
                    self.server.witness.found += [
                        f"I14 apply before advance: {what} in {cursor[2]}, after {step}"
                        for what in self._wrong(cache, cursor)
                    ]
            self.seen = now

    def _wrong(self, cache: sqlite3.Connection, cursor: Cursor) -> Iterator[str]:
        number, wire_name, name, validity, uid_next, messages, modseq, stamp = cursor
        box = self.server.boxes.get(wire_name or b"")
        told = box is not None and box.uid_validity == validity and box.selectable
        if told and not self.server.witness.lied and None not in (uid_next, messages):
            assert box is not None
            assert uid_next is not None
            yield from _unseen(cache, number, box, uid_next, modseq)
        if stamp is not None and not self.blind:
            yield from self._unlisted(cache, number, name, stamp)

    def _unlisted(
        self, cache: sqlite3.Connection, number: int, name: str, stamp: str
    ) -> Iterator[str]:
        names: set[str] = set()
        for folder, told in zip(("new", "cur"), json.loads(stamp), strict=True):
            try:
                node = self.disk.find(f"{self.places.directory(name)}/{folder}")
            except OSError:
                return
            if told != [node.inode, node.mtime_ns, node.ctime_ns]:
                return
            names |= {split_name(one)[0] for one in node.entries}
        rows = "SELECT name FROM messages WHERE mailbox = ? AND local = 1 AND name IS NOT NULL"
        known = {str(one) for (one,) in cache.execute(rows, (number,))}
        if known != names:
            yield f"the stamp is of {sorted(names)}, stored are {sorted(known)}"


def _state(path: Path) -> object:
    """Another one after every commit: what SQLite itself compares, the head of the WAL's index or,
    where there is none, the change counter of the file."""
    try:
        with open(f"{path}-shm", "rb") as index:
            head = index.read(48)
    except FileNotFoundError:
        with open(path, "rb") as file:
            head = file.read(48)[24:28]
    return path.stat().st_ino, head


def _unseen(
    cache: sqlite3.Connection, number: int, box: Box, uid_next: int, modseq: int | None
) -> Iterator[str]:
    rows = "SELECT uid, server, server_shown FROM messages WHERE mailbox = ? AND uid IS NOT NULL"
    known = {uid: (server, shown) for uid, server, shown in cache.execute(rows, (number,))}
    for uid, message in box.messages.items():
        server, shown = known.get(uid, (0, 0))
        if uid < uid_next and server != THERE:
            yield f"UIDNEXT {uid_next} is past UID {uid}, which is not known"
        elif modseq is not None and message.modseq <= modseq and server == THERE:
            letters = "".join(letter for bit, letter in BITS.items() if shown & bit)
            if letters != system_letters(message.flags):
                yield (
                    f"HIGHESTMODSEQ {modseq} is past {message.modseq}, at which UID {uid} "
                    f"got {system_letters(message.flags)!r}, stored is {letters!r}"
                )
    for when, uid in box.gone:
        server, _ = known.get(uid, (0, 0))
        if modseq is not None and when <= modseq and server == THERE:
            yield f"HIGHESTMODSEQ {modseq} is past {when}, at which UID {uid} was expunged"
