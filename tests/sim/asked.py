"""What `mailsync sync` is asked for in a random run, and what it must leave alone then:
`--dry-run`, `--pull`, `--push`, `--no-delete`, and some mailboxes only.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.events import Sync
from sim.server_state import ghost_of
from sim.stack import Stack
from sim.witness import SERVER

if TYPE_CHECKING:
    from sim.users import Users

ONLY = "only "
OPTIONS = ("dry_run", "pull", "push", "no_delete", "no_wait")
HARMLESS = {"no_wait"}  # all is done as ever
NO_MAIL = ("/.mailsync", "/dovecot-keywords")  # whose Maildir it is, and what letters mean in it
Held = dict[str, object]


def only(event: Sync) -> tuple[str, ...]:
    return tuple(one.removeprefix(ONLY) for one in event.options if one.startswith(ONLY))


def given(event: Sync) -> dict[str, bool]:
    return {one: True for one in event.options if not one.startswith(ONLY)}


def is_whole(event: Sync) -> bool:
    """Whether it does all that there is to do."""
    return set(event.options) <= HARMLESS


@dataclass
class Asked:
    """One sync, of one process or several at once; `moved`: see witness.Forbids."""

    event: Sync
    machines: list[Stack]
    users: Users
    since: int  # commands that the server had executed before
    _before: list[Held] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._before = self._shown()

    def forbids(self, side: str, box: str, ghost: str, moved: bool) -> str:
        return "--no-delete" if "no_delete" in self.event.options and not moved else ""

    def broken(self) -> str:
        """What was changed all the same; empty: nothing."""
        options, server = set(self.event.options), self.users.server
        if options & {"dry_run", "pull"}:
            earlier = {one.connection for one in server.executed[: self.since]}  # done late
            sent = [one for one in server.changing(self.since) if one.connection not in earlier]
            if sent:
                return f"{sorted(options)}: {sent[0].name} was sent"
        if self.event.meddling or any(one.what == "crash" for one in self.event.faults):
            return ""  # users did, or the power that was cut
        for before, after in zip(self._before, self._shown(), strict=True):
            for what in before.keys() | after.keys():
                if before.get(what) != after.get(what):
                    text = f"{before.get(what)} became {after.get(what)}"
                    return f"{sorted(options)}: {what} was changed: {text}"
        return ""

    def _shown(self) -> list[Held]:
        return [self._held(m) for m in self.machines]

    def _held(self, m: Stack) -> Held:
        found: Held = {}
        options, files = set(self.event.options), m.fs.files(under=m.oracle.places.root)
        if options & {"dry_run", "push"}:
            found |= {p: data for p, data in files.items() if not any(x in p for x in NO_MAIL)}
        if "dry_run" in options:
            found |= {p.name: p.read_bytes() for p in m.state.glob("cache.db") if p.is_file()}
        if asked := only(self.event):
            touched = {*asked, self.users.ledger.trash}
            for name, box in self.users.server.boxes.items():
                if (mine := self.users.here(name.decode())) not in touched:
                    flags = {uid: sorted(one.flags) for uid, one in box.messages.items()}
                    found[f"{mine} on the {SERVER}"] = flags
            mail: dict[str, Counter[tuple[str, str | None]]] = {}
            for path, data in files.items():
                if (place := m.oracle.places.message(path)) and place[0] not in touched:
                    name = path.rpartition("/")[2]
                    mail.setdefault(place[0], Counter())[name, ghost_of(data)] += 1
            found |= {f"{name} in the Maildir": held for name, held in mail.items()}
        return found
