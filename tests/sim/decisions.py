"""What only a person does in a random run, between syncs: accept, reject, undelete, check --repair;
and a check that changes nothing, which is to prove what the oracle sees.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING
from unittest import mock

from mailsync.model.checked import AccountCheck, CheckOptions
from mailsync.model.errors import MailsyncError
from mailsync.model.report import HeldLine, Target
from mailsync.modes import check, decide
from sim import loop
from sim.oracle import Violation
from sim.server_state import ghost_of
from sim.stack import Stack
from sim.steps import Steps
from sim.world import make_world

if TYPE_CHECKING:
    from sim.users import Users


@contextlib.contextmanager
def by_hand(m: Stack, seed: str) -> Iterator[None]:
    """Commands of mailsync that open their own world get that of this machine."""
    world = make_world(m.server, m.fs, f"{seed}/decide", Steps(), host=m.host)
    world.clock.of(lambda: m.skew, f"boot-{m.boots}", m.booted)
    with (
        mock.patch.object(decide, "production_world", return_value=nullcontext(world)),
        mock.patch.object(check, "production_world", return_value=nullcontext(world)),
    ):
        yield


def accept(users: Users, m: Stack) -> None:
    """What is held may go; nothing more is claimed of it."""
    targets = [Target(m.account, ())]
    with by_hand(m, "accept"), contextlib.suppress(MailsyncError):
        held = decide.held(targets)
        if not held:
            return
        for line in held:
            if _whole(line):
                users.server.witness.given_up.add(line.mailbox)
            for ghost in _meant(users, m, line):
                users.ledger.given_up(ghost)
                users.server.witness.agreed.add(ghost)
        decide.accept(targets, held)


def _whole(line: HeldLine) -> bool:
    return not line.uids and not line.names


def _meant(users: Users, m: Stack, line: HeldLine) -> set[str]:
    """The messages of a line: those that it names, or a whole mailbox."""
    whole = _whole(line)
    served = users.server.boxes.get(users.wire(line.mailbox).encode())
    found = {
        message.ghost
        for message in (served.messages.values() if served else ())
        if whole or message.uid in line.uids
    }
    for path, data in m.fs.files().items():
        place = m.oracle.places.message(path)
        if not place or place[0] != line.mailbox:
            continue
        if whole or place[1].partition(":")[0] in line.names:
            found.add(ghost_of(data))
    return {ghost for ghost in found if ghost}


def reject(users: Users, m: Stack) -> None:
    targets = [Target(m.account, ())]
    with by_hand(m, "reject"), contextlib.suppress(MailsyncError):
        if held := decide.held(targets, accepted=True):
            users.ledger.doubt()
            for ghost in {ghost for line in held for ghost in _meant(users, m, line)}:
                users.ledger.unmarked(ghost)
            decide.reject(targets)


def undelete(users: Users, m: Stack) -> None:
    """All that lies in undo is in the Maildir then (I21).  A mailbox that was deleted may be made
    again by it: what does not come back is deleted."""
    undo = f"{m.state}/undo/"
    wanted = {ghost_of(data) for data in m.fs.files(under=undo).values()}
    before, missing = m.fs.files(), users.missing(m)
    with by_hand(m, "undelete"):
        try:
            done = decide.undelete(m.account, None, False)
        except MailsyncError:
            return
    users.made_anew(m, [box for box in missing if box not in users.missing(m)])
    after = m.fs.files()
    here = set[str | None]()
    for path, data in after.items():
        if place := m.oracle.places.message(path):
            here.add(ghost := ghost_of(data))
            if ghost and path not in before:
                users.ledger.brought_back(ghost, place[0])
    if not done.errors and (lost := wanted - here):
        raise Violation(f"I21: undelete left {sorted(map(str, lost))}")


def repair(users: Users, m: Stack) -> None:
    with contextlib.suppress(MailsyncError):
        checked(m, repair=True)


def checked(m: Stack, *, repair: bool = False) -> AccountCheck:
    """Every byte of both sides compared."""
    options = CheckOptions(read_data=True, repair=repair)
    with by_hand(m, "check"):
        return loop.run(check._check(m.account, options, None), m.server.time)
