"""Tables about mailboxes: what they are, the first plan, and what is there in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from planner_tables import OFF, Table

from mailsync.model.settings import Deletions, Direction
from mailsync.planner import Policy

EXPUNGE = Policy(deletions=Deletions.EXPUNGE, guard=OFF)
KEEP = Policy(deletions=Deletions.KEEP, guard=OFF)
PULL = Policy(direction=Direction.PULL, guard=OFF)
PUSH = Policy(direction=Direction.PUSH, deletions=Deletions.EXPUNGE, guard=OFF)


@dataclass(frozen=True)
class Case:
    boxes: Mapping[str, Mapping[str, object]]
    lines: str
    plan: str
    server: str = ""
    local: str | None = None
    there: tuple[str, str] | None = None  # mailboxes in the end, on the server and in the Maildir
    policy: Policy = field(default=EXPUNGE)


ON_SERVER, ON_LOCAL = {"only": "server"}, {"only": "local"}
GONE_THERE, GONE_HERE = {"gone": "server"}, {"gone": "local"}
ACCEPTED = {"accepted": True}


def play(case: Case) -> None:
    world = Table(case.lines, case.policy, case.boxes).play(case.plan, case.server, case.local)
    if case.there is not None:
        names = tuple(
            " ".join(sorted(b.name for b in world.boxes.values() if getattr(b, side) is not None))
            for side in ("server", "local")
        )
        assert names == case.there
