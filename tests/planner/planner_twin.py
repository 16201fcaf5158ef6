"""The same acts of users on the world in memory and on the real engine, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from random import Random

from planner_parts import Box, Message
from planner_scenario import OFF, Scenario, Turn, claim, made_up, rounds
from planner_users import BOXES, Op, Users, settled_world
from planner_world import World
from sim.server_profile import Profile, condstore, plain, strict_qresync
from sim.stack import DATE, ROOT, Stack

from mailsync.model.flags import Flags, from_letters, imap_names, letters
from mailsync.model.settings import Direction

PROFILES = {"qresync": strict_qresync, "condstore": condstore, "plain": plain}
View = dict[str, Counter[tuple[str, str]]]  # mailbox → (text, flag letters)


def fitting(rng: Random) -> Scenario:
    """A scenario that both can play: two ways, no guard, nothing wrong with the cache."""
    while True:
        made = made_up(rng)
        policy = replace(
            made.policy, direction=Direction.BOTH, guard=OFF, gmail=False, has_move=True, trash=4
        )
        if not policy.keeps and not any(op.side == "cache" for turn in made.turns for op in turn):
            return replace(made, policy=policy, email_ids=False)


class Hands(Users):
    """Does to the stack what it does to the world; what is not unique there is left alone."""

    def __init__(self, world: World, stack: Stack) -> None:
        super().__init__(world)
        self.stack = stack

    def do(self, op: Op) -> None:
        if op.what in ("bring back", "new UIDVALIDITY"):
            return
        before = self._all(op.side)
        keys = Counter((box.name, m.text, m.date) for box, _, m in before)
        chosen = before[op.which % len(before)] if before else None
        if chosen is not None:
            box, _, m = chosen
            if keys[box.name, m.text, m.date] > 1:
                return
            if op.what == "edit" and box.name != "Drafts":
                op = op._replace(where=0)  # a file edited in place is not seen elsewhere
            was = replace(m)
        had = {id(m) for _, _, m in before}
        super().do(op)
        new = [(box, key, m) for box, key, m in self._all(op.side) if id(m) not in had]
        if chosen is None or op.what in ("receive", "save", "receive twin", "save twin", "copy"):
            for box, key, m in new:
                self._put(op.side, box, key, m)
            return
        box, key, m = chosen
        if op.side == "server":
            self._serve(op, box, was, m, new)
        else:
            self._file(op, box, str(key), was, m, new)

    def _all(self, side: str) -> list[tuple[Box, object, Message]]:
        return [
            (box, key, message)
            for box in self.world.boxes.values()
            for key, message in ((box.server if side == "server" else box.local) or {}).items()
        ]

    # -- the server ----------------------------------------------------------------------------

    def _put(self, side: str, box: Box, key: object, m: Message) -> None:
        if side == "server":
            names = [*imap_names(m.flags), *m.keywords]
            self.stack.server.deliver(box.name, wire(m.text), names, DATE + m.date)
        else:
            self._write(box, m, str(key))

    def _serve(self, op: Op, box: Box, was: Message, m: Message, new: list[object]) -> None:
        server = self.stack.server
        (uid,) = [
            one.uid
            for one in server.contents(box.name)
            if text_of(one.body) == was.text and one.date == DATE + was.date
        ]
        if op.what in ("flag", "keyword"):
            server.set_flags(
                box.name,
                uid,
                [*imap_names(m.flags & ~was.flags), *(m.keywords - was.keywords)],
                [*imap_names(was.flags & ~m.flags), *(was.keywords - m.keywords)],
            )
        elif op.what == "expunge":
            server.expunge(box.name, uid)
        else:
            (target,) = [one for one, _, _ in new]  # type: ignore[attr-defined]
            server.move(box.name, uid, target.name)

    # -- the Maildir ---------------------------------------------------------------------------

    def _write(self, box: Box, m: Message, name: str) -> None:
        """Under the world's name: among twins it decides."""
        self.stack.make(box.name)
        path = f"{ROOT}/{box.name}/cur/{name}:2,{letters(m.flags)}"
        self.stack.write(path, wire(m.text).replace(b"\r\n", b"\n"), DATE + m.date)

    def _file(
        self, op: Op, box: Box, key: str, was: Message, m: Message, new: list[object]
    ) -> None:
        stack = self.stack
        (path,) = [
            path
            for path, data in stack.fs.files().items()
            if path.rpartition("/")[0] in (f"{ROOT}/{box.name}/new", f"{ROOT}/{box.name}/cur")
            and text_of(data) == was.text
            and stack.fs.stat(path).mtime_ns == (DATE + was.date) * 10**9
        ]
        folder, _, name = path.rpartition("/")
        unique = name.partition(":2,")[0]
        if op.what == "flag":
            stack.rename(path, f"{ROOT}/{box.name}/cur/{unique}:2,{letters(m.flags)}")
        elif op.what == "remove":
            stack.fs.unlink(path)
            stack.fs.sync_dir(folder)
        elif op.what == "edit":
            ((_, after, edited),) = new  # type: ignore[misc]
            stack.fs.unlink(path)
            stack.fs.sync_dir(folder)
            self._write(box, edited, unique if after == key else str(after))
        else:
            ((target, after, _),) = [
                (box, key, one) for box, key, one in self._all("local") if one is m
            ]
            name = unique if after == key else str(after)
            stack.make(target.name)
            to = f"{ROOT}/{target.name}/cur/{name}:2,{letters(m.flags)}"
            if to != path:
                stack.rename(path, to)


