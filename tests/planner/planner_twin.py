"""The same acts of users on the world in memory and on the real engine, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b
from random import Random

from planner_parts import Box, Message
from planner_scenario import OFF, Scenario, Turn, claim, made_up, rounds
from planner_users import BOXES, Op, Users, settled_world
from planner_world import World
from sim.server_profile import Profile, condstore, courier, dovecot, plain, strict_qresync
from sim.server_state import Message as Served
from sim.server_state import State
from sim.stack import DATE, ROOT, Stack

from mailsync.model.errors import Exit
from mailsync.model.flags import Flags, from_letters, imap_names, letters

PROFILES = {
    "qresync": lambda: replace(strict_qresync(), objectid=False),
    "objectid": strict_qresync,
    "condstore": condstore,
    "plain": plain,
    "dovecot": dovecot,
    "few flags": lambda: replace(courier(), delimiter="/", prefix=b""),
}
View = dict[str, Counter[tuple[str, str]]]  # mailbox → (text, flag letters)
HOUR = 3600


def fitting(rng: Random) -> Scenario:
    """A scenario that both can play: nothing befell the cache but a new UIDVALIDITY."""
    made = made_up(rng)
    turns = tuple(
        tuple(op for op in turn if op.side != "cache" or op.what == "new UIDVALIDITY")
        for turn in made.turns
    )
    policy = replace(made.policy, gmail=False, trash=4)  # type: ignore[arg-type]
    return replace(made, policy=policy, email_ids=False, turns=turns)


class Hands(Users):
    """Does to the stack what it does to the world; what is not unique there is left alone."""

    def __init__(self, world: World, stack: Stack) -> None:
        super().__init__(world)
        self.stack = stack
        self.paths: list[str] = []  # beside `removed`

    def do(self, op: Op) -> None:
        if op.side == "cache":
            self._renumber(op)
            return
        if op.what == "bring back" and self.removed:
            self._bring_back(op)
            return
        if op.side == "server":
            kept = next(iter(self.world.boxes.values())).facts.permanent
            op = op._replace(flag=op.flag & kept or Flags.SEEN)
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

    def _renumber(self, op: Op) -> None:
        had = {box.id: box.uid_validity for box in self.world.boxes.values()}
        super().do(op)
        for box in self.world.boxes.values():
            if box.uid_validity != had[box.id]:
                self.stack.server.new_uidvalidity(box.name, op.where * 3)

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
        elif op.what in ("remove", "bring back"):
            self.paths.append(path)
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

    def _bring_back(self, op: Op) -> None:
        at = op.which % len(self.removed)
        box, name, m = self.removed[at]
        super().do(op)
        path = self.paths.pop(at)
        if box.local is not None and box.local.get(name) is m:
            self.stack.write(path, wire(m.text).replace(b"\r\n", b"\n"), DATE + m.date)


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
    made: Profile = PROFILES[profile]()
    policy = replace(scenario.policy, has_move=made.move)
    stack = Stack(
        f"twin {seed}",
        made,
        direction=policy.direction,
        deletions=policy.deletions,
        expunge_deleted=policy.expunge_deleted,
        guard=policy.guard,
    )
    if made.objectid:
        _tells_by_content(stack.server.state)
    try:
        world = settled_world(policy, made.objectid)
        names = {*made.permanent, *(["$Forwarded"] if made.keywords else [])}
        kept = Flags(sum(f for f in Flags if names.intersection(imap_names(f))))
        for box in world.boxes.values():
            box.facts = replace(box.facts, permanent=kept)
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


def _tells_by_content(server: State) -> None:
    """Its EMAILIDs are alike where the content is, as those of the world."""
    make = server.make

    def made(body: bytes, *rest: object) -> Served:
        message: Served = make(body, *rest)  # type: ignore[arg-type]
        message.email_id = "M" + blake2b(body, digest_size=8).hexdigest()
        return message

    server.make = made  # type: ignore[method-assign, assignment]


def _turn(hands: Hands, turn: Turn) -> None:
    world, stack = hands.world, hands.stack
    for op in turn:
        hands.do(op)
    world.sync(rounds(world.policy))
    stack.pass_time(HOUR + 1)
    report = stack.sync()
    held = {Exit.HELD} if world.policy.guard is not OFF else set()
    claim(report.exit in {Exit.OK, *held}, f"exit {report}")
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
    world.an_hour_passes()
