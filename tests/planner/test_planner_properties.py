"""Any user actions on both sides, any policy: quiet, equal, nothing lost, nothing doubled."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planner_world import Box, Message, World

from mailsync.model.flags import Flags
from mailsync.model.rows import Role, Wait
from mailsync.model.settings import Deletions, Direction, Guard
from mailsync.planner import Policy, plan

FLAGS = [Flags.SEEN, Flags.FLAGGED, Flags.ANSWERED, Flags.DELETED]
BOXES = ["INBOX", "Work", "Old", "Trash", "Drafts"]
ROLES = {"Trash": Role.TRASH, "Drafts": Role.DRAFTS}

SERVER_OPS = ["receive", "flag", "expunge", "move", "copy", "away and back"]
LOCAL_OPS = ["save", "flag", "remove", "move", "rename", "edit", "move renamed"]
op = st.tuples(
    st.sampled_from(["server", "local"]),
    st.integers(0, 5),
    st.integers(0, 50),
    st.integers(0, 3),
    st.sampled_from(FLAGS),
)
ops = st.lists(op, max_size=10)


class Users:
    """Act on both sides; remember what they did to which content."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.touched: Counter[str] = Counter()  # content that somebody deleted, moved or copied
        self.deleted: set[str] = set()
        self.born = 0

    def fresh(self) -> str:
        self.born += 1
        return f"h{self.born} body"

    def do(self, side: str, what: int, which: int, where: int, flag: Flags) -> None:
        if side == "server":
            self.on_server(SERVER_OPS[what % len(SERVER_OPS)], which, where, flag)
        else:
            self.on_local(LOCAL_OPS[what + which % 2], which, where, flag)

    def on_server(self, what: str, which: int, where: int, flag: Flags) -> None:
        boxes = list(self.world.boxes.values())
        target = boxes[where]
        if what == "receive":
            self.world.receive(target, self.fresh(), flag & ~Flags.DELETED)
            return
        there = [(box, uid) for box in boxes for uid in box.server or {}]
        if not there:
            return
        box, uid = there[which % len(there)]
        assert box.server is not None
        message = box.server[uid]
        if what == "flag":
            message.flags ^= flag
            return
        self.touched[message.text] += 1
        if what == "expunge":
            self.deleted.add(message.text)
            del box.server[uid]
        elif what == "away and back":
            self.world.append(box, box.server.pop(uid))
        elif what == "copy":
            self.world.append(target, message)
        elif target is not box:
            self.world.append(target, box.server.pop(uid))

    def on_local(self, what: str, which: int, where: int, flag: Flags) -> None:
        boxes = list(self.world.boxes.values())
        target = boxes[where]
        if what == "save":
            self.world.save(target, self.fresh(), flag & ~Flags.DELETED)
            return
        there = [(box, name) for box in boxes for name in box.local or {}]
        if not there:
            return
        box, name = there[which % len(there)]
        assert box.local is not None
        assert target.local is not None
        if what == "flag":
            box.local[name].flags ^= flag
            return
        message = box.local[name]
        self.touched[message.text] += 1
        if what == "remove":
            self.deleted.add(message.text)
            del box.local[name]
        elif what == "edit":
            self.deleted.add(message.text)
            del box.local[name]
            head = message.text.split()[0]
            now = self.world.tick()
            box.local[name] = Message(f"{head} edited{'!' * now}", message.flags, now)
        elif what == "rename":
            box.local[f"renamed{self.world.tick()}"] = box.local.pop(name)
        elif target is not box:
            new = name if what == "move" else f"moved{self.world.tick()}"
            target.local[new] = box.local.pop(name)


def settled_world(policy: Policy, email_ids: bool, first: list[tuple[int, Flags]]) -> World:
    world = World(policy=policy, email_ids=email_ids)
    for name in BOXES:
        world.box(name, role=ROLES.get(name))
    boxes = list(world.boxes.values())
    for at, (where, flags) in enumerate(first):
        world.receive(boxes[where], f"m{at} body", flags & ~Flags.DELETED)
    world.policy = Policy(guard=Guard(share=None))
    world.sync()
    world.policy = policy
    return world


