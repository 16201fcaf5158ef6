"""A server, a Maildir and a cache in memory that carry out plans, each step checked.

It does to rows what `mailsync.cache` does (tests/sim_runs/test_sim_twin.py holds it to that), and
what users see to both sides; `planner_acts` has the actions.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from planner_acts import Acts
from planner_measure import measure
from planner_order import reordered
from planner_parts import NS, Box, G, Message, N, T, U

from mailsync.model.actions import Plan
from mailsync.model.flags import ALL_FLAGS, Flags
from mailsync.model.rows import Mailbox, Role, Row, Settled, Side, Tally, Wait
from mailsync.planner import Policy, needs, plan

__all__ = ["Box", "G", "Message", "N", "T", "U", "World"]


@dataclass
class World(Acts):
    policy: Policy = field(default_factory=Policy)
    email_ids: bool = False
    boxes: dict[int, Box] = field(default_factory=dict)
    rows: dict[int, Row] = field(default_factory=dict)
    undo: list[Message] = field(default_factory=list)
    expunged: list[Message] = field(default_factory=list)
    bodies: int = 0  # sent or fetched
    clock: int = 1000
    next_row: int = 1
    next_box: int = 1
    log: list[Plan] = field(default_factory=list)  # what was executed
    shuffled: Random | None = None  # actions in another permitted order

    # -- setting up and user actions -----------------------------------------------------------

    def box(self, name: str, server: bool = True, local: bool = True, **facts: object) -> Box:
        number = self.next_box
        self.next_box += 1
        made = Box(number, name, {} if server else None, {} if local else None)
        made.mailbox_id = facts.get("mailbox_id")  # type: ignore[assignment]
        made.facts = Mailbox(
            id=number,  # type: ignore[arg-type]
            name=name,  # type: ignore[arg-type]
            server=T if server else N,
            local=T if local else N,
            **{"uid_validity": 1, **facts},  # type: ignore[arg-type]
        )
        self.boxes[number] = made
        return made

    def named(self, name: str) -> Box:
        return next(box for box in self.boxes.values() if box.name == name)

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def append(self, box: Box, message: Message) -> int:
        assert box.server is not None
        uid = box.uid_next
        box.uid_next += 1
        box.server[uid] = replace(message)
        return uid

    def receive(self, box: Box, text: str, flags: Flags = Flags.NONE) -> int:
        return self.append(box, Message(text, flags, self.tick()))

    def save(self, box: Box, text: str, flags: Flags = Flags.NONE, name: str = "") -> str:
        assert box.local is not None
        now = self.tick()
        name = name or f"file{now}"
        box.local[name] = Message(text, flags, now)
        return name

    # -- observation: mailsync.cache.observe and observe_local ---------------------------------

    def new_row(self, **columns: object) -> Row:
        row = Row(id=self.next_row, **columns)  # type: ignore[arg-type]
        self.rows[self.next_row] = row
        self.next_row += 1
        return row

    def put(self, row: Row, **changes: object) -> Row:
        """Store a changed row; synced takes every flag on which both sides agree."""
        row = replace(row, **changes)  # type: ignore[arg-type]
        if row.server is T and row.local is T:
            shared = self.boxes[row.mailbox].facts.permanent
            server, local = row.server_flags & shared, row.local_flags & shared
            if row.synced is not None:
                same = ~(server ^ local)
                row = replace(row, synced=(row.synced & ~same) | (server & same & ALL_FLAGS))
            elif server == local:
                row = replace(row, synced=server)
        self.rows[row.id] = row
        return row

    def changed(self, row: Row, **changes: object) -> Row:
        """One that nothing holds back any more."""
        return self.put(row, wait=Wait.NO, accepted=False, **changes)

    def observe(self) -> None:
        for box in self.boxes.values():
            was = box.facts
            self.facts(
                box,
                server=T if box.server is not None else (G if was.server is not N else N),
                local=T if box.local is not None else (G if was.local is not N else N),
                uid_validity=box.uid_validity,
                mailbox_id=box.mailbox_id,
            )
            if (box.facts.server, box.facts.local) != (was.server, was.local):
                box.facts = replace(box.facts, held=False, accepted=False)
            if box.server is not None and was.selected:
                if was.uid_validity != box.uid_validity:
                    self.doubt_server(box)
                self._see_server(box, box.server)
            if box.local is not None and was.selected:
                self._see_local(box, box.local)

    @staticmethod
    def facts(box: Box, **facts: object) -> None:
        if any(getattr(box.facts, key) != value for key, value in facts.items()):
            box.facts = replace(box.facts, **facts)  # type: ignore[arg-type]

    def _see_server(self, box: Box, there: dict[int, Message]) -> None:
        known = {row.uid: row for row in self.of(box) if row.uid and row.id not in box.hints}
        for uid, message in there.items():
            row = known.get(uid)  # type: ignore[arg-type]
            if row is None:
                self.new_row(mailbox=box.id, uid=uid, server=T, **self._server_facts(message))
            elif row.server is not T:
                self.changed(
                    row, server=T, server_flags=message.flags, settled=Settled.NO,
                    server_extra=message.keywords,
                )  # fmt: skip
            elif (row.server_flags, row.server_extra) != (message.flags, message.keywords):
                self.changed(row, server_flags=message.flags, server_extra=message.keywords)
        for uid, row in known.items():
            if uid not in there and row.server is T:
                self.changed(row, server=G, settled=Settled.NO)

    def _server_facts(self, message: Message) -> dict[str, object]:
        return {
            "server_flags": message.flags,
            "server_extra": message.keywords,
            "internal_date": message.date,
            "size": message.size,
            "email_id": f"E{message.text}" if self.email_ids else None,
        }

    def _see_local(self, box: Box, there: dict[str, Message]) -> None:
        for row in self.of(box):
            if row.name is None:
                continue
            message = there.get(row.name)
            if message is None:
                if row.local is T:
                    self.changed(row, local=G, settled=Settled.NO)
            elif (row.file_size, row.mtime_ns) != (message.size, message.date * NS):
                # Other bytes under a name that is known: the row has lost its file.
                self.changed(
                    row, local=G if row.local is T else row.local, name=None, file_size=None,
                    mtime_ns=None, origin=None, settled=Settled.NO,
                )  # fmt: skip
            elif row.local is not T:
                again = row.local is G and row.server is G  # it was on neither side: a new file
                self.changed(
                    row, local=T, local_flags=message.flags, settled=Settled.NO,
                    synced=None if again else row.synced,
                )  # fmt: skip
            elif row.local_flags != message.flags:
                self.changed(row, local_flags=message.flags)
        known = {row.name for row in self.of(box)}
        for name, message in there.items():
            if name not in known:
                facts = self._file_facts(box, name, message)
                once = box.relink and facts["origin"] is not None
                row = self.new_row(
                    mailbox=box.id, name=name, local=T, server=U if once else N,
                    uid=facts["origin"] if once else None, **facts,
                )  # fmt: skip
                if once:
                    box.hints.add(row.id)

    def _file_facts(self, box: Box, name: str, message: Message) -> dict[str, object]:
        return {
            "folder": "cur",
            "local_flags": message.flags,
            "file_size": message.size,
            "mtime_ns": message.date * NS,
            "origin": box.origin(name),
        }

    def of(self, box: Box) -> list[Row]:
        return [row for row in self.rows.values() if row.mailbox == box.id]

    # -- relink: mailsync.cache.relink ---------------------------------------------------------

    def doubt_server(self, box: Box) -> None:
        """New UIDVALIDITY: UIDs are hints only, names claim nothing any more."""
        for row in self.of(box):
            known = row.server in (T, G) and not (row.settled is Settled.KEPT and row.server is G)
            stays = row.settled is not Settled.NO or (row.wait is not Wait.NO and row.local is G)
            row = self.put(row, server=U if known else row.server, origin=None)
            if known and not stays:
                self.changed(row)
            if row.uid is not None:
                box.hints.add(row.id)
        box.relink = True

    def relink(self, box: Box) -> None:
        """Both sides are doubtful: the marker is foreign, the cache or the Maildir came back."""
        for row in self.of(box):
            if row.settled is Settled.NO:
                self.changed(
                    row,
                    server=U if row.server in (T, G) else row.server,
                    local=U if row.local in (T, G) else row.local,
                )
        box.relink = True

    # -- what is due: mailsync.cache.read, modes.planning ---------------------------------------

    def is_open(self, row: Row) -> bool:
        if row.settled is Settled.KEPT:
            return False
        shared = self.boxes[row.mailbox].facts.permanent
        server, local = row.server_flags & shared, row.local_flags & shared
        closed = row.server is T and row.local is T and server == local == row.synced
        return not closed or bool(
            self.policy.expunge_deleted and row.synced and row.synced & Flags.DELETED
        )

    def due(self) -> list[Row]:
        return [
            row
            for row in self.rows.values()
            if row.wait is Wait.NO and self.boxes[row.mailbox].facts.selected and self.is_open(row)
        ]

    def candidates(self, due: list[Row]) -> list[Row]:
        ids = {row.id for row in due}
        traits = {trait for row in due for trait in self._traits(row)}
        origins = {(row.mailbox, row.origin) for row in due if row.origin is not None}
        leaving = {
            box.id
            for box in self.boxes.values()
            if box.facts.selected and box.facts.synced and None in (box.server, box.local)
        }
        bodies = {row.body for row in due} - {None}
        copied = {row.body for row in due if row.settled is Settled.COPIED} - {None}
        deleted = [row for row in due if row.server is T and row.local is G]
        roles = {box.id: box.facts.role for box in self.boxes.values()}
        relinked = {box.id for box in self.boxes.values() if box.relink}
        return [
            row
            for row in self.rows.values()
            if row.id not in ids
            and (
                row.wait is Wait.HELD
                or row.mailbox in leaving
                or (deleted and roles[row.mailbox] is Role.TRASH and row.body in bodies)
                or (deleted and roles[row.mailbox] is Role.DRAFTS and row.wait is Wait.OUT)
                or (row.mailbox in relinked and (row.server, row.local) == (U, G))
                or (row.mailbox, row.uid) in origins
                or row.body in copied
                or not traits.isdisjoint(self._traits(row))
            )
        ]

    def _traits(self, row: Row) -> set[object]:
        header = row.header if self.is_open(row) else None
        body = row.body if row.local is not T or self.is_open(row) else None
        return {body, header, row.email_id, row.name} - {None}

    def mailboxes(self) -> list[Mailbox]:
        made = []
        for box in self.boxes.values():
            rows = self.of(box)
            made.append(
                replace(
                    box.facts,
                    messages=sum(T in (row.server, row.local) for row in rows),
                    has_children=any(
                        other.name.startswith(box.name + "/")
                        and (other.server is not None or other.local is not None)
                        for other in self.boxes.values()
                    ),
                    on_server=self._tally(box, rows, Side.SERVER),
                    on_local=self._tally(box, rows, Side.LOCAL),
                )
            )
        return made

    @staticmethod
    def _tally(box: Box, rows: list[Row], side: Side) -> Tally:
        server = side is Side.SERVER
        there = [row for row in rows if (row.server if server else row.local) is T]
        held = sum(
            row.wait is Wait.HELD and (row.local if server else row.server) is not T
            for row in there
        )
        return Tally(there=len(there), executed=box.removed[side], held=held)

    # -- one sync ------------------------------------------------------------------------------

    def look(self) -> tuple[list[Row], list[Row], list[Mailbox]]:
        """Answer what the planner wants to know before it plans: three questions at most.  What
        there is to plan with."""
        boxes = self.mailboxes()
        for _ in range(4):
            due = self.due()
            candidates = self.candidates(due)
            wanted = needs(due, candidates, boxes, self.policy.bounds)
            if not wanted:
                return due, candidates, boxes
            for rows in wanted.headers.values():
                for row in rows:
                    message = self.on_server(row)
                    self.rows[row.id] = replace(row, header=message.header)
            for rows in wanted.digests.values():
                for row in rows:
                    self.digest(row)
            for rows in wanted.bodies.values():
                for row in rows:
                    self.read(row, self.on_server(row))
        raise AssertionError("the planner asks for ever")

    def digest(self, row: Row) -> None:
        self.read(row, self.file(row))

    def read(self, row: Row, message: Message) -> None:
        self.rows[row.id] = replace(
            self.rows[row.id],
            body=message.body,
            header=message.header,
            wire_size=message.size,
            message_id=message.text.split()[0],
        )

    def plan(self) -> Plan:
        return plan(*self.look(), self.policy)

    def sync(self, most: int = 3) -> int:
        """Observe, then plan and execute until nothing is left; how many rounds that took."""
        self.observe()
        for round_ in range(most + 1):
            made = self.plan()
            if not made.actions:
                self.finish()
                return round_
            before, part = measure(self), None
            if self.shuffled is not None:
                part = reordered(made, self.shuffled, self)
            self.execute(made, part)
            assert measure(self) < before, f"no progress: {before} to {measure(self)}"
        raise AssertionError(f"not quiescent: {made}")

    def finish(self) -> None:
        for box in self.boxes.values():
            if box.server is not None and box.local is not None and box.facts.selected:
                self.facts(box, synced=True)
                box.relink = False
        for row in list(self.rows.values()):
            if (row.server, row.local) == (T, T) and row.synced_extra != row.server_extra:
                self.rows[row.id] = replace(row, synced_extra=row.server_extra)

    def an_hour_passes(self) -> None:
        for box in self.boxes.values():
            box.removed.clear()

    # -- what is there -------------------------------------------------------------------------

    def server_state(self) -> dict[str, list[tuple[str, Flags]]]:
        return {
            box.name: sorted((m.text, m.flags) for m in box.server.values())
            for box in self.boxes.values()
            if box.server is not None
        }

    def local_state(self) -> dict[str, list[tuple[str, Flags]]]:
        return {
            box.name: sorted((m.text, m.flags) for m in box.local.values())
            for box in self.boxes.values()
            if box.local is not None
        }

    def texts(self) -> list[str]:
        return sorted(
            m.text
            for box in self.boxes.values()
            for side in (box.server or {}, box.local or {})
            for m in side.values()
        )
