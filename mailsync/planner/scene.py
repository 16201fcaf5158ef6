"""What there is to plan with: rows sorted out by the state of their sides.

Rows are effective here: in a mailbox that is gone on a side, every row is gone there, whatever
the cache had last seen of it.  In one that was not synced before it went, and may be made again,
that holds for what never was on the other side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from mailsync.model.ids import UID, MailboxId, RowId
from mailsync.model.rows import Mailbox, Presence, Row, Settled
from mailsync.planner.mailboxes import Rename, Renames, departed, renames
from mailsync.planner.policy import Policy

N, T, G, U = Presence.NONE, Presence.THERE, Presence.GONE, Presence.UNKNOWN

States = tuple[Presence, Presence]  # server, local

BEYOND = 1 << 32  # every UID is less


def uid_order(row: Row) -> tuple[int, int, str, int]:
    """Twins pair in UID order (rule 4); what has no UID comes after, by name."""
    return (row.mailbox, BEYOND if row.uid is None else row.uid, row.name or "", row.id)


@dataclass(slots=True)
class Scene:
    """`paired`, `server_only`, `local_only` and `both_gone` hold due rows and candidates alike;
    rows with an intent, settled as copied, or of a mailbox not in play are in none of them.
    `copied` holds those that a COPY in place of a MOVE left where they were.
    `removed` holds those whose file is gone and whose message has lost its UID (rule 4).
    `had`: the hashes of messages whose file is gone, by their UID."""

    boxes: dict[MailboxId, Mailbox]
    renames: list[Rename]
    by_moves: dict[MailboxId, MailboxId] = field(default_factory=dict)  # renamed without RENAME
    due: list[Row] = field(default_factory=list)
    rows_of: dict[MailboxId, list[Row]] = field(default_factory=dict)  # of departed mailboxes
    paired: list[Row] = field(default_factory=list)
    server_only: list[Row] = field(default_factory=list)
    local_only: list[Row] = field(default_factory=list)
    both_gone: list[Row] = field(default_factory=list)
    copied: list[Row] = field(default_factory=list)
    removed: list[Row] = field(default_factory=list)
    had: dict[tuple[MailboxId, UID], bytes] = field(default_factory=dict)
    _server_gone: frozenset[MailboxId] = frozenset()
    _local_gone: frozenset[MailboxId] = frozenset()

    def in_order(self, rows: Iterable[Row]) -> list[Row]:
        """Twins of the whole account in the order in which they find their partners: by the name
        of their mailbox, not by its id, which says when this cache met it."""
        return sorted(rows, key=lambda row: (self.boxes[row.mailbox].name, uid_order(row)))

    def states(self, row: Row) -> States:
        server, local, box = row.server, row.local, self.boxes[row.mailbox]
        if server is T and (
            row.mailbox in self._server_gone or (box.server is G and row.local is N)
        ):
            server = G
        if local is T and (row.mailbox in self._local_gone or (box.local is G and row.server is N)):
            local = G
        return server, local


def in_play(box: Mailbox) -> bool:
    return box.selected and box.server is not U and box.local is not U


def survey(
    rows: Sequence[Row],
    candidates: Sequence[Row],
    mailboxes: Iterable[Mailbox],
    policy: Policy,
) -> Scene:
    """Sort everything out; mailboxes that are to be renamed are left out with their rows."""
    boxes = {box.id: box for box in sorted(mailboxes, key=attrgetter("id")) if in_play(box)}
    by_id = {row.id: row for row in candidates}
    by_id.update((row.id, row) for row in rows)
    due = {row.id for row in rows}
    everything = sorted(by_id.values(), key=attrgetter("id"))
    leaving = {box.id for box in boxes.values() if departed(box)}
    found = Renames([], {})
    rows_of: dict[MailboxId, list[Row]] = {}
    if leaving:
        grouped: defaultdict[MailboxId, list[Row]] = defaultdict(list)
        for row in everything:
            grouped[row.mailbox].append(row)
        rows_of = {box: grouped[box] for box in leaving}
        found = renames(boxes, grouped, policy)
    renamed = {box for rename in found.commands for box in (rename.mailbox, rename.new)}
    scene = Scene(
        boxes={box.id: box for box in boxes.values() if box.id not in renamed},
        renames=found.commands,
        by_moves=found.by_moves,
        rows_of=rows_of,
        _server_gone=frozenset(box for box in leaving if boxes[box].server is G),
        _local_gone=frozenset(box for box in leaving if boxes[box].local is G),
    )
    _sort_out(scene, everything, due)
    return scene


def _sort_out(scene: Scene, everything: Iterable[Row], due: set[RowId]) -> None:
    for row in everything:
        if row.intent or row.mailbox not in scene.boxes:
            continue
        if row.id in due:
            scene.due.append(row)
        server, local = scene.states(row)
        if row.settled is Settled.COPIED:
            if server is T:
                scene.copied.append(row)
            continue
        if local is G and row.uid is not None and row.body is not None:
            scene.had[row.mailbox, row.uid] = row.body
        if server is T:
            (scene.paired if local is T else scene.server_only).append(row)
        elif local is T:
            scene.local_only.append(row)
        elif server is G and local is G:
            scene.both_gone.append(row)
        elif server is U and local is G and row.synced is not None:
            scene.removed.append(row)
