"""Deletions: past the guard, to the \\Trash mailbox or expunged (rules 3, 9 and 10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from mailsync.model.actions import CreateMailbox
from mailsync.model.ids import UID, MailboxId, RowId
from mailsync.model.rows import Mailbox, Presence, Role, Row, Settled, Side, Wait
from mailsync.planner.guard import beyond_view, stops
from mailsync.planner.policy import Departed, Ground, Policy
from mailsync.planner.sheet import Sheet
from mailsync.planner.verdict import Ruled

N, T, G = Presence.NONE, Presence.THERE, Presence.GONE

NO_GMAIL_TRASH = "Gmail has no \\Trash mailbox to move it to"
TRASH_CLOSED = "the \\Trash mailbox may not be changed"

NEW_VERSION_OUT = "its new version is out of scope"

Everything = tuple[Sequence[Row], Sequence[Row]]  # rows and candidates, out of scope ones too


@dataclass(frozen=True, slots=True)
class Doomed:
    """What the verdicts want deleted: on the server, in the Maildir, and moved on (`COPIED`)."""

    deletions: Ruled
    removals: Ruled
    expunges: Ruled
    new_versions: Ruled  # uploads


def write_deletions(
    sheet: Sheet,
    doomed: Doomed,
    sent: Mapping[RowId, Row],
    grounds: Mapping[MailboxId, Ground],
    policy: Policy,
    everything: Everything,
    trash: Mailbox | None,
) -> set[RowId]:
    """Every deletion that passes the guard; the rows that really go.

    `sent`: the rows that this plan uploads or copies to the server.  `trash`: the \\Trash
    mailbox, selected or not.
    """
    for row, ruling in doomed.expunges:
        sheet.expunged[row.mailbox, ruling.reason].append(row)
    replaced = _replaced_drafts(doomed, grounds, everything)
    for row, version in replaced:
        # Gmail would archive it: to the \\Trash mailbox, once the new version is there.
        if version.id in sent and not policy.gmail:
            sheet.replaced[row.mailbox].append((row, version))
        elif _left_out(version, grounds):
            sheet.wait(row, Wait.UNSENT, Side.SERVER, NEW_VERSION_OUT)
    done = {row.id for row, _ in replaced}
    removals = _guarded(sheet, doomed.removals, Side.LOCAL, grounds, policy)
    for row, ruling in removals:
        sheet.removed[row.mailbox, ruling.reason].append(row)
    deletions = [(row, why) for row, why in doomed.deletions if row.id not in done]
    deletions = _guarded(sheet, deletions, Side.SERVER, grounds, policy)
    kept = _delete(sheet, deletions, grounds, policy, everything, trash)
    gone = {row.id for row, _ in (*doomed.expunges, *removals, *deletions)}
    return (gone | {row.id for row, by in replaced if by.id in sent and not policy.gmail}) - kept


def _guarded(
    sheet: Sheet,
    ruled: Ruled,
    side: Side,
    grounds: Mapping[MailboxId, Ground],
    policy: Policy,
) -> Ruled:
    """Those that may go; the rest is held, whole mailboxes at a time."""
    asked: defaultdict[MailboxId, Ruled] = defaultdict(list)
    free: Ruled = []
    for row, ruling in ruled:
        departed = grounds[row.mailbox].departed is Departed.ACCEPTED
        box = grounds[row.mailbox].box
        if row.accepted or departed:
            free.append((row, ruling))
        elif side is Side.LOCAL and (why := beyond_view(box, row, policy.unguards(box))):
            sheet.wait(row, Wait.HELD, side, why)
        else:
            asked[row.mailbox].append((row, ruling))
    for number, members in asked.items():
        box = grounds[number].box
        why = stops(box, side, len(members), policy.guard, policy.unguards(box))
        if why is None:
            free += members
        else:
            for row, _ in members:
                sheet.wait(row, Wait.HELD, side, why)
    return free


def _replaced_drafts(
    doomed: Doomed, grounds: Mapping[MailboxId, Ground], everything: Everything
) -> list[tuple[Row, Row]]:
    """Drafts that were edited or saved anew, each with its new version (rule 3).

    A file edited in place still has our name, which says which message it was.  A version that
    could not be sent keeps the old one where it is.
    """
    parked = [
        row
        for rows in everything
        for row in rows
        if row.server is N and row.local is T and (row.parked or _left_out(row, grounds))
    ]
    news: defaultdict[tuple[MailboxId, UID | str | None], list[Row]] = defaultdict(list)
    for row in (*(row for row, _ in doomed.new_versions), *parked):
        if row.mailbox in grounds and grounds[row.mailbox].box.role is Role.DRAFTS:
            for key in (row.origin, row.message_id):
                if key:
                    news[row.mailbox, key].append(row)
    found: list[tuple[Row, Row]] = []
    for row, _ in doomed.deletions:
        for mark in (row.uid, row.message_id):
            if versions := news.get((row.mailbox, mark)):
                found.append((row, versions[0]))
                break
    return found


def _left_out(row: Row, grounds: Mapping[MailboxId, Ground]) -> bool:
    return row.mailbox in grounds and bool(grounds[row.mailbox].bounds.leaves_out(row))


def _delete(
    sheet: Sheet,
    ruled: Ruled,
    grounds: Mapping[MailboxId, Ground],
    policy: Policy,
    everything: Everything,
    trash: Mailbox | None,
) -> set[RowId]:
    """To the \\Trash mailbox or expunged (rule 9); the rows that can do neither."""
    kept: set[RowId] = set()
    there = policy.trash
    seen = there in grounds and there not in policy.unseen_server and not policy.gmail
    holders = _Holders.of(everything, there if seen else None, {row.id for row, _ in ruled})
    to_trash = {row.mailbox for row, _ in ruled if grounds[row.mailbox].to_trash}
    opened = there is not None and bool(to_trash) and _may_open(sheet, there, trash, policy)
    for row, ruling in ruled:
        expunges = not policy.gmail and (there is None or row.mailbox not in to_trash)
        if expunges or policy.is_trash(grounds[row.mailbox].box) or holders.have(row):
            sheet.expunged[row.mailbox, ruling.reason].append(row)
        elif opened:
            sheet.trashed[row.mailbox, ruling.reason].append(row)
        else:
            why = NO_GMAIL_TRASH if there is None else TRASH_CLOSED
            sheet.wait(row, Wait.UNSENT, Side.SERVER, why)
            kept.add(row.id)
    return kept


def _may_open(sheet: Sheet, there: MailboxId, box: Mailbox | None, policy: Policy) -> bool:
    """Whether messages may be moved to the \\Trash mailbox, which is made if need be."""
    if not policy.server_may_change(there):
        return False
    if box is None:
        return True
    if box.read_only:
        return False
    if box.server is not T and all(one.mailbox != box.id for one in sheet.creations):
        sheet.creations.append(CreateMailbox(box.id))
    return True


@dataclass(frozen=True, slots=True)
class _Holders:
    """What the \\Trash mailbox holds already, as far as this run saw it and leaves it there."""

    bodies: frozenset[bytes]
    email_ids: frozenset[str]

    @classmethod
    def of(
        cls, everything: Everything, trash: MailboxId | None, going: AbstractSet[RowId]
    ) -> _Holders:
        held = [
            row
            for rows in everything
            for row in rows
            if row.mailbox == trash
            and row.server is T
            and row.local is not G
            and row.settled is not Settled.COPIED
            and not row.intent
            and row.id not in going
        ]
        return cls(
            frozenset(row.body for row in held if row.body is not None),
            frozenset(row.email_id for row in held if row.email_id is not None),
        )

    def have(self, row: Row) -> bool:
        return row.body in self.bodies or row.email_id in self.email_ids