policies = st.builds(
    Policy,
    direction=st.sampled_from(Direction),
    deletions=st.sampled_from(Deletions),
    expunge_deleted=st.booleans(),
    guard=st.sampled_from([Guard(share=None), Guard(share=0.0, floor=1)]),
    trash=st.sampled_from([4, None]),
)
firsts = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(FLAGS)), max_size=6)
quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def rounds(policy: Policy) -> int:
    """\\Deleted agreed, moved to \\Trash, fetched there, expunged there, forgotten."""
    return 6 if policy.expunge_deleted else 3


@quick
@given(policies, st.booleans(), firsts, ops, ops)
def test_quiescence_and_idempotence(policy, email_ids, first, one, two):  # type: ignore[no-untyped-def]
    world = settled_world(policy, email_ids, first)
    users = Users(world)
    for actions in (one, two):
        for action in actions:
            users.do(*action)
        server, local = world.server_state(), world.local_state()
        world.sync(rounds(policy))
        assert world.plan().actions == ()
        assert not world.due()
        if policy.direction is Direction.PULL:
            assert world.server_state() == server
        if policy.direction is Direction.PUSH:
            assert world.local_state() == local


@pytest.mark.campaign
@quick
@given(st.sampled_from([Deletions.TRASH, Deletions.EXPUNGE]), st.booleans(), firsts, ops, ops)
def test_convergence_without_loss(deletions, email_ids, first, one, two):  # type: ignore[no-untyped-def]
    policy = Policy(deletions=deletions, guard=Guard(share=None), trash=4)  # type: ignore[arg-type]
    world = settled_world(policy, email_ids, first)
    users = Users(world)
    for actions in (one, two):
        for action in actions:
            users.do(*action)
        alive = set(world.texts())
        world.sync()
        assert world.server_state() == world.local_state()
        left = Counter(text for box in world.server_state().values() for text, _ in box)
        lost = {text for text in alive if not left[text]}
        assert lost <= users.deleted
        doubled = {text for text, count in left.items() if count > 1}
        assert doubled <= set(users.touched)


@quick
@given(policies, st.booleans(), firsts, ops, st.integers())
def test_the_order_of_the_rows_says_nothing(policy, email_ids, first, actions, seed):  # type: ignore[no-untyped-def]
    world = settled_world(policy, email_ids, first)
    users = Users(world)
    for action in actions:
        users.do(*action)
    world.observe()
    world.look()
    due = world.due()
    candidates, boxes = world.candidates(due), world.mailboxes()
    made = plan(due, candidates, boxes, policy)
    shuffle = random.Random(seed).shuffle
    for rows in (due, candidates, boxes):
        shuffle(rows)
    assert plan(due, candidates, boxes, policy) == made


@quick
@given(st.sampled_from(Deletions), firsts, st.integers(0, 40), st.booleans())
def test_the_guard_never_lets_more_through(deletions, first, count, on_server):  # type: ignore[no-untyped-def]
    policy = Policy(deletions=deletions, trash=4)  # type: ignore[arg-type]
    world = settled_world(policy, False, [*first, *[(0, Flags.SEEN)] * 40])
    box = world.boxes[1]
    before = len(box.server or {})
    remove(box, count, on_server)
    world.sync()
    stopped = count > 25 or count == before
    gone = before - len((box.local if on_server else box.server) or {})
    if stopped:
        assert gone == 0
    elif on_server or deletions is not Deletions.KEEP:
        assert gone == count
    held = [row for row in world.rows.values() if row.wait is Wait.HELD]
    keeps = deletions is Deletions.KEEP and not on_server
    assert len(held) == (count if stopped and not keeps else 0)


def remove(box: Box, count: int, on_server: bool) -> None:
    side = box.server if on_server else box.local
    assert side is not None
    for key in list(side)[:count]:
        del side[key]  # type: ignore[arg-type]
