"""A server, a Maildir and a cache in memory that carry out plans, each step checked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mailsync.model.actions import (
    Action,
    Copy,
    CopyLocal,
    CreateLocalMailbox,
    CreateMailbox,
    Defer,
    DeferMailbox,
    Download,
    Expunge,
    Forget,
    Move,
    MoveLocal,
    Pair,
    Plan,
    RemoveLocal,
    RemoveLocalMailbox,
    RemoveMailbox,
    RenameLocalMailbox,
    RenameMailbox,
    SetLocalFlags,
    StoreFlags,
    Upload,
)
from mailsync.model.content import header_hash
from mailsync.model.flags import ALL_FLAGS, Flags
from mailsync.model.rows import Mailbox, Presence, Row, Settled, Side, Tally, Wait
from mailsync.planner import Policy, needs, plan

N, T, G, U = Presence.NONE, Presence.THERE, Presence.GONE, Presence.UNKNOWN
NS = 1_000_000_000

ORDER = [
    (Pair,),
    (Forget,),
    (Defer,),
    (DeferMailbox,),
    (RenameMailbox, RenameLocalMailbox),
    (CreateMailbox, CreateLocalMailbox),
    (Move,),
    (MoveLocal,),
    (Copy,),
    (CopyLocal,),
    (StoreFlags,),
    (SetLocalFlags,),
    (Download,),
    (Upload,),
    (RemoveLocal,),
    (Expunge,),
    (Move,),  # to the \Trash mailbox
    (RemoveMailbox, RemoveLocalMailbox),
]


@dataclass
class Message:
    """On either side; `text` stands for the bytes, its first word for the header."""

    text: str
    flags: Flags = Flags.NONE
    date: int = 0

    @property
    def body(self) -> bytes:
        return self.text.encode()

    @property
    def header(self) -> bytes:
        return header_hash(self.text.split()[0].encode())

    @property
    def size(self) -> int:
        return len(self.text) * 10


@dataclass
class Box:
    id: int
    name: str
    server: dict[int, Message] | None = None
    local: dict[str, Message] | None = None
    uid_next: int = 1
    uid_validity: int = 1
    mailbox_id: str | None = None
    facts: Mailbox = None  # type: ignore[assignment]


@dataclass
class World:
    policy: Policy = field(default_factory=Policy)
    email_ids: bool = False
    boxes: dict[int, Box] = field(default_factory=dict)
    rows: dict[int, Row] = field(default_factory=dict)
    undo: list[Message] = field(default_factory=list)
    expunged: list[Message] = field(default_factory=list)
    bodies: int = 0  # sent or fetched
    clock: int = 1000
    next_row: int = 1

    # -- setting up and user actions -----------------------------------------------------------

    def box(self, name: str, server: bool = True, local: bool = True, **facts: object) -> Box:
        number = len(self.boxes) + 1
        made = Box(number, name, {} if server else None, {} if local else None)
        made.mailbox_id = facts.get("mailbox_id")  # type: ignore[assignment]
        made.facts = Mailbox(
            id=number,  # type: ignore[arg-type]
            name=name,  # type: ignore[arg-type]
            server=T if server else N,
            local=T if local else N,
            uid_validity=1,  # type: ignore[arg-type]
            **facts,  # type: ignore[arg-type]
        )
        self.boxes[number] = made
        return made

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

    # -- observation ---------------------------------------------------------------------------

    def new_row(self, **columns: object) -> None:
        row = Row(id=self.next_row, **columns)  # type: ignore[arg-type]
        self.rows[self.next_row] = row
        self.next_row += 1

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

    def observe(self) -> None:
        for box in self.boxes.values():
            was = box.facts
            box.facts = replace(
                was,
                server=T if box.server is not None else (G if was.server is not N else N),
                local=T if box.local is not None else (G if was.local is not N else N),
                uid_validity=box.uid_validity,  # type: ignore[arg-type]
                mailbox_id=box.mailbox_id,
            )
            if box.server is not None and was.selected:
                self._see_server(box, box.server)
            if box.local is not None and was.selected:
                self._see_local(box, box.local)

    def _see_server(self, box: Box, there: dict[int, Message]) -> None:
        known = {row.uid: row for row in self.of(box) if row.server in (T, U) and row.uid}
        for uid, message in there.items():
            row = known.get(uid)  # type: ignore[arg-type]
            if row is None:
                self.new_row(mailbox=box.id, uid=uid, server=T, **self._server_facts(message))
            elif row.server is U or row.server_flags != message.flags:
                self.changed(row, server=T, server_flags=message.flags)
        for uid, row in known.items():
            if uid not in there and row.server is T:
                self.changed(row, server=G)

    def _server_facts(self, message: Message) -> dict[str, object]:
        return {
            "server_flags": message.flags,
            "internal_date": message.date,
            "size": message.size,
            "email_id": f"E{message.text}" if self.email_ids else None,
        }

    def _see_local(self, box: Box, there: dict[str, Message]) -> None:
        known = {row.name: row for row in self.of(box) if row.local in (T, U) and row.name}
        for name, message in there.items():
            row = known.get(name)  # type: ignore[arg-type]
            if row is not None and row.mtime_ns != message.date * NS:
                self.changed(row, local=G)
                row = None
            if row is None:
                self.new_row(mailbox=box.id, name=name, local=T, **self._file_facts(message))
            elif row.local is U or row.local_flags != message.flags:
                self.changed(row, local=T, local_flags=message.flags)
        for name, row in known.items():
            if name not in there and row.local is T:
                self.changed(row, local=G)

    def _file_facts(self, message: Message) -> dict[str, object]:
        return {
            "folder": "cur",
            "local_flags": message.flags,
            "file_size": message.size,
            "mtime_ns": message.date * NS,
        }

    def changed(self, row: Row, **changes: object) -> None:
        self.put(row, wait=Wait.NO, accepted=False, **changes)

    def of(self, box: Box) -> list[Row]:
        return [row for row in self.rows.values() if row.mailbox == box.id]

    # -- planning ------------------------------------------------------------------------------

    def is_open(self, row: Row) -> bool:
        if row.settled is Settled.KEPT and (row.server, row.local) == (T, G):
            return row.accepted
        shared = self.boxes[row.mailbox].facts.permanent
        server, local = row.server_flags & shared, row.local_flags & shared
        closed = row.server is T and row.local is T and server == local == row.synced
        return not closed or bool(
            self.policy.expunge_deleted and row.synced and row.synced & Flags.DELETED
        )

    def due(self) -> list[Row]:
        return [row for row in self.rows.values() if row.wait is Wait.NO and self.is_open(row)]

    def candidates(self, due: list[Row]) -> list[Row]:
        ids = {row.id for row in due}
        traits = {trait for row in due for trait in self._traits(row)}
        leaving = {
            box.id for box in self.boxes.values() if G in (box.facts.server, box.facts.local)
        }
        return [
            row
            for row in self.rows.values()
            if row.id not in ids
            and (
                row.wait is Wait.HELD
                or row.mailbox in leaving
                or not traits.isdisjoint(self._traits(row))
            )
        ]

    @staticmethod
    def _traits(row: Row) -> set[object]:
        return {row.body, row.header, row.email_id, row.name} - {None}

    def mailboxes(self) -> list[Mailbox]:
        made = []
        for box in self.boxes.values():
            rows = self.of(box)
            made.append(
                replace(
                    box.facts,
                    messages=sum(T in (row.server, row.local) for row in rows),
                    on_server=self._tally(box.facts.on_server, rows, Side.SERVER),
                    on_local=self._tally(box.facts.on_local, rows, Side.LOCAL),
                )
            )
        return made

    @staticmethod
    def _tally(tally: Tally, rows: list[Row], side: Side) -> Tally:
        there = [row for row in rows if (row.server if side is Side.SERVER else row.local) is T]
        other = [row.local if side is Side.SERVER else row.server for row in there]
        held = [
            row
            for row, state in zip(there, other, strict=True)
            if row.wait is Wait.HELD and state is not T
        ]
        return replace(tally, there=len(there), held=len(held))

    def look(self) -> None:
        """Answer what the planner wants to know before it plans."""
        for _ in range(3):
            due = self.due()
            wanted = needs(due, self.candidates(due), self.mailboxes())
            if not wanted:
                return
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
        self.look()
        due = self.due()
        return plan(due, self.candidates(due), self.mailboxes(), self.policy)

    def sync(self, most: int = 3) -> int:
        """Observe, then plan and execute until nothing is left; how many rounds that took."""
        self.observe()
        for round_ in range(most + 1):
            made = self.plan()
            if not made.actions:
                self.mark_synced()
                return round_
            self.execute(made)
        raise AssertionError(f"not quiescent: {made}")

    def mark_synced(self) -> None:
        for box in self.boxes.values():
            if box.server is not None and box.local is not None:
                box.facts = replace(box.facts, synced=True)

    # -- execution -----------------------------------------------------------------------------

    def on_server(self, row: Row) -> Message:
        there = self.boxes[row.mailbox].server
        assert there is not None
        assert row.uid is not None
        return there[row.uid]

    def file(self, row: Row) -> Message:
        there = self.boxes[row.mailbox].local
        assert there is not None
        assert row.name is not None
        return there[row.name]

    def execute(self, made: Plan) -> None:
        check(made)
        for action in made.actions:
            self.act(action)
        for box in self.boxes.values():  # our own doing is no news
            box.facts = replace(
                box.facts,
                server=T if box.server is not None else min(box.facts.server, G),
                local=T if box.local is not None else min(box.facts.local, G),
            )

    def act(self, action: Action) -> None:
        getattr(self, "do_" + type(action).__name__)(action)

    def do_Pair(self, action: Pair) -> None:
        keep, file = self.rows[action.keep.id], self.rows.pop(action.file.id)
        # One may be the row of a message that both sides moved, and one of them back (new name).
        assert T in (keep.server, file.local)
        self.put(
            keep,
            **{
                field: getattr(file, field)
                for field in ("name", "folder", "local", "local_flags", "file_size", "mtime_ns")
            },
            body=file.body,
            header=file.header,
            wire_size=file.wire_size,
            message_id=file.message_id,
            synced=action.synced,
            settled=Settled.NO,
            wait=Wait.NO,
        )

    def do_Forget(self, action: Forget) -> None:
        for row in action.rows:
            del self.rows[row.id]

    def do_Defer(self, action: Defer) -> None:
        for row in action.rows:
            assert self.rows[row.id].wait is Wait.NO
            self.rows[row.id] = replace(row, wait=action.wait, settled=action.settled)

    def do_DeferMailbox(self, action: DeferMailbox) -> None:
        box = self.boxes[action.mailbox]
        box.facts = replace(box.facts, held=True)

    def do_CreateMailbox(self, action: CreateMailbox) -> None:
        assert self.boxes[action.mailbox].server is None
        self.boxes[action.mailbox].server = {}

    def do_CreateLocalMailbox(self, action: CreateLocalMailbox) -> None:
        assert self.boxes[action.mailbox].local is None
        self.boxes[action.mailbox].local = {}

    def do_RenameMailbox(self, action: RenameMailbox) -> None:
        old, new = self.boxes[action.mailbox], self.boxes.pop(action.new)
        old.local = new.local
        self._renamed(old, new)

    def do_RenameLocalMailbox(self, action: RenameLocalMailbox) -> None:
        old, new = self.boxes[action.mailbox], self.boxes.pop(action.new)
        old.server, old.uid_next = new.server, new.uid_next
        self._renamed(old, new)

    def _renamed(self, old: Box, new: Box) -> None:
        for row in self.of(new):
            del self.rows[row.id]
        old.name, old.mailbox_id = new.name, old.mailbox_id or new.mailbox_id
        old.facts = replace(old.facts, name=new.facts.name, server=T, local=T)
        self.observe()

    def do_RemoveMailbox(self, action: RemoveMailbox) -> None:
        assert self.boxes[action.mailbox].server == {}
        self.boxes[action.mailbox].server = None
        self._drop(action.mailbox)

    def do_RemoveLocalMailbox(self, action: RemoveLocalMailbox) -> None:
        assert self.boxes[action.mailbox].local == {}
        self.boxes[action.mailbox].local = None
        self._drop(action.mailbox)

    def _drop(self, number: int) -> None:
        for row in self.of(self.boxes.pop(number)):
            del self.rows[row.id]

    def do_Move(self, action: Move) -> None:
        here, target = self.boxes[action.mailbox], self.boxes[action.target]
        assert here.server is not None
        for at, given in enumerate(action.rows):
            row = self.rows[given.id]
            assert row.uid is not None
            message = here.server.pop(row.uid)
            uid = self.append(target, message)
            facts = {"uid": uid, "server": T, **self._server_facts(message)}
            if action.joins:
                join = self.rows[action.joins[at].id]
                self.put(join, **facts, synced=row.synced, wait=Wait.NO)
                del self.rows[row.id]
            else:
                if target.facts.selected:
                    self.new_row(mailbox=target.id, **facts)
                self.put(row, server=G)

    def do_MoveLocal(self, action: MoveLocal) -> None:
        here, target = self.boxes[action.mailbox], self.boxes[action.target]
        assert here.local is not None
        assert target.local is not None
        for given, other in zip(action.rows, action.joins, strict=True):
            row, join = self.rows[given.id], self.rows.pop(other.id)
            assert row.name is not None
            assert row.name not in target.local
            target.local[row.name] = here.local.pop(row.name)
            moved = {
                field: getattr(join, field)
                for field in ("mailbox", "uid", "server", "server_flags", "internal_date")
            }
            self.put(row, **moved, size=join.size, email_id=join.email_id, wait=Wait.NO)

    def do_Copy(self, action: Copy) -> None:
        target = self.boxes[action.target]
        for row, given in zip(action.rows, action.joins, strict=True):
            message = self.on_server(row)
            assert message.text == self.file(given).text
            uid = self.append(target, message)
            self.put(
                self.rows[given.id],
                uid=uid,
                server=T,
                **self._server_facts(message),
                synced=message.flags,
            )

    def do_CopyLocal(self, action: CopyLocal) -> None:
        for row, given in zip(action.rows, action.joins, strict=True):
            assert self.file(row).text == self.on_server(given).text
            self._deliver(self.rows[given.id])

    def do_StoreFlags(self, action: StoreFlags) -> None:
        for given in action.rows:
            row, message = self.rows[given.id], self.on_server(given)
            assert action.add & ~message.flags or action.remove & message.flags
            message.flags = (message.flags | action.add) & ~action.remove
            self.put(row, server_flags=message.flags)

    def do_SetLocalFlags(self, action: SetLocalFlags) -> None:
        for given in action.rows:
            row, message = self.rows[given.id], self.file(given)
            message.flags = (message.flags | action.add) & ~action.remove
            self.put(row, local_flags=message.flags)

    def do_Download(self, action: Download) -> None:
        for given in action.rows:
            row, message = self.rows[given.id], self.on_server(given)
            self.bodies += 1
            twins = [
                other
                for other in self.of(self.boxes[row.mailbox])
                if other.server is N and other.local is T and other.body == message.body
            ]
            if row.local is N and twins:
                self.act(Pair(row.mailbox, row, twins[0], rung=None, synced=None))  # type: ignore[arg-type]
            else:
                self._deliver(row)

    def _deliver(self, row: Row) -> None:
        box, message = self.boxes[row.mailbox], self.on_server(row)
        assert box.local is not None
        name = f"{message.date}.O{box.id}U{row.uid}R{self.tick()}"
        box.local[name] = replace(message)
        row = self.put(
            row, name=name, local=T, **self._file_facts(message), synced=message.flags, wait=Wait.NO
        )
        self.digest(row)

    def do_Upload(self, action: Upload) -> None:
        box = self.boxes[action.mailbox]
        for given in action.rows:
            row = self.rows.get(given.id)
            if row is None:
                continue  # a Download found its message
            self.bodies += 1
            message = self.file(row)
            uid = self.append(box, message)
            facts = self._server_facts(message)
            self.put(row, uid=uid, server=T, **facts, synced=message.flags, wait=Wait.NO)
            self.digest(self.rows[row.id])

    def do_RemoveLocal(self, action: RemoveLocal) -> None:
        there = self.boxes[action.mailbox].local
        assert there is not None
        for row in action.rows:
            assert row.name is not None
            self.undo.append(there.pop(row.name))
            self.put(self.rows[row.id], local=G)

    def do_Expunge(self, action: Expunge) -> None:
        there = self.boxes[action.mailbox].server
        assert there is not None
        for row in action.rows:
            assert row.uid is not None
            self.expunged.append(there.pop(row.uid))
            self.put(self.rows[row.id], server=G)

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


def check(made: Plan) -> None:
    """Safe order, and at most one non-cache action for a row, but for flags and copies' sources."""
    at = 0
    seen: set[int] = set()
    cached: set[int] = set()
    for action in made.actions:
        while not isinstance(action, ORDER[at]):
            at += 1
        if isinstance(action, Move) and not action.joins:
            at = max(at, len(ORDER) - 2)
        match action:
            case Pair():
                ids = [action.keep.id, action.file.id]
                assert not cached.intersection(ids)
                cached.update(ids)
                assert action.keep.mailbox == action.file.mailbox == action.mailbox
            case Forget():
                cached.update(row.id for row in action.rows)
            case Copy() | CopyLocal():
                assert len(action.rows) == len(action.joins)
                assert all(row.mailbox == action.mailbox for row in action.rows)
                assert all(row.mailbox == action.target for row in action.joins)
            case Move() | MoveLocal():
                assert not action.joins or len(action.rows) == len(action.joins)
                _once(seen, [*action.rows, *action.joins])
                assert all(row.mailbox == action.target for row in action.joins)
            case Download() | Upload() | RemoveLocal() | Expunge():
                _once(seen, action.rows)
    assert not cached & seen


def _once(seen: set[int], rows: object) -> None:
    for row in rows:  # type: ignore[attr-defined]
        assert row.id not in seen, f"row {row.id} twice"
        seen.add(row.id)
