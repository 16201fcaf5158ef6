"""A random scenario as plain data, what must hold after each of its turns, and a smaller one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

from planner_order import clone, essence, reordered, units
from planner_parts import G, T
from planner_users import CACHE, FLAGS, LOCAL, SERVER, Ledger, Op, Users, settled_world
from planner_world import World

from mailsync.model.actions import Expunge, Move, RemoveLocal
from mailsync.model.flags import Flags
from mailsync.model.rows import Wait
from mailsync.model.settings import Deletions, Direction, Guard
from mailsync.planner import Policy, plan
from mailsync.planner.flags import merge
from mailsync.planner.guard import UNGUARDED
from mailsync.planner.plan import LEFT_BEHIND
from mailsync.planner.verdict import MOVED_ON

TRASH = 4  # the fourth of BOXES
OFF = Guard(share=None)
STRICT = Guard(share=0.25, floor=2)

Turn = tuple[Op, ...]
Where = dict[str, Counter[str]]  # content → mailbox → how often


@dataclass(frozen=True)
class Scenario:
    policy: Policy
    email_ids: bool
    first: tuple[tuple[int, Flags], ...]
    turns: tuple[Turn, ...]


class Broken(AssertionError):
    pass


def claim(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


# -- making one up -----------------------------------------------------------------------------


def made_up(rng: Random) -> Scenario:
    """Few messages and crowded: most acts meet the same message in the same two mailboxes."""
    two_way = rng.random() < 0.7
    policy = Policy(
        direction=Direction.BOTH if two_way else rng.choice(list(Direction)),
        deletions=rng.choice(list(Deletions)) if rng.random() < 0.3 else rng.choice(_SENDING),
        expunge_deleted=rng.random() < 0.15,
        guard=STRICT if rng.random() < 0.15 else OFF,
        trash=TRASH if rng.random() < 0.8 else None,  # type: ignore[arg-type]
        gmail=rng.random() < 0.1,
        has_move=rng.random() < 0.8,
    )
    crowd = rng.choice([1, 2, 4, 14])
    first = tuple(
        (rng.randrange(5) if rng.random() < 0.4 else 1, rng.choice(FLAGS))
        for _ in range(rng.randrange(crowd + 1))
    )
    doubts = rng.random() < 0.15
    sides = ["server", "local", "server", "local", "cache"] if doubts else ["server", "local"]
    turns = tuple(
        tuple(_op(rng, sides) for _ in range(rng.randrange(8)))
        for _ in range(rng.choice([1, 2, 3]))
    )
    return Scenario(policy, rng.random() < 0.3, first, turns)


_SENDING = [Deletions.TRASH, Deletions.EXPUNGE]
_WHATS = {"server": SERVER, "local": LOCAL, "cache": CACHE}


def _op(rng: Random, sides: list[str]) -> Op:
    side = rng.choice(sides)
    return Op(
        side,
        rng.choice(_WHATS[side]),
        0 if rng.random() < 0.5 else rng.randrange(40),
        rng.randrange(3) if rng.random() < 0.8 else rng.randrange(5),
        rng.choice(FLAGS),
    )


# -- playing it --------------------------------------------------------------------------------


def play(scenario: Scenario) -> World:
    """Raises when something does not hold; the world at the end else."""
    world = settled_world(scenario.policy, scenario.email_ids, list(scenario.first))
    users = Users(world)
    for turn in scenario.turns:
        before = where(world)
        even = not _keeping(world) and visible(world, server=True) == visible(world, server=False)
        bases = {row.body: row.synced for row in world.rows.values()}
        owed = waiting_deletions(world)
        for op in turn:
            users.do(op)
        ledger, users.ledger = users.ledger, Ledger()
        ledger.deleted += owed
        Turned(world, ledger, before, bases, even).sync()
        world.an_hour_passes()
    return world


def where(world: World) -> Where:
    """Which content lies where, on both sides together: as often as on the fuller side."""
    found: Where = {}
    for box in world.boxes.values():
        server = Counter(m.text for m in (box.server or {}).values())
        local = Counter(m.text for m in (box.local or {}).values())
        for text, count in (server | local).items():
            found.setdefault(text, Counter())[box.name] = count
    return found


def waiting_deletions(world: World) -> Counter[str]:
    """How often each content was deleted on one side before, and is still to be on the other: a
    change there that speaks against it may be taken back."""
    return Counter(
        row.body.decode()
        for row in world.rows.values()
        if row.wait is not Wait.NO and row.body and {row.server, row.local} == {T, G}
    )


@dataclass
class Turned:
    """The sync after one turn, and what must hold then."""

    world: World
    ledger: Ledger
    before: Where
    bases: dict[bytes | None, Flags | None]
    even: bool  # before the turn

    def sync(self) -> None:
        world, policy = self.world, self.world.policy
        server, local = world.server_state(), world.local_state()
        shown = {
            text: (self._flags(server, text), self._flags(local, text)) for text in self.before
        }
        if policy.expunge_deleted:
            self._marked(server, local)
        self._same_in_any_order()
        counts = {
            box.id: (len(box.server or {}), len(box.local or {})) for box in world.boxes.values()
        }
        at = len(world.log)
        others = [clone(world), clone(world)]
        world.sync(rounds(policy))
        same_end(world, others[0], None if self.ledger.doubted else others[1], Random(at))
        claim(not world.plan().actions, "a plan right after the sync")
        claim(not world.due(), "due rows right after the sync")
        claim(world.sync(0) == 0, "a second sync does something")
        if policy.direction is Direction.PULL:
            claim(world.server_state() == server, "pull changed the server")
        if policy.direction is Direction.PUSH:
            claim(world.local_state() == local, "push changed the Maildir")
        if policy.guard is not OFF:
            self._guarded(at, counts)
        self._nothing_lost()
        if self._free():
            self._equal()
            self._nothing_doubled()
            if not policy.expunge_deleted:
                self._as_each_wished(shown)

    def _marked(self, *sides: dict[str, list[tuple[str, Flags]]]) -> None:
        """With `expunge-deleted` the flag \\Deleted deletes, once both sides agree."""
        for state in sides:
            for rows in state.values():
                self.ledger.deleted.update(text for text, flags in rows if flags & Flags.DELETED)

    def _same_in_any_order(self) -> None:
        world = self.world
        world.observe()
        due, candidates, boxes = world.look()
        made = plan(due, candidates, boxes, world.policy)
        shuffle = Random(len(due)).shuffle
        for given in (due, candidates, boxes):
            shuffle(given)  # type: ignore[arg-type]
        claim(plan(due, candidates, boxes, world.policy) == made, "the order of rows matters")

    def _equal(self) -> None:
        world = self.world
        claim(visible(world, server=True) == visible(world, server=False), "the sides differ")
        paired = all(world.is_open(row) is False for row in world.rows.values())
        claim(paired, "open rows at the end")
        rows = Counter(row.mailbox for row in world.rows.values())
        for box in world.boxes.values():
            there = len(box.server or {})
            claim(rows[box.id] == there, "rows that stand for nothing")  # type: ignore[index]

    def _nothing_lost(self) -> None:
        """A deletion takes at most one copy: what is not deleted so often stays."""
        after = where(self.world)
        for text in {*self.before, *self.ledger.born}:
            made = self.ledger.born.get(text, Counter())
            was = self.before.get(text, Counter()).total() + made.total()
            left = after.get(text, Counter()).total()
            gone = self.ledger.deleted[text]
            claim(left >= 1 or gone >= was, f"lost: {text}")
            if not self.ledger.moved.get(text) and self._free():
                both = min(made["server"], made["local"])
                claim(left >= was - gone - both, f"lost a copy: {text}")

    def _free(self) -> bool:
        """Nothing keeps the sides from becoming equal."""
        policy = self.world.policy
        both = policy.direction is Direction.BOTH and policy.guard is OFF and self.even
        return both and not self.ledger.doubted and not _keeping(self.world)

    def _nothing_doubled(self) -> None:
        """Only what both users moved may be there once more than they made it, and a draft that
        one moved and the other changed: its header proves nothing, so it is put back."""
        states = (self.world.server_state(), self.world.local_state())
        drafts = {
            text
            for state in states
            for rows in state.values()
            for text, flags in rows
            if flags & Flags.DRAFT
        }
        for text, boxes in where(self.world).items():
            made = self.ledger.born.get(text, Counter()).total()
            moves = self.ledger.moved.get(text, Counter())
            most = self.before.get(text, Counter()).total() + made
            most += moves.total() if text in drafts else min(moves["server"], moves["local"])
            claim(boxes.total() <= most, f"doubled: {text}")

    def _as_each_wished(self, shown: dict[str, tuple[Flags | None, Flags | None]]) -> None:
        """Of what is there once: flags merged, deletions done."""
        after = where(self.world)
        for text, boxes in self.before.items():
            acts = set(self.ledger.acts.get(text, ()))
            if boxes.total() != 1:
                continue
            if acts <= {"flag"}:
                base, (server, local) = self.bases.get(text.encode()), shown[text]
                if base is not None and server is not None and local is not None:
                    wanted = merge(base, server, local)
                    if self.world.policy.gmail:
                        wanted = wanted & ~Flags.DELETED | server & Flags.DELETED
                    claim(self._flags(self.world.server_state(), text) == wanted, "flags")
            elif acts <= {"remove", "expunge"}:
                left = set(after.get(text, ()))
                claim(left <= {"Trash"}, f"resurrected: {text}")

    @staticmethod
    def _flags(state: dict[str, list[tuple[str, Flags]]], text: str) -> Flags | None:
        found = [flags for rows in state.values() for one, flags in rows if one == text]
        return found[0] if len(found) == 1 else None

    def _guarded(self, at: int, counts: dict[int, tuple[int, int]]) -> None:
        """No more deletions than the guard lets through, without counting moves."""
        gone: Counter[tuple[int, int]] = Counter()
        for made in self.world.log[at:]:
            for action in made.actions:
                if isinstance(action, RemoveLocal) and action.reason != LEFT_BEHIND:
                    gone[action.mailbox, 1] += len(action.rows)
                expunged = isinstance(action, Expunge) and action.reason != MOVED_ON.reason
                if expunged or (isinstance(action, Move) and not action.joins):
                    gone[action.mailbox, 0] += len(action.rows)  # type: ignore[union-attr]
        for (box, side), count in gone.items():
            role = self.world.boxes[box].facts.role
            guard = self.world.policy.guard
            if role in UNGUARDED or guard.share is None:
                continue
            allowed = max(guard.floor, guard.share * counts[box][side])
            claim(count <= allowed, f"guard: {count} of {counts[box][side]}")


def same_end(world: World, shuffled: World, interrupted: World | None, rng: Random) -> None:
    """Where `world` ended two others end: one that carries out every plan in another permitted
    order (I6), one whose first plan is broken off in the middle (I7).

    The old version of a draft is expunged once the new one is there; found later it goes to the
    \\Trash mailbox, which is left out.  So are keywords, which a COPY keeps and an upload has not,
    and what was moved during a relink: a move that the first round could not see is one for the
    second if the uploads of the first did not happen.  Which of several twins went where is
    told by their order, which an interruption changes: they are left to the simulator's crashes.
    With `expunge-deleted` a deletion is two steps, so how many are at once beyond the guard's limit
    depends on how many marks were set before: where it held some, either may.
    """
    if all(sum(1 for _ in units(made)) < 2 for made in world.log[len(shuffled.log) :]):
        return  # one step has one order, and no middle
    most = rounds(world.policy)
    shuffled.shuffled = rng
    shuffled.sync(most)
    claim(essence(shuffled) == essence(world), "the order of actions matters")
    if interrupted is None:
        return
    interrupted.observe()
    start = clone(interrupted)
    made = interrupted.plan()
    part = reordered(made, rng, interrupted)
    interrupted.execute(made, part[: rng.randrange(len(part) + 1)])
    interrupted.sync(most)
    held = world.policy.expunge_deleted and _held(world, interrupted)
    if not held and not _twins(start, world, interrupted):
        claim(_untrashed(interrupted) == _untrashed(world), "an interruption matters")


def _held(*worlds: World) -> bool:
    return any(row.wait is Wait.HELD for world in worlds for row in world.rows.values())


def _untrashed(world: World) -> dict[str, Counter[object]]:
    left_out = ("undo", "expunged", *(f"Trash {part}" for part in ("server", "local", "rows")))
    return {
        what: count
        for what, count in essence(world).items()
        if what not in left_out and not what.endswith("keywords")
    }


def _twins(*worlds: World) -> set[str]:
    """Texts that are more than once in a world."""
    found: set[str] = set()
    for world in worlds:
        for side in ("server", "local"):
            texts = Counter(
                message.text
                for box in world.boxes.values()
                for message in (getattr(box, side) or {}).values()
            )
            found.update(text for text, count in texts.items() if count > 1)
    return found


def _keeping(world: World) -> bool:
    """Something is kept or unsent: the sides differ for a reason."""
    policy = world.policy
    keeps = policy.deletions is Deletions.KEEP and not policy.gmail
    return keeps or any(row.wait for row in world.rows.values())


def visible(world: World, server: bool) -> dict[str, list[tuple[str, Flags]]]:
    state = world.server_state() if server else world.local_state()
    drop = Flags.DELETED if world.policy.gmail else Flags.NONE
    return {
        name: sorted((text, flags & ~drop) for text, flags in rows) for name, rows in state.items()
    }


def rounds(policy: Policy) -> int:
    """How many a sync may take; the engine stops after four and goes on in the next sync.

    A new name here and a move there: pair, move, flags.  With `expunge-deleted`: \\Deleted agreed,
    moved to \\Trash, fetched there, expunged there, forgotten.  A COPY in place of a MOVE leaves
    its source to the next round, and what may not be sent waits in the last.
    """
    waits = policy.gmail or policy.direction is not Direction.BOTH
    return (6 if policy.expunge_deleted else 3) + (not policy.has_move) + waits


# -- a smaller one -----------------------------------------------------------------------------


def fault(scenario: Scenario) -> str | None:
    """Why it fails, in one word or two; None: it holds."""
    try:
        play(scenario)
    except Broken as error:
        return str(error).split(":")[0]
    except AssertionError as error:
        return f"assertion {str(error)[:24]}"
    except (KeyError, ValueError, AttributeError) as error:
        return f"{type(error).__name__} {error}"
    return None


def smaller(
    scenario: Scenario,
    fails: Callable[[Scenario], str | None] = fault,
    patient: Callable[[], bool] = lambda: True,
) -> Scenario:
    """Leave out what can be left out so that it still fails in the same way."""
    why = fails(scenario)
    shrunk = True
    while shrunk:
        shrunk = False
        for less in _less(scenario):
            if not patient():
                break
            if fails(less) == why:
                scenario, shrunk = less, True
                break
    return scenario


def _less(scenario: Scenario) -> Iterator[Scenario]:
    turns = scenario.turns
    for at in range(len(turns)):
        yield replace(scenario, turns=turns[:at] + turns[at + 1 :])
    for at in range(len(scenario.first)):
        yield replace(scenario, first=scenario.first[:at] + scenario.first[at + 1 :])
    for at, turn in enumerate(turns):
        for one in range(len(turn)):
            less = turn[:one] + turn[one + 1 :]
            yield replace(scenario, turns=(*turns[:at], less, *turns[at + 1 :]))
    plain = Policy(guard=scenario.policy.guard, trash=scenario.policy.trash)
    for policy in (plain, replace(scenario.policy, has_move=True, gmail=False)):
        if policy != scenario.policy:
            yield replace(scenario, policy=policy)
    if scenario.email_ids:
        yield replace(scenario, email_ids=False)
    for at, turn in enumerate(turns):
        for one, op in enumerate(turn):
            for simple in (op._replace(which=0), op._replace(where=0), op._replace(flag=FLAGS[0])):
                if simple != op:
                    less = (*turn[:one], simple, *turn[one + 1 :])
                    yield replace(scenario, turns=(*turns[:at], less, *turns[at + 1 :]))


__all__ = ["Broken", "Scenario", "fault", "made_up", "play", "smaller"]
