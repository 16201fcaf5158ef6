"""Users who act on both sides of the world in memory, and a ledger of what they did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from planner_parts import Message
from planner_world import Box, World

from mailsync.model.flags import Flags
from mailsync.model.rows import Role
from mailsync.model.settings import Guard
from mailsync.planner import Policy

FLAGS = [Flags.SEEN, Flags.FLAGGED, Flags.ANSWERED, Flags.DELETED, Flags.FORWARDED, Flags.DRAFT]
BOXES = {"INBOX": None, "Jobs": None, "Old": None, "Trash": Role.TRASH, "Drafts": Role.DRAFTS}

SERVER = ["receive", "receive twin", "flag", "keyword", "expunge", "move", "copy", "away and back"]
LOCAL = [
    "save", "save twin", "flag", "remove", "bring back", "move", "rename", "edit",
    "move renamed", "copy",
]  # fmt: skip
CACHE = ["row lost", "base lost", "relink", "new UIDVALIDITY", "hash lost"]


class Op(NamedTuple):
    """`which` message of those that are there, `where` it goes, with which `flag`."""

    side: str
    what: str
    which: int
    where: int
    flag: Flags

    def __repr__(self) -> str:
        flag = "|".join(f"Flags.{one.name}" for one in Flags if one & self.flag) or "Flags(0)"
        return f"Op({self.side!r}, {self.what!r}, {self.which}, {self.where}, {flag})"


@dataclass
class Ledger:
    """What happened to each content since the last sync."""

    acts: dict[str, Counter[str]] = field(default_factory=dict)
    born: dict[str, Counter[str]] = field(default_factory=dict)  # by side
    moved: dict[str, Counter[str]] = field(default_factory=dict)
    deleted: Counter[str] = field(default_factory=Counter)
    doubted: bool = False  # something happened to the cache
    at_once: bool = False  # a file was edited in the second of its date

    def note(self, text: str, what: str) -> None:
        self.acts.setdefault(text, Counter())[what] += 1

    def birth(self, text: str, side: str) -> None:
        self.born.setdefault(text, Counter())[side] += 1

    def move(self, text: str, side: str) -> None:
        self.moved.setdefault(text, Counter())[side] += 1


class Users:
    def __init__(self, world: World) -> None:
        self.world = world
        self.ledger = Ledger()
        self.born = 0
        self.removed: list[tuple[Box, str, Message]] = []

    def fresh(self) -> str:
        self.born += 1
        return f"h{self.born} body"

    def do(self, op: Op) -> None:
        {"server": self.on_server, "local": self.on_local, "cache": self.on_cache}[op.side](op)

    # -- another client ------------------------------------------------------------------------

    def on_server(self, op: Op) -> None:
        boxes = [box for box in self.world.boxes.values() if box.server is not None]
        target = boxes[op.where % len(boxes)]
        there = [(box, uid) for box in boxes for uid in box.server or {}]
        if op.what == "receive" or not there:
            text = self.fresh()
            self.world.receive(target, text, op.flag & ~Flags.DELETED)
            self.ledger.birth(text, "server")
            return
        box, uid = there[op.which % len(there)]
        assert box.server is not None
        message = box.server[uid]
        if op.what == "flag":
            message.flags ^= op.flag
        elif op.what == "keyword":
            message.keywords ^= {"$Work" if op.where % 2 else "$Junk"}
        elif op.what == "expunge":
            self.ledger.deleted[message.text] += 1
            del box.server[uid]
        elif op.what == "receive twin":
            self.world.append(target, replace(message, flags=op.flag, date=self.world.tick()))
            self.ledger.birth(message.text, "server")
        elif op.what == "copy":
            self.world.append(target, message)
            self.ledger.birth(message.text, "server")
        elif op.what == "move":
            self.world.append(target, box.server.pop(uid))
            self.ledger.move(message.text, "server")
        else:
            self.world.append(box, box.server.pop(uid))
            self.ledger.move(message.text, "server")
        self.ledger.note(message.text, op.what)

    # -- a mail reader -------------------------------------------------------------------------

    def on_local(self, op: Op) -> None:
        boxes = [box for box in self.world.boxes.values() if box.local is not None]
        target = boxes[op.where % len(boxes)]
        assert target.local is not None
        there = [(box, name) for box in boxes for name in box.local or {}]
        if op.what == "bring back" and self.removed:
            box, name, message = self.removed.pop(op.which % len(self.removed))
            if box.local is not None and name not in box.local:
                box.local[name] = message
                self.ledger.birth(message.text, "local")
                self.ledger.note(message.text, op.what)
            return
        if op.what == "save" or not there:
            text = self.fresh()
            self.world.save(target, text, op.flag & ~Flags.DELETED)
            self.ledger.birth(text, "local")
            return
        box, name = there[op.which % len(there)]
        assert box.local is not None
        message = box.local[name]
        new = f"new{self.world.tick()}"
        if op.what == "flag":
            message.flags ^= op.flag
        elif op.what == "remove" or op.what == "bring back":
            self.ledger.deleted[message.text] += 1
            self.removed.append((box, name, box.local.pop(name)))
        elif op.what == "save twin":
            self.world.save(target, message.text, op.flag)
            self.ledger.birth(message.text, "local")
        elif op.what == "copy":
            target.local[new] = replace(message)
            self.ledger.birth(message.text, "local")
        elif op.what == "edit":
            self._edit(box, name, message, op)
        elif op.what == "rename":
            box.local[new] = box.local.pop(name)
            self.ledger.move(message.text, "local")
        else:
            del box.local[name]
            free = op.what == "move" and name not in target.local
            target.local[name if free else new] = message
            self.ledger.move(message.text, "local")
        self.ledger.note(message.text, op.what)

    def _edit(self, box: Box, name: str, message: Message, op: Op) -> None:
        """In place or saved anew under another name, with the same header; in place in the second
        of its date with one that no other has, as header and date are proof (rule 4).  So are,
        after the cache was lost, our own name and date."""
        assert box.local is not None
        now, word = self.world.tick(), message.text.split()[0]
        at_once = bool(op.where % 2 and op.flag) and not self.ledger.doubted
        self.ledger.at_once |= at_once
        text = f"{word}{f'+{now}' * at_once} edited{'!' * (now - 1000)}"
        del box.local[name]
        box.local[name if op.where % 2 else f"edited{now}"] = Message(
            text, message.flags, message.date if at_once else now
        )
        self.ledger.deleted[message.text] += 1
        self.ledger.birth(text, "local")

    # -- what befalls a cache ------------------------------------------------------------------

    def on_cache(self, op: Op) -> None:
        world = self.world
        rows = sorted(world.rows.values(), key=lambda row: row.id)
        if not rows or self.ledger.at_once:
            return
        row = rows[op.which % len(rows)]
        box = world.boxes[row.mailbox]
        self.ledger.doubted = True
        if op.what == "row lost":
            del world.rows[row.id]
            box.relink = True
        elif op.what == "base lost":
            world.put(row, synced=None)
        elif op.what == "hash lost":
            world.rows[row.id] = replace(row, body=None, header=None, wire_size=None)
        elif op.what == "relink":
            world.relink(box)
        elif box.server is not None:
            box.uid_validity += 1
            old = list(box.server.values())
            box.server.clear()
            box.uid_next = 1 + op.where * 3
            for message in old:
                world.append(box, message)


def settled_world(
    policy: Policy, email_ids: bool = False, first: list[tuple[int, Flags]] | None = None
) -> World:
    """A world at rest with `first` in it: (mailbox, flags)."""
    world = World(policy=Policy(guard=Guard(share=None)), email_ids=email_ids)
    for name, role in BOXES.items():
        world.box(name, role=role)
    boxes = list(world.boxes.values())
    for at, (where, flags) in enumerate(first or []):
        world.receive(boxes[where], f"m{at} body", flags & ~Flags.DELETED)
    world.sync()
    world.policy = policy
    return world


__all__ = ["BOXES", "CACHE", "FLAGS", "LOCAL", "SERVER", "Ledger", "Op", "Users", "settled_world"]
