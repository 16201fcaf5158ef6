"""Actions as the executor and the cache carry them out, on the world in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from planner_parts import Box, G, Message, T, U

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
    Rung,
    SetLocalFlags,
    StoreFlags,
    Upload,
)
from mailsync.model.flags import Flags
from mailsync.model.rows import Row, Settled, Side, Wait
from mailsync.planner import base
from mailsync.planner.verdict import FOLLOWS

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
FILE = ("name", "folder", "local", "local_flags", "file_size", "mtime_ns", "origin")
CONTENT = ("wire_size", "body", "header", "message_id")


def _unspared(row: Row, remove: Flags) -> Settled:
    """What lost the flag for which it was to go is like any other."""
    over = row.settled is Settled.SPARED and remove & Flags.DELETED
    return Settled.NO if over else row.settled


class Acts:
    """The half of `World` that acts."""

    def execute(self: Any, made: Plan, part: Sequence[Action] | None = None) -> None:
        """All of it in its order, or `part` of it."""
        check(made)
        self.log.append(made)
        self.unsent = [
            row.id
            for action in made.actions
            if isinstance(action, Upload | Download)
            for row in (action.rows if isinstance(action, Upload) else action.maybe)
        ]
        for action in made.actions if part is None else part:
            self.act(action)
        for box in self.boxes.values():  # our own doing is no news
            self.facts(
                box,
                server=T if box.server is not None else min(box.facts.server, G),
                local=T if box.local is not None else min(box.facts.local, G),
            )

    def act(self, action: Action) -> None:
        getattr(self, "do_" + type(action).__name__)(action)

    def on_server(self: Any, row: Row) -> Message:
        there = self.boxes[row.mailbox].server
        assert there is not None
        assert row.uid is not None
        message: Message = there[row.uid]
        return message

    def file(self: Any, row: Row) -> Message:
        there = self.boxes[row.mailbox].local
        assert there is not None
        assert row.name is not None
        message: Message = there[row.name]
        return message

    # -- the cache only ------------------------------------------------------------------------

    def do_Pair(self: Any, action: Pair) -> None:
        keep, file = self.rows[action.keep.id], self.rows.pop(action.file.id)
        self.boxes[action.mailbox].hints.discard(keep.id)
        # One may be the row of a message that both sides moved, and one of them back (new name).
        assert T in (keep.server, file.local)
        if keep.server is file.local:
            assert self.on_server(keep).text == self.file(file).text, "paired what differs"
        self.changed(
            keep,
            **{field: getattr(file, field) for field in FILE},
            **{field: getattr(file, field) or getattr(keep, field) for field in CONTENT},
            synced=action.synced,
            synced_extra=keep.server_extra,
            settled=file.settled if file.local is G else Settled.NO,
        )
        if file.local is G:  # a removed file: what was decided about it holds
            self.rows[keep.id] = replace(self.rows[keep.id], wait=file.wait)

    def do_Forget(self: Any, action: Forget) -> None:
        for row in action.rows:
            del self.rows[row.id]

    def do_Defer(self: Any, action: Defer) -> None:
        for row in action.rows:
            had = self.rows[row.id]
            assert had.wait is Wait.NO
            doubt = {}
            if action.wait is Wait.OUT:  # what became of it meanwhile proves nothing later
                doubt = {side: U for side in ("server", "local") if getattr(had, side) is G}
            stays = had.settled in (Settled.COPIED, Settled.SPARED)
            settled = had.settled if stays else action.settled
            self.rows[row.id] = replace(had, wait=action.wait, settled=settled, **doubt)

    def do_DeferMailbox(self: Any, action: DeferMailbox) -> None:
        box = self.boxes[action.mailbox]
        assert not box.facts.held
        box.facts = replace(box.facts, held=True)

    # -- mailboxes -----------------------------------------------------------------------------

    def do_CreateMailbox(self: Any, action: CreateMailbox) -> None:
        assert self.boxes[action.mailbox].server is None
        self.boxes[action.mailbox].server = {}

    def do_CreateLocalMailbox(self: Any, action: CreateLocalMailbox) -> None:
        assert self.boxes[action.mailbox].local is None
        self.boxes[action.mailbox].local = {}

    def do_RenameMailbox(self: Any, action: RenameMailbox) -> None:
        old, new = self.boxes[action.mailbox], self.boxes.pop(action.new)
        old.local = new.local
        self._renamed(old, new)

    def do_RenameLocalMailbox(self: Any, action: RenameLocalMailbox) -> None:
        old, new = self.boxes[action.mailbox], self.boxes.pop(action.new)
        old.server, old.uid_next = new.server, new.uid_next
        self._renamed(old, new)

    def _renamed(self: Any, old: Box, new: Box) -> None:
        for row in self.of(new):
            del self.rows[row.id]
        old.name, old.mailbox_id = new.name, old.mailbox_id or new.mailbox_id
        old.facts = replace(old.facts, name=new.facts.name, server=T, local=T)
        self.observe()

    def do_RemoveMailbox(self: Any, action: RemoveMailbox) -> None:
        assert self.boxes[action.mailbox].server == {}
        self.boxes[action.mailbox].server = None
        self._drop(action.mailbox)

    def do_RemoveLocalMailbox(self: Any, action: RemoveLocalMailbox) -> None:
        assert self.boxes[action.mailbox].local == {}
        self.boxes[action.mailbox].local = None
        self._drop(action.mailbox)

    def _drop(self: Any, number: int) -> None:
        for row in self.of(self.boxes.pop(number)):
            del self.rows[row.id]

    # -- moves and copies: the cache's `linked` and `moved_local` -------------------------------

    def do_Move(self: Any, action: Move) -> None:
        here, target = self.boxes[action.mailbox], self.boxes[action.target]
        assert here.server is not None
        for at, given in enumerate(action.rows):
            row = self.rows[given.id]
            assert row.uid is not None
            moves = self.policy.has_move
            if action.unmark:
                here.server[row.uid].flags &= ~Flags.DELETED
                row = self.put(row, server_flags=row.server_flags & ~Flags.DELETED)
            message = here.server.pop(row.uid) if moves else here.server[row.uid]
            facts = {
                "uid": self.append(target, message), "server": T, **self._server_facts(message)
            }  # fmt: skip
            if action.joins:
                join = self.rows[action.joins[at].id]
                target.hints.discard(join.id)
                assert self.file(join).text == message.text, "moved to join another message"
                self.changed(
                    join, **facts, settled=Settled.NO,
                    synced=join.synced if row.synced is None else row.synced,
                    synced_extra=message.keywords,
                )  # fmt: skip
            else:
                content = {field: getattr(row, field) for field in CONTENT}
                self.new_row(mailbox=target.id, **facts, **content)
                here.removed[Side.SERVER] += 1
            left = action.joins and here.local is None  # its file is known elsewhere
            if left:
                row = self.put(row, local=G)
            if not moves:
                self.put(row, settled=Settled.COPIED)
            elif action.joins and (left or row.local is not T):
                del self.rows[row.id]
            else:
                self.put(row, server=G, settled=Settled.NO)

    def do_MoveLocal(self: Any, action: MoveLocal) -> None:
        here, target = self.boxes[action.mailbox], self.boxes[action.target]
        assert here.local is not None
        assert target.local is not None
        for given, other in zip(action.rows, action.joins, strict=True):
            row, join = self.rows[given.id], self.rows.pop(other.id)
            here.hints.discard(row.id)
            assert row.name is not None
            assert join.uid is not None
            file = here.local.pop(row.name)
            assert file.text == self.on_server(join).text, "moved to join another message"
            name = target.own_name(join.uid, join.internal_date, self.tick())
            target.local[name] = file
            moved = {
                field: getattr(join, field)
                for field in ("mailbox", "uid", "server", "server_flags", "server_extra")
            }
            self.changed(
                row, **moved, name=name, origin=None, settled=Settled.NO,
                synced=join.synced if row.synced is None else row.synced,
                internal_date=join.internal_date or row.internal_date, size=join.size,
                email_id=join.email_id or row.email_id, synced_extra=join.server_extra,
            )  # fmt: skip

    def do_Copy(self: Any, action: Copy) -> None:
        target = self.boxes[action.target]
        for row, given, synced in zip(action.rows, action.joins, action.bases, strict=True):
            message = self.on_server(row)
            assert message.text == self.file(given).text
            target.hints.discard(given.id)
            self.changed(
                self.rows[given.id],
                uid=self.append(target, message),
                server=T,
                **self._server_facts(message),
                synced=synced & target.facts.permanent,
                synced_extra=message.keywords,
                settled=Settled.NO,
            )

    def do_CopyLocal(self: Any, action: CopyLocal) -> None:
        for row, given in zip(action.rows, action.joins, strict=True):
            assert self.file(row).text == self.on_server(given).text
            self._deliver(self.rows[given.id])

    # -- flags ---------------------------------------------------------------------------------

    def do_StoreFlags(self: Any, action: StoreFlags) -> None:
        for given in action.rows:
            row, message = self.rows[given.id], self.on_server(given)
            assert action.add & ~message.flags or action.remove & message.flags
            message.flags = (message.flags | action.add) & ~action.remove
            marked = row.marked and not action.remove & Flags.DELETED
            settled = _unspared(row, action.remove)
            self.changed(row, server_flags=message.flags, marked=marked, settled=settled)

    def do_SetLocalFlags(self: Any, action: SetLocalFlags) -> None:
        for given in action.rows:
            row, message = self.rows[given.id], self.file(given)
            message.flags = (message.flags | action.add) & ~action.remove
            settled = _unspared(row, action.remove)
            self.changed(row, local_flags=message.flags, settled=settled)

    # -- transfers -----------------------------------------------------------------------------

    def do_Download(self: Any, action: Download) -> None:
        for given in action.rows:
            row, message = self.rows[given.id], self.on_server(given)
            self.bodies += 1
            twins = [
                self.rows[number]
                for number in self.unsent
                if number in self.rows
                and self.rows[number].mailbox == row.mailbox
                and self.rows[number].body == message.body
            ]
            if twins:
                self.act(Pair(row.mailbox, row, twins[0], Rung.BODY, base(row, twins[0])))
            else:
                self._deliver(row)

    def _deliver(self: Any, row: Row) -> None:
        box, message = self.boxes[row.mailbox], self.on_server(row)
        assert box.local is not None
        name = box.own_name(row.uid, message.date, self.tick())
        box.local[name] = replace(message, keywords=frozenset())
        row = self.changed(
            row, name=name, local=T, **self._file_facts(box, name, message),
            synced=message.flags, synced_extra=message.keywords, settled=Settled.NO,
        )  # fmt: skip
        self.digest(row)

    def do_Upload(self: Any, action: Upload) -> None:
        box = self.boxes[action.mailbox]
        for given in action.rows:
            row = self.rows.get(given.id)
            if row is None:
                continue  # a Download found its message
            self.bodies += 1
            message = self.file(row)
            assert row.server is not T
            box.hints.discard(row.id)
            sent = replace(message, flags=message.flags & box.facts.permanent)
            self.changed(
                row, uid=self.append(box, sent), server=T, **self._server_facts(sent),
                synced=sent.flags, synced_extra=frozenset(), settled=Settled.NO,
            )  # fmt: skip
            self.digest(self.rows[row.id])

    # -- deletions -----------------------------------------------------------------------------

    def do_RemoveLocal(self: Any, action: RemoveLocal) -> None:
        box = self.boxes[action.mailbox]
        assert box.local is not None
        for row in action.rows:
            assert row.name is not None
            self.undo.append(box.local.pop(row.name))
            self.changed(self.rows[row.id], local=G, settled=Settled.NO)
            box.removed[Side.LOCAL] += 1

    def do_Expunge(self: Any, action: Expunge) -> None:
        box = self.boxes[action.mailbox]
        assert box.server is not None
        for at, given in enumerate(action.rows):
            if action.after and self.rows[action.after[at].id].server is not T:
                continue
            row = self.rows[given.id]
            assert row.uid is not None
            self.expunged.append(box.server.pop(row.uid))
            box.removed[Side.SERVER] += row.settled is not Settled.COPIED
            self.changed(row, server=G, settled=Settled.NO)


def check(made: Plan) -> None:
    """Safe order, and at most one non-cache action for a row, but for flags and copies' sources."""
    at = 0
    seen: set[int] = set()
    cached: set[int] = set()
    for action in made.actions:
        while not isinstance(action, ORDER[at]):
            at += 1
        if isinstance(action, Move) and not action.joins and action.reason != FOLLOWS.reason:
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
                _once(seen, action.joins)
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
