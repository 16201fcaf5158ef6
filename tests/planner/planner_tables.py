"""Scenario tables: three trees in a line, the first plan, and what both sides hold in the end.

A line is `mailbox message server local synced [column=value …]`.  A cell is `-` (never there), `x`
(gone), `?` (unknown), `.` (there, no flags) or flag letters; of `synced`, `-` is "never agreed".
`read=yes`: the content of a new file is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from planner_world import Box, G, Message, N, T, U, World

from mailsync.model.actions import (
    Copy,
    CopyLocal,
    Defer,
    DeferMailbox,
    Move,
    MoveLocal,
    Pair,
    Plan,
    RenameLocalMailbox,
    RenameMailbox,
    SetLocalFlags,
    StoreFlags,
)
from mailsync.model.flags import Flags, from_letters, letters
from mailsync.model.rows import Role, Row, Settled, Wait
from mailsync.model.settings import Guard
from mailsync.planner import Policy

OFF = Guard(share=None)
STATES = {"-": N, "x": G, "?": U}
ROLES = {"Trash": Role.TRASH, "Drafts": Role.DRAFTS, "Junk": Role.JUNK, "Archive": Role.ARCHIVE}


class Table:
    """A world at the moment after an observation.

    `boxes`: facts of mailboxes; `gone` there is the side on which a synced mailbox is gone, `only`
    the one side on which a new mailbox is.
    """

    def __init__(
        self,
        lines: str,
        policy: Policy | None = None,
        boxes: Mapping[str, Mapping[str, object]] | None = None,
        *,
        email_ids: bool = False,
    ) -> None:
        self.world = World(policy=policy or Policy(guard=OFF), email_ids=email_ids)
        self.facts = dict(boxes or {})
        self.texts: dict[int, str] = {}
        self.dates: dict[str, int] = {}
        self.gone: list[tuple[Box, str]] = []
        for name in self.facts:
            self._box(name)
        for line in filter(None, map(str.strip, lines.splitlines())):
            self._line(line)
        for box, side in self.gone:
            setattr(box, side, None)
            box.facts = replace(box.facts, **{side: G})
        if self.world.policy.trash is None and "Trash" in self.facts:
            trash = self.world.named("Trash").id
            self.world.policy = replace(self.world.policy, trash=trash)  # type: ignore[arg-type]

    def _box(self, name: str) -> Box:
        for box in self.world.boxes.values():
            if box.name == name:
                return box
        facts = dict(self.facts.get(name, {}))
        gone, only = facts.pop("gone", None), facts.pop("only", None)
        facts.setdefault("role", ROLES.get(name))
        facts.setdefault("synced", only is None)
        box = self.world.box(name, only != "local", only != "server", **facts)
        if gone is not None:
            self.gone.append((box, str(gone)))
        return box

    def _line(self, line: str) -> None:
        name, text, server, local, base, *more = line.split()
        given = dict(word.split("=", 1) for word in more)
        box = self._box(name)
        date = int(given.pop("date", 0)) or self.dates.setdefault(text, self.world.tick())
        message = Message(text + " body", date=date)
        columns: dict[str, object] = {"mailbox": box.id}
        columns["synced"] = None if base == "-" else from_letters(base)
        read = given.pop("read", "") == "yes"
        known = read or base != "-" or "?" in (server, local)
        columns |= self._server(box, server, message, given.pop("keywords", ""))
        columns |= self._local(box, local, message, given.pop("name", ""), known)
        if known:
            columns |= {"body": message.body, "header": message.header, "wire_size": message.size}
            columns["message_id"] = text
            columns.setdefault("internal_date", date)
        for key, value in given.items():
            columns[key] = _value(key, value)
        row = self.world.new_row(**columns)
        self.texts[row.id] = text
        if row.marked:
            self.world.on_server(row).flags |= Flags.DELETED

    def _server(self, box: Box, cell: str, message: Message, words: str) -> dict[str, object]:
        if cell == "-":
            return {}
        if cell in STATES:
            box.uid_next += 1
            return {"server": STATES[cell], "uid": box.uid_next - 1}
        keywords = frozenset(filter(None, words.split(",")))
        message = replace(message, flags=from_letters(cell), keywords=keywords)
        uid = self.world.append(box, message)
        return {"server": T, "uid": uid, **self.world._server_facts(message)}

    def _local(
        self, box: Box, cell: str, message: Message, name: str, known: bool
    ) -> dict[str, object]:
        if cell == "-":
            return {}
        kind = "" if known else "new-"
        name = name or f"{kind}{message.text.split()[0]}-{self.world.next_row}"
        message = replace(message, flags=from_letters(cell))
        facts = self.world._file_facts(box, name, message)
        if cell in STATES:
            return {"local": STATES[cell], "name": name} | {
                key: facts[key] for key in ("file_size", "mtime_ns")
            }
        assert box.local is not None
        box.local[name] = message
        return {"local": T, "name": name, **facts}

    # -- playing -------------------------------------------------------------------------------

    def plan(self) -> str:
        """The first plan in words."""
        return words(self.world.plan(), self.world, self.texts)

    def end(self, most: int = 4) -> tuple[str, str]:
        """Both sides when nothing is left to do; run again, nothing changes."""
        for _ in range(most):
            made = self.world.plan()
            if not made.actions:
                break
            self.world.execute(made)
        self.world.finish()
        assert self.world.sync(0) == 0, "a further sync does something"
        return shown(self.world.server_state()), shown(self.world.local_state())

    def play(self, plan: str, server: str, local: str | None = None) -> World:
        """Hold it to a plan, actions separated by `;`, and an end."""
        first, wanted = self.plan(), "; ".join(part.strip() for part in plan.split(";"))
        assert first == wanted, f"planned {first}"
        end = self.end()
        assert end == (server, server if local is None else local), f"ended {end}"
        return self.world


def _value(key: str, value: str) -> object:
    if value == "none":
        return None
    if key == "wait":
        return Wait[value.upper()]
    if key == "settled":
        return Settled[value.upper()]
    if key in ("accepted", "parked", "intent", "undo", "marked"):
        return value == "yes"
    if key in ("body", "header", "server_header"):
        return value.encode()
    if key == "synced_extra":
        return frozenset(value.split(","))
    return int(value) if value.isdigit() else value


def words(made: Plan, world: World, texts: Mapping[int, str]) -> str:
    def which(rows: tuple[Row, ...]) -> str:
        return "+".join(texts.get(row.id, "?") for row in rows)

    said: list[str] = []
    for action in made.actions:
        verb, box = type(action).__name__, world.boxes[action.mailbox].name
        match action:
            case Pair():
                text = f"{verb} {box} {texts[action.keep.id]} {action.rung.name}"
            case Move() | MoveLocal() | Copy() | CopyLocal():
                text = f"{verb} {box}>{world.boxes[action.target].name} {which(action.rows)}"
                text += " -T" if getattr(action, "unmark", False) else ""
            case StoreFlags() | SetLocalFlags():
                change = f"+{letters(action.add)}" if action.add else ""
                change += f"-{letters(action.remove)}" if action.remove else ""
                text = f"{verb} {box} {which(action.rows)} {change}"
            case Defer():
                text = f"{action.wait.name.capitalize()} {box} {which(action.rows)}"
            case DeferMailbox():
                text = f"Held {box}"
            case RenameMailbox() | RenameLocalMailbox():
                text = f"{verb} {box}>{world.boxes[action.new].name}"
            case _:
                rows = getattr(action, "rows", ())
                text = f"{verb} {box} {which(rows)}".strip()
        said.append(text)
    return "; ".join(said)


def shown(state: dict[str, list[tuple[str, int]]]) -> str:
    """`INBOX a:S b | Work c`; mailboxes without messages are left out."""
    return " | ".join(
        name + " " + " ".join(_shown(text, flags) for text, flags in rows)
        for name, rows in sorted(state.items())
        if rows
    )


def _shown(text: str, flags: int) -> str:
    word = text.split()[0]
    return f"{word}:{letters(flags)}" if flags else word