def wire(text: str) -> bytes:
    """The first word makes the header, all of it the body."""
    head = f"Subject: x\r\nMessage-ID: <{text.split()[0]}@twin>\r\n"
    return f"{head}X-Ghost: {text.split()[0]}\r\n\r\n{text}\r\n".encode()


def text_of(data: bytes) -> str:
    return data.decode().split("\n")[-2].strip()


def shown(stack: Stack) -> tuple[View, View]:
    """What the server and what the Maildir hold."""
    server: View = {}
    for name, box in stack.server.boxes.items():
        if box.messages:
            server[name.decode()] = Counter(
                (text_of(m.body), _known(m.flags)) for m in box.messages.values()
            )
    local: View = {}
    for path, data in stack.fs.files().items():
        folder, _, name = path.rpartition("/")
        box_name, _, kind = folder.removeprefix(ROOT + "/").rpartition("/")
        if path.startswith(ROOT) and kind in ("new", "cur"):
            flags = from_letters(name.rpartition(":2,")[2]) if ":2," in name else Flags.NONE
            local.setdefault(box_name, Counter())[text_of(data), letters(flags)] += 1
    return server, local


def _known(names: Iterable[str]) -> str:
    lower = {name.lower() for name in names}
    return letters(sum(f for f in Flags if {n.lower() for n in imap_names(f)} & lower))


def expected(state: dict[str, list[tuple[str, Flags]]]) -> View:
    return {
        name: Counter((text, letters(flags)) for text, flags in rows)
        for name, rows in state.items()
        if rows
    }


def side_by_side(scenario: Scenario, profile: str, seed: int) -> None:
    """Raises where the engine ends otherwise than the world."""
    policy = scenario.policy
    made: Profile = replace(PROFILES[profile](), objectid=False)
    stack = Stack(
        f"twin {seed}", made, deletions=policy.deletions, expunge_deleted=policy.expunge_deleted
    )
    try:
        world = settled_world(policy)
        for name in BOXES:
            if name not in ("INBOX", "Trash", "Drafts"):
                stack.server.create(name)
            stack.make(name)
        hands = Hands(world, stack)
        begin = tuple(
            Op("server", "receive", 0, where, flags & ~Flags.DELETED)
            for where, flags in scenario.first
        )
        for turn in (begin, *scenario.turns):
            _turn(hands, turn)
    finally:
        stack.close()


def _turn(hands: Hands, turn: Turn) -> None:
    world, stack = hands.world, hands.stack
    for op in turn:
        hands.do(op)
    world.sync(rounds(world.policy))
    stack.pass_time(60)
    report = stack.sync()
    claim(not report.exit, f"exit {report}")
    if world.policy.expunge_deleted:
        stack.pass_time(60)
        stack.sync()  # as many rounds as the world was given
    server, local = shown(stack)
    claim(server == expected(world.server_state()), f"server: {server}")
    claim(local == expected(world.local_state()), f"Maildir: {local}")
    stack.pass_time(60)
    at = len(stack.server.executed)
    stack.sync()
    sent = [one.name for one in stack.server.changing(at)]
    claim(not sent and shown(stack) == (server, local), f"a further sync: {sent}")
    claim(not stack.server.violations, f"protocol: {stack.server.violations[:3]}")
